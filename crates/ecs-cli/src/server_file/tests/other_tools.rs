//! Recorded output of other tools; tests/data/lists describes how it was made.

use super::*;

const C: &str = "836fb98f-46ca-475e-917e-2563e5a8cd21";

fn openstack(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/lists");
    std::fs::read_to_string(format!("{folder}/openstack-{name}")).unwrap()
}

#[test]
fn openstackclient_lists() {
    for (name, description) in [
        ("list.value", "lines that begin with an id"),
        ("list-names-first.value", "lines that begin with an id"),
        ("list-ids.value", "ids or names, one a line"),
        ("list.csv", "CSV, column \"ID\""),
        ("list-ids.csv", "CSV, column \"ID\""),
        ("list.json", "JSON, a list of servers"),
        ("list.yaml", "YAML, a list of servers"),
    ] {
        expect(&openstack(name), &[A, B, C], description);
    }
    let names = ["web-1", "web, \"two\"", "db-1"];
    expect(&openstack("list-names.csv"), &names, "CSV, column \"Name\"");
    assert!(refused(&openstack("list.table")).hint.contains("-f json"));
}

#[test]
fn openstackclient_shows() {
    for (name, description) in [
        ("show.value", "values of openstack server show"),
        ("show.json", "JSON, one server"),
        ("show.yaml", "YAML, one server"),
    ] {
        expect(&openstack(name), &[A], description);
    }
    assert!(refused(&openstack("show.shell")).hint.contains("-f json"));
}

/// `terraform output -json` writes each output with its type and its sensitivity.
#[test]
fn terraform_outputs() {
    let output =
        |value: &str| format!("{{\"sensitive\": false, \"type\": \"string\", \"value\": {value}}}");
    let one = format!(
        "{{\"servers\": {}, \"region\": {}}}",
        output(&format!("[\"{A}\", \"{B}\"]")),
        output("\"eu-de\"")
    );
    expect(&one, &[A, B], "terraform output -json, output \"servers\"");
    let by_name = format!(
        "{{\"by_name\": {}}}",
        output(&format!("{{\"web-1\": \"{A}\", \"web-2\": \"{B}\"}}"))
    );
    expect(
        &by_name,
        &[A, B],
        "terraform output -json, output \"by_name\"",
    );
    let whole = format!(
        "{{\"web\": {}}}",
        output(&format!(
            "[{{\"id\": \"{A}\", \"name\": \"web-1\", \"image_id\": \"{B}\"}}]"
        ))
    );
    expect(&whole, &[A], "terraform output -json, output \"web\"");
    expect(&format!("[\"{A}\"]"), &[A], "JSON, a list of ids or names");
    expect(
        &format!("{{\"web-1\": \"{A}\"}}"),
        &[A],
        "JSON, a map to ids",
    );
    // A network has an id, too, so servers cannot be recognized.
    let two = format!(
        "{{\"vpc\": {}, \"web\": {}}}",
        output(&format!("\"{B}\"")),
        output(&format!("\"{A}\""))
    );
    let refusal = refused(&two);
    assert!(
        refusal.problems[0].message.ends_with("vpc, web"),
        "{refusal:?}"
    );
    assert!(
        refusal.hint.contains("terraform output -json NAME"),
        "{refusal:?}"
    );
    assert!(
        refused(&format!("{{\"region\": {}}}", output("\"eu-de\""))).problems[0]
            .message
            .contains("no output")
    );
}

/// `terraform show -json` writes a state by the documented format 1.0: modules within modules, data beside resources.
#[test]
fn terraform_state() {
    let resource = |mode: &str, kind: &str, id: &str| {
        format!(
            "{{\"address\": \"x\", \"mode\": \"{mode}\", \"type\": \"{kind}\", \"name\": \"web\", \"values\": {{\"id\": \"{id}\", \"name\": \"web-1\"}}}}"
        )
    };
    let module = |resources: &[String], child: &str| {
        format!(
            "{{\"resources\": [{}], \"child_modules\": [{child}]}}",
            resources.join(",")
        )
    };
    let inner = module(
        &[resource("managed", "opentelekomcloud_ecs_instance_v1", C)],
        "",
    );
    let root = module(
        &[
            resource("managed", "opentelekomcloud_compute_instance_v2", A),
            resource(
                "managed",
                "opentelekomcloud_vpc_v1",
                "f26fb98f-46ca-475e-917e-2563e5a8cd20",
            ),
            resource(
                "data",
                "huaweicloud_compute_instance",
                "e26fb98f-46ca-475e-917e-2563e5a8cd20",
            ),
            resource("managed", "huaweicloud_compute_instance", B),
        ],
        &inner,
    );
    let state = format!(
        "{{\"format_version\": \"1.0\", \"terraform_version\": \"1.9.5\", \"values\": {{\"root_module\": {root}}}}}"
    );
    expect(&state, &[A, B, C], "terraform show -json");
    let plan = format!(
        "{{\"format_version\": \"1.2\", \"planned_values\": {{}}, \"resource_changes\": [], \"prior_state\": {state}}}"
    );
    expect(
        &plan,
        &[A, B, C],
        "terraform show -json, the state before the plan",
    );
}

fn terraform(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/lists");
    std::fs::read_to_string(format!("{folder}/terraform-{name}.json")).unwrap()
}

#[test]
fn outputs_of_the_real_terraform() {
    let list = "terraform output -json, output \"servers\"";
    expect(&terraform("output"), &[A, B], list);
    let map = "terraform output -json, output \"by_name\"";
    expect(&terraform("output-map"), &[A, B], map);
    let one = "JSON, a list of ids or names";
    expect(&terraform("output-one"), &[A, B], one);
}

/// Its states and plans, of which only the type of the resources is replaced: without the providers it has none of servers.
#[test]
fn states_and_plans_of_the_real_terraform() {
    let of_servers = |name: &str, kind: &str| {
        let text = terraform(name);
        let servers = text.replace("\"terraform_data\"", &format!("{kind:?}"));
        assert_ne!(text, servers);
        servers
    };
    for kind in [
        "opentelekomcloud_compute_instance_v2",
        "opentelekomcloud_ecs_instance_v1",
        "huaweicloud_compute_instance",
    ] {
        let state = of_servers("show", kind);
        expect(&state, &[A, B, C], "terraform show -json");
        let before = "terraform show -json, the state before the plan";
        expect(&of_servers("show-plan", kind), &[A, B, C], before);
        // Servers to be imported exist: Terraform has them in that state, too.
        expect(&of_servers("show-plan-new", kind), &[A, B, C], before);
    }
    for name in ["show", "show-plan"] {
        let refusal = refused(&terraform(name));
        assert!(
            refusal.problems[0].message.contains("has no server"),
            "{refusal:?}"
        );
    }
}

/// One page of a list.
#[test]
fn a_page_of_a_longer_list_is_known_by_its_count() {
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    for (text, counted) in [
        (
            format!("{{\"count\":700,\"servers\":[{{\"id\":\"{id}\"}}]}}"),
            Some(700),
        ),
        (
            format!("{{\"total_count\":2,\"resources\":[{{\"resource_id\":\"{id}\"}}]}}"),
            Some(2),
        ),
        (format!("{{\"servers\":[{{\"id\":\"{id}\"}}]}}"), None),
        (format!("[\"{id}\"]"), None),
    ] {
        let list = parse(text.as_bytes(), None).unwrap();
        assert_eq!((list.counted, list.entries.len()), (counted, 1), "{text}");
    }
}
