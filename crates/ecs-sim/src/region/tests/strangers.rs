//! Any proof of a request gets an answer, never a panic, and no action without the right one.

use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AccessKey, sign};
use ecs_model::arbitrary;
use http::{HeaderValue, Request};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Client;
use crate::render::Calendar;
use crate::{Metadata, Region, WRONG_SIGNATURES};

/// Parts of signature-like texts; `{ak}` is the region's key.
const PIECES: [&str; 24] = [
    "SDK-HMAC-SHA256",
    "SDK-HMAC-SHA256 Access={ak}, SignedHeaders=x-sdk-date, Signature=00",
    "SDK-HMAC-SHA256 Credential={ak}/20260101/eu-de/ecs/sdk_request, SignedHeaders=host, Signature=00",
    " ",
    ",",
    ", ",
    "=",
    ";",
    "/",
    "Access=",
    "Credential=",
    "{ak}",
    "SignedHeaders=",
    "host",
    "x-sdk-date",
    "content-type",
    "x-security-token",
    "Signature=",
    "00",
    "é",
    "20260101",
    "eu-de",
    "sdk_request",
    "|",
];

const PATHS: [&str; 7] = [
    "/v1/{project}/cloudservers/action",
    "/v1/{project}/cloudservers/detail?name=a%2Fb&limit=3",
    "/v3",
    "/v3/auth/tokens",
    "/v3/projects?name=sim-1",
    "/meta-data/latest/api/token",
    "/openstack/latest/securitykey",
];

const NAMES: [&str; 9] = [
    "x-auth-token",
    "x-sdk-date",
    "x-security-token",
    "x-project-id",
    "x-domain-id",
    "x-sdk-content-sha256",
    "x-metadata-token",
    "x-metadata-token-ttl-seconds",
    "host",
];

fn header_value() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        Just(HeaderValue::from_static("20260101T000000Z")),
        Just(HeaderValue::from_static("99991231T235959Z")),
        Just(HeaderValue::from_static("3600")),
        vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..40)
            .prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap()),
    ]
}

/// Generates logins, valid or nearly valid, and a restart.
fn body() -> impl Strategy<Value = Value> {
    let user = json!({"id": "{user}", "name": "sim-user", "password": "x", "passcode": "1",
        "domain": {"id": "d", "name": "sim-domain"}});
    let login = json!({"auth": {
        "identity": {
            "methods": ["password", "totp"],
            "password": {"user": user},
            "totp": {"user": user},
            "token": {"id": "x"},
            "assume_role": {"domain_name": "sim-domain", "xrole_name": "sim-agency"},
        },
        "scope": {"project": {"name": "sim-1", "domain": {"name": "sim-domain"}}, "domain": {"id": "d"}},
    }});
    let reboot = json!({"reboot": {"type": "SOFT", "servers": [{"id": "{server}"}]}});
    let methods = select(vec!["password", "token", "assume_role"]).prop_map(move |method| {
        let mut login = login.clone();
        login["auth"]["identity"]["methods"] = json!([method]);
        login
    });
    prop_oneof![
        2 => Just(reboot),
        2 => methods.clone(),
        2 => arbitrary::mutated(methods),
        1 => arbitrary::json(),
    ]
}

#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    path: &'static str,
    authorization: Option<String>,
    headers: Vec<(&'static str, HeaderValue)>,
    body: Value,
    at: Duration,
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        select(vec!["GET", "POST", "PUT", "DELETE"]),
        select(PATHS.to_vec()),
        option::weighted(0.7, vec(select(PIECES.to_vec()), 0..12)),
        vec((select(NAMES.to_vec()), header_value()), 0..5),
        body(),
        prop_oneof![
            (0..900_u64).prop_map(Duration::from_secs),
            any::<Duration>()
        ],
    )
        .prop_map(|(method, path, authorization, headers, body, at)| Asked {
            method,
            path,
            authorization: authorization.map(|pieces| pieces.concat()),
            headers,
            body,
            at,
        })
}

fn request(asked: &Asked, client: &Client) -> Request<Bytes> {
    let identity = client.region.identity();
    let fill = |text: &str| {
        let server = client.region.servers().next().unwrap().to_string();
        text.replace("{project}", identity.project_id.as_str())
            .replace("{ak}", &identity.access_key)
            .replace("{user}", &identity.user_id)
            .replace("{server}", &server)
    };
    let mut request = Request::builder()
        .method(asked.method)
        .uri(fill(asked.path));
    if let Some(authorization) = &asked.authorization {
        request = request.header("authorization", fill(authorization).as_bytes());
    }
    for (name, value) in &asked.headers {
        request = request.header(*name, value);
    }
    request
        .body(Bytes::from(fill(&asked.body.to_string())))
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn actions_need_the_right_proof(
        asked in vec(asked(), 1..12),
        metadata in select(vec![Metadata::Open, Metadata::Protected, Metadata::Plain, Metadata::NoAgency]),
    ) {
        let mut client = Client::new(Region::builder().servers(1).metadata(metadata));
        let tokens = client.region.identity().token.expose_secret().to_owned();
        for asked in &asked {
            client.now = asked.at;
            let request = request(asked, &client);
            let got = client.raw(&request);
            prop_assert!(!got.status.is_server_error());
            prop_assert!(!got.headers.contains_key("x-subject-token"), "{request:?}");
            let text = String::from_utf8_lossy(&got.body);
            prop_assert!(!text.contains(&tokens));
        }
        prop_assert!(client.region.accepted().entries().is_empty());
    }

    #[test]
    fn a_key_is_locked_exactly_after_five_wrong_signatures_in_a_row(
        steps in vec((any::<bool>(), 0..200_u64), 1..60),
    ) {
        let mut client = Client::of(1);
        let identity = client.region.identity().clone();
        let right = AccessKey::new(&identity.access_key, identity.secret_key.expose_secret()).unwrap();
        let wrong = AccessKey::new(&identity.access_key, "another").unwrap();
        let (mut row, mut locked_until) = (0, Duration::ZERO);
        for (is_right, wait) in steps {
            client.now += Duration::from_secs(wait);
            let mut request = Request::get(format!("/v1/{}/cloudservers/detail", identity.project_id))
                .body(Bytes::new())
                .unwrap();
            let epoch = client.region.epoch();
            let time = Calendar { epoch }.time(client.now);
            sign(&mut request, if is_right { &right } else { &wrong }, time);
            let got = client.raw(&request);
            if client.now < locked_until {
                prop_assert!(got.refusal().2.contains("reach the limit"));
            } else if is_right {
                row = 0;
                prop_assert_eq!(got.status, 200);
            } else {
                prop_assert!(got.refusal().2.contains("verify aksk signature fail"));
                row += 1;
                if row == WRONG_SIGNATURES {
                    row = 0;
                    locked_until = client.now + Duration::from_secs(300);
                }
            }
        }
    }
}
