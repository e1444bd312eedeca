//! Strategies for your own property tests (feature `proptest`): ids, requests, and answers of the
//! service.
//!
//! All of them shrink. All randomness comes from proptest; the module keeps no state.
//!
//! | function | yields |
//! |---|---|
//! | [`server_id`], [`project_id`], [`job_id`], [`server_ids`] | ids |
//! | [`batch_reboot_servers`] and its kin, [`any_operation`] | valid requests, as values |
//! | [`valid_request`], [`almost_valid_request`] | JSON bodies of the batch actions |
//! | [`job`], [`servers_page`] | JSON answers to queries, in every form that the service uses |
//! | [`error_body`] | error answers of every family, with their code and message |
//! | [`json`], [`mutated`] | any JSON, and JSON that was changed in one place |
//!
//! ```
//! use ecs_model::{AnyOperation, Operation, arbitrary};
//! use proptest::prelude::*;
//!
//! proptest!(|(request in arbitrary::batch_reboot_servers(), project in arbitrary::project_id())| {
//!     let (_, read) = AnyOperation::from_request(&request.encode(&project)).expect("valid");
//!     prop_assert_eq!(read, AnyOperation::BatchRebootServers(request));
//! });
//! ```

mod request;
mod response;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Number, Value};

use crate::{JobId, ProjectId, ServerId};

pub use request::{
    almost_valid_request, any_operation, batch_reboot_servers, batch_start_servers,
    batch_stop_servers, list_scaling_groups, list_scaling_instances, list_server_actions,
    list_servers_details, list_traces, reboot_type, scaling_group_id, server_ids, show_job,
    show_server, stop_type, valid_request,
};
pub use response::{ErrorBody, ErrorFamily, error_body, error_body_of, job, servers_page};

/// Generates the id of a server: any 16 bytes.
pub fn server_id() -> impl Strategy<Value = ServerId> + Clone {
    any::<u128>().prop_map(|number| ServerId::from_bytes(number.to_be_bytes()))
}

/// Generates the id of a project: mostly like the service's own, sometimes any that is allowed.
pub fn project_id() -> impl Strategy<Value = ProjectId> + Clone {
    prop_oneof![3 => "[0-9a-f]{32}", 1 => "[A-Za-z0-9_-]{1,64}"]
        .prop_filter_map("not a project id", |text| text.parse().ok())
}

/// Generates the id of a job: mostly like the service's own, sometimes any that is allowed, such as
/// `ü/?#%`.
pub fn job_id() -> impl Strategy<Value = JobId> + Clone {
    prop_oneof![3 => "[0-9a-f]{32}", 1 => r"[!-~äß€𝄞]{1,40}"]
        .prop_filter_map("not a job id", |text| text.parse().ok())
}

/// Generates any JSON, a few levels deep: every type, blank and unusual texts, the largest and
/// smallest numbers.
pub fn json() -> impl Strategy<Value = Value> + Clone {
    let number = prop_oneof![
        any::<u64>().prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        (0_u64..1000).prop_map(Number::from),
        any::<f64>().prop_filter_map("not finite", Number::from_f64),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number.prop_map(Value::from),
        Just(Value::from("")),
        Just(Value::from(" ")),
        "[ -~]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
    .boxed()
}

/// Generates names that the API uses, and others.
fn key() -> impl Strategy<Value = String> + Clone {
    const KNOWN: &[&str] = &[
        "code",
        "message",
        "error",
        "error_code",
        "error_msg",
        "errorCode",
        "details",
        "job_id",
        "status",
        "entities",
        "sub_jobs",
        "server_id",
        "servers",
        "server",
        "id",
        "type",
        "reboot",
        "os-start",
        "os-stop",
        "count",
        "request_id",
    ];
    prop_oneof![
        proptest::sample::select(KNOWN).prop_map(str::to_owned),
        "[a-z/~]{0,6}",
    ]
    .boxed()
}

/// Changes this JSON in one place: a field or element is dropped, set to null, replaced or added.
///
/// ```
/// use ecs_model::arbitrary;
/// use proptest::prelude::*;
///
/// proptest!(|(value in arbitrary::mutated(arbitrary::job()))| {
///     let _: Result<ecs_model::Job, _> = serde_json::from_value(value);
/// });
/// ```
pub fn mutated(
    original: impl Strategy<Value = Value> + 'static,
) -> impl Strategy<Value = Value> + Clone {
    (original, change(), any::<Index>())
        .prop_map(|(mut value, change, place)| {
            let places = pointers(&value);
            let place = places.get(place.index(places.len().max(1)));
            change.apply(&mut value, place.map_or("", String::as_str));
            value
        })
        .boxed()
}

/// A change of one place.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Drop,
    Replace(Value),
    Add(String, Value),
}

pub(crate) fn change() -> impl Strategy<Value = Change> + Clone {
    prop_oneof![
        Just(Change::Drop),
        Just(Change::Replace(Value::Null)),
        json().prop_map(Change::Replace),
        (key(), json()).prop_map(|(key, value)| Change::Add(key, value)),
    ]
    .boxed()
}

impl Change {
    /// Applies the change at this JSON pointer, if there is a value.
    pub(crate) fn apply(self, value: &mut Value, pointer: &str) {
        match self {
            Self::Drop => match pointer.rsplit_once('/') {
                Some((parent, key)) => match value.pointer_mut(parent) {
                    Some(Value::Object(object)) => {
                        object.remove(&key.replace("~1", "/").replace("~0", "~"));
                    }
                    Some(Value::Array(list)) => {
                        if let Some(index) = key.parse().ok().filter(|&index| index < list.len()) {
                            list.remove(index);
                        }
                    }
                    _ => {}
                },
                None => *value = Value::Object(Map::new()),
            },
            Self::Replace(new) => {
                if let Some(place) = value.pointer_mut(pointer) {
                    *place = new;
                }
            }
            Self::Add(key, new) => match value.pointer_mut(pointer) {
                Some(Value::Object(object)) => {
                    object.insert(key, new);
                }
                Some(Value::Array(list)) => list.push(new),
                _ => {}
            },
        }
    }
}

/// Returns the JSON pointer of each value within this one, beginning with itself.
pub(crate) fn pointers(value: &Value) -> Vec<String> {
    fn collect(value: &Value, here: String, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    collect(value, format!("{here}/{key}"), found);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    collect(value, format!("{here}/{index}"), found);
                }
            }
            _ => {}
        }
        found.push(here);
    }
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found.reverse();
    found
}
