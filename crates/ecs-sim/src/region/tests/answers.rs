//! Tests of every refusal, and that a refused request does nothing.

use bytes::Bytes;
use ecs_model::RebootType::{Hard, Soft};
use ecs_model::ServerId;

use super::{Client, job_id};
use crate::{Region, Throttling};

fn unknown() -> ServerId {
    ServerId::from_bytes([7; 16])
}

#[test]
fn unauthenticated_callers_are_refused() {
    let mut client = Client::of(2);
    let project = client.region.identity().project_id.clone();
    let uri = format!("/v1/{project}/cloudservers/detail");
    let request = |headers: &[(&str, &str)]| {
        let mut request = http::Request::get(&uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::new()).unwrap()
    };
    let signature = "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=00";
    client
        .raw(&request(&[]))
        .assert_refused(401, "APIGW.0301", "x-auth-token not found");
    client
        .raw(&request(&[("authorization", signature)]))
        .assert_refused(401, "APIGW.0301", "X-Sdk-Date");
    client
        .raw(&request(&[("authorization", "Basic eDp5")]))
        .assert_refused(401, "APIGW.0301", "x-auth-token not found");
    for wrong in ["", "nonsense"] {
        client
            .raw(&request(&[("x-auth-token", wrong)]))
            .assert_refused(401, "Common.0013", "not valid");
    }
    client
        .raw(&request(&[
            ("x-auth-token", "wrong"),
            ("authorization", signature),
        ]))
        .assert_refused(401, "Common.0013", "not valid");
}

#[test]
fn the_gateway_family_repeats_the_request_id_in_its_body() {
    let mut client = Client::of(1);
    let got = client.get("flavors");
    assert_eq!(
        got.json()["request_id"].as_str().unwrap(),
        got.headers["x-request-id"]
    );
}

#[test]
fn job_query_has_its_own_error_family() {
    let mut client = Client::of(1);
    let got = client.get("jobs/x");
    let expected = serde_json::json!({"code": "Common.0011", "message": "there is no job x"});
    assert_eq!((got.status.as_u16(), got.json()), (400, expected));
    let path = http::Request::get("/v1/another/jobs/x");
    let body = client.send(path.body(Bytes::new()).unwrap()).json();
    assert_eq!(body["code"], "Common.0018");
    assert!(body.get("error").is_none(), "{body}");
}

#[test]
fn unknown_paths_methods_and_projects_are_refused() {
    let mut client = Client::of(1);
    let project = client.region.identity().project_id.clone();
    let request = |method: &str, path: &str| {
        let request = http::Request::builder().method(method).uri(path);
        request.body(Bytes::new()).unwrap()
    };
    for path in ["/", "/v2/x", "/v1/p/flavors", "/v1/p/cloudservers/a/b"] {
        client
            .send(request("GET", path))
            .assert_refused(404, "APIGW.0101", "no API");
    }
    let action = format!("/v1/{project}/cloudservers/action");
    client
        .send(request("DELETE", &action))
        .assert_refused(405, "405", "DELETE");
    client
        .send(request("POST", &format!("/v1/{project}/jobs/x")))
        .assert_refused(405, "405", "POST");

    client
        .send(request("GET", "/v1/another/cloudservers/detail"))
        .assert_refused(400, "Ecs.0023", "another");
    client
        .send(request("GET", "/v1/another/jobs/x"))
        .assert_refused(400, "Common.0018", "another");
    let id = client.ids()[0];
    let mut reboot = request("POST", "/v1/another/cloudservers/action");
    *reboot.body_mut() =
        format!(r#"{{"reboot":{{"type":"SOFT","servers":[{{"id":"{id}"}}]}}}}"#).into();
    client
        .send(reboot)
        .assert_refused(400, "Ecs.0023", "another");
    assert!(client.region.accepted().entries().is_empty());
}

#[test]
fn invalid_bodies_and_queries_name_every_violation() {
    let mut client = Client::of(1);
    for (body, message) in [
        (" ", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("{}", "exactly one action"),
        (r#"{"resize":{}}"#, "reboot"),
        (
            r#"{"reboot":{"type":"GENTLE","servers":[]}}"#,
            "/reboot/type",
        ),
        (
            r#"{"reboot":{"type":"GENTLE","servers":[]}}"#,
            "/reboot/servers",
        ),
        (
            r#"{"os-start":{"servers":[{"id":"web-1"}]}}"#,
            "/os-start/servers/0/id",
        ),
    ] {
        client.post(body).assert_refused(400, "Ecs.0005", message);
    }
    client
        .post("")
        .assert_refused(400, "Common.0002", "no body");
    let id = client.ids()[0];
    let twice = format!(
        r#"{{"os-stop":{{"servers":[{{"id":"{id}"}},{{"id":"{}"}}]}}}}"#,
        id.to_string().to_uppercase()
    );
    client
        .post(twice)
        .assert_refused(400, "Ecs.0005", "/os-stop/servers/1/id");
    for path in [
        "cloudservers/detail?limit=0",
        "cloudservers/detail?limit=1001",
        "cloudservers/detail?offset=-1",
        "cloudservers/web-1",
    ] {
        client.get(path).assert_refused(400, "Ecs.0005", "");
    }
    assert!(client.region.accepted().entries().is_empty());
}

#[test]
fn unknown_servers_refuse_the_whole_request() {
    let mut client = Client::of(3);
    let ids = client.ids();
    let missing = unknown();
    client
        .reboot(Soft, &[ids[0], missing, ids[1]])
        .assert_refused(404, "Ecs.0114", &missing.to_string());
    client
        .get(&format!("cloudservers/{missing}"))
        .assert_refused(404, "Ecs.0114", &missing.to_string());
    let many: Vec<ServerId> = (0..9).map(|n| ServerId::from_bytes([n; 16])).collect();
    client
        .stop(&many)
        .assert_refused(404, "Ecs.0114", "and 4 more");
    assert!(client.region.accepted().entries().is_empty());
    assert_eq!(client.state(&ids[0]).1, None);
    // It does not affect a later request without it.
    job_id(&client.reboot(Soft, &ids));
}

#[test]
fn locked_busy_and_stopped_servers_refuse_the_whole_request() {
    let mut client = Client::of(4);
    let ids = client.ids();
    assert!(client.region.set_locked(&ids[1], true));
    assert!(!client.region.set_locked(&unknown(), true));
    let got = client.reboot(Soft, &ids);
    got.assert_refused(400, "Ecs.0605", &ids[1].to_string());
    assert!(!got.refusal().2.contains(&ids[0].to_string()));
    assert_eq!(client.server(&ids[1])["locked"], true);
    client.region.set_locked(&ids[1], false);

    job_id(&client.stop(&ids[..1]));
    for got in [
        client.reboot(Hard, &ids),
        client.start(&ids),
        client.stop(&ids),
    ] {
        got.assert_refused(400, "Ecs.0100", &ids[0].to_string());
        assert!(got.refusal().2.contains("busy"));
    }
    client.wait(60.0);
    let got = client.reboot(Soft, &ids);
    got.assert_refused(400, "Ecs.0100", "stopped");
    assert_eq!(client.region.accepted().entries().len(), 1);
    job_id(&client.reboot(Hard, &ids));
    client.wait(60.0);
    assert_eq!(client.state(&ids[0]).0, "ACTIVE");
}

#[test]
fn too_many_servers_are_refused() {
    let mut client = Client::of(1001);
    let ids = client.ids();
    let list = |ids: &[ServerId]| {
        let ids: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
        format!(r#"{{"os-start":{{"servers":[{}]}}}}"#, ids.join(","))
    };
    client
        .post(list(&ids))
        .assert_refused(400, "Ecs.0118", "1001 servers");
    job_id(&client.post(list(&ids[..1000])));

    let mut client = Client::new(Region::builder().servers(12).max_servers_per_request(10));
    let ids = client.ids();
    client
        .start(&ids[..11])
        .assert_refused(400, "Ecs.0118", "at most 10");
    job_id(&client.start(&ids[..10]));
    // Too many servers take precedence over other faults.
    client
        .post(list(&ids).replacen("-", "_", 1))
        .assert_refused(400, "Ecs.0118", "12 servers");
}

#[test]
fn unknown_jobs_are_refused() {
    let mut client = Client::of(1);
    let ids = client.ids();
    let known = job_id(&client.reboot(Soft, &ids));
    for id in [
        "x",
        "ff80808288d41e1b018990260955686a",
        "%2B0000000000000000000000000000000",
        &known[1..],
        &known.to_uppercase(),
    ] {
        // An id without letters is the same in upper case.
        if id != known {
            client
                .get(&format!("jobs/{id}"))
                .assert_refused(400, "Common.0011", "no job");
        }
    }
}

#[test]
fn requests_over_the_quota_are_throttled_in_either_family() {
    for (throttling, status, code, message) in [
        (Throttling::FlowLimit, 202, "Common.0024", "try again"),
        (
            Throttling::Gateway,
            429,
            "APIGW.0308",
            "limit:10,time:1 minute",
        ),
    ] {
        let region = Region::builder().servers(40).quota(10);
        let mut client = Client::new(region.throttling(throttling));
        let ids = client.ids();
        job_id(&client.reboot(Soft, &ids[..6]));
        client.wait(30.0);
        // All or nothing: four of the five would fit.
        client
            .reboot(Soft, &ids[6..11])
            .assert_refused(status, code, message);
        job_id(&client.reboot(Hard, &ids[6..10]));
        client
            .reboot(Soft, &ids[10..11])
            .assert_refused(status, code, message);
        // The other actions have their own quotas.
        job_id(&client.stop(&ids[11..21]));
        job_id(&client.start(&ids[21..31]));
        client.wait(29.999);
        client
            .reboot(Soft, &ids[31..32])
            .assert_refused(status, code, message);
        client.wait(0.001);
        job_id(&client.reboot(Soft, &ids[31..37]));
        client
            .reboot(Soft, &ids[37..38])
            .assert_refused(status, code, message);
        // Refused requests are neither logged nor begun.
        assert_eq!(client.region.accepted().distinct_servers(), 36);
        assert_eq!(client.region.accepted().times(&ids[37]), 0);
        assert_eq!(client.state(&ids[37]).1, None);
    }
}
