//! Tests of logins and token scopes.

use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AccessKey, sign};
use http::Request;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Client, Got};
use crate::Region;
use crate::identity::Identity;

fn post(client: &mut Client, body: &Value, headers: &[(&str, &str)]) -> Got {
    let mut request = Request::post("/v3/auth/tokens").header("host", "iam.example:1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.raw(&request.body(Bytes::from(body.to_string())).unwrap())
}

fn identity(client: &Client) -> Identity {
    client.region.identity().clone()
}

/// Returns the body of a login by password with this user, to the region's project.
fn login(identity: &Identity, user: Value) -> Value {
    let mut user = user;
    user["password"] = identity.password.expose_secret().into();
    json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"id": identity.project_id}},
    }})
}

fn usual(client: &Client) -> Value {
    let item = identity(client);
    login(&item, json!({"id": item.user_id}))
}

#[track_caller]
fn token(got: &Got) -> String {
    assert_eq!(got.status, 201, "{:?}", got.body);
    got.headers["x-subject-token"].to_str().unwrap().to_owned()
}

#[track_caller]
fn assert_unauthorized(got: &Got, expected: &str) {
    let error = &got.json()["error"];
    assert_eq!((got.status.as_u16(), &error["code"]), (401, &json!(401)));
    assert_eq!(error["title"], "Unauthorized");
    assert!(
        error["message"].as_str().unwrap().contains(expected),
        "{error}"
    );
}

/// Returns the service's answer to the holder of this token.
fn ask(client: &mut Client, token: &str) -> Got {
    let project = identity(client).project_id;
    let request = Request::get(format!("/v1/{project}/cloudservers/detail"));
    let request = request.header("x-auth-token", token);
    client.raw(&request.body(Bytes::new()).unwrap())
}

#[test]
fn a_user_is_known_by_id_or_by_name_and_domain() {
    let mut client = Client::of(1);
    let item = identity(&client);
    let name = &item.user;
    for user in [
        json!({"id": item.user_id}),
        json!({"name": name, "domain": {"id": item.domain_id}}),
        json!({"name": name, "domain": {"name": item.domain}}),
    ] {
        let token = token(&post(&mut client, &login(&item, user), &[]));
        assert_eq!(ask(&mut client, &token).status, 200);
    }
    for user in [
        json!({}),
        json!({"id": "another"}),
        json!({"name": name}),
        json!({"name": name, "domain": {"name": "another"}}),
        json!({"name": name, "domain": {"id": "another"}}),
        json!({"name": "another", "domain": {"name": item.domain}}),
    ] {
        let got = post(&mut client, &login(&item, user), &[]);
        assert_unauthorized(&got, "name or password is wrong");
    }
    let mut wrong = usual(&client);
    for password in [json!("another"), json!(""), json!(null), json!(7)] {
        wrong["auth"]["identity"]["password"]["user"]["password"] = password;
        assert_unauthorized(&post(&mut client, &wrong, &[]), "name or password is wrong");
    }
}

#[test]
fn a_token_is_described_and_ends() {
    let mut client = Client::new(Region::builder().token_life(Duration::from_secs(600)));
    client.wait(60.0);
    let body = usual(&client);
    let got = post(&mut client, &body, &[]);
    let item = identity(&client);
    let described = got.json()["token"].clone();
    assert_eq!(described["issued_at"], "2026-01-01T00:01:00.000000Z");
    assert_eq!(described["expires_at"], "2026-01-01T00:11:00.000000Z");
    assert_eq!(described["project"]["id"], item.project_id.as_str());
    assert_eq!(described["project"]["name"], "sim-1");
    assert_eq!(described["user"]["name"], "sim-user");
    assert_eq!(described["user"]["domain"]["name"], "sim-domain");
    let url = format!("http://iam.example:1/v1/{}", item.project_id);
    assert_eq!(described["catalog"][0]["endpoints"][0]["url"], url);
    assert!(described["roles"][0]["name"].is_string());

    let token = token(&got);
    client.wait(599.9);
    assert_eq!(ask(&mut client, &token).status, 200);
    client.wait(0.1);
    ask(&mut client, &token).assert_refused(401, "APIGW.0301", "token expires");
    client.wait(36.0 * 3600.0);
    assert_eq!(post(&mut client, &body, &[]).status, 201);
    // Tokens that expired long ago are forgotten.
    ask(&mut client, &token).assert_refused(401, "Common.0013", "not valid");
}

#[test]
fn tokens_are_valid_for_the_requested_scope() {
    let mut client = Client::of(1);
    let item = identity(&client);
    let with = |scope: Value| {
        let mut body = usual(&Client::of(1));
        body["auth"]["scope"] = scope;
        body
    };
    for scope in [
        json!({"project": {"name": item.region}}),
        json!({"project": {"name": item.region, "domain": {"name": item.domain}}}),
        json!({"project": {"name": item.region, "domain": {"id": item.domain_id}}}),
    ] {
        let token = token(&post(&mut client, &with(scope), &[]));
        assert_eq!(ask(&mut client, &token).status, 200);
    }
    for scope in [
        json!({"domain": {"id": item.domain_id}}),
        json!({"domain": {"name": item.domain}}),
        json!(null),
    ] {
        let got = post(&mut client, &with(scope), &[]);
        assert!(got.json()["token"].get("project").is_none());
        let token = token(&got);
        ask(&mut client, &token).assert_refused(400, "Ecs.0023", "another project");
        let request = Request::get("/v3/projects?name=sim-1").header("x-auth-token", &token);
        let got = client.raw(&request.body(Bytes::new()).unwrap());
        assert_eq!(got.json()["projects"][0]["id"], item.project_id.as_str());
    }
    for scope in [
        json!({"project": {"name": "another"}}),
        json!({"project": {"id": "another"}}),
        json!({"project": {"name": item.region, "domain": {"name": "another"}}}),
        json!({"domain": {"name": "another"}}),
    ] {
        assert_unauthorized(&post(&mut client, &with(scope), &[]), "there is no such");
    }
    let got = post(&mut client, &with(json!({"project": {}})), &[]);
    assert_eq!(got.status, 400);
}

#[test]
fn exchanged_tokens_expire_with_the_original() {
    let mut client = Client::of(1);
    let body = usual(&client);
    let first = token(&post(&mut client, &body, &[]));
    client.wait(3600.0);
    let project = identity(&client).project_id;
    let by = |token: &str| {
        json!({"auth": {
            "identity": {"methods": ["token"], "token": {"id": token}},
            "scope": {"project": {"id": project}},
        }})
    };
    let got = post(&mut client, &by(&first), &[]);
    let end = got.json()["token"]["expires_at"].clone();
    assert_eq!(end, "2026-01-02T00:00:00.000000Z");
    assert_eq!(ask(&mut client, &token(&got)).status, 200);
    assert_unauthorized(&post(&mut client, &by("another"), &[]), "not known");
    client.wait(24.0 * 3600.0);
    assert_unauthorized(&post(&mut client, &by(&first), &[]), "expired");
}

#[test]
fn passcode_is_required_only_if_set() {
    let mut client = Client::new(Region::builder().passcode("123456"));
    let item = identity(&client);
    let without = usual(&client);
    let with = |passcode: &str, user: &str| {
        let mut body = without.clone();
        body["auth"]["identity"]["methods"] = json!(["password", "totp"]);
        body["auth"]["identity"]["totp"] = json!({"user": {"id": user, "passcode": passcode}});
        body
    };
    token(&post(&mut client, &with("123456", &item.user_id), &[]));
    let wrong = "passcode is wrong";
    assert_unauthorized(
        &post(&mut client, &with("654321", &item.user_id), &[]),
        wrong,
    );
    assert_unauthorized(&post(&mut client, &with("123456", "another"), &[]), wrong);
    assert_unauthorized(&post(&mut client, &without, &[]), "must send a passcode");
    let mut plain = Client::of(1);
    assert_unauthorized(
        &post(&mut plain, &with("123456", &item.user_id), &[]),
        wrong,
    );
}

#[test]
fn agency_is_lent_to_known_callers() {
    let mut client = Client::of(1);
    let item = identity(&client);
    let by = |role: Value| {
        json!({"auth": {
            "identity": {"methods": ["assume_role"], "assume_role": role},
            "scope": {"project": {"name": item.region}},
        }})
    };
    let known = [("x-auth-token", item.token.expose_secret())];
    for role in [
        json!({"domain_name": item.domain, "xrole_name": item.agency}),
        json!({"domain_id": item.domain_id, "agency_name": item.agency}),
    ] {
        let got = post(&mut client, &by(role.clone()), &known);
        assert_eq!(got.json()["token"]["user"]["name"], "sim-domain/sim-agency");
        assert_eq!(ask(&mut client, &token(&got)).status, 200);
        assert_unauthorized(&post(&mut client, &by(role), &[]), "needs a token");
    }
    for role in [
        json!({}),
        json!({"domain_name": item.domain}),
        json!({"domain_name": "another", "xrole_name": item.agency}),
        json!({"domain_name": item.domain, "xrole_name": "another"}),
    ] {
        assert_eq!(post(&mut client, &by(role), &known).status, 404);
    }
    let role = json!({"domain_name": item.domain, "xrole_name": item.agency});
    let mut request = Request::post("/v3/auth/tokens")
        .body(Bytes::from(by(role).to_string()))
        .unwrap();
    let key = AccessKey::new(&item.access_key, item.secret_key.expose_secret()).unwrap();
    sign(&mut request, &key, client.region.epoch());
    token(&client.raw(&request));
    *request.body_mut() =
        Bytes::from_static(b"{\"auth\":{\"identity\":{\"methods\":[\"assume_role\"]}}}");
    client
        .raw(&request)
        .assert_refused(401, "APIGW.0301", "verify aksk signature fail");
}

#[test]
fn a_token_is_described_to_its_holder() {
    let mut client = Client::of(1);
    let item = identity(&client);
    let body = usual(&client);
    let issued = token(&post(&mut client, &body, &[]));
    let mut describe = |proof: &str, subject: Option<&str>| {
        let mut request = Request::get("/v3/auth/tokens").header("x-auth-token", proof);
        if let Some(subject) = subject {
            request = request.header("x-subject-token", subject);
        }
        client.raw(&request.body(Bytes::new()).unwrap())
    };
    for known in [issued.as_str(), item.token.expose_secret()] {
        let got = describe(known, Some(known));
        assert_eq!(got.status, 200);
        let described = &got.json()["token"];
        assert_eq!(described["project"]["id"], item.project_id.as_str());
        assert_eq!(described["user"]["domain"]["name"], item.domain.as_str());
    }
    assert_eq!(describe(&issued, None).status, 400);
    assert_eq!(describe(&issued, Some("another")).status, 404);
    assert_eq!(describe("another", Some("another")).status, 401);
}

#[test]
fn projects_are_found_by_name() {
    let mut client = Client::of(1);
    let mut find = |query: &str| {
        let request = Request::get(format!("/v3/projects{query}")).body(Bytes::new());
        let got = client.send(request.unwrap());
        assert_eq!(got.status, 200);
        got.json()["projects"].as_array().unwrap().len()
    };
    assert_eq!(find(""), 1);
    assert_eq!(find("?name=sim%2D1"), 1);
    assert_eq!(find("?name=another"), 0);
    let request = Request::get("/v3/projects").body(Bytes::new()).unwrap();
    assert_unauthorized(&client.raw(&request), "needs a token or a signature");
}

#[test]
fn unsupported_methods_are_refused() {
    let mut client = Client::of(1);
    for body in [
        "",
        "[]",
        "{}",
        r#"{"auth":{}}"#,
        r#"{"auth":{"identity":{"methods":["magic"]}}}"#,
    ] {
        let request = Request::post("/v3/auth/tokens").body(Bytes::from(body));
        let got = client.raw(&request.unwrap());
        assert_eq!(
            (got.status.as_u16(), &got.json()["error"]["title"]),
            (400, &json!("Bad Request"))
        );
    }
    for (method, path) in [
        ("PUT", "/v3/auth/tokens"),
        ("POST", "/v3/projects"),
        ("GET", "/meta-data/latest/api/token"),
        ("POST", "/openstack/latest/securitykey"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Bytes::new());
        assert_eq!(client.raw(&request.unwrap()).status, 405, "{path}");
    }
    for path in ["/v3", "/v3/"] {
        let got = client.raw(&Request::get(path).body(Bytes::new()).unwrap());
        assert_eq!(got.json()["version"]["links"][0]["href"], "/v3/");
    }
}
