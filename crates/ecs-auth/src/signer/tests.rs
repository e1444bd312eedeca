use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde_json::Value;

use super::{compute, sign};
use crate::{AccessKey, VerifyErrorKind, verify};

const SECRET: &str = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";

fn key() -> AccessKey {
    AccessKey::new("QTWAOYTTINDUT2QVKYUC", SECRET).unwrap()
}

fn now() -> jiff::Timestamp {
    "2026-11-23T12:59:00Z".parse().unwrap()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

/// Returns the `uri` of a vector on the wire: HTTP libraries escape what a URI cannot hold.
fn on_the_wire(uri: &str) -> String {
    uri.bytes()
        .map(|byte| match byte {
            b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}' | b'[' | b']' => {
                format!("%{byte:02X}")
            }
            128.. => format!("%{byte:02X}"),
            _ => char::from(byte).to_string(),
        })
        .collect()
}

fn headers_of(vector: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in vector["headers"].as_object().unwrap() {
        let name: HeaderName = name.to_lowercase().parse().unwrap();
        let value = HeaderValue::from_bytes(value.as_str().unwrap().as_bytes()).unwrap();
        headers.insert(name, value);
    }
    let host = text(vector, "host").parse().unwrap();
    headers.entry("host").or_insert(host);
    headers.insert("x-sdk-date", text(vector, "date").parse().unwrap());
    if text(vector, "tags") == "content-type-form" {
        // The Python SDK leaves forms unsigned by default. Ours signs every body unless the caller
        // decides otherwise.
        let unsigned = HeaderValue::from_static("UNSIGNED-PAYLOAD");
        headers.insert("x-sdk-content-sha256", unsigned);
    }
    headers
}

#[test]
fn all_vectors_agree_to_the_byte() {
    let data = include_str!("../../tests/data/vectors.jsonl");
    let mut count = 0;
    for line in data.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let id = &vector["id"];
        let body = text(&vector, "body").replace("<50000 y>", &"y".repeat(50_000));
        let mut request = Request::builder()
            .method(text(&vector, "method"))
            .uri(on_the_wire(text(&vector, "uri")))
            .body(Bytes::from(body))
            .unwrap();
        *request.headers_mut() = headers_of(&vector);
        let key = AccessKey::new(text(&vector, "access_key"), text(&vector, "secret_key")).unwrap();

        // The Python SDK signs all given headers, sorted by name.
        let mut names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let signed = compute(&request, &key, text(&vector, "date"), &names);

        let canonical = text(&vector, "canonical_request").as_bytes();
        let ours = signed.canonical_request();
        assert_eq!(ours.as_bytes(), canonical, "vector {id}: {ours}");
        assert_eq!(
            signed.string_to_sign(),
            text(&vector, "string_to_sign"),
            "vector {id}"
        );
        let authorization = text(&vector, "authorization");
        assert_eq!(
            super::authorization(&key, &signed),
            authorization,
            "vector {id}"
        );

        let sent = authorization.parse().unwrap();
        request.headers_mut().insert("authorization", sent);
        let date = crate::date::parse(text(&vector, "date")).unwrap();
        verify(&request, date, |_| Some(&key)).unwrap();
        count += 1;
    }
    assert_eq!(count, 100);
}

#[test]
fn required_headers_are_signed_and_proxy_headers_are_not() {
    let mut request = Request::post("https://ecs.example:8443/v1/p/cloudservers/action")
        .header("content-type", "application/json")
        .header("x-project-id", "p")
        .header("user-agent", "ecsctl")
        .header("accept", "*/*")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    let signed = sign(&mut request, &key(), now());
    assert_eq!(
        signed.signed_headers(),
        "content-type;host;x-project-id;x-sdk-date"
    );
    assert_eq!(request.headers()["host"], "ecs.example:8443");
    assert_eq!(request.headers()["x-sdk-date"], "20261123T125900Z");
    let signature = signed.signature();
    assert_eq!(
        request.headers()["authorization"],
        format!(
            "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-project-id;x-sdk-date, Signature={signature}"
        ),
    );
    assert!(request.headers()["authorization"].is_sensitive());
}

#[test]
fn the_host_is_the_one_that_is_sent() {
    for (uri, host) in [
        ("https://ecs.example/x", Some("ecs.example")),
        ("https://ecs.example:443/x", Some("ecs.example")),
        ("https://ecs.example:80/x", Some("ecs.example:80")),
        ("http://ecs.example:80/x", Some("ecs.example")),
        ("http://127.0.0.1:40123/x", Some("127.0.0.1:40123")),
        ("http://[::1]:8080/x", Some("[::1]:8080")),
        ("http://user:word@ecs.example/x", Some("ecs.example")),
        ("/x", None),
    ] {
        let mut request = Request::get(uri).body(Bytes::new()).unwrap();
        let signed = sign(&mut request, &key(), now());
        let sent = request
            .headers()
            .get("host")
            .map(|host| host.to_str().unwrap());
        assert_eq!(sent, host, "{uri}");
        assert_eq!(signed.signed_headers().contains("host"), host.is_some());
    }
}

#[test]
fn a_temporary_key_sends_and_signs_its_token_and_never_shows_it() {
    let key = key().with_security_token("gQpjbi1ub3J0aC00i2bQ").unwrap();
    let mut request = Request::get("https://ecs.example/x")
        .body(Bytes::new())
        .unwrap();
    let signed = sign(&mut request, &key, now());
    assert_eq!(signed.signed_headers(), "host;x-sdk-date;x-security-token");
    assert_eq!(
        request.headers()["x-security-token"],
        "gQpjbi1ub3J0aC00i2bQ"
    );
    let shown = format!("{request:?} {signed:?} {signed:#?}");
    assert!(!shown.contains("gQpj"), "{shown}");
    assert!(!shown.contains(signed.signature()), "{shown}");
    assert!(!shown.contains("MFyf"), "{shown}");
}

#[test]
fn signing_again_leaves_nothing_of_the_first_time() {
    let temporary = key().with_security_token("gQpjbi1ub3J0aC00i2bQ").unwrap();
    let blank = || {
        Request::get("https://ecs.example/x")
            .header("x-auth-token", "MIID")
            .body(Bytes::new())
            .unwrap()
    };
    let mut twice = blank();
    sign(&mut twice, &temporary, now());
    let later = now() + jiff::SignedDuration::from_secs(60);
    sign(&mut twice, &key(), later);
    let mut once = blank();
    sign(&mut once, &key(), later);
    assert_eq!(once.headers(), twice.headers());
    assert!(!twice.headers().contains_key("x-auth-token"));
    assert!(!twice.headers().contains_key("x-security-token"));
}

#[test]
fn a_hash_of_other_bytes_is_not_sent_along() {
    let mut request = Request::post("https://ecs.example/x")
        .header("x-sdk-content-sha256", "0".repeat(64))
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    sign(&mut request, &key(), now());
    assert!(!request.headers().contains_key("x-sdk-content-sha256"));
    verify(&request, now(), |_| Some(key())).unwrap();
    *request.body_mut() = Bytes::from_static(b"[]");
    let error = verify(&request, now(), |_| Some(key())).unwrap_err();
    assert_eq!(error.kind(), VerifyErrorKind::Mismatch);
}

/// RFC 4231, test cases 1, 2 and 6: a key shorter and one longer than a block.
#[test]
fn hmac_is_that_of_the_rfc() {
    for (key, message, mac) in [
        (
            vec![0x0b; 20],
            "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            vec![0xaa; 131],
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ] {
        let computed = hmac::Mac::finalize(super::hmac(&key, message.as_bytes()));
        assert_eq!(hex::encode(computed.into_bytes()), mac);
    }
}
