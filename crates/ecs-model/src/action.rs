//! What the batch actions have in common: one object named after the action, with servers and perhaps a type.

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use crate::validate::{Schema, ValidationError};
use crate::{ProjectId, ServerId, operation};

struct Body<'a> {
    key: &'static str,
    kind: Option<&'static str>,
    servers: &'a [ServerId],
}

#[derive(Serialize)]
struct Action<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(serialize_with = "references")]
    servers: &'a [ServerId],
}

#[derive(Serialize)]
struct Reference {
    id: ServerId,
}

fn references<S: Serializer>(servers: &[ServerId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(servers.iter().map(|&id| Reference { id }))
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let action = Action {
            kind: self.kind,
            servers: self.servers,
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.key, &action)?;
        map.end()
    }
}

/// The request of an action.
pub(crate) fn encode(
    project: &ProjectId,
    key: &'static str,
    kind: Option<&'static str>,
    servers: &[ServerId],
) -> http::Request<Bytes> {
    let body = Body { key, kind, servers };
    // Texts and a list: there is nothing in it that could fail to serialize.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    operation::request(
        Method::POST,
        &format!("/v1/{project}/cloudservers/action"),
        "",
        Some(body),
    )
}

/// Reads the body of an action and checks it against its schema: the type, if it is given, and the servers.
pub(crate) fn parse(
    schema: &Schema,
    key: &'static str,
    body: &[u8],
) -> Result<(Option<String>, Vec<ServerId>), ValidationError> {
    let body = schema.parse(body)?;
    let action = body.get(key);
    let kind = action
        .and_then(|action| action.get("type"))
        .and_then(Value::as_str);
    let servers = action
        .and_then(|action| action.get("servers"))
        .and_then(Value::as_array);
    let servers = servers.into_iter().flatten();
    let servers =
        servers.filter_map(|server| server.get("id").and_then(Value::as_str)?.parse().ok());
    Ok((kind.map(str::to_owned), servers.collect()))
}
