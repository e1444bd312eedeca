//! Properties of every request: it can be signed, and the signature is valid for it alone.

use bytes::Bytes;
use ecs_auth::{AccessKey, CanonicalRequest, sign, verify};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Headers that signing reads, replaces or ignores.
const NAMES: [&str; 14] = [
    "accept",
    "authorization",
    "content-type",
    "host",
    "user-agent",
    "x-auth-token",
    "x-domain-id",
    "x-other",
    "x-project-id",
    "x-sdk-content-sha256",
    "x-sdk-date",
    "x-security-token",
    "x_project_id",
    "date",
];

fn key() -> impl Strategy<Value = AccessKey> {
    let graphic = "[!-~]{8,100}";
    (
        "[!-+.0-<>-~-]{1,30}",
        graphic,
        proptest::option::of(graphic),
    )
        .prop_map(|(id, secret, token)| {
            let key = AccessKey::new(id, secret).unwrap();
            match token {
                Some(token) => key.with_security_token(token).unwrap(),
                None => key,
            }
        })
}

/// Generates years 0 to 9999, the range of the four digits of `X-Sdk-Date`.
fn time() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_i64..=253_402_207_200)
        .prop_map(|seconds| Timestamp::from_second(seconds).unwrap())
}

/// Generates a part of a path or query: unescaped characters, an escape of any byte, texts that
/// resemble escapes, other scripts.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[!$-.0-;=@-Z_a-z~|\"{}\\\\^-]",
        3 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        2 => any::<u8>().prop_map(|byte| format!("%{byte:02X}")),
        2 => "[%/+&=]",
        1 => any::<char>().prop_map(String::from),
    ]
}

fn uri() -> impl Strategy<Value = Uri> {
    let authority = select(vec![
        "",
        "http://ecs.example",
        "https://ecs.example:443",
        "https://ECS.example:8443",
        "http://user:word@[::1]:80",
    ]);
    let text = |max| vec(piece(), 0..max).prop_map(|pieces| pieces.concat());
    (authority, text(12), proptest::option::of(text(12))).prop_filter_map(
        "no URI",
        |(authority, path, query)| {
            let query = query.map_or(String::new(), |query| format!("?{query}"));
            Uri::try_from(format!("{authority}/{path}{query}")).ok()
        },
    )
}

fn value() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        1 => Just(HeaderValue::from_static(UNSIGNED)),
        5 => vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..40)
            .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap()),
    ]
}

fn request() -> impl Strategy<Value = Request<Bytes>> {
    (
        "[A-Z]{1,8}|[!#-'*+.0-9^-z|~-]{1,8}",
        uri(),
        vec((select(&NAMES[..]), value()), 0..10),
        vec(any::<u8>(), 0..200),
    )
        .prop_map(|(method, uri, headers, body)| {
            let mut request = Request::new(Bytes::from(body));
            *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
            *request.uri_mut() = uri;
            for (name, value) in headers {
                request
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
            request
        })
}

/// Returns bytes of the same length that differ in one place.
fn with_one_byte_changed(bytes: &[u8], at: Index, byte: u8) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    let at = at.index(bytes.len().max(1));
    let place = bytes.get_mut(at)?;
    (*place != byte).then(|| *place = byte)?;
    Some(bytes)
}

/// Upper-cases escapes: `%2f` and `%2F` are the same URI.
fn with_upper_case_escapes(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes[at] == b'%'
            && bytes.len() > at + 2
            && bytes[at + 1..at + 3].iter().all(u8::is_ascii_hexdigit);
        if escape {
            bytes[at + 1..at + 3].make_ascii_uppercase();
        }
        at += if escape { 3 } else { 1 };
    }
    bytes
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Method,
    Path,
    Query,
    Header,
    Body,
}

/// Returns the request with one byte of that part changed, unless that is impossible or equivalent.
fn tampered(
    request: &Request<Bytes>,
    signed_headers: &[&str],
    part: Part,
    at: Index,
    byte: u8,
) -> Option<Request<Bytes>> {
    let mut other = request.clone();
    let changed = |bytes: &[u8]| with_one_byte_changed(bytes, at, byte);
    match part {
        Part::Method => {
            let method = changed(request.method().as_str().as_bytes())?;
            *other.method_mut() = Method::from_bytes(&method).ok()?;
        }
        Part::Path | Part::Query => {
            let (path, query) = (request.uri().path(), request.uri().query());
            // A `?` or `#` would end the part: more than one byte's change.
            let (path, query) = match part {
                _ if byte == b'#' => return None,
                Part::Path if byte == b'?' => return None,
                Part::Path => (changed(path.as_bytes())?, query.map(Vec::from)),
                _ => (path.into(), Some(changed(query?.as_bytes())?)),
            };
            let query = query.map_or(Vec::new(), |query| [b"?", &query[..]].concat());
            let target = String::from_utf8([path, query].concat()).ok()?;
            let mut parts = request.uri().clone().into_parts();
            let before = parts.path_and_query.replace(target.parse().ok()?)?;
            let after = parts.path_and_query.as_ref()?;
            if with_upper_case_escapes(before.as_str()) == with_upper_case_escapes(after.as_str()) {
                return None;
            }
            *other.uri_mut() = Uri::from_parts(parts).ok()?;
        }
        Part::Header => {
            let name = at.get(signed_headers);
            let value = other.headers_mut().get_mut(*name)?;
            let before = value.clone();
            *value = HeaderValue::from_bytes(&changed(value.as_bytes())?).ok()?;
            if before.as_bytes().trim_ascii() == value.as_bytes().trim_ascii() {
                return None;
            }
        }
        Part::Body => *other.body_mut() = changed(request.body())?.into(),
    }
    Some(other)
}

fn parts() -> impl Strategy<Value = Part> {
    select(vec![
        Part::Method,
        Part::Path,
        Part::Query,
        Part::Header,
        Part::Body,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn signed_requests_are_verified(mut request in request(), key in key(), now in time()) {
        let before = request.clone();
        let signed = sign(&mut request, &key, now);
        let verified = verify(&request, now, |id| (id == key.id()).then_some(&key));
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return Err(TestCaseError::fail(format!("{error}: {request:?}"))),
        };
        prop_assert_eq!(verified.signed_at(), now);
        prop_assert_eq!(verified.canonical_request(), signed.canonical_request());
        prop_assert_eq!(&CanonicalRequest::of_signed(&request).unwrap(), signed.canonical_request());
        // The request is otherwise unchanged.
        prop_assert_eq!(before.method(), request.method());
        prop_assert_eq!(before.uri(), request.uri());
        prop_assert_eq!(before.body(), request.body());
    }

    #[test]
    fn signatures_are_valid_for_one_request(
        mut request in request(),
        key in key(),
        now in time(),
        part in parts(),
        at in any::<Index>(),
        byte in any::<u8>(),
    ) {
        request.headers_mut().remove("x-sdk-content-sha256");
        let signed = sign(&mut request, &key, now);
        let names: Vec<&str> = signed.signed_headers().split(';').collect();
        let Some(other) = tampered(&request, &names, part, at, byte) else {
            return Err(TestCaseError::reject("the same request, or none"));
        };
        prop_assert!(verify(&other, now, |_| Some(&key)).is_err(), "{request:?} and {other:?}");
    }

    #[test]
    fn signatures_are_valid_for_one_key(
        mut request in request(),
        (key, other) in (key(), key()),
        now in time(),
    ) {
        prop_assume!(key.id() != other.id());
        sign(&mut request, &key, now);
        prop_assert!(verify(&request, now, |_| Some(&other)).is_err());
    }

    #[test]
    fn no_signature_makes_the_verifier_panic(
        mut request in request(),
        key in key(),
        pieces in vec(select(vec![
            "SDK-HMAC-SHA256", " ", ",", ", ", "=", ";", "/", "Access=", "Credential=", "AK", "SignedHeaders=",
            "host", "x-sdk-date", "Signature=", "00", "é", "20261123", "eu-de", "ecs", "sdk_request",
        ]), 0..20),
    ) {
        let value = HeaderValue::from_bytes(pieces.concat().as_bytes()).unwrap();
        request.headers_mut().insert("authorization", value);
        request.headers_mut().insert("x-sdk-date", HeaderValue::from_static("20261123T125900Z"));
        let now = "2026-11-23T12:59:00Z".parse().unwrap();
        let _ = verify(&request, now, |_| Some(&key));
        let _ = CanonicalRequest::of_signed(&request);
    }
}
