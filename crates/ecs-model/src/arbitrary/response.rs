//! Answers: jobs, pages and errors, in the forms that the service uses.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::{job_id, server_id};

/// Joins the present fields into an object.
fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Generates a field that means "nothing": absent, null or blank.
fn nothing() -> impl Strategy<Value = Option<Value>> + Clone {
    select(vec![None, Some(Value::Null), Some(json!(""))])
}

fn message() -> impl Strategy<Value = String> + Clone {
    "[A-Za-z][ -~äß]{0,24}[a-z.]"
}

fn code() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        "Ecs\\.0[0-9]{3}",
        "Common\\.00[0-9]{2}",
        "APIGW\\.0[0-9]{3}",
        "[A-Za-z]{1,10}[0-9]{0,4}",
    ]
    .boxed()
}

fn time() -> impl Strategy<Value = Value> + Clone {
    (0_u32..28, 0_u32..24, 0_u32..60).prop_map(|(day, hour, minute)| {
        json!(format!(
            "2026-11-{:02}T{hour:02}:{minute:02}:07.000Z",
            day + 1
        ))
    })
}

fn status() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        6 => select(&["INIT", "RUNNING", "SUCCESS", "FAIL"][..]).prop_map(Value::from),
        1 => Just(json!("PENDING_PAYMENT")),
        1 => "[A-Z_]{1,12}".prop_map(Value::from),
    ]
    .boxed()
}

/// Generates an id as the service writes it, or as a number.
fn id_of_a_job() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        4 => job_id().prop_map(|id| json!(id)),
        1 => any::<u64>().prop_map(Value::from),
    ]
    .boxed()
}

fn server_entity() -> impl Strategy<Value = Value> + Clone {
    let reason = prop_oneof![3 => nothing(), 1 => message().prop_map(|text| Some(json!(text)))];
    (server_id(), reason, proptest::option::of(super::json()))
        .prop_map(|(id, reason, extra)| {
            object(vec![
                ("server_id", Some(json!(id))),
                ("errorcode_message", reason),
                ("x_new_field", extra),
            ])
        })
        .boxed()
}

/// Generates the entities of a job that acts on no server: network interfaces, disks, images.
fn other_entity() -> impl Strategy<Value = Value> + Clone {
    let name = select(&["nic_id", "volume_id", "image_id", "results", "code"][..]);
    let id = prop_oneof![2 => server_id().prop_map(|id| json!(id)), 1 => super::json()];
    vec((name, id), 1..3)
        .prop_map(|members| object(members.into_iter().map(|(n, v)| (n, Some(v))).collect()))
        .boxed()
}

/// Generates the fields that jobs and sub-jobs share, around their entities.
fn job_with(
    entities: impl Strategy<Value = Option<Value>> + 'static,
) -> impl Strategy<Value = Value> + Clone {
    let end = prop_oneof![1 => nothing(), 1 => time().prop_map(Some)];
    let reason = prop_oneof![
        2 => (nothing(), nothing()),
        1 => (code(), message()).prop_map(|(code, message)| (Some(json!(code)), Some(json!(message)))),
        1 => (nothing(), message().prop_map(|message| Some(json!(message)))),
    ];
    let extra = proptest::option::of(super::json());
    (
        status(),
        id_of_a_job(),
        time(),
        end,
        reason,
        entities,
        extra,
    )
        .prop_map(
            |(status, id, begin, end, (code, reason), entities, extra)| {
                object(vec![
                    ("status", Some(status)),
                    ("job_id", Some(id)),
                    ("job_type", Some(json!("rebootServer"))),
                    ("begin_time", Some(begin)),
                    ("end_time", end),
                    ("error_code", code),
                    ("fail_reason", reason),
                    ("entities", entities),
                    ("x_new_field", extra),
                ])
            },
        )
        .boxed()
}

/// Generates a job as its query answers: running or ended, with known and unknown statuses;
/// entities absent, null, empty, with a server, with something else or with sub-jobs; reasons in
/// any of their places.
pub fn job() -> impl Strategy<Value = Value> + Clone {
    let sub_entities = prop_oneof![
        1 => Just(Some(json!({}))),
        1 => nothing(),
        6 => server_entity().prop_map(Some),
        1 => other_entity().prop_map(Some),
    ];
    let subs = vec(job_with(sub_entities), 0..4)
        .prop_map(|subs| Some(json!({"sub_jobs_total": subs.len(), "sub_jobs": subs})));
    job_with(prop_oneof![
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        1 => Just(Some(json!({}))),
        2 => server_entity().prop_map(Some),
        2 => other_entity().prop_map(Some),
        6 => subs,
    ])
    .boxed()
}

/// Generates a page of servers as the list answers, with as many blanks and nulls as the service
/// writes.
pub fn servers_page() -> impl Strategy<Value = Value> + Clone {
    let status = prop_oneof![
        select(&["ACTIVE", "SHUTOFF", "REBOOT", "HARD_REBOOT", "ERROR"][..]).prop_map(Value::from),
        "[A-Z_]{1,12}".prop_map(Value::from),
    ];
    let task = prop_oneof![2 => nothing(), 1 => Just(Some(json!("rebooting")))];
    let tags = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        3 => vec("[a-z]{1,6}(=[a-z]{0,6})?", 0..3).prop_map(|tags| Some(json!(tags))),
    ];
    let server = (server_id(), message(), status, task, tags, time()).prop_map(
        |(id, name, status, task, tags, updated)| {
            object(vec![
                ("id", Some(json!(id))),
                ("name", Some(json!(name))),
                ("status", Some(status)),
                ("OS-EXT-STS:task_state", task),
                ("tags", tags),
                ("updated", Some(updated)),
                ("metadata", Some(json!({"image_name": "x"}))),
            ])
        },
    );
    (vec(server, 0..5), any::<u32>(), any::<bool>())
        .prop_map(|(servers, count, as_text)| {
            let count = if as_text {
                json!(count.to_string())
            } else {
                json!(count)
            };
            json!({"servers": servers, "count": count})
        })
        .boxed()
}

/// The families of error answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorFamily {
    /// `{"error":{"code","message"}}`: the service itself.
    Wrapped,
    /// `{"error_code","error_msg","request_id"}`: its gateway.
    Gateway,
    /// `{"errorCode","errorMsg"}`.
    Camel,
    /// `{"code","message"}`.
    Flat,
    /// `{"badRequest":{"code":400,"message"}}`, and other names: OpenStack.
    OpenStack,
    /// `{"error":{"details":[{"code","message"}]}}`: only the details have them.
    Details,
    /// A page of an intermediary.
    Html,
    /// An empty body.
    Empty,
    /// The beginning of one of the others.
    Cut,
}

impl ErrorFamily {
    /// Every family.
    pub const ALL: &[Self] = &[
        Self::Wrapped,
        Self::Gateway,
        Self::Camel,
        Self::Flat,
        Self::OpenStack,
        Self::Details,
        Self::Html,
        Self::Empty,
        Self::Cut,
    ];

    /// The families whose bodies are JSON objects with a code and a message.
    pub const JSON: &[Self] = &[
        Self::Wrapped,
        Self::Gateway,
        Self::Camel,
        Self::Flat,
        Self::OpenStack,
        Self::Details,
    ];
}

/// An error answer, with the code and message that must be found in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorBody {
    /// The family.
    pub family: ErrorFamily,
    /// The code that [`ResponseError::code`](crate::ResponseError::code) must find.
    pub code: Option<String>,
    /// The message that [`ResponseError::message`](crate::ResponseError::message) must find.
    pub message: Option<String>,
    /// The body as JSON, if it is JSON.
    pub json: Option<Value>,
    /// The body.
    pub bytes: Vec<u8>,
}

/// Generates an error answer of any family.
///
/// ```
/// use ecs_model::{ResponseError, arbitrary};
/// use http::{HeaderMap, StatusCode};
/// use proptest::prelude::*;
///
/// proptest!(|(body in arbitrary::error_body())| {
///     let error = ResponseError::parse(StatusCode::BAD_REQUEST, &HeaderMap::new(), &body.bytes);
///     prop_assert_eq!(error.code(), body.code.as_deref());
///     prop_assert_eq!(error.message(), body.message.as_deref());
/// });
/// ```
pub fn error_body() -> impl Strategy<Value = ErrorBody> + Clone {
    select(ErrorFamily::ALL)
        .prop_flat_map(error_body_of)
        .boxed()
}

/// Generates an error answer of this family.
pub fn error_body_of(family: ErrorFamily) -> impl Strategy<Value = ErrorBody> + Clone {
    // A code may be a text or a number.
    let code =
        prop_oneof![4 => code().prop_map(Value::from), 1 => (400_u64..600).prop_map(Value::from)];
    let fault = select(&["badRequest", "itemNotFound", "overLimit", "computeFault"][..]);
    (code, message(), fault, any::<Index>())
        .prop_map(move |(code, message, fault, cut)| {
            let json = match family {
                ErrorFamily::Wrapped | ErrorFamily::Cut => {
                    json!({"error": {"code": code, "message": message}})
                }
                ErrorFamily::Gateway => {
                    json!({"error_code": code, "error_msg": message, "request_id": "6f2c"})
                }
                ErrorFamily::Camel => json!({"errorCode": code, "errorMsg": message}),
                ErrorFamily::Flat => json!({"code": code, "message": message}),
                ErrorFamily::OpenStack => json!({fault: {"code": code, "message": message}}),
                ErrorFamily::Details => {
                    json!({"error": {"details": [{"code": code, "message": message}]}})
                }
                ErrorFamily::Html | ErrorFamily::Empty => Value::Null,
            };
            let text = json.to_string();
            let (json, bytes) = match family {
                ErrorFamily::Html => {
                    let title = "<html>\r\n<head><title>502 Bad Gateway</title></head></html>";
                    (None, title.into())
                }
                ErrorFamily::Empty => (None, Vec::new()),
                ErrorFamily::Cut => {
                    let mut bytes = text.into_bytes();
                    bytes.truncate(1 + cut.index(bytes.len() - 1));
                    (None, bytes)
                }
                _ => (Some(json), text.into_bytes()),
            };
            let code = code
                .as_str()
                .map_or_else(|| code.to_string(), str::to_owned);
            ErrorBody {
                family,
                code: json.is_some().then_some(code),
                message: json.is_some().then_some(message),
                json,
                bytes,
            }
        })
        .boxed()
}
