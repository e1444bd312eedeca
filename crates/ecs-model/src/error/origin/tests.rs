//! Tests of which forms prove who made an answer.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::{AnswerOrigin, FAULTS, intermediary};
use crate::ResponseError;

fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = given.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    pairs.collect()
}

fn origin(status: u16, headers: &HeaderMap, body: &str) -> AnswerOrigin {
    let status = StatusCode::from_u16(status).expect("a status");
    ResponseError::parse(status, headers, body.as_bytes()).origin()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn forms_prove_the_origin() {
    use AnswerOrigin::{ApiGateway, OverLimit, Service, ServiceWithoutCode, Unproven};
    let id = [("x-request-id", "8c6e")];
    let rows: &[(u16, bool, &str, AnswerOrigin)] = &[
        (
            400,
            false,
            r#"{"error":{"code":"Ecs.0005","message":"m"}}"#,
            Service,
        ),
        (
            400,
            false,
            r#"{"error":{"code":"Ecs.0947","message":"new"}}"#,
            Service,
        ),
        (
            400,
            false,
            r#"{"code":"Common.0011","message":"m"}"#,
            Service,
        ),
        (
            500,
            false,
            r#"{"errorCode":"Ecs.0002","errorMsg":"m"}"#,
            Service,
        ),
        (
            429,
            false,
            r#"{"error_code":"APIGW.0308","error_msg":"m"}"#,
            ApiGateway,
        ),
        (
            401,
            false,
            r#"{"error_code":"apigw.0301","error_msg":"m"}"#,
            ApiGateway,
        ),
        (
            404,
            false,
            r#"{"itemNotFound":{"code":404,"message":"m"}}"#,
            Service,
        ),
        (
            409,
            false,
            r#"{"conflictingRequest":{"code":"409","message":"m"}}"#,
            Service,
        ),
        (
            413,
            false,
            r#"{"overLimit":{"code":413,"message":"m","retryAfter":"3"}}"#,
            OverLimit,
        ),
        (
            429,
            false,
            r#"{"overLimit":{"code":429,"message":"m"}}"#,
            OverLimit,
        ),
        (
            401,
            false,
            r#"{"error":{"code":401,"title":"Unauthorized","message":"m"}}"#,
            Service,
        ),
        (
            400,
            true,
            r#"{"error":{"message":"Server x is locked."}}"#,
            ServiceWithoutCode,
        ),
        (
            400,
            true,
            r#"{"error":{"code":7,"message":"m"}}"#,
            ServiceWithoutCode,
        ),
        // The status as the code: a custom error page of a gateway that adds a request id.
        (
            404,
            true,
            r#"{"error":{"code":404,"message":"Not Found"}}"#,
            Unproven,
        ),
        (
            400,
            true,
            r#"{"error":{"code":"400","message":"Bad Request"}}"#,
            Unproven,
        ),
        // Forms of the service without its request id, and with a request id only in the body.
        (
            400,
            false,
            r#"{"error":{"message":"Server x is locked."}}"#,
            Unproven,
        ),
        (
            400,
            false,
            r#"{"error":{"message":"m"},"request_id":"r"}"#,
            Unproven,
        ),
        // Codes that are not the status, unknown fault names, and JSON of gateways.
        (
            404,
            true,
            r#"{"itemNotFound":{"code":400,"message":"m"}}"#,
            Unproven,
        ),
        (404, true, r#"{"itemNotFound":{"code":404}}"#, Unproven),
        (
            404,
            true,
            r#"{"itemNotFound":{"code":404,"message":"m"},"more":1}"#,
            Unproven,
        ),
        (
            404,
            true,
            r#"{"notFound":{"code":404,"message":"m"}}"#,
            Unproven,
        ),
        (404, true, "{}", Unproven),
        (
            404,
            true,
            r#"{"message":"no Route matched with those values"}"#,
            Unproven,
        ),
        (
            404,
            true,
            r#"{"error_msg":"404 Route Not Found"}"#,
            Unproven,
        ),
        (
            404,
            true,
            r#"{"status":404,"error":"Not Found","path":"/"}"#,
            Unproven,
        ),
        (
            429,
            false,
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#,
            Unproven,
        ),
        (
            429,
            true,
            "<html><h1>429 Too Many Requests</h1></html>",
            Unproven,
        ),
        (429, true, "", Unproven),
        (403, true, "Forbidden", Unproven),
    ];
    for (status, with_id, body, expected) in rows {
        let headers = if *with_id {
            headers(&id)
        } else {
            HeaderMap::new()
        };
        assert_eq!(
            origin(*status, &headers, body),
            *expected,
            "{status} {body}"
        );
    }
}

#[test]
fn intermediaries_are_named() {
    type Row = (
        &'static [(&'static str, &'static str)],
        Option<&'static str>,
    );
    let rows: &[Row] = &[
        (&[], None),
        (&[("server", "api-gateway")], None),
        (&[("server", "haproxy")], Some("haproxy")),
        (
            &[
                ("server", "squid/5.7"),
                ("via", "1.1 a, 1.1 vm (squid/5.7)"),
            ],
            Some("a proxy that calls itself \"1.1 vm (squid/5.7)\""),
        ),
        (&[("x-squid-error", "ERR_ACCESS_DENIED 0")], Some("squid")),
    ];
    for (given, expected) in rows {
        assert_eq!(
            intermediary(&headers(given)).as_deref(),
            *expected,
            "{given:?}"
        );
    }
    let long = HeaderValue::from_str(&"nginx".repeat(100)).expect("a value");
    let long = HeaderMap::from_iter([(http::header::SERVER, long)]);
    assert_eq!(intermediary(&long).map(|name| name.len()), Some(80));
}

/// The text for people names the maker only if the form does not prove the service.
#[test]
fn unproven_answers_name_their_maker() {
    let nginx = headers(&[("server", "nginx/1.22.1")]);
    let shown = |body: &[u8]| ResponseError::parse(StatusCode::FORBIDDEN, &nginx, body).to_string();
    assert_eq!(
        shown(b"<html>"),
        "HTTP 403 with an HTML page (answered by nginx/1.22.1)"
    );
    assert_eq!(
        shown(br#"{"code":"Ecs.0005","message":"m"}"#),
        "HTTP 403 Ecs.0005: m"
    );
}

proptest! {
    /// A page without a JSON object never counts as the service's answer, whatever its status and
    /// headers.
    #[test]
    fn pages_are_never_the_services_answer(status in 100u16..600, page in "[^{]{0,200}", id in "[a-z0-9]{0,8}") {
        let mut headers = HeaderMap::new();
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert("x-request-id", id);
        }
        prop_assert_eq!(origin(status, &headers, &page), AnswerOrigin::Unproven);
    }

    /// A fault counts only with the status of its answer.
    #[test]
    fn faults_count_only_with_their_status(name in prop::sample::select(FAULTS), code in 400u16..600, status in 400u16..600) {
        let body = format!(r#"{{"{name}":{{"code":{code},"message":"m"}}}}"#);
        prop_assert_eq!(origin(status, &HeaderMap::new(), &body).is_proven(), code == status);
    }
}
