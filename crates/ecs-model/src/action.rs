//! The body of the batch actions: one object named after the action, with servers and optionally a
//! type.

#[cfg(any(test, feature = "server"))]
use crate::schema::Schema;
#[cfg(any(test, feature = "server"))]
use crate::validate::ValidationError;
use crate::{ProjectId, ServerId, operation};
use bytes::Bytes;
use http::Method;

/// Builds the request of an action.
pub(crate) fn encode(
    project: &ProjectId,
    key: &'static str,
    kind: Option<&'static str>,
    servers: &[ServerId],
) -> http::Request<Bytes> {
    operation::request(
        Method::POST,
        &["/v1/", project.as_str(), "/cloudservers/action"],
        "",
        Some(body(key, kind, servers)),
    )
}

/// Writes `{"reboot":{"type":"SOFT","servers":[{"id":…},…]}}`. No part of it needs escaping, and
/// its length is known beforehand.
fn body(key: &'static str, kind: Option<&'static str>, servers: &[ServerId]) -> Vec<u8> {
    const AROUND: usize = 64;
    const BEFORE: &[u8] = br#"{"id":""#;
    const AFTER: &[u8] = br#""}"#;
    let each = BEFORE.len() + ServerId::LENGTH + AFTER.len() + 1;
    let mut body = Vec::with_capacity(AROUND + servers.len() * each);
    let mut push = |text: &[u8]| body.extend_from_slice(text);
    for text in [r#"{""#, key, r#"":{"#] {
        push(text.as_bytes());
    }
    if let Some(kind) = kind {
        for text in [r#""type":""#, kind, r#"","#] {
            push(text.as_bytes());
        }
    }
    push(br#""servers":["#);
    for (at, id) in servers.iter().enumerate() {
        if at > 0 {
            push(b",");
        }
        push(BEFORE);
        push(&id.to_ascii());
        push(AFTER);
    }
    push(b"]}}");
    body
}

/// Parses the body of an action and checks it against its schema: the type, if given, and the
/// servers.
#[cfg(any(test, feature = "server"))]
pub(crate) fn parse(
    schema: &Schema,
    key: &'static str,
    body: &[u8],
) -> Result<(Option<String>, Vec<ServerId>), ValidationError> {
    let body = schema.parse(body)?;
    let action = body.get(key);
    let kind = action
        .and_then(|action| action.get("type"))
        .and_then(serde_json::Value::as_str);
    let servers = action
        .and_then(|action| action.get("servers"))
        .and_then(serde_json::Value::as_array);
    let servers = servers.into_iter().flatten();
    let servers = servers.filter_map(|server| {
        server
            .get("id")
            .and_then(serde_json::Value::as_str)?
            .parse()
            .ok()
    });
    Ok((kind.map(str::to_owned), servers.collect()))
}
