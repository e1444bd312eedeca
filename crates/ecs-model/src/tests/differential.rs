//! Our checks compared with an independent reading of the description: the `jsonschema` crate must
//! accept exactly what `from_json` accepts.

use std::cell::Cell;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{config, description};
use crate::{
    AnyOperation, BatchRebootServers, BatchStartServers, BatchStopServers, Operation,
    ValidationError, arbitrary,
};

const CASES: u32 = 10_000;

type FromJson = fn(&[u8]) -> Result<AnyOperation, ValidationError>;

/// One of the three request bodies: its schema in the description, and our parser.
struct Side {
    name: &'static str,
    schema: Validator,
    from_json: FromJson,
}

fn sides() -> [Side; 3] {
    let description = description();
    let side = |name, from_json| {
        // The references in the description are `#/components/schemas/…`: they resolve within this
        // document.
        let root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{name}Body"),
            "components": description["components"],
        });
        let options = jsonschema::options().should_validate_formats(true);
        Side {
            name,
            schema: options.build(&root).expect("the schema is one"),
            from_json,
        }
    };
    [
        side("BatchRebootServers", |body| {
            BatchRebootServers::from_json(body).map(AnyOperation::BatchRebootServers)
        }),
        side("BatchStartServers", |body| {
            BatchStartServers::from_json(body).map(AnyOperation::BatchStartServers)
        }),
        side("BatchStopServers", |body| {
            BatchStopServers::from_json(body).map(AnyOperation::BatchStopServers)
        }),
    ]
}

/// Returns the body with the ids of servers in lower case. JSON Schema compares by value, so to
/// `uniqueItems` an id in upper case and the same in lower case differ; to us and to the service
/// they are one server.
fn canonical(mut body: Value) -> Value {
    let actions = body
        .as_object_mut()
        .into_iter()
        .flat_map(|body| body.values_mut());
    let servers = actions.filter_map(|action| action.get_mut("servers")?.as_array_mut());
    for id in servers.flatten().filter_map(|server| server.get_mut("id")) {
        if let Value::String(text) = id {
            text.make_ascii_lowercase();
        }
    }
    body
}

/// Runs the cases and returns how many any of the three accepted.
fn agree(bodies: impl Strategy<Value = Value>) -> u32 {
    let sides = sides();
    let accepted = Cell::new(0);
    let mut runner = TestRunner::new(config(CASES));
    let outcome = runner.run(&bodies, |body| {
        let text = body.to_string();
        let canonical = canonical(body);
        for side in &sides {
            let ours = (side.from_json)(text.as_bytes());
            let theirs = side.schema.validate(&canonical);
            prop_assert_eq!(
                ours.is_ok(),
                theirs.is_ok(),
                "{}: ours {:?}, theirs {:?}",
                side.name,
                ours,
                theirs
            );
            accepted.set(accepted.get() + u32::from(ours.is_ok()));
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    accepted.get()
}

#[test]
fn almost_valid_bodies_are_accepted_by_both_or_by_neither() {
    let accepted = agree(arbitrary::almost_valid_request());
    // Both outcomes must be frequent.
    assert!((CASES / 20..CASES / 2).contains(&accepted), "{accepted}");
}

#[test]
fn valid_bodies_are_accepted_by_both() {
    assert_eq!(agree(arbitrary::valid_request()), config(CASES).cases);
}

#[test]
fn any_json_is_accepted_by_both_or_by_neither() {
    agree(arbitrary::json());
}

#[test]
fn encoded_requests_are_valid() {
    let sides = sides();
    let requests = prop_oneof![
        arbitrary::batch_reboot_servers().prop_map(|value| (0, value.encode(&project()))),
        arbitrary::batch_start_servers().prop_map(|value| (1, value.encode(&project()))),
        arbitrary::batch_stop_servers().prop_map(|value| (2, value.encode(&project()))),
    ];
    proptest!(config(CASES), |((side, request) in requests)| {
        let body: Value = serde_json::from_slice(request.body()).expect("JSON");
        prop_assert!(sides[side].schema.is_valid(&body), "{body}");
    });
}

fn project() -> crate::ProjectId {
    "5dd3c0b24cdc4d31952c49589182a89d".parse().expect("valid")
}

/// Checks each flaw alone, to notice a schema that accepts everything.
#[test]
fn both_refuse_each_flaw() {
    const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let many = |count: u128| -> Vec<Value> {
        let id = |number: u128| crate::ServerId::from_bytes(number.to_be_bytes());
        (0..count).map(|number| json!({"id": id(number)})).collect()
    };
    let cases = [
        (
            true,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": ID}]}}),
        ),
        (
            true,
            json!({"reboot": {"type": "SOFT", "servers": many(1000)}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": many(1001)}}),
        ),
        (false, json!({"reboot": {"type": "SOFT", "servers": []}})),
        (false, json!({"reboot": {"servers": [{"id": ID}]}})),
        (
            false,
            json!({"reboot": {"type": "soft", "servers": [{"id": ID}]}}),
        ),
        (
            false,
            json!({"reboot": {"type": null, "servers": [{"id": ID}]}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": {"id": ID}}}),
        ),
        (false, json!({"reboot": {"type": "SOFT", "servers": [ID]}})),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": ID}, {"id": ID}]}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": format!("{ID}\n")}]}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": ID.replace('-', "")}]}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": ID, "name": "a"}]}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": ID}], "force": true}}),
        ),
        (
            false,
            json!({"reboot": {"type": "SOFT", "servers": [{"id": ID}]}, "os-stop": {}}),
        ),
        (false, json!({"os-start": {"servers": [{"id": ID}]}})),
        (false, json!([])),
    ];
    let [reboot, ..] = sides();
    for (valid, body) in cases {
        let ours = (reboot.from_json)(body.to_string().as_bytes());
        assert_eq!(ours.is_ok(), valid, "{body}");
        assert_eq!(reboot.schema.is_valid(&body), valid, "{body}");
    }
}
