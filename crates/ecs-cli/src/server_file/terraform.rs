//! The documents of terraform and OpenTofu: outputs and states.

use super::document::{is_id, name_beside_id, rows};
use super::node::{Node, Value};
use super::{Found, Problem, Refusal, ServerEntry, server_of};

/// The resource types of servers, of the providers opentelekomcloud and huaweicloud.
const SERVER_TYPES: [&str; 3] = [
    "opentelekomcloud_compute_instance_v2",
    "opentelekomcloud_ecs_instance_v1",
    "huaweicloud_compute_instance",
];

/// The greatest depth of nested modules.
const MAX_MODULE_DEPTH: usize = 32;

/// Reads the servers of a document, if terraform wrote it.
pub(super) fn read(node: &Node) -> Option<FoundOrNot> {
    if node.get("terraform_version").is_some() && node.get("resources").is_some() {
        return Some(Err(Refusal::one(
            node.position,
            "this is a state file, whose format is terraform's own",
        )
        .hint("write the list with: terraform show -json > servers.json")));
    }
    if node.get("format_version").is_some() {
        return Some(state(node));
    }
    let outputs = node.members().filter(|members| {
        !members.is_empty() && members.iter().all(|(_, output)| is_output(output))
    })?;
    Some(self::outputs(node, outputs))
}

type FoundOrNot = Result<Found, Refusal>;

/// Returns whether this is an output as `terraform output -json` writes it.
fn is_output(node: &Node) -> bool {
    node.get("value").is_some() && node.get("sensitive").is_some()
}

/// Reads `terraform show -json` of a state, or of a plan, which contains the state before it.
fn state(node: &Node) -> FoundOrNot {
    let is_plan = node.get("planned_values").is_some() || node.get("resource_changes").is_some();
    let values = if is_plan {
        node.get("prior_state")
            .and_then(|state| state.get("values"))
    } else {
        node.get("values")
    };
    let mut servers = Vec::new();
    if let Some(root) = values.and_then(|values| values.get("root_module")) {
        resources(root, 0, &mut servers);
    }
    if servers.is_empty() {
        let message = format!("the state has no server ({})", SERVER_TYPES.join(", "));
        return Err(Refusal::one(node.position, message).hint(
            "terraform show -json, without a plan file, in the folder whose state has the servers",
        ));
    }
    let description = if is_plan {
        "terraform show -json, the state before the plan"
    } else {
        "terraform show -json"
    };
    let servers: Vec<Node> = servers.into_iter().cloned().collect();
    rows(&servers, description)
}

fn resources<'a>(module: &'a Node, depth: usize, found: &mut Vec<&'a Node>) {
    let list = |name: &str| module.get(name).and_then(Node::list).unwrap_or_default();
    for resource in list("resources") {
        let text = |name: &str| resource.get(name).and_then(Node::text);
        let is_server = text("type").is_some_and(|kind| SERVER_TYPES.contains(&kind));
        if is_server
            && text("mode") != Some("data")
            && let Some(values) = resource.get("values")
        {
            found.push(values);
        }
    }
    if depth < MAX_MODULE_DEPTH {
        for child in list("child_modules") {
            resources(child, depth + 1, found);
        }
    }
}

/// Reads `terraform output -json`: the only output that holds ids.
fn outputs(node: &Node, outputs: &[(String, Node)]) -> FoundOrNot {
    let mut candidates: Vec<(&str, Vec<ServerEntry>)> = Vec::new();
    for (name, output) in outputs {
        let mut ids = Vec::new();
        if let Some(value) = output.get("value")
            && collect_ids(value, &mut ids).is_ok()
            && !ids.is_empty()
        {
            candidates.push((name, ids));
        }
    }
    match candidates.len() {
        0 => Err(Refusal::one(node.position, "no output holds ids of servers")
            .hint("make an output of them, such as: output \"servers\" { value = huaweicloud_compute_instance.web[*].id }")),
        1 => {
            let (name, ids) = candidates.swap_remove(0);
            Ok((format!("terraform output -json, output {name:?}"), ids))
        }
        _ => {
            let names: Vec<&str> = candidates.iter().map(|(name, _)| *name).collect();
            let position = outputs
                .iter()
                .find(|(name, _)| name == names[0])
                .map_or(node.position, |(_, output)| output.position);
            Err(Refusal::new(vec![Problem::new(
                position,
                format!("several outputs hold ids, perhaps not only of servers: {}", names.join(", ")),
            )])
            .hint("write only the one with the servers: terraform output -json NAME"))
        }
    }
}

/// Collects the ids of a value that holds only ids, or objects with ids.
fn collect_ids(value: &Node, ids: &mut Vec<ServerEntry>) -> Result<(), ()> {
    match &value.value {
        Value::Text(text) if is_id(text) => {
            let server = server_of(text).map_err(drop)?;
            ids.push(ServerEntry::new(server, value.position));
            Ok(())
        }
        Value::List(items) => items.iter().try_for_each(|item| collect_ids(item, ids)),
        Value::Map(members) => match value.get("id") {
            Some(id) => {
                let before = ids.len();
                collect_ids(id, ids)?;
                if let Some([entry]) = ids.get_mut(before..) {
                    entry.set_name(name_beside_id(value));
                }
                Ok(())
            }
            None => members
                .iter()
                .try_for_each(|(_, member)| collect_ids(member, ids)),
        },
        Value::Text(_) | Value::Other => Err(()),
    }
}
