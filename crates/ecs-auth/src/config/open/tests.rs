use std::sync::Arc;

use bytes::Bytes;
use ecs_transport::testing::{RecordingTransport, ScriptedTransport};
use http::{Response, StatusCode};
use serde_json::Value;

use crate::Transports;
use crate::config::tests::{SDK, around, choose};
use crate::{AuthErrorKind, CredentialConfig, CredentialOptions};

type Recording = RecordingTransport<ScriptedTransport>;

fn both(transport: &Recording) -> Transports {
    Transports::both(Arc::new(transport.clone()))
}

fn transport(script: ScriptedTransport) -> Recording {
    RecordingTransport::new(script)
}

fn login_answer() -> Response<Bytes> {
    Response::builder()
        .status(StatusCode::CREATED)
        .header("x-subject-token", "MIID")
        .body(Bytes::from_static(
            br#"{"token":{"project":{"id":"p1","name":"eu-de"}}}"#,
        ))
        .unwrap()
}

const PASSWORD: [(&str, &str); 4] = [
    ("OS_USERNAME", "ops"),
    ("OS_PASSWORD", "sesame"),
    ("OS_USER_DOMAIN_NAME", "OTC1"),
    ("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3"),
];

fn scope(transport: &Recording, call: usize) -> Value {
    let body: Value = serde_json::from_slice(transport.requests()[call].body()).unwrap();
    body["auth"]["scope"].clone()
}

#[tokio::test(start_paused = true)]
async fn keys_with_a_project_id_need_no_requests() {
    let transport = transport(ScriptedTransport::new());
    let environment = around(&[&SDK[..], &[("HUAWEICLOUD_SDK_PROJECT_ID", "p1")]].concat());
    let opened = choose(&environment).open(both(&transport)).await.unwrap();
    assert_eq!(opened.project_id, "p1");
    opened.provider.credentials().await.unwrap();
    assert_eq!(transport.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn keys_without_a_project_find_that_of_the_region() {
    let list = r#"{"projects":[{"id":"p1","name":"eu-de"}]}"#;
    let transport = transport(ScriptedTransport::new().respond(StatusCode::OK, list));
    let environment = around(&[&SDK[..], &[("OS_REGION_NAME", "eu-de")]].concat());
    let opened = choose(&environment).open(both(&transport)).await.unwrap();
    assert_eq!(opened.project_id, "p1");
    let request = &transport.requests()[0];
    assert_eq!(request.uri().host(), Some("iam.eu-de.otc.t-systems.com"));
    assert!(request.headers().contains_key("authorization"));
}

#[tokio::test(start_paused = true)]
async fn a_password_logs_in_for_the_project_that_is_named_or_the_regions() {
    for (more, wanted, calls, scope_sent) in [
        (
            &[][..],
            "p1",
            1,
            r#"{"project":{"name":"eu-de","domain":{"name":"OTC1"}}}"#,
        ),
        (
            &[("OS_PROJECT_NAME", "eu-de_a")],
            "p1",
            1,
            r#"{"project":{"name":"eu-de_a","domain":{"name":"OTC1"}}}"#,
        ),
        (
            &[
                ("OS_PROJECT_NAME", "eu-de_a"),
                ("OS_PROJECT_DOMAIN_ID", "d2"),
            ],
            "p1",
            1,
            r#"{"project":{"name":"eu-de_a","domain":{"id":"d2"}}}"#,
        ),
        (
            &[("OS_PROJECT_ID", "p1")],
            "p1",
            1,
            r#"{"project":{"id":"p1"}}"#,
        ),
    ] {
        let transport = transport(ScriptedTransport::new().response(login_answer()));
        let environment = around(&[&PASSWORD[..], more].concat());
        let opened = choose(&environment).open(both(&transport)).await.unwrap();
        assert_eq!(opened.project_id, wanted);
        assert_eq!(transport.calls(), calls);
        assert_eq!(opened.target.project.name.as_deref(), Some("eu-de"));
        opened.provider.credentials().await.unwrap();
        assert_eq!(transport.calls(), 1);
        assert_eq!(
            scope(&transport, 0),
            serde_json::from_str::<Value>(scope_sent).unwrap()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_agency_is_borrowed_for_its_owners_project() {
    let script = ScriptedTransport::new()
        .response(login_answer())
        .response(login_answer());
    let transport = transport(script);
    let agency = [
        ("OS_AGENCY_NAME", "restarter"),
        ("OS_AGENCY_DOMAIN_NAME", "owner"),
    ];
    let environment = around(&[&PASSWORD[..], &agency[..]].concat());
    let opened = choose(&environment).open(both(&transport)).await.unwrap();
    assert_eq!(opened.project_id, "p1");
    assert_eq!(opened.token.unwrap().project.unwrap().name, "eu-de");
    assert_eq!(
        scope(&transport, 0),
        serde_json::json!({"domain": {"name": "OTC1"}})
    );
    assert_eq!(
        scope(&transport, 1),
        serde_json::json!({"project": {"name": "eu-de", "domain": {"name": "owner"}}})
    );
}

/// A given project is one of the agency's owner.
#[tokio::test(start_paused = true)]
async fn an_agency_is_borrowed_for_the_project_that_is_given() {
    let script = ScriptedTransport::new()
        .response(login_answer())
        .response(login_answer());
    let transport = transport(script);
    let agency = [
        ("OS_AGENCY_NAME", "restarter"),
        ("OS_AGENCY_DOMAIN_NAME", "owner"),
        ("OS_PROJECT_ID", "p-own"),
    ];
    let flags = CredentialOptions {
        project_id: Some("p1".to_owned()),
        ..CredentialOptions::default()
    };
    let environment = around(&[&PASSWORD[..], &agency[..]].concat());
    let chosen = CredentialConfig::new(&flags, &environment).unwrap();
    let opened = chosen.open(both(&transport)).await.unwrap();
    assert_eq!(opened.project_id, "p1");
    opened.provider.credentials().await.unwrap();
    let id = |call| scope(&transport, call)["project"]["id"].clone();
    assert_eq!((id(0), id(1)), ("p-own".into(), "p1".into()));
}

#[tokio::test(start_paused = true)]
async fn missing_settings_are_reported_before_any_request() {
    for (variables, expected) in [
        (SDK.to_vec(), "the project is not known"),
        (
            [&SDK[..], &[("HUAWEICLOUD_SDK_REGION_ID", "lab-1")]].concat(),
            "the address of IAM is not known",
        ),
        (PASSWORD[..3].to_vec(), "the address of IAM is not known"),
    ] {
        let transport = transport(ScriptedTransport::new());
        let chosen = choose(&around(&variables));
        let error = chosen.open(both(&transport)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(transport.calls(), 0);
    }
}

const NO_SESSION: StatusCode = StatusCode::NOT_FOUND;

fn server(place: &'static str) -> ScriptedTransport {
    let keys = r#"{"credential":{"access":"AK1","secret":"MFyfvK41","securitytoken":"gQpjbi1u"}}"#;
    ScriptedTransport::new()
        .respond(NO_SESSION, "")
        .respond(StatusCode::OK, keys)
        .respond(NO_SESSION, "")
        .respond(StatusCode::OK, place)
}

const PLACE: &str =
    r#"{"uuid":"u1","project_id":"p1","region_id":"eu-nl","availability_zone":"eu-nl-01"}"#;

#[tokio::test(start_paused = true)]
async fn a_server_knows_its_region_and_project() {
    for (variables, project, endpoint, calls) in [
        (&[][..], "p1", "https://ecs.eu-nl.otc.t-systems.com", 4),
        (
            &[("HUAWEICLOUD_SDK_REGION_ECS_EU_NL", "ecs.own.example")],
            "p1",
            "https://ecs.own.example",
            4,
        ),
        (
            &[("HUAWEICLOUD_SDK_PROJECT_ID", "p7")],
            "p7",
            "https://ecs.eu-nl.otc.t-systems.com",
            4,
        ),
        (
            &[
                ("HUAWEICLOUD_SDK_PROJECT_ID", "p7"),
                ("HUAWEICLOUD_SDK_REGION_ID", "eu-de"),
            ],
            "p7",
            "https://ecs.eu-de.otc.t-systems.com",
            2,
        ),
    ] {
        let metadata = transport(server(PLACE));
        let services = transport(ScriptedTransport::new());
        let transports = Transports {
            services: Arc::new(services.clone()),
            metadata: Arc::new(metadata.clone()),
        };
        let opened = choose(&around(variables)).open(transports).await.unwrap();
        assert_eq!(opened.project_id, project);
        assert_eq!(opened.endpoint.as_deref(), Some(endpoint));
        assert_eq!((metadata.calls(), services.calls()), (calls, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_locations_are_not_used() {
    let transport = transport(server(
        r#"{"project_id":"p1","region_id":"x.evil.example/"}"#,
    ));
    let error = choose(&around(&[])).open(both(&transport)).await;
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("the region has characters"),
        "{error}"
    );
}

/// The project of this server is one of its own region.
#[tokio::test(start_paused = true)]
async fn in_another_region_the_project_is_looked_up() {
    let list = r#"{"projects":[{"id":"p9","name":"eu-de"}]}"#;
    let services = transport(ScriptedTransport::new().respond(StatusCode::OK, list));
    let transports = Transports {
        services: Arc::new(services.clone()),
        metadata: Arc::new(transport(server(PLACE))),
    };
    let chosen = choose(&around(&[("OS_REGION_NAME", "eu-de")]));
    let opened = chosen.open(transports).await.unwrap();
    assert_eq!(opened.project_id, "p9");
    assert_eq!(opened.region.as_deref(), Some("eu-de"));
    let request = &services.requests()[0];
    assert_eq!(request.uri().host(), Some("iam.eu-de.otc.t-systems.com"));
}

#[tokio::test(start_paused = true)]
async fn without_a_metadata_service_there_are_no_credentials() {
    let transport = transport(ScriptedTransport::new().hang());
    let error = choose(&around(&[])).open(both(&transport)).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Missing);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains("the metadata service did not answer"),
        "{source}"
    );
}

#[tokio::test(start_paused = true)]
async fn failing_metadata_service_is_reported() {
    let script = ScriptedTransport::new()
        .respond(StatusCode::NOT_FOUND, "")
        .respond(StatusCode::SERVICE_UNAVAILABLE, "");
    let error = choose(&around(&[])).open(both(&transport(script))).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the metadata service answered 503");
}

#[tokio::test(start_paused = true)]
async fn refusal_of_a_service_is_reported() {
    let body = r#"{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail, canonicalRequest:GET|/v3/other/|"}"#;
    let answer = Response::builder()
        .status(StatusCode::UNAUTHORIZED)
        .header("date", "Mon, 23 Nov 2026 12:59:00 GMT")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap();
    let transport = transport(ScriptedTransport::new().response(answer));
    let environment = around(&[&SDK[..], &[("OS_REGION_NAME", "eu-de")]].concat());
    let error = choose(&environment).open(both(&transport)).await;
    let error = error.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(
        (refusal.status, refusal.code.as_deref()),
        (401, Some("APIGW.0301"))
    );
    let time = refusal.time.unwrap().to_string();
    assert_eq!(time, "2026-11-23T12:59:00Z");
    let Some(crate::Echo::Differs(difference)) = &refusal.echo else {
        panic!("{refusal:?}")
    };
    assert_eq!(difference.part, "path");
}
