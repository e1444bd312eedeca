//! Answers that no healthy region gives.

use bytes::Bytes;
use ecs_model::JobId;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

use crate::seed::pick;

/// Returns a throttling that proves that nothing was executed: in all forms, with and without
/// `Retry-After`.
pub(super) fn throttled(rng: &mut impl Rng, now: Timestamp) -> Response<Bytes> {
    let (status, body) = match rng.random_range(0..6) {
        0 => (202, service("Common.0024", "Flow limit exceeded.")),
        1 => (429, service("Common.1503", "too many requests")),
        2 => (
            429,
            gateway(
                "APIGW.0308",
                "policy user over ratelimit,limit:60,time:1 minute",
            ),
        ),
        3 => (429, gateway("APIGW.0308", "throttled")),
        4 => (501, service("Ecs.0603", "try again in a minute")),
        _ => (
            413,
            json!({"overLimit": {"code": 413, "message": "too many requests"}}).to_string(),
        ),
    };
    let mut response = response(status, body);
    let pause = rng.random_range(0..90_u32);
    let date = |seconds: u32| {
        let date = now
            .checked_add(std::time::Duration::from_secs(seconds.into()))
            .ok()?;
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&date)
            .ok()
    };
    let retry_after = match rng.random_range(0..3) {
        0 => Some(pause.to_string()),
        1 => date(pause),
        _ => None,
    };
    for (name, value) in [(header::RETRY_AFTER, retry_after), (header::DATE, date(0))] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Returns a refusal of the credentials in the form of the gateway, of the service, or of
/// OpenStack.
pub(super) fn denied(rng: &mut impl Rng) -> Response<Bytes> {
    match rng.random_range(0..4) {
        0 => response(
            401,
            gateway("APIGW.0301", "incorrect IAM authentication information"),
        ),
        1 => response(401, service("Common.0013", "the token is not valid")),
        2 => response(403, gateway("APIGW.0302", "the IAM user is not authorized")),
        _ => response(
            403,
            json!({"forbidden": {"code": 403, "message": "not permitted"}}).to_string(),
        ),
    }
}

/// Returns an error with a status that does not say whether the request was executed, and a body
/// with any claim, even that it was not.
pub(super) fn server_error(rng: &mut impl Rng) -> Response<Bytes> {
    let status = pick(rng, &[500, 502, 503, 504, 408]);
    let code = pick(
        rng,
        &[
            "Ecs.0000",
            "Common.0001",
            "APIGW.0201",
            "Common.0024",
            "Ecs.0005",
            "Ecs.0118",
            "Ecs.0605",
        ],
    );
    // A 408 with a code that proves a refusal is a refusal.
    let first = if status == 408 { 4 } else { 0 };
    let body = match rng.random_range(first..7) {
        0 => service(code, "something went wrong"),
        1 => gateway(code, "something went wrong"),
        2 => json!({"errorCode": code, "errorMsg": "something went wrong"}).to_string(),
        3 => json!({"code": code, "message": "something went wrong"}).to_string(),
        4 => {
            json!({"computeFault": {"code": status, "message": "something went wrong"}}).to_string()
        }
        5 => HTML.to_owned(),
        _ => String::new(),
    };
    response(status, cut_sometimes(rng, body))
}

/// Returns an answer that proves nothing about an action: a server error, or a page of an
/// intermediary with any status.
pub(super) fn nothing_proven(rng: &mut impl Rng) -> Response<Bytes> {
    if rng.random() {
        return server_error(rng);
    }
    let status = pick(rng, &[302, 400, 401, 403, 404, 409, 413, 429]);
    let bodies = [
        "",
        "{}",
        HTML,
        "Forbidden",
        r#"{"message":"no Route matched with those values"}"#,
        r#"{"error":{"code":"Ecs.00"#,
    ];
    response(status, pick(rng, &bodies))
}

/// Returns a success without content.
pub(super) fn garbage(rng: &mut impl Rng) -> Response<Bytes> {
    let bodies = [
        "",
        "{}",
        "null",
        HTML,
        r#"{"job_id":null}"#,
        r#"{"job_id":[]}"#,
        r#"{"job_id":"ff80808288d41e1b01899"#,
        r#"{"job_id":{},"error":{"code":"Common.0024","message":"Flow limit exceeded."}}"#,
    ];
    let status = pick(rng, &[200, 200, 201, 202, 204]);
    match status {
        204 => response(status, String::new()),
        _ => response(status, pick(rng, &bodies)),
    }
}

/// Returns a refusal of an unknown job, in the form of either half of the service.
pub(super) fn unknown_job(rng: &mut impl Rng) -> Response<Bytes> {
    match rng.random_range(0..5) {
        0 => response(400, service("Common.0011", "the job does not exist")),
        1 => response(
            400,
            json!({"code": "Common.0011", "message": "the job does not exist"}).to_string(),
        ),
        2 => response(404, service("Common.0011", "the job does not exist")),
        3 => response(
            200,
            json!({"code": "Common.0011", "message": "the job does not exist"}).to_string(),
        ),
        _ => response(
            404,
            json!({"itemNotFound": {"code": 404, "message": "no such job"}}).to_string(),
        ),
    }
}

/// Returns an unfinished job, in each of the documented forms.
pub(super) fn unfinished_job(rng: &mut impl Rng) -> Response<Bytes> {
    let status = pick(rng, &["INIT", "RUNNING", "RUNNING", "PENDING_PAYMENT"]);
    let entities = pick(
        rng,
        &[
            Value::Null,
            json!({}),
            json!({"sub_jobs_total": 0, "sub_jobs": []}),
        ],
    );
    let mut job = json!({
        "status": status, "entities": entities, "end_time": "", "error_code": null, "fail_reason": "",
    });
    if rng.random()
        && let Some(job) = job.as_object_mut()
    {
        job.remove("entities");
    }
    response(200, job.to_string())
}

/// Returns a success whose body reports a temporary failure of the query.
pub(super) fn error_as_success(rng: &mut impl Rng) -> Response<Bytes> {
    let code = pick(
        rng,
        &[
            "Ecs.0000",
            "Common.0001",
            "Common.1503",
            "APIGW.0201",
            "Ecs.9999",
        ],
    );
    let mut error = json!({"code": code, "message": "something went wrong"});
    match rng.random_range(0..3) {
        0 => {}
        1 => error["status"] = Value::Null,
        _ => error["entities"] = json!({"code": "Common.0011", "message": "not of the query"}),
    }
    response(200, error.to_string())
}

/// Returns the given answer.
pub(super) fn replaced(status: StatusCode, body: &Bytes) -> Response<Bytes> {
    let mut response = Response::new(body.clone());
    *response.status_mut() = status;
    response
}

/// Returns the head of the answer with a gzip body.
pub(super) fn compressed(mut response: Response<Bytes>) -> Response<Bytes> {
    // Header, an empty block, checksum and length of an empty text.
    const GZIP: &[u8] =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    *response.body_mut() = Bytes::from_static(GZIP);
    let gzip = HeaderValue::from_static("gzip");
    response
        .headers_mut()
        .insert(header::CONTENT_ENCODING, gzip);
    response
}

/// Returns the answer with a leading byte-order mark.
pub(super) fn marked(mut response: Response<Bytes>) -> Response<Bytes> {
    let marked = [b"\xef\xbb\xbf", &response.body()[..]].concat();
    *response.body_mut() = marked.into();
    response
}

/// Returns the answer with a number as its job id, and the original id.
pub(super) fn numbered(
    mut response: Response<Bytes>,
    number: u64,
) -> (Response<Bytes>, Option<JobId>) {
    let mut job = None;
    if let Ok(mut body) = serde_json::from_slice::<Value>(response.body())
        && let Some(id) = body.get_mut("job_id")
    {
        job = id.as_str().and_then(|id| id.parse().ok());
        *id = number.into();
        *response.body_mut() = body.to_string().into();
    }
    (response, job)
}

const HTML: &str = "<html><head><title>Bad Gateway</title></head></html>";

fn service(code: &str, message: &str) -> String {
    json!({"error": {"code": code, "message": message}}).to_string()
}

fn gateway(code: &str, message: &str) -> String {
    json!({"error_code": code, "error_msg": message, "request_id": "0"}).to_string()
}

fn cut_sometimes(rng: &mut impl Rng, mut body: String) -> String {
    if rng.random_bool(0.1) {
        body.truncate(body.len() / 2);
    }
    body
}

fn response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    // Every status here is valid.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}
