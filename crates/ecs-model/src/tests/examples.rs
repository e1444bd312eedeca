//! The documented examples of the description: parsed, written again, compared.

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::description;
use crate::{
    AnyOperation, BatchRebootServers, BatchStartServers, BatchStopServers, ListScalingGroups,
    ListScalingInstances, ListServerActions, ListServersDetails, ListTraces, Operation, ProjectId,
    ResponseError, ShowJob, ShowServer,
};

/// Returns the values under an `examples` object, which must not be empty.
fn values(description: &Value, pointer: &str) -> Vec<(String, Value)> {
    let examples = description.pointer(pointer).and_then(Value::as_object);
    let found: Vec<_> = examples
        .into_iter()
        .flatten()
        .map(|(name, example)| (name.clone(), example["value"].clone()))
        .collect();
    assert!(!found.is_empty(), "no examples at {pointer}");
    found
}

/// Returns the JSON without values that mean "nothing" and, unless the schema keeps them, without
/// unlisted fields.
fn described(value: Value, schema: &Value, description: &Value) -> Value {
    let not_null = schema["anyOf"]
        .as_array()
        .and_then(|schemas| schemas.first());
    let schema = not_null.unwrap_or(schema);
    let schema = match schema["$ref"].as_str() {
        Some(reference) => description
            .pointer(reference.trim_start_matches('#'))
            .expect("it resolves"),
        None => schema,
    };
    match value {
        Value::Object(object) => {
            let fields = object.into_iter().filter_map(|(key, value)| {
                let keeps_rest = schema["x-ecs-keep-rest"] == true;
                let Some(schema) = schema["properties"].get(&key) else {
                    return keeps_rest.then_some((key, value));
                };
                let nothing =
                    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
                (!nothing).then(|| (key, described(value, schema, description)))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(list) => {
            let items = &schema["items"];
            list.into_iter()
                .map(|value| described(value, items, description))
                .collect()
        }
        scalar => scalar,
    }
}

/// Decodes each example answer of this operation and compares it with the documented JSON.
fn answers<T: Operation<Output: serde::Serialize>>(path: &str) {
    let description = description();
    let content = format!("/paths/{path}/get/responses/200/content/application~1json");
    let schema = description
        .pointer(&format!("{content}/schema"))
        .expect("a schema");
    for (name, value) in values(&description, &format!("{content}/examples")) {
        let body = value.to_string();
        let read = T::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).expect("readable");
        let written = serde_json::to_value(read).expect("JSON");
        assert_eq!(written, described(value, schema, &description), "{name}");
    }
}

#[test]
fn job_examples_are_read() {
    answers::<ShowJob>("~1v1~1{project_id}~1jobs~1{job_id}");
}

#[test]
fn page_examples_are_read() {
    answers::<ListServersDetails>("~1v1~1{project_id}~1cloudservers~1detail");
}

#[test]
fn scaling_examples_are_read() {
    const GROUPS: &str = "~1autoscaling-api~1v1~1{project_id}~1scaling_group";
    const MEMBERS: &str =
        "~1autoscaling-api~1v1~1{project_id}~1scaling_group_instance~1{scaling_group_id}~1list";
    answers::<ListScalingGroups>(GROUPS);
    answers::<ListScalingInstances>(MEMBERS);
}

#[test]
fn trace_examples_are_read() {
    answers::<ListTraces>("~1v3~1{project_id}~1traces");
}

#[test]
fn server_action_examples_are_read() {
    answers::<ListServerActions>("~1v2.1~1{project_id}~1servers~1{server_id}~1os-instance-actions");
}

#[test]
fn server_examples_are_read() {
    answers::<ShowServer>("~1v1~1{project_id}~1cloudservers~1{server_id}");
}

#[test]
fn action_examples_are_read() {
    const POST: &str = "/paths/~1v1~1{project_id}~1cloudservers~1action/post";
    let description = description();
    let project: ProjectId = "5dd3c0b24cdc4d31952c49589182a89d".parse().expect("valid");

    let requests = values(
        &description,
        &format!("{POST}/requestBody/content/application~1json/examples"),
    );
    assert_eq!(requests.len(), 3);
    for (name, value) in requests {
        let request = http::Request::post(format!("/v1/{project}/cloudservers/action"))
            .body(value.to_string().into())
            .expect("a request");
        let (_, operation) = AnyOperation::from_request(&request).expect("valid");
        let (known_as, written) = match &operation {
            AnyOperation::BatchRebootServers(item) => {
                (BatchRebootServers::NAME, item.encode(&project))
            }
            AnyOperation::BatchStartServers(item) => {
                (BatchStartServers::NAME, item.encode(&project))
            }
            AnyOperation::BatchStopServers(item) => (BatchStopServers::NAME, item.encode(&project)),
            other => panic!("{other:?}"),
        };
        assert_eq!(name, known_as);
        let written: Value = serde_json::from_slice(written.body()).expect("JSON");
        assert_eq!(written, value);
    }

    for status in [StatusCode::OK, StatusCode::ACCEPTED] {
        let content = format!(
            "{POST}/responses/{}/content/application~1json/examples",
            status.as_u16()
        );
        for (name, value) in values(&description, &content) {
            let body = value.to_string();
            let answer = BatchRebootServers::decode(status, &HeaderMap::new(), body.as_bytes());
            match value["job_id"].as_str() {
                Some(id) => assert_eq!(answer.expect(&name).job_id.as_str(), id),
                None => {
                    let error = answer.expect_err(&name);
                    assert_eq!(error.code(), value["error"]["code"].as_str(), "{name}");
                    assert_eq!(
                        error.message(),
                        value["error"]["message"].as_str(),
                        "{name}"
                    );
                    assert!(error.is_throttling(), "{name}");
                }
            }
        }
    }
}

#[test]
fn failure_examples_are_read() {
    let description = description();
    for (name, value) in values(
        &description,
        "/components/responses/Failure/content/application~1json/examples",
    ) {
        let body = value.to_string();
        let error =
            ResponseError::parse(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
        let code = error.code().unwrap_or_else(|| panic!("{name}: no code"));
        let message = error
            .message()
            .unwrap_or_else(|| panic!("{name}: no message"));
        // The example has both, as texts or as a number.
        assert!(
            body.contains(code) && body.contains(message),
            "{name}: {error}"
        );
        assert!(
            code.chars().all(|c| !c.is_whitespace()),
            "{name}: {code:?} is no code"
        );
    }
}
