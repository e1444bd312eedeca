//! Tests of temporary keys, from the service to the signature.

use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AccessKey, sign};
use http::Request;
use serde_json::Value;

use super::{Client, Got};
use crate::render::Calendar;
use crate::{Metadata, Region};

const HOUR: f64 = 3600.0;

fn open(client: &mut Client, life: &str) -> Got {
    let request = Request::put("/meta-data/latest/api/token");
    let request = request.header("x-metadata-token-ttl-seconds", life);
    client.raw(&request.body(Bytes::new()).unwrap())
}

fn keys(client: &mut Client, session: Option<&str>) -> Got {
    let mut request = Request::get("/openstack/latest/securitykey");
    if let Some(session) = session {
        request = request.header("x-metadata-token", session);
    }
    client.raw(&request.body(Bytes::new()).unwrap())
}

fn credential(client: &mut Client) -> Value {
    let got = keys(client, None);
    assert_eq!(got.status, 200);
    got.json()["credential"].clone()
}

fn pair(keys: &Value) -> AccessKey {
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    AccessKey::new(text("access"), text("secret"))
        .unwrap()
        .with_security_token(text("securitytoken"))
        .unwrap()
}

fn ask(client: &mut Client, key: &AccessKey) -> Got {
    let project = &client.region.identity().project_id;
    let request = Request::get(format!("/v1/{project}/cloudservers/detail"));
    let mut request = request.body(Bytes::new()).unwrap();
    let epoch = client.region.epoch();
    sign(&mut request, key, Calendar { epoch }.time(client.now));
    client.raw(&request)
}

#[test]
fn each_variant_asks_for_a_session_or_does_not() {
    let client = |metadata| Client::new(Region::builder().metadata(metadata));
    for (metadata, open_status, bare, wrong) in [
        (Metadata::Open, 200, 200, 401),
        (Metadata::Protected, 200, 401, 401),
        (Metadata::Plain, 404, 200, 200),
        (Metadata::NoAgency, 200, 404, 404),
    ] {
        let mut client = client(metadata);
        let session = open(&mut client, "60");
        assert_eq!(session.status, open_status, "{metadata:?}");
        assert_eq!(keys(&mut client, None).status, bare, "{metadata:?}");
        assert_eq!(keys(&mut client, Some("x")).status, wrong, "{metadata:?}");
    }
    let mut client = client(Metadata::Protected);
    let session = String::from_utf8(open(&mut client, "60").body.to_vec()).unwrap();
    open(&mut client, "60"); // another session does not affect this one
    client.wait(59.0);
    assert_eq!(keys(&mut client, Some(&session)).status, 200);
    client.wait(1.0);
    assert_eq!(keys(&mut client, Some(&session)).status, 401);
    for life in ["", "0", "-1", "21601", "a day"] {
        assert_eq!(open(&mut client, life).status, 400, "{life}");
    }
}

#[test]
fn temporary_keys_sign_with_their_token_until_they_end() {
    let mut client = Client::of(1);
    let shown = credential(&mut client);
    assert_eq!(shown["expires_at"], "2026-01-02T00:00:00.000000Z");
    let key = pair(&shown);
    assert_eq!(ask(&mut client, &key).status, 200);
    let text = |name: &str| shown[name].as_str().unwrap();
    let bare = AccessKey::new(text("access"), text("secret")).unwrap();
    ask(&mut client, &bare).assert_refused(401, "APIGW.0301", "X-Security-Token is missing");
    let other = bare.with_security_token("another").unwrap();
    ask(&mut client, &other).assert_refused(401, "APIGW.0301", "not the one of this key");
    let wrong = AccessKey::new(text("access"), "another").unwrap();
    let wrong = wrong.with_security_token(text("securitytoken")).unwrap();
    let message = ask(&mut client, &wrong).refusal().2;
    assert!(message.contains("|x-security-token:***|"), "{message}");
    assert!(!message.contains(text("securitytoken")));
    client.wait(24.0 * HOUR - 1.0);
    assert_eq!(ask(&mut client, &key).status, 200);
    client.wait(1.0);
    ask(&mut client, &key).assert_refused(401, "APIGW.0301", "has expired");
}

#[test]
fn tokens_of_temporary_keys_expire_with_them() {
    let mut client = Client::new(Region::builder().key_life(Duration::from_secs(60)));
    let key = pair(&credential(&mut client));
    let role = client.region.identity().clone();
    let body = serde_json::json!({"auth": {"identity": {
        "methods": ["assume_role"],
        "assume_role": {"domain_name": role.domain, "xrole_name": role.agency},
    }}});
    let request = Request::post("/v3/auth/tokens").body(Bytes::from(body.to_string()));
    let mut request = request.unwrap();
    sign(&mut request, &key, client.region.epoch());
    let got = client.raw(&request).json();
    assert_eq!(got["token"]["expires_at"], "2026-01-01T00:01:00.000000Z");
}

#[test]
fn other_keys_are_given_in_the_second_half_of_their_life() {
    let mut client = Client::new(Region::builder().key_life(Duration::from_secs(3600)));
    let first = credential(&mut client);
    client.wait(HOUR / 2.0 - 1.0);
    assert_eq!(credential(&mut client), first);
    client.wait(1.0);
    let second = credential(&mut client);
    assert_ne!(second["access"], first["access"]);
    assert_eq!(ask(&mut client, &pair(&first)).status, 200);
    client.wait(HOUR / 2.0);
    ask(&mut client, &pair(&first)).assert_refused(401, "APIGW.0301", "has expired");
    assert_eq!(ask(&mut client, &pair(&second)).status, 200);
}

#[test]
fn server_knows_its_location() {
    for (metadata, bare) in [
        (Metadata::Open, 200),
        (Metadata::Protected, 401),
        (Metadata::Plain, 200),
        (Metadata::NoAgency, 200),
    ] {
        let mut client = Client::new(Region::builder().name("eu-nl").metadata(metadata));
        let place = |session: Option<&str>| {
            let request = Request::get("/openstack/latest/meta_data.json");
            let request = match session {
                Some(session) => request.header("x-metadata-token", session),
                None => request,
            };
            request.body(Bytes::new()).unwrap()
        };
        let got = client.raw(&place(None));
        assert_eq!(got.status, bare, "{metadata:?}");
        let got = match got.status.as_u16() {
            200 => got,
            _ => {
                let session = String::from_utf8(open(&mut client, "60").body.to_vec()).unwrap();
                client.raw(&place(Some(&session)))
            }
        };
        let place = got.json();
        assert_eq!(place["region_id"], "eu-nl");
        let project = client.region.identity().project_id.to_string();
        assert_eq!(place["project_id"], project);
    }
}

#[test]
fn server_knows_its_id() {
    let own = |client: &mut Client| {
        let request = Request::get("/openstack/latest/meta_data.json");
        let body = client.raw(&request.body(Bytes::new()).unwrap()).json();
        body["uuid"].as_str().unwrap().to_owned()
    };
    let mut inside = Client::new(Region::builder().own_server(2));
    assert_eq!(own(&mut inside), inside.ids()[2].to_string());
    let mut outside = Client::new(Region::builder());
    let id = own(&mut outside).parse().unwrap();
    assert!(!outside.ids().contains(&id));
}
