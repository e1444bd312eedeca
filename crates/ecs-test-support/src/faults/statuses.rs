//! Answers that are errors: statuses × what the body says × in which family of errors, and what a run must say of each.

use super::Verdict::{self, Blind, Denied, Failed, Retried, Succeeds, Unknown};

/// What the body of an answer can say by its code: nothing, "refused", both codes that are documented to say "later"
/// on a success or a server error, "not with these credentials", "it failed, perhaps while it worked".
pub const CODES: [Option<&str>; 6] = [
    None,
    Some("Ecs.0005"),
    Some("Common.0024"),
    Some("Ecs.0603"),
    Some("Common.0013"),
    Some("Ecs.0000"),
];

/// One status: what must come of an action that is answered so once, and of a query, for each of [`CODES`].
pub type Row = (u16, [Verdict; 6], [Verdict; 6]);

const UNKNOWN: [Verdict; 6] = [Unknown; 6];
/// Throttling by its status, unless the code speaks of work. A page proves nothing.
const RETRIED: [Verdict; 6] = [Unknown, Retried, Retried, Retried, Retried, Unknown];
/// A refusal in the service's own form: the code says more. A page proves nothing.
const REFUSED: [Verdict; 6] = [Unknown, Failed, Retried, Retried, Denied, Unknown];
const FLOW_LIMIT: [Verdict; 6] = [Unknown, Unknown, Retried, Unknown, Unknown, Unknown];
const BUSY: [Verdict; 6] = [Unknown, Unknown, Unknown, Retried, Unknown, Unknown];

const SURVIVES: [Verdict; 6] = [Succeeds; 6];
/// An error in disguise, or a refusal: only credentials are final at once, since a new job may not be known yet.
const BY_CODE: [Verdict; 6] = [Succeeds, Succeeds, Succeeds, Succeeds, Blind, Succeeds];
const BLIND: [Verdict; 6] = [Blind, Succeeds, Succeeds, Succeeds, Blind, Succeeds];

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

/// A way to write a code.
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

/// Bodies in which no code can be read that anybody documents. Three have a form of the service's own all the same: see
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

/// What a body without a documented code proves by its form: a fault of OpenStack's whose code is the status, or a code
/// that is formed as the vendor's.
fn proven(name: &str, status: u16) -> Option<Verdict> {
    match (name, status) {
        ("OpenStack", 400) | ("OpenStack, not found", 404) => Some(Failed),
        ("an unknown code", 401 | 403) => Some(Denied),
        ("an unknown code", 429) => Some(Retried),
        ("an unknown code", 400 | 404 | 409 | 413) => Some(Failed),
        _ => None,
    }
}

/// One answer, and what must come of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status, code and family, for people.
    pub name: String,
    /// The status.
    pub status: u16,
    /// What the body says.
    pub code: Option<&'static str>,
    /// The body.
    pub body: String,
    /// What must come of an action that is answered so once.
    pub action: Verdict,
    /// What must come of a query that is answered so once.
    pub query: Verdict,
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
                // One page of something on the way is doubted.
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
