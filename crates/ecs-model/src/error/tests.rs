//! Tests of every form in which errors come, and of their details.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::*;

fn headers(given: &[(&'static str, &[u8])]) -> HeaderMap {
    let pairs = given.iter().map(|(name, value)| {
        let value = HeaderValue::from_bytes(value).expect("a value");
        (HeaderName::from_static(name), value)
    });
    pairs.collect()
}

fn parse(status: u16, body: &str) -> ResponseError {
    let status = StatusCode::from_u16(status).expect("a status");
    ResponseError::parse(
        status,
        &headers(&[("x-request-id", b"8c6e")]),
        body.as_bytes(),
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn code_and_message_are_found_in_every_family() {
    type Row = (
        u16,
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
    );
    let rows: &[Row] = &[
        (
            400,
            r#"{"error":{"code":"Ecs.0005","message":"m"}}"#,
            Some("Ecs.0005"),
            Some("m"),
        ),
        (
            403,
            r#"{"error_code":"APIGW.0301","error_msg":"m","request_id":"r"}"#,
            Some("APIGW.0301"),
            Some("m"),
        ),
        (
            500,
            r#"{"errorCode":"Ecs.0002","errorMsg":"m"}"#,
            Some("Ecs.0002"),
            Some("m"),
        ),
        (
            400,
            r#"{"code":"Common.0011","message":"m"}"#,
            Some("Common.0011"),
            Some("m"),
        ),
        (
            400,
            r#"{"badRequest":{"code":400,"message":"m"}}"#,
            Some("400"),
            Some("m"),
        ),
        (
            404,
            r#"{"itemNotFound":{"message":"m","code":404}}"#,
            Some("404"),
            Some("m"),
        ),
        (
            500,
            r#"{"error_code":500,"error_msg":"m"}"#,
            Some("500"),
            Some("m"),
        ),
        (
            500,
            r#"{"error_code":-1,"error_msg":"m"}"#,
            Some("-1"),
            Some("m"),
        ),
        (
            401,
            r#"{"error":{"code":401,"message":"m","title":"Unauthorized"}}"#,
            Some("401"),
            Some("m"),
        ),
        (400, r#"{"error_msg":"m"}"#, None, Some("m")),
        (400, r#"{"error":"m"}"#, None, Some("m")),
        (
            400,
            r#"{"error":{"message":"","code":"Ecs.0005"}}"#,
            Some("Ecs.0005"),
            None,
        ),
        // The swap of the documentation, with a known and a new code.
        (
            400,
            r#"{"error":{"message":"Ecs.0114","code":"does not exist"}}"#,
            Some("Ecs.0114"),
            Some("does not exist"),
        ),
        (
            400,
            r#"{"code":"does not exist","message":"New.98765"}"#,
            Some("New.98765"),
            Some("does not exist"),
        ),
        (400, r#"{"message":"Ecs.0114"}"#, Some("Ecs.0114"), None),
        // Not a swap: two codes, or a message that holds one.
        (
            400,
            r#"{"code":"Ecs.0114","message":"Ecs.0005"}"#,
            Some("Ecs.0114"),
            Some("Ecs.0005"),
        ),
        (
            400,
            r#"{"code":"x","message":"see Ecs.0005"}"#,
            Some("x"),
            Some("see Ecs.0005"),
        ),
        // Without a code and a message, the details count.
        (
            400,
            r#"{"error":{"details":[{},{"code":"Ecs.0114","message":"m"}]}}"#,
            Some("Ecs.0114"),
            Some("m"),
        ),
        (
            400,
            r#"{"code":null,"message":" ","error":{"code":"Ecs.0005","message":" m\n"}}"#,
            Some("Ecs.0005"),
            Some("m"),
        ),
        (
            400,
            r#"{"code":[],"error_code":"Ecs.0005","message":{},"error_msg":"m"}"#,
            Some("Ecs.0005"),
            Some("m"),
        ),
        // Not an object, or not JSON.
        (400, r#"[{"code":"Ecs.0005"}]"#, None, None),
        (400, r#""Ecs.0005""#, None, None),
        (
            502,
            "<html><title>502 Bad Gateway</title></html>",
            None,
            None,
        ),
        (502, "upstream connect error", None, None),
        (502, "", None, None),
        (502, r#"{"error":{"code":"Ecs.0005","mess"#, None, None),
        (
            400,
            r#"{"error":{"code":"Ecs.0005","message":"m"}} trailing"#,
            None,
            None,
        ),
    ];
    for &(status, body, code, message) in rows {
        let error = parse(status, body);
        assert_eq!((error.code(), error.message()), (code, message), "{body}");
        assert_eq!(error.status().as_u16(), status, "{body}");
        assert_eq!(error.request_id(), Some("8c6e"), "{body}");
        assert_eq!(error.kind(), ResponseErrorKind::Refused, "{body}");
        assert!(
            error.to_string().starts_with(&format!("HTTP {status}")),
            "{error}"
        );
    }
}

#[test]
fn invalid_json_bytes_are_replaced() {
    let bodies: &[&[u8]] = &[
        b"\xef\xbb\xbf{\"error\":{\"code\":\"Ecs.0005\",\"message\":\"m\"}}",
        b"{\"error\":{\"code\":\"Ecs.0002\",\"code\":\"Ecs.0005\",\"message\":\"m\"}}",
        b"{\"code\":\"Ecs.0005\",\"message\":\"m\",\"x\":\"\xff\xfe\"}",
        b"{\"code\":\"Ecs.0005\",\"message\":\"m\",\"x\":\"cut \\ud83d\"}",
        b"{\"code\":\"Ecs.0005\",\"message\":\"m\",\"x\":\"a\nb\tc\"}",
        b" \r\n{\"code\":\"Ecs.0005\",\"message\":\"m\"}\r\n",
    ];
    for body in bodies {
        let error = ResponseError::parse(StatusCode::BAD_REQUEST, &HeaderMap::new(), body);
        let body = String::from_utf8_lossy(body);
        assert_eq!(
            (error.code(), error.message()),
            (Some("Ecs.0005"), Some("m")),
            "{body}"
        );
        assert_eq!(error.shape(), &BodyShape::Json, "{body}");
    }
}

#[test]
fn details_are_kept() {
    let error = parse(
        400,
        r#"{"error":{"code":"Ecs.0005","message":"m","details":[
            {"code":"Ecs.0114","message":"a"}, 7, {}, {"error_code":3}, {"code":"words","message":"Ecs.0118"}]}}"#,
    );
    let details: Vec<_> = error
        .details()
        .iter()
        .map(|item| (item.code.as_deref(), item.message.as_deref()))
        .collect();
    let expected = [
        (Some("Ecs.0114"), Some("a")),
        (Some("3"), None),
        (Some("Ecs.0118"), Some("words")),
    ];
    assert_eq!(details, expected);
    assert_eq!(error.code(), Some("Ecs.0005"));
}

#[test]
fn body_shapes_are_recognized() {
    let shape = |body: &str| parse(502, body).shape().clone();
    assert_eq!(shape(""), BodyShape::Empty);
    assert_eq!(shape(" \r\n"), BodyShape::Empty);
    assert_eq!(shape("{}"), BodyShape::Json);
    assert_eq!(shape("null"), BodyShape::Other);
    assert_eq!(shape("{\"a\":"), BodyShape::Other);
    assert_eq!(shape("<!DOCTYPE HTML PUBLIC><p>"), BodyShape::Html(None));
    let titled = "<HTML>\n<Title>\n 502  Bad\nGateway </TITLE>";
    assert_eq!(
        shape(titled),
        BodyShape::Html(Some("502 Bad Gateway".to_owned()))
    );
    // A title with letters that grow when their case changes, one without an end, and a long one.
    assert_eq!(
        shape("<html><title>İİ</title>"),
        BodyShape::Html(Some("İİ".to_owned()))
    );
    assert_eq!(shape("<html><title>502"), BodyShape::Html(None));
    let long = format!("<html><title>{}</title>", "ä".repeat(1000));
    assert_eq!(shape(&long), BodyShape::Html(Some("ä".repeat(120))));
}

#[test]
fn request_ids_are_found_in_headers_and_bodies() {
    const BODY: &[u8] = br#"{"error_code":"APIGW.0301","error_msg":"m","request_id":"in-body"}"#;
    type Row = (
        &'static [(&'static str, &'static [u8])],
        Option<&'static str>,
    );
    let rows: &[Row] = &[
        (&[], Some("in-body")),
        (&[("x-request-id", b"in-header")], Some("in-header")),
        (&[("x-openstack-request-id", b"req-1")], Some("req-1")),
        (
            &[
                ("x-openstack-request-id", b"req-1"),
                ("x-request-id", b"first"),
            ],
            Some("first"),
        ),
        (
            &[("x-request-id", b" "), ("x-request-id", b"second")],
            Some("second"),
        ),
        (&[("x-request-id", b"")], Some("in-body")),
        // Bytes beyond ASCII do not lose the id.
        (&[("x-request-id", b"id-\xe9")], Some("id-\u{fffd}")),
    ];
    for (given, expected) in rows {
        let error = ResponseError::parse(StatusCode::FORBIDDEN, &headers(given), BODY);
        assert_eq!(error.request_id(), *expected, "{given:?}");
    }
    let nested = br#"{"error":{"code":"a","message":"b","request_id":"nested"}}"#;
    let error = ResponseError::parse(StatusCode::FORBIDDEN, &HeaderMap::new(), nested);
    assert_eq!(error.request_id(), Some("nested"));
}

#[test]
fn headers_are_kept() {
    let given = headers(&[
        ("retry-after", b"Fri, 27 Nov 2026 10:00:00 GMT"),
        ("location", b"https://example.com/login"),
    ]);
    let error = ResponseError::parse(StatusCode::FOUND, &given, b"");
    assert_eq!(error.retry_after(), Some("Fri, 27 Nov 2026 10:00:00 GMT"));
    assert_eq!(error.location(), Some("https://example.com/login"));
    let shown =
        "HTTP 302 with an empty body (points to \"https://example.com/login\", not followed)";
    assert_eq!(error.to_string(), shown);
    for (pause, expected) in [
        (r#""58""#, Some("58")),
        ("58", Some("58")),
        ("57.2", Some("58")),
        (
            r#""Fri, 27 Nov 2026 10:00:00 GMT""#,
            Some("Fri, 27 Nov 2026 10:00:00 GMT"),
        ),
        (r#"" ""#, None),
        ("-1", None),
        ("null", None),
        ("[58]", None),
    ] {
        let over_limit =
            format!(r#"{{"overLimit":{{"code":413,"message":"m","retryAfter":{pause}}}}}"#);
        assert_eq!(parse(413, &over_limit).retry_after(), expected, "{pause}");
        // Another fault or a page with the same content asks for no pause.
        let other = over_limit.replace("overLimit", "badRequest");
        assert_eq!(parse(413, &other).retry_after(), None);
    }
    assert_eq!(parse(429, "").retry_after(), None);
}

#[test]
fn errors_display_for_people() {
    let shown = |status, body| parse(status, body).to_string();
    assert_eq!(
        shown(400, r#"{"code":"Ecs.0005","message":"bad"}"#),
        "HTTP 400 Ecs.0005: bad"
    );
    assert_eq!(shown(400, r#"{"code":"Ecs.0005"}"#), "HTTP 400 Ecs.0005");
    assert_eq!(shown(400, r#"{"message":"bad"}"#), "HTTP 400: bad");
    assert_eq!(shown(502, "<html>"), "HTTP 502 with an HTML page");
    assert_eq!(
        shown(502, "<html><title>Bad</title>"),
        "HTTP 502 with an HTML page titled \"Bad\""
    );
    assert_eq!(shown(200, "{}"), "HTTP 200 with an unexpected body");
    assert_eq!(
        shown(200, "ok"),
        "HTTP 200 with a body that is not a JSON object"
    );
}

#[test]
fn throttling_and_credentials_are_recognized() {
    let body = |code: &str| format!(r#"{{"code":"{code}","message":"m"}}"#);
    assert!(parse(429, "").is_throttling());
    assert!(parse(429, &body("APIGW.0308")).is_throttling());
    assert!(parse(202, &body("Common.0024")).is_throttling());
    assert!(parse(202, &body("common.0024")).is_throttling());
    assert!(!parse(503, "").is_throttling());
    assert!(!parse(404, &body("Ecs.0114")).is_throttling());
    assert!(parse(401, "").is_credentials());
    assert!(parse(403, &body("Made.0000")).is_credentials());
    // A code with another meaning overrides the status.
    assert!(!parse(403, &body("Ecs.0114")).is_credentials());
    assert!(!parse(400, "").is_credentials());
}

/// A success that names a job in an unreadable form and has an error code proves nothing.
#[test]
fn contradictory_answers_prove_nothing() {
    for id in [
        r#"[1]"#,
        "1.5",
        "true",
        r#"{"a":1}"#,
        r#""a b""#,
        "123456789012345678901",
    ] {
        let error = parse(
            202,
            &format!(r#"{{"job_id":{id},"code":"Common.0024","message":"m"}}"#),
        );
        assert_eq!(
            (error.code(), error.message()),
            (Some("Common.0024"), Some("m")),
            "{id}"
        );
        assert!(error.info().is_none() && !error.is_throttling(), "{id}");
    }
    for id in ["null", r#""""#, r#"" ""#] {
        let error = parse(
            202,
            &format!(r#"{{"job_id":{id},"code":"Common.0024","message":"m"}}"#),
        );
        assert!(error.is_throttling(), "{id}");
    }
    // An error that names its job does not contradict itself.
    let error = parse(404, r#"{"job_id":[1],"code":"Ecs.0114","message":"m"}"#);
    assert!(error.info().is_some());
}

/// A body that is too large for an error is not parsed, but still an error.
#[test]
fn oversized_bodies_are_not_parsed() {
    let read = |padding: usize| {
        let padding = "x".repeat(padding);
        let body = format!(r#"{{"error":{{"code":"Ecs.0005","message":"{padding}"}}}}"#);
        let error =
            ResponseError::parse(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
        error.code().map(str::to_owned)
    };
    assert_eq!(read(200_000).as_deref(), Some("Ecs.0005"));
    assert_eq!(read(300_000), None);
}
