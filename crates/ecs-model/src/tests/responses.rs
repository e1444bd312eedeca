//! Damaged answers: intact parts are still found.
//!
//! For errors the strategy knows the code and the message: after any change elsewhere in the body
//! both are found exactly; if one is destroyed, the other is. For jobs and pages a table (field,
//! how it is read) is applied to the JSON itself, one field at a time.

use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use super::config;
use crate::arbitrary::{self, Change, ErrorFamily, change, pointers};
use crate::{
    BatchStopServers, Job, JobId, ListServersDetails, Operation, ResponseError, ResponseErrorKind,
    ServerId, ShowJob,
};

/// The names under which an error keeps its code and its message.
const TELLING: &[&str] = &[
    "code",
    "error_code",
    "errorCode",
    "message",
    "error_msg",
    "errorMsg",
    "error_message",
];

/// Returns the value without anything that could be taken for an error's code or message.
fn mute(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(key, _)| !TELLING.contains(&key.as_str()))
            .map(|(key, value)| (key, mute(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.into_iter().map(mute).collect(),
        scalar => scalar,
    }
}

fn of_json_family() -> impl Strategy<Value = arbitrary::ErrorBody> {
    select(ErrorFamily::JSON).prop_flat_map(arbitrary::error_body_of)
}

/// Returns the pointers of the code and of the message.
fn truth(json: &Value) -> (String, String) {
    let find = |names: &[&str]| {
        let named = |pointer: &String| {
            names
                .iter()
                .any(|name| pointer.ends_with(&format!("/{name}")))
        };
        pointers(json).into_iter().find(named).expect("put there")
    };
    (
        find(TELLING.get(..3).expect("three")),
        find(TELLING.get(3..).expect("four")),
    )
}

fn parse(json: &Value) -> ResponseError {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::from_static("8c6e"));
    ResponseError::parse(
        StatusCode::BAD_REQUEST,
        &headers,
        json.to_string().as_bytes(),
    )
}

proptest! {
    #![proptest_config(config(5_000))]

    #[test]
    fn errors_are_found_after_changes_elsewhere(body in of_json_family(), change in change(), at in any::<Index>()) {
        let mut json = body.json.expect("JSON");
        let (code, message) = truth(&json);
        match change {
            Change::Add(key, value) => {
                let places: Vec<String> = pointers(&json);
                let place = &places[at.index(places.len())];
                let taken = json.pointer(place).is_some_and(|object| object.get(&key).is_some());
                if !taken && !TELLING.contains(&key.as_str()) {
                    Change::Add(key, mute(value)).apply(&mut json, place);
                }
            }
            change => {
                let holds = |place: &str| code.starts_with(place) || message.starts_with(place);
                let places: Vec<String> = pointers(&json).into_iter().filter(|place| !holds(place)).collect();
                if let Some(place) = places.get(at.index(places.len().max(1))) {
                    let change = match change {
                        Change::Replace(value) => Change::Replace(mute(value)),
                        other => other,
                    };
                    change.apply(&mut json, place);
                }
            }
        }
        let error = parse(&json);
        prop_assert_eq!(error.code(), body.code.as_deref(), "{}", json);
        prop_assert_eq!(error.message(), body.message.as_deref(), "{}", json);
        prop_assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        prop_assert_eq!(error.request_id(), Some("8c6e"));
    }

    #[test]
    fn code_or_message_is_found_without_the_other(
        body in of_json_family(),
        new in prop_oneof![
            Just(None),
            arbitrary::json()
                .prop_map(mute)
                .prop_filter("readable", |value| {
                    !value.is_number() && value.as_str().is_none_or(|text| text.trim().is_empty())
                })
                .prop_map(Some),
        ],
        lose_code in any::<bool>(),
    ) {
        let mut json = body.json.expect("JSON");
        let (code, message) = truth(&json);
        let place = if lose_code { &code } else { &message };
        let change = new.map_or(Change::Drop, Change::Replace);
        change.apply(&mut json, place);
        let error = parse(&json);
        let (code, message) = (body.code.as_deref(), body.message.as_deref());
        prop_assert_eq!(error.code(), code.filter(|_| !lose_code), "{}", json);
        prop_assert_eq!(error.message(), message.filter(|_| lose_code), "{}", json);
        prop_assert_eq!(error.request_id(), Some("8c6e"));
    }

    /// A cut body yields nothing that was not in it.
    #[test]
    fn cut_errors_invent_nothing(body in arbitrary::error_body_of(ErrorFamily::Cut)) {
        let error = ResponseError::parse(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &body.bytes);
        prop_assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        prop_assert_eq!((error.code(), error.message()), (None, None));
    }

    #[test]
    fn jobs(
        json in prop_oneof![
            arbitrary::job(),
            arbitrary::mutated(arbitrary::job()),
            arbitrary::mutated(arbitrary::mutated(arbitrary::job())),
        ],
    ) {
        let answer = ShowJob::decode(StatusCode::OK, &HeaderMap::new(), json.to_string().as_bytes());
        match (Read::Status.of(&json["status"]), answer) {
            (Some(_), Ok(job)) => {
                let job = serde_json::to_value(job).expect("JSON");
                check(JOB, &json, &job)?;
            }
            (None, Err(error)) => {
                prop_assert_eq!(error.kind(), ResponseErrorKind::Unreadable);
                if let Some(code) = json["code"].as_str().filter(|text| !text.trim().is_empty())
                    && json["message"].as_str().is_none_or(|text| !text.contains('.'))
                {
                    prop_assert_eq!(error.code(), Some(code.trim()));
                }
            }
            (status, answer) => prop_assert!(false, "{status:?} in {json}: {answer:?}"),
        }
    }

    /// Entities are kept unchanged, except for the known fields that were read.
    #[test]
    fn entities(
        json in prop_oneof![
            arbitrary::job(),
            arbitrary::mutated(arbitrary::job()),
            (arbitrary::job(), arbitrary::json()).prop_map(|(mut job, entities)| {
                job["entities"] = entities;
                job
            }),
        ],
    ) {
        let entities = json["entities"].as_object().map(|_| preserved(ENTITIES, &json["entities"]));
        let Ok(job) = ShowJob::decode(StatusCode::OK, &HeaderMap::new(), json.to_string().as_bytes()) else {
            return Ok(());
        };
        let written = serde_json::to_value(&job).expect("JSON");
        prop_assert_eq!(written.get("entities"), entities.as_ref(), "{}", json);
        let again: Job = serde_json::from_value(written).expect("a job");
        prop_assert_eq!(again, job);
    }

    #[test]
    fn pages(json in prop_oneof![arbitrary::servers_page(), arbitrary::mutated(arbitrary::servers_page())]) {
        let answer = ListServersDetails::decode(StatusCode::OK, &HeaderMap::new(), json.to_string().as_bytes());
        match answer {
            Ok(page) => {
                prop_assert!(json["servers"].is_array());
                check(PAGE, &json, &serde_json::to_value(page).expect("JSON"))?;
            }
            Err(error) => {
                prop_assert!(!json["servers"].is_array());
                prop_assert_eq!(error.kind(), ResponseErrorKind::Unreadable);
            }
        }
    }

    /// A success with a readable job id is an acceptance, whatever else it holds; without one it is
    /// not.
    #[test]
    fn acceptances_need_a_readable_job_id(mut json in arbitrary::json(), id in any::<Option<u64>>(), status in 200_u16..300) {
        if let (Some(object), Some(id)) = (json.as_object_mut(), id) {
            object.insert("job_id".to_owned(), id.into());
        }
        let status = StatusCode::from_u16(status).expect("a success");
        let answer = BatchStopServers::decode(status, &HeaderMap::new(), json.to_string().as_bytes());
        let expected = Read::JobId.of(&json["job_id"]);
        match answer {
            Ok(accepted) => prop_assert_eq!(Some(Value::from(accepted.job_id.as_str())), expected),
            Err(error) => {
                prop_assert!(expected.is_none(), "{json}");
                prop_assert_eq!(error.kind(), ResponseErrorKind::Unreadable);
                prop_assert_eq!(error.status(), status);
            }
        }
    }
}

/// The expected reading of a field: the value of the decoded field, written as JSON.
enum Read {
    Text,
    Status,
    JobId,
    ServerId,
    Count,
    Texts,
    Object(&'static [(&'static str, Read)]),
    Objects(&'static [(&'static str, Read)]),
}

const JOB: &[(&str, Read)] = &[
    ("status", Read::Status),
    ("job_id", Read::JobId),
    ("job_type", Read::Text),
    ("begin_time", Read::Text),
    ("end_time", Read::Text),
    ("error_code", Read::Text),
    ("fail_reason", Read::Text),
    ("entities", Read::Object(ENTITIES)),
];
const ENTITIES: &[(&str, Read)] = &[
    ("server_id", Read::ServerId),
    ("nic_id", Read::Text),
    ("errorcode_message", Read::Text),
    ("sub_jobs_total", Read::Count),
    ("sub_jobs", Read::Objects(SUB_JOB)),
];
const SUB_JOB: &[(&str, Read)] = &[
    ("status", Read::Status),
    ("job_id", Read::JobId),
    ("job_type", Read::Text),
    ("begin_time", Read::Text),
    ("end_time", Read::Text),
    ("error_code", Read::Text),
    ("fail_reason", Read::Text),
    ("entities", Read::Object(SUB_ENTITIES)),
];
const SUB_ENTITIES: &[(&str, Read)] = &[
    ("server_id", Read::ServerId),
    ("nic_id", Read::Text),
    ("errorcode_message", Read::Text),
];
const PAGE: &[(&str, Read)] = &[("count", Read::Count), ("servers", Read::Objects(SERVER))];
const SERVER: &[(&str, Read)] = &[
    ("id", Read::ServerId),
    ("name", Read::Text),
    ("status", Read::Status),
    ("updated", Read::Text),
    ("OS-EXT-STS:task_state", Read::Text),
    ("tags", Read::Texts),
];

impl Read {
    fn of(&self, value: &Value) -> Option<Value> {
        let text = value.as_str().filter(|text| !text.trim().is_empty());
        match self {
            Self::Status => text.map(Value::from),
            Self::Text => match value {
                Value::Bool(flag) => Some(flag.to_string().into()),
                Value::Number(number) if !number.is_f64() => Some(number.to_string().into()),
                _ => text.map(Value::from),
            },
            Self::JobId => {
                let number = value.as_u64().map(|number| number.to_string());
                let id: JobId = number.as_deref().or(text)?.parse().ok()?;
                Some(id.as_str().into())
            }
            Self::ServerId => {
                let id: ServerId = text?.parse().ok()?;
                Some(id.to_string().into())
            }
            Self::Count => value
                .as_u64()
                .or(text.and_then(|text| text.parse().ok()))
                .map(Value::from),
            Self::Texts => {
                let list = value.as_array()?.iter();
                Some(list.filter_map(|value| Self::Text.of(value)).collect())
            }
            Self::Object(fields) => value.as_object().map(|_| of_fields(fields, value)),
            Self::Objects(fields) => {
                let objects = value.as_array()?.iter().filter(|value| value.is_object());
                Some(objects.map(|value| of_fields(fields, value)).collect())
            }
        }
    }
}

fn of_fields(fields: &[(&str, Read)], value: &Value) -> Value {
    let found = fields.iter().filter_map(|(name, read)| {
        let value = read.of(value.get(*name)?)?;
        Some(((*name).to_owned(), value))
    });
    Value::Object(found.collect())
}

/// Returns the expected form of an object that keeps unreadable members.
fn preserved(fields: &[(&str, Read)], value: &Value) -> Value {
    let members = value.as_object().into_iter().flatten();
    let members = members.filter_map(|(name, value)| {
        let known = fields.iter().find(|(known, _)| known == name);
        let value = match known.map(|(_, read)| (read, read.of(value))) {
            Some((Read::Object(fields), Some(_))) => preserved(fields, value),
            Some((Read::Objects(fields), Some(_))) => {
                let objects = value.as_array()?.iter().filter(|value| value.is_object());
                objects.map(|value| preserved(fields, value)).collect()
            }
            Some((_, Some(read))) => read,
            Some((_, None)) if says_nothing(value) => return None,
            Some((_, None)) | None => value.clone(),
        };
        Some((name.clone(), value))
    });
    Value::Object(members.collect())
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Checks that each field of the table is decoded as the table says, independently of the others.
/// (Sub-jobs and servers are compared by the fields of their tables: the types may have more.)
fn check(fields: &[(&str, Read)], answer: &Value, decoded: &Value) -> Result<(), TestCaseError> {
    for (name, read) in fields {
        let expected = answer.get(name).and_then(|value| read.of(value));
        let found = decoded.get(name).map(|value| match read {
            Read::Object(fields) => of_fields(fields, value),
            Read::Objects(fields) => {
                let list = value.as_array().into_iter().flatten();
                list.map(|value| of_fields(fields, value)).collect()
            }
            _ => value.clone(),
        });
        prop_assert_eq!(found, expected, "{} of {}", name, answer);
    }
    Ok(())
}
