//! Tests of signed requests: which are accepted, and how the gateway refuses the others.

use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AccessKey, Echo, Signed, sign};
use ecs_model::RebootType::Soft;
use ecs_model::{BatchRebootServers, BatchStartServers, BatchStopServers, Operation};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Client, Got};
use crate::render::Calendar;
use crate::{KEY_LOCK, Region, WRONG_SIGNATURES};

/// Returns the calendar time of a client's region.
fn time(client: &Client) -> Timestamp {
    let epoch = client.region.epoch();
    Calendar { epoch }.time(client.now)
}

fn key(client: &Client) -> AccessKey {
    let identity = client.region.identity();
    AccessKey::new(&identity.access_key, identity.secret_key.expose_secret()).unwrap()
}

fn wrong_key(client: &Client) -> AccessKey {
    AccessKey::new(key(client).id(), "another-secret").unwrap()
}

fn list(client: &Client) -> Request<Bytes> {
    let project = &client.region.identity().project_id;
    Request::get(format!(
        "https://ecs.example/v1/{project}/cloudservers/detail?limit=5"
    ))
    .body(Bytes::new())
    .unwrap()
}

fn signed(client: &mut Client, key: &AccessKey) -> (Got, Signed) {
    let mut request = list(client);
    let signed = sign(&mut request, key, time(client));
    (client.raw(&request), signed)
}

#[test]
fn a_signed_restart_is_accepted() {
    let mut client = Client::of(3);
    let project = client.region.identity().project_id.clone();
    let restart = BatchRebootServers::new(Soft, client.ids()).unwrap();
    let mut request = restart.encode(&project);
    sign(&mut request, &key(&client), time(&client));
    assert_eq!(client.raw(&request).status, 200);
    *request.body_mut() =
        Bytes::from(String::from_utf8_lossy(request.body()).replace("SOFT", "HARD"));
    client
        .raw(&request)
        .assert_refused(401, "APIGW.0301", "verify aksk signature fail");
    assert_eq!(client.region.accepted().entries().len(), 1);
}

#[test]
fn wrong_signatures_get_the_canonical_request_on_one_line() {
    let mut client = Client::of(1);
    let wrong = wrong_key(&client);
    let (got, signed) = signed(&mut client, &wrong);
    let (status, code, message) = got.refusal();
    assert_eq!((status, &*code), (401, "APIGW.0301"));
    assert!(message.contains("canonicalRequest:GET|/v1/"), "{message}");
    assert!(message.contains("|limit=5|host:ecs.example|"), "{message}");
    assert_eq!(
        signed.canonical_request().compare_with_echo(&message),
        Echo::Same
    );
}

#[test]
fn unknown_keys_are_named() {
    let mut client = Client::of(1);
    let unknown = AccessKey::new("AKOFSOMEBODY", "secret").unwrap();
    for _ in 0..WRONG_SIGNATURES + 1 {
        let (got, _) = signed(&mut client, &unknown);
        got.assert_refused(
            401,
            "APIGW.0301",
            "Get secretKey failed,ak:AKOFSOMEBODY,err:ak not exist",
        );
    }
}

#[test]
fn fifteen_minutes_of_skew_are_accepted_and_no_more() {
    for sign_of in [-1, 1] {
        let mut client = Client::of(1);
        client.now = Duration::from_secs(3600);
        let mut ask = |skew: i64| {
            let mut request = list(&client);
            let at = time(&client) + SignedDuration::from_secs(skew * sign_of);
            sign(&mut request, &key(&client), at);
            client.raw(&request)
        };
        assert_eq!(ask(15 * 60).status, 200);
        for _ in 0..WRONG_SIGNATURES {
            ask(15 * 60 + 1).assert_refused(401, "APIGW.0301", "signature expired");
        }
        let message = ask(3600).refusal().2;
        let clocks = match sign_of {
            1 => "signature time:20260101T020000Z,server time:20260101T010000Z",
            _ => "signature time:20260101T000000Z,server time:20260101T010000Z",
        };
        assert!(message.contains(clocks), "{message}");
        // A wrong clock does not count as a wrong signature.
        assert_eq!(ask(0).status, 200);
    }
}

#[test]
fn five_wrong_signatures_in_a_row_lock_a_key_for_five_minutes() {
    let mut client = Client::of(1);
    let (right, wrong) = (key(&client), wrong_key(&client));
    let refused = |client: &mut Client, text| {
        let (got, _) = signed(client, &wrong);
        got.assert_refused(401, "APIGW.0301", text);
    };
    let fail = "verify aksk signature fail";
    // Four, then a right one: the count restarts.
    for _ in 0..WRONG_SIGNATURES - 1 {
        refused(&mut client, fail);
    }
    assert_eq!(signed(&mut client, &right).0.status, 200);
    for _ in 0..WRONG_SIGNATURES {
        refused(&mut client, fail);
    }
    let locked = "AK access failed to reach the limit";
    refused(&mut client, locked);
    let (got, _) = signed(&mut client, &right);
    got.assert_refused(401, "APIGW.0301", locked);
    // Further attempts do not extend the lock, and tokens are unaffected.
    client.now = KEY_LOCK - Duration::from_nanos(1);
    refused(&mut client, locked);
    assert_eq!(client.get("cloudservers/detail").status, 200);
    client.now = KEY_LOCK;
    assert_eq!(signed(&mut client, &right).0.status, 200);
    refused(&mut client, fail);
}

#[test]
fn unverifiable_requests_are_explained() {
    let mut client = Client::of(1);
    let (right, now) = (key(&client), time(&client));
    let mut refused = |change: &dyn Fn(&mut Request<Bytes>), text| {
        let mut request = list(&client);
        sign(&mut request, &right, now);
        change(&mut request);
        client.raw(&request).assert_refused(401, "APIGW.0301", text);
    };
    refused(
        &|request| drop(request.headers_mut().remove("x-sdk-date")),
        "X-Sdk-Date",
    );
    refused(
        &|request| drop(request.headers_mut().remove("host")),
        "header host",
    );
    refused(
        &|request| {
            drop(
                request
                    .headers_mut()
                    .insert("authorization", "SDK-HMAC-SHA256 x".parse().unwrap()),
            )
        },
        "Authorization",
    );
    refused(
        &|request| {
            drop(
                request
                    .headers_mut()
                    .insert("x-security-token", "t".parse().unwrap()),
            )
        },
        "permanent",
    );
}

#[test]
fn requests_signed_for_another_project_belong_to_it() {
    let mut client = Client::of(1);
    let (right, now) = (key(&client), time(&client));
    let own = client.region.identity().project_id.to_string();
    let mut ask = |project: &str| {
        let mut request = list(&client);
        request
            .headers_mut()
            .insert("x-project-id", project.parse().unwrap());
        sign(&mut request, &right, now);
        client.raw(&request)
    };
    assert_eq!(ask(&own).status, 200);
    ask("another").assert_refused(400, "Ecs.0023", "another project");
}

#[test]
fn a_refusal_names_the_missing_permission() {
    let mut client = Client::new(Region::builder().servers(1).read_only(true));
    let ids = client.ids();
    for (got, action) in [
        (client.reboot(Soft, &ids), "ecs:cloudServers:reboot"),
        (
            client.call(&BatchStartServers::new(ids.clone()).unwrap()),
            "ecs:cloudServers:start",
        ),
        (
            client.call(&BatchStopServers::new(None, ids.clone()).unwrap()),
            "ecs:cloudServers:stop",
        ),
    ] {
        got.assert_refused(403, "Pdp.0001", action);
    }
    assert_eq!(client.server(&ids[0])["status"], "ACTIVE");
    client
        .get("jobs/x")
        .assert_refused(400, "Common.0011", "no job");
    assert!(client.region.accepted().entries().is_empty());
    client.region.set_read_only(false);
    assert_eq!(client.reboot(Soft, &ids).status, 200);
}

#[test]
fn each_permission_can_be_denied() {
    for permission in crate::PERMISSIONS {
        let mut client = Client::new(Region::builder().servers(1).deny(permission));
        let ids = client.ids();
        let (start, stop) = (
            BatchStartServers::new(ids.clone()).unwrap(),
            BatchStopServers::new(None, ids.clone()).unwrap(),
        );
        let server = format!("cloudservers/{}", ids[0]);
        let all = [
            ("reboot", client.reboot(Soft, &ids)),
            ("start", client.call(&start)),
            ("stop", client.call(&stop)),
            ("list", client.get("cloudservers/detail")),
            ("get", client.get(&server)),
        ];
        for (name, got) in all {
            if permission == format!("ecs:cloudServers:{name}") {
                got.assert_refused(403, "Pdp.0001", permission);
            } else {
                assert_ne!(got.status, 403, "{permission} {name}");
            }
        }
    }
    let error = Region::builder().deny("ecs:*").build().unwrap_err();
    assert!(
        error.to_string().contains("ecs:cloudServers:list"),
        "{error}"
    );
}

/// The requests of the official SDKs and the legacy one, byte for byte: to a region with their key,
/// at their time.
#[test]
fn requests_of_real_clients_are_let_in() {
    let captures = include_str!("../../../../ecs-auth/tests/data/captures.jsonl");
    let mut seen = 0;
    for line in captures.lines() {
        let capture: Value = serde_json::from_str(line).unwrap();
        let mut client = Client::new(
            Region::builder()
                .name("eu-de")
                .project_id("5dd3c0b24cdc4d31952c49589182a89d".parse().unwrap())
                .access_key(
                    "QTWAOYTTINDUT2QVKYUC",
                    "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
                )
                .epoch("2026-11-23T12:59:00Z".parse().unwrap()),
        );
        let mut request = Request::builder()
            .method(capture["method"].as_str().unwrap())
            .uri(capture["target"].as_str().unwrap());
        for header in capture["headers"].as_array().unwrap() {
            request = request.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
        }
        let body = capture["body"].as_str().unwrap().to_owned();
        let got = client.raw(&request.body(Bytes::from(body)).unwrap());
        // Its servers and jobs are others than ours.
        let expected = match capture["target"].as_str().unwrap() {
            target if target.contains("/jobs/") => (400, "Common.0011"),
            target if target.contains("/action") => (404, "Ecs.0114"),
            _ => {
                assert_eq!(got.status, 200, "{line}");
                let project = &got.json()["projects"][0];
                assert_eq!(project["id"], "5dd3c0b24cdc4d31952c49589182a89d");
                seen += 1;
                continue;
            }
        };
        let (status, code, message) = got.refusal();
        assert_eq!((status, &*code), expected, "{message}: {line}");
        seen += 1;
    }
    assert_eq!(seen, 22);
}
