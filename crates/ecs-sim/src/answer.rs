//! Answers, in the families of the service and of the gateway in front of it.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::json;

/// An answer without its request id.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A success.
    Found(Vec<u8>),
    /// An issued token, and IAM's description of it.
    Issued(String, Vec<u8>),
    /// A text.
    Text(String),
    /// The service's own family: `{"error":{"code","message"}}`.
    Error(StatusCode, &'static str, String),
    /// The family of the job query: `{"code","message"}`.
    Bare(StatusCode, &'static str, String),
    /// The gateway's family: `{"error_code","error_msg","request_id"}`.
    Gateway(StatusCode, &'static str, String),
    /// The family of IAM: `{"error":{"code","message","title"}}`.
    Keystone(StatusCode, String),
    /// The family of OpenStack: `{"<name>":{"code","message"}}`.
    Fault(StatusCode, &'static str, String),
}

impl Answer {
    /// 200 with this body.
    pub(crate) fn found(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::Found(body),
            // Unreachable: answers hold only maps with text keys.
            Err(error) => Self::Error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Common.0001",
                format!("the answer could not be written: {error}"),
            ),
        }
    }

    /// Creates the gateway's answer to a query above its limit per minute.
    pub(crate) fn over_limit(limit: usize) -> Self {
        let message = format!(
            "over the throttling threshold: policy user over ratelimit,limit:{limit},time:1 minute"
        );
        Self::Gateway(StatusCode::TOO_MANY_REQUESTS, "APIGW.0308", message)
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::Error(StatusCode::BAD_REQUEST, code, message.into())
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response<Bytes> {
        let mut token = None;
        let mut content_type = "application/json;charset=utf-8";
        let (status, body) = match self {
            Self::Found(body) => (StatusCode::OK, body),
            Self::Issued(issued, body) => {
                token = Some(issued);
                (StatusCode::CREATED, body)
            }
            Self::Text(text) => {
                content_type = "text/plain";
                (StatusCode::OK, text.into_bytes())
            }
            Self::Error(status, code, message) => (
                status,
                json!({"error": {"code": code, "message": message}})
                    .to_string()
                    .into_bytes(),
            ),
            Self::Bare(status, code, message) => (
                status,
                json!({"code": code, "message": message})
                    .to_string()
                    .into_bytes(),
            ),
            Self::Gateway(status, code, message) => (
                status,
                json!({"error_code": code, "error_msg": message, "request_id": request_id})
                    .to_string()
                    .into_bytes(),
            ),
            Self::Keystone(status, message) => {
                let title = status.canonical_reason().unwrap_or_default();
                let body = json!({
                    "error": {"code": status.as_u16(), "message": message, "title": title}
                });
                (status, body.to_string().into_bytes())
            }
            Self::Fault(status, name, message) => (
                status,
                json!({name: {"code": status.as_u16(), "message": message}})
                    .to_string()
                    .into_bytes(),
            ),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        if let Some(Ok(mut token)) = token.as_deref().map(HeaderValue::from_str) {
            token.set_sensitive(true);
            headers.insert(HeaderName::from_static("x-subject-token"), token);
        }
        response
    }
}
