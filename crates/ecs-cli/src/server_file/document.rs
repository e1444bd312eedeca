//! The servers of a document, by the shapes that tools write.

use ecs_ops::selection::ServerRef;

use super::node::{Node, Value};
use super::{Found, Problem, Refusal, ServerEntry, server_of, terraform};

/// The names of the member with a server's id.
const ID_KEYS: [&str; 6] = ["id", "ID", "Id", "server_id", "resource_id", "instance_id"];
/// The names of the member with a server's name; openstack writes `Name` in lists.
const NAME_KEYS: [&str; 3] = ["name", "Name", "server"];
/// The names of the member with the name of a server that has an id. What has a `server_name` or similar can have
/// another name of its own.
const NAME_KEYS_BESIDE_ID: [&str; 5] = [
    "server_name",
    "instance_name",
    "resource_name",
    "name",
    "Name",
];

/// Reads the servers of a document in this syntax.
pub(super) fn read(node: &Node, syntax: &str) -> Result<Found, Refusal> {
    match &node.value {
        Value::List(items) if items.iter().all(|item| item.text().is_some()) => {
            texts(items, &format!("{syntax}, a list of ids or names"))
        }
        Value::List(items) => rows(items, &format!("{syntax}, a list of servers")),
        Value::Text(text) => {
            let server = server_of(text).map_err(|message| Refusal::one(node.position, message))?;
            let entry = ServerEntry::new(server, node.position);
            Ok((format!("{syntax}, one id or name"), vec![entry]))
        }
        Value::Map(members) => object(node, members, syntax),
        Value::Other => Err(Refusal::one(
            node.position,
            format!(
                "the {syntax} document is {}, not a list of servers",
                node.kind()
            ),
        )),
    }
}

fn object(node: &Node, members: &[(String, Node)], syntax: &str) -> Result<Found, Refusal> {
    if let Some(record) = node.get("record") {
        return journal(node, record);
    }
    if let Some(found) = terraform::read(node) {
        return found;
    }
    if let Some(servers) = node
        .get("servers")
        .filter(|servers| servers.list().is_some())
    {
        let source = if node.get("run_id").is_some() {
            "the report of a run"
        } else {
            "an object with a list of servers"
        };
        return list(servers, &format!("{syntax}, {source}"));
    }
    if let Some(resources) = node
        .get("resources")
        .filter(|resources| resources.list().is_some())
    {
        return list(resources, &format!("{syntax}, servers found by their tags"));
    }
    if let Some(server) = node
        .get("server")
        .filter(|server| server.members().is_some())
    {
        return rows(
            std::slice::from_ref(server),
            &format!("{syntax}, one server"),
        );
    }
    if key_of(node, &ID_KEYS).is_some() {
        return rows(std::slice::from_ref(node), &format!("{syntax}, one server"));
    }
    let are_ids = !members.is_empty()
        && members
            .iter()
            .all(|(_, value)| value.text().is_some_and(is_id));
    if are_ids {
        let ids: Vec<Node> = members.iter().map(|(_, value)| value.clone()).collect();
        return texts(&ids, &format!("{syntax}, a map to ids"));
    }
    let names: Vec<&str> = members
        .iter()
        .map(|(name, _)| name.as_str())
        .take(8)
        .collect();
    let names = if names.is_empty() {
        "it is empty".to_owned()
    } else {
        format!("its members are: {}", names.join(", "))
    };
    Err(Refusal::one(
        node.position,
        format!("this object is not a known list of servers; {names}"),
    ))
}

fn list(node: &Node, description: &str) -> Result<Found, Refusal> {
    let items = node.list().unwrap_or_default();
    if items.iter().all(|item| item.text().is_some()) {
        texts(items, description)
    } else {
        rows(items, description)
    }
}

/// Reads the servers of a journal's first record.
fn journal(node: &Node, record: &Node) -> Result<Found, Refusal> {
    match record.get("servers").filter(|_| is_kind(record, "run")) {
        Some(servers) => list(servers, "the journal of a run"),
        None => Err(Refusal::one(
            node.position,
            "this is a record of a journal, but not its first one, which names the servers",
        )
        .hint("give the whole journal")),
    }
}

fn is_kind(record: &Node, kind: &str) -> bool {
    record.get("kind").and_then(Node::text) == Some(kind)
}

/// Reads a list of texts, each of which is an id or a name.
pub(super) fn texts(items: &[Node], description: &str) -> Result<Found, Refusal> {
    let entry = |item: &Node| {
        let server = server_of(item.text().unwrap_or_default())
            .map_err(|message| Problem::new(item.position, message))?;
        Ok(ServerEntry::new(server, item.position))
    };
    collect(items.iter().map(entry), description)
}

/// Reads a list of objects, each of which is a server.
pub(super) fn rows(items: &[Node], description: &str) -> Result<Found, Refusal> {
    collect(items.iter().map(row), description)
}

fn collect(
    entries: impl Iterator<Item = Result<ServerEntry, Problem>>,
    description: &str,
) -> Result<Found, Refusal> {
    let mut servers = Vec::new();
    let mut problems = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => servers.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok((description.to_owned(), servers))
    } else {
        Err(Refusal::new(problems))
    }
}

/// Reads a server by its id, or by its name if it has none.
fn row(node: &Node) -> Result<ServerEntry, Problem> {
    if node.members().is_none() {
        let message = format!("expected a server, found {}", node.kind());
        return Err(Problem::new(node.position, message));
    }
    if let Some((key, value)) = key_of(node, &ID_KEYS) {
        let text = value.text().unwrap_or_default();
        return match server_of(text) {
            Ok(server @ ServerRef::Id(_)) => {
                Ok(ServerEntry::new(server, value.position).with_name(name_beside_id(node)))
            }
            _ => Err(Problem::new(
                value.position,
                format!("{key:?} is {text:.80?}, which is not the id of a server"),
            )),
        };
    }
    let Some((_, name)) = key_of(node, &NAME_KEYS) else {
        return Err(Problem::new(
            node.position,
            "this object has neither an id nor a name",
        ));
    };
    let server = server_of(name.text().unwrap_or_default())
        .map_err(|message| Problem::new(name.position, message))?;
    Ok(ServerEntry::new(server, name.position))
}

/// Returns the name of a server that has an id.
pub(super) fn name_beside_id(node: &Node) -> Option<&str> {
    key_of(node, &NAME_KEYS_BESIDE_ID)?.1.text()
}

fn key_of<'a>(node: &'a Node, keys: &[&'static str]) -> Option<(&'static str, &'a Node)> {
    keys.iter()
        .find_map(|key| Some((*key, node.get(key)?)).filter(|(_, value)| value.text().is_some()))
}

/// Returns whether a text is the id of a server.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.parse(), Ok(ServerRef::Id(_)))
}
