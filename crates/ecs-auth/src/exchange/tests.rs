use bytes::Bytes;
use http::Response;

use super::{refusal, without};
use crate::AuthErrorKind;

fn message(status: u16, body: &'static str) -> (AuthErrorKind, String) {
    let response = Response::builder()
        .status(status)
        .header("x-request-id", "r-1")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap();
    let error = refusal(
        "IAM at iam.example",
        &response,
        None,
        without(&["sesame", r#"se"s/me"#, ""]),
    );
    (error.kind(), error.to_string())
}

#[test]
fn each_form_of_error_is_read() {
    for (body, expected) in [
        (
            r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#,
            "The username or password is wrong.",
        ),
        (
            r#"{"error":{"code":"IAM.0101","message":"no"}}"#,
            "IAM.0101: no",
        ),
        (
            r#"{"error_msg":"verify aksk signature fail","error_code":"APIGW.0301"}"#,
            "APIGW.0301: verify aksk signature fail",
        ),
        (r#"{"code":"Ecs.0201","message":"no"}"#, "Ecs.0201: no"),
        (r#"{"message":"no, canonicalRequest:GET|/|"}"#, "no"),
        (r#"{"message":"no"}"#, "no"),
    ] {
        let (kind, message) = message(401, body);
        assert_eq!(kind, AuthErrorKind::Refused);
        assert_eq!(
            message,
            format!("IAM at iam.example answered 401: {expected} (request r-1)")
        );
    }
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"error":null}"#,
        r#"{"code":{}}"#,
        "\u{0}",
    ] {
        let (_, message) = message(401, body);
        assert_eq!(message, "IAM at iam.example answered 401 (request r-1)");
    }
}

#[test]
fn temporary_failures_are_no_refusals() {
    for (status, kind) in [
        (400, AuthErrorKind::Refused),
        (403, AuthErrorKind::Refused),
        (404, AuthErrorKind::Refused),
        (302, AuthErrorKind::Refused),
        (408, AuthErrorKind::Unavailable),
        (429, AuthErrorKind::Unavailable),
        (500, AuthErrorKind::Unavailable),
        (503, AuthErrorKind::Unavailable),
    ] {
        assert_eq!(message(status, "").0, kind, "{status}");
    }
}

#[test]
fn a_service_that_echoes_a_secret_does_not_spread_it() {
    let (_, message) = message(400, r#"{"message":"bad value 'sesame'\n\u001b[31m"}"#);
    assert!(message.contains("bad value '***'"), "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
    // In the form of the sent body, in that of an address, and as the code.
    for body in [
        r#"{"message":"cannot parse: {\"password\":\"se\\\"s/me\"}"}"#,
        r#"{"message":"password=se%22s%2Fme"}"#,
        r#"{"message":"no","code":"se\"s/me"}"#,
    ] {
        let (_, message) = self::message(400, body);
        assert!(
            message.contains("***") && !message.contains("me"),
            "{message}"
        );
    }
}

#[test]
fn a_long_message_is_cut() {
    let body = format!(r#"{{"message":"{}"}}"#, "é".repeat(100_000));
    let (_, message) = message(400, String::leak(body));
    assert!(message.chars().count() < 400);
}
