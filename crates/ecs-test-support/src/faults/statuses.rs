//! Error answers: statuses × codes in the body × error families, with the expected result of a run
//! for each.

use super::FaultOutcome::{self, Blind, Denied, Failed, Retried, Succeeds, Unknown};

/// The kinds of codes in a body: none, a refusal, both codes that are documented as throttling on a
/// success or a server error, a refusal of the credentials, a failure that may have occurred during
/// the work.
pub const CODES: [Option<&str>; 6] = [
    None,
    Some("Ecs.0005"),
    Some("Common.0024"),
    Some("Ecs.0603"),
    Some("Common.0013"),
    Some("Ecs.0000"),
];

/// A status, with the expected results of an action and of a query that are answered so once, for
/// each of [`CODES`].
pub type Row = (u16, [FaultOutcome; 6], [FaultOutcome; 6]);

const UNKNOWN: [FaultOutcome; 6] = [Unknown; 6];
/// Throttling by status, unless the code reports work. A page proves nothing.
const RETRIED: [FaultOutcome; 6] = [Unknown, Retried, Retried, Retried, Retried, Unknown];
/// A refusal in the service's own form, refined by the code. A page proves nothing.
const REFUSED: [FaultOutcome; 6] = [Unknown, Failed, Retried, Retried, Denied, Unknown];
const FLOW_LIMIT: [FaultOutcome; 6] = [Unknown, Unknown, Retried, Unknown, Unknown, Unknown];
const BUSY: [FaultOutcome; 6] = [Unknown, Unknown, Unknown, Retried, Unknown, Unknown];

const SURVIVES: [FaultOutcome; 6] = [Succeeds; 6];
/// An error in disguise, or a refusal: only credentials are final at once, since a new job may not
/// be known yet.
const BY_CODE: [FaultOutcome; 6] = [Succeeds, Succeeds, Succeeds, Succeeds, Blind, Succeeds];
const BLIND: [FaultOutcome; 6] = [Blind, Succeeds, Succeeds, Succeeds, Blind, Succeeds];

/// The table.
pub const STATUSES: [Row; 19] = [
    (200, UNKNOWN, BY_CODE),
    (202, FLOW_LIMIT, BY_CODE),
    (204, UNKNOWN, BY_CODE),
    (303, UNKNOWN, BY_CODE),
    (307, UNKNOWN, BY_CODE),
    (400, REFUSED, BY_CODE),
    (401, REFUSED, BLIND),
    (403, REFUSED, BLIND),
    (404, REFUSED, BY_CODE),
    (408, UNKNOWN, SURVIVES),
    (409, REFUSED, BY_CODE),
    (413, REFUSED, BY_CODE),
    (429, RETRIED, SURVIVES),
    (499, UNKNOWN, SURVIVES),
    (500, UNKNOWN, SURVIVES),
    (501, BUSY, SURVIVES),
    (502, UNKNOWN, SURVIVES),
    (503, UNKNOWN, SURVIVES),
    (504, UNKNOWN, SURVIVES),
];

/// Writes a code in an error family.
pub type Family = fn(code: &str) -> String;

/// The families in which services and gateways write a code.
pub const FAMILIES: [(&str, Family); 6] = [
    ("error", |code| {
        format!(r#"{{"error":{{"code":"{code}","message":"words"}}}}"#)
    }),
    ("details", |code| {
        format!(
            r#"{{"error":{{"message":"words","details":[{{"code":"{code}","message":"more"}}]}}}}"#
        )
    }),
    ("error_code", |code| {
        format!(r#"{{"error_code":"{code}","error_msg":"words","request_id":"r"}}"#)
    }),
    ("errorCode", |code| {
        format!(r#"{{"errorCode":"{code}","errorMsg":"words"}}"#)
    }),
    ("flat", |code| {
        format!(r#"{{"code":"{code}","message":"words"}}"#)
    }),
    ("swapped", |code| {
        format!("\u{feff}{{\"code\":\"words\",\"message\":\"{code}\"}}")
    }),
];

/// Bodies without a documented code. Three of them still have a form of the service's own: see
/// `proven`.
pub const SILENT: [(&str, &str); 12] = [
    ("empty", ""),
    ("blank", " \r\n"),
    ("an empty object", "{}"),
    ("null", "null"),
    (
        "HTML",
        "<!DOCTYPE html><html><head><title>Bad Gateway</title></head></html>",
    ),
    ("text", "upstream connect error"),
    ("cut JSON", r#"{"error":{"code":"Ecs.0005","mess"#),
    ("cut in the code", r#"{"error_code":"APIGW.03"#),
    (
        "OpenStack",
        r#"{"badRequest":{"code":400,"message":"words"}}"#,
    ),
    (
        "OpenStack, not found",
        r#"{"itemNotFound":{"code":404,"message":"words"}}"#,
    ),
    (
        "an unknown code",
        r#"{"error":{"code":"Vendor.7777","message":"words"}}"#,
    ),
    (
        "a number for a code",
        r#"{"error_code":500,"error_msg":"words"}"#,
    ),
];

/// Returns what a body without a documented code proves by its form: a fault of OpenStack whose
/// code is the status, or a code in the vendor's form.
fn proven(name: &str, status: u16) -> Option<FaultOutcome> {
    match (name, status) {
        ("OpenStack", 400) | ("OpenStack, not found", 404) => Some(Failed),
        ("an unknown code", 401 | 403) => Some(Denied),
        ("an unknown code", 429) => Some(Retried),
        ("an unknown code", 400 | 404 | 409 | 413) => Some(Failed),
        _ => None,
    }
}

/// An answer with its expected results.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status, code and family, for people.
    pub name: String,
    /// The status.
    pub status: u16,
    /// The code in the body.
    pub code: Option<&'static str>,
    /// The body.
    pub body: String,
    /// The expected result of an action that is answered so once.
    pub action: FaultOutcome,
    /// The expected result of a query that is answered so once.
    pub query: FaultOutcome,
}

/// Returns every status × code × family, and every status × silent body.
pub fn answers() -> Vec<Answer> {
    let mut answers = Vec::new();
    for (status, actions, queries) in STATUSES {
        for ((code, action), query) in CODES.into_iter().zip(actions).zip(queries) {
            let bodies: Vec<(&str, String)> = match code {
                Some(code) => FAMILIES.map(|(name, body)| (name, body(code))).to_vec(),
                None => SILENT.map(|(name, body)| (name, body.to_owned())).to_vec(),
            };
            answers.extend(bodies.into_iter().map(|(family, body)| Answer {
                name: format!("{status} {} in {family}", code.unwrap_or("no code")),
                status,
                code,
                // A single page of an intermediary is not trusted.
                query: match query {
                    Blind if code.is_none() && proven(family, status).is_none() => Succeeds,
                    query => query,
                },
                body,
                action: match code {
                    None => proven(family, status).unwrap_or(action),
                    Some(_) => action,
                },
            }));
        }
    }
    answers
}
