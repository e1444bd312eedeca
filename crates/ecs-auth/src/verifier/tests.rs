use std::time::Duration;

use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{MAX_CLOCK_SKEW, VerifyErrorKind, verify};
use crate::{AccessKey, CanonicalRequest, date, sign};

const ID: &str = "QTWAOYTTINDUT2QVKYUC";
const SECRET: &str = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";

fn key() -> AccessKey {
    AccessKey::new(ID, SECRET).unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:59:00Z".parse().unwrap()
}

fn signed() -> Request<Bytes> {
    let mut request = Request::post("https://ecs.example/v1/p/cloudservers/action?a=1")
        .header("content-type", "application/json")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    sign(&mut request, &key(), now());
    request
}

/// Returns the kind and the message of the refusal.
#[track_caller]
fn refusal(request: &Request<Bytes>, key: &AccessKey) -> (VerifyErrorKind, String) {
    let error = verify(request, now(), |_| Some(key)).unwrap_err();
    (error.kind(), error.to_string())
}

fn captures() -> Vec<(String, Request<Bytes>)> {
    let data = include_str!("../../tests/data/captures.jsonl");
    data.lines()
        .map(|line| {
            let capture: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| capture[name].as_str().unwrap().to_owned();
            let mut request = Request::builder()
                .method(&*text("method"))
                .uri(text("target"));
            for header in capture["headers"].as_array().unwrap() {
                let (name, value) = (header[0].as_str(), header[1].as_str());
                request = request.header(name.unwrap(), value.unwrap());
            }
            let request = request.body(Bytes::from(text("body"))).unwrap();
            (text("label"), request)
        })
        .collect()
}

#[test]
fn signatures_of_real_clients_are_accepted() {
    let captures = captures();
    assert_eq!(captures.len(), 22);
    let mut scoped = 0;
    for (label, request) in &captures {
        let sent_at = request.headers()["x-sdk-date"].to_str().unwrap();
        let sent_at = date::parse(sent_at).unwrap();
        let verified = verify(request, sent_at, |id| {
            assert_eq!(id, ID);
            Some(key())
        })
        .unwrap_or_else(|error| panic!("{label}: {error}"));
        assert_eq!(verified.access_key(), ID);
        assert_eq!(verified.signed_at(), sent_at);
        assert_eq!(
            *verified.canonical_request(),
            CanonicalRequest::of_signed(request).unwrap()
        );
        if let Some(region) = verified.region() {
            assert!(label.starts_with("oldpy"), "{label}");
            assert_eq!(region, "eu-de");
            scoped += 1;
        }
    }
    assert_eq!(scoped, 4);
}

#[test]
fn signatures_of_real_clients_need_the_right_secret_and_body() {
    let other = AccessKey::new(ID, "another-secret").unwrap();
    for (label, mut request) in captures() {
        let sent_at = request.headers()["x-sdk-date"].to_str().unwrap();
        let sent_at = date::parse(sent_at).unwrap();
        let error = verify(&request, sent_at, |_| Some(&other)).unwrap_err();
        assert_eq!(error.kind(), VerifyErrorKind::Mismatch, "{label}");
        *request.body_mut() = Bytes::from_static(b"other");
        let error = verify(&request, sent_at, |_| Some(key())).unwrap_err();
        assert_eq!(error.kind(), VerifyErrorKind::Mismatch, "{label}");
    }
}

#[test]
fn a_mismatch_comes_with_the_request_as_it_should_have_been_signed() {
    let mut request = signed();
    *request.uri_mut() = "https://ecs.example/v1/p/cloudservers/action?a=2"
        .parse()
        .unwrap();
    let error = verify(&request, now(), |_| Some(key())).unwrap_err();
    assert_eq!(error.kind(), VerifyErrorKind::Mismatch);
    let text = error.canonical_request().unwrap().to_string();
    assert!(
        text.starts_with("POST\n/v1/p/cloudservers/action/\na=2\ncontent-type:application/json\n"),
        "{text}"
    );
}

#[test]
fn a_clock_may_be_a_quarter_of_an_hour_off_and_no_more() {
    assert_eq!(MAX_CLOCK_SKEW, Duration::from_secs(900));
    let request = signed();
    let key = key();
    for seconds in [-900, -1, 0, 1, 900] {
        let here = now() + SignedDuration::from_secs(seconds);
        verify(&request, here, |_| Some(&key)).unwrap();
    }
    for seconds in [-901, 901, 1_000_000] {
        let here = now() + SignedDuration::from_secs(seconds);
        let error = verify(&request, here, |_| Some(&key)).unwrap_err();
        assert_eq!(error.kind(), VerifyErrorKind::ClockSkew);
        assert_eq!(error.clocks(), Some((now(), here)));
        assert!(
            error.to_string().contains("2026-11-23T12:59:00Z")
                && error.to_string().contains(&format!("{here:.0}")),
            "{error}"
        );
    }
}

#[test]
fn unknown_keys_are_named() {
    let error = verify(&signed(), now(), |_| None::<AccessKey>).unwrap_err();
    assert_eq!(error.kind(), VerifyErrorKind::UnknownKey);
    assert!(error.to_string().contains(ID));
}

#[test]
fn a_temporary_key_needs_its_token_and_a_permanent_one_none() {
    let temporary = |token| key().with_security_token(token).unwrap();
    let mut request = signed();
    sign(&mut request, &temporary("gQpj-one"), now());
    verify(&request, now(), |_| Some(temporary("gQpj-one"))).unwrap();

    for (known, expected) in [(temporary("gQpj-two"), "not the one"), (key(), "permanent")] {
        let (kind, message) = refusal(&request, &known);
        assert_eq!(kind, VerifyErrorKind::SecurityToken);
        assert!(
            message.contains(expected) && !message.contains("gQpj"),
            "{message}"
        );
    }
    let (kind, message) = refusal(&signed(), &temporary("gQpj-one"));
    assert_eq!(kind, VerifyErrorKind::SecurityToken);
    assert!(
        message.contains("missing") && !message.contains("gQpj"),
        "{message}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn unreadable_signatures_are_explained() {
    let good = format!(
        "SDK-HMAC-SHA256 Access={ID}, SignedHeaders=host;x-sdk-date, Signature={}",
        "0".repeat(64)
    );
    for (authorization, kind, expected) in [
        ("", VerifyErrorKind::NotSigned, "no Authorization"),
        ("Bearer x", VerifyErrorKind::NotSigned, "no Authorization"),
        (
            "SDK-HMAC-SHA2567 x",
            VerifyErrorKind::Malformed,
            "another algorithm",
        ),
        (
            "SDK-HMAC-SHA256",
            VerifyErrorKind::Malformed,
            "another algorithm",
        ),
        (
            "SDK-HMAC-SHA256 ",
            VerifyErrorKind::Malformed,
            "another algorithm",
        ),
        (
            "SDK-HMAC-SHA256 x",
            VerifyErrorKind::Malformed,
            "without '='",
        ),
        (
            &good.replace("Access", "Acces"),
            VerifyErrorKind::Malformed,
            "not known",
        ),
        (
            &good.replace("Access=", "Access=a, Access="),
            VerifyErrorKind::Malformed,
            "part twice",
        ),
        (
            &good.replace("Access=", "Credential=a/b, Access="),
            VerifyErrorKind::Malformed,
            "one of",
        ),
        (
            &good.replace(ID, ""),
            VerifyErrorKind::Malformed,
            "empty access key",
        ),
        (
            &good.replace("Access", "Credential"),
            VerifyErrorKind::Malformed,
            "without a scope",
        ),
        (
            &good.replace("Access=", "Credential=a/b/c/d/e/"),
            VerifyErrorKind::Malformed,
            "DATE/REGION",
        ),
        (
            &good.replace(
                "Access=",
                "Credential=AK/20261122/eu-de/ecs/sdk_request, Access=",
            ),
            VerifyErrorKind::Malformed,
            "one of",
        ),
        (
            &good.replace(
                &format!("Access={ID}"),
                "Credential=AK/20261122/eu-de/ecs/sdk_request",
            ),
            VerifyErrorKind::Malformed,
            "another day",
        ),
        (
            &good.replace("host;x-sdk-date", ""),
            VerifyErrorKind::Malformed,
            "lower-case",
        ),
        (
            &good.replace("host;", "Host;"),
            VerifyErrorKind::Malformed,
            "lower-case",
        ),
        (
            &good.replace("host;", "host;host;"),
            VerifyErrorKind::Malformed,
            "name twice",
        ),
        (
            &good.replace("host;", "host;x-lost;"),
            VerifyErrorKind::MissingHeader,
            "x-lost",
        ),
        (
            &good.replace("=00", "=0g"),
            VerifyErrorKind::Malformed,
            "not hex",
        ),
        (
            &good.replace("=00", "=0"),
            VerifyErrorKind::Malformed,
            "not hex",
        ),
        (
            &good.replace("=00", "="),
            VerifyErrorKind::Mismatch,
            "signature",
        ),
        (
            &good.replace(", Signature", ", Signatur"),
            VerifyErrorKind::Malformed,
            "not known",
        ),
        (
            good.split(", Sig").next().unwrap(),
            VerifyErrorKind::Malformed,
            "no Signature",
        ),
        (
            &good.replace("SignedHeaders=host;x-sdk-date, ", ""),
            VerifyErrorKind::Malformed,
            "no SignedHeaders",
        ),
        (&good, VerifyErrorKind::Mismatch, "signature"),
    ] {
        let mut request = signed();
        if authorization.is_empty() {
            request.headers_mut().remove("authorization");
        } else {
            let value = authorization.parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let (found, message) = refusal(&request, &key());
        assert_eq!(found, kind, "{authorization}: {message}");
        assert!(message.contains(expected), "{authorization}: {message}");
    }
}

#[test]
fn ambiguous_headers_are_refused() {
    for (name, value, expected) in [
        ("authorization", "SDK-HMAC-SHA256 x", "authorization twice"),
        ("x-sdk-date", "20261123T125900Z", "x-sdk-date twice"),
        ("x-security-token", "gQpj\u{e9}", "not ASCII"),
    ] {
        let mut request = signed();
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().append(name, value);
        let (kind, message) = refusal(&request, &key());
        assert_eq!(kind, VerifyErrorKind::Malformed, "{message}");
        assert!(message.contains(expected), "{message}");
    }
    for date in [None, Some("2026-11-23T12:59:00Z")] {
        let mut request = signed();
        request.headers_mut().remove("x-sdk-date");
        if let Some(date) = date {
            request
                .headers_mut()
                .insert("x-sdk-date", date.parse().unwrap());
        }
        let (kind, message) = refusal(&request, &key());
        assert_eq!(kind, VerifyErrorKind::Malformed);
        assert!(message.contains("X-Sdk-Date"), "{message}");
    }
}

#[test]
fn bodies_are_unsigned_only_on_request() {
    let mut request = signed();
    let unsigned = "UNSIGNED-PAYLOAD".parse().unwrap();
    request
        .headers_mut()
        .insert("x-sdk-content-sha256", unsigned);
    assert_eq!(refusal(&request, &key()).0, VerifyErrorKind::Mismatch);
    sign(&mut request, &key(), now());
    *request.body_mut() = Bytes::from_static(b"streamed");
    verify(&request, now(), |_| Some(key())).unwrap();

    let mut request = signed();
    let other = "0".repeat(64).parse().unwrap();
    request.headers_mut().insert("x-sdk-content-sha256", other);
    let (kind, message) = refusal(&request, &key());
    assert_eq!(kind, VerifyErrorKind::BodyHash);
    assert!(message.contains("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"));
}
