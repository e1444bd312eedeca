use std::sync::Arc;

use ecs_auth::{CredentialChain, Environment, Transports};
use ecs_model::RebootType;
use ecs_transport::FnTransport;

use super::*;
use crate::ErrorKind;

/// A token, a project and perhaps an endpoint, as the environment has them.
async fn ready(endpoint: Option<&str>) -> ReadyCredentials {
    let project = "0123456789abcdef0123456789abcdef";
    let mut environment = Environment::default().with_variable("OS_AUTH_TOKEN", "a-token");
    environment = environment.with_variable("OS_PROJECT_ID", project);
    let mut chain = CredentialChain::new(environment);
    if let Some(endpoint) = endpoint {
        chain = chain.endpoint(endpoint);
    }
    let transport = FnTransport::new(|request, _| async move {
        let path = request.uri().path();
        let body = match request.headers()["x-auth-token"].as_bytes() {
            b"a-token" if path.ends_with("/action") => r#"{"job_id":"job-1"}"#,
            b"a-token" if path.contains("/jobs/") => r#"{"status":"SUCCESS","entities":{}}"#,
            _ => r#"{"count":0,"servers":[]}"#,
        };
        Ok(http::Response::new(bytes::Bytes::from_static(
            body.as_bytes(),
        )))
    });
    let transports = Transports::both(Arc::new(transport));
    chain.resolve_with(transports).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_out_of_the_environment() {
    let client = Client::builder_of(ready(Some("https://ecs.example")).await).unwrap();
    let run = client.build().unwrap();
    let run = run.reboot(RebootType::Soft, crate::scripted::ids(2));
    let report = run.report().await.unwrap();
    assert!(report.is_success(), "{report:?}");
    let target = report.target.expect("known from the credentials");
    assert_eq!(target.endpoint.unwrap().value, "https://ecs.example");
}

#[tokio::test(start_paused = true)]
async fn missing_and_invalid_settings_are_reported() {
    for (endpoint, message) in [
        (None, "the endpoint of ECS is not known"),
        (Some("ftp://ecs.example"), "neither http nor https"),
    ] {
        let error = Client::builder_of(ready(endpoint).await).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.problem().message.contains(message), "{error}");
        let source = std::error::Error::source(&error);
        assert_eq!(
            source.is_some(),
            endpoint.is_some(),
            "the reader of addresses has said so"
        );
    }
}

/// A transport counts by operation, without reading paths.
#[tokio::test(start_paused = true)]
async fn a_transport_learns_the_operation() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let known = Arc::clone(&seen);
    let transport = FnTransport::new(move |request: http::Request<bytes::Bytes>, attempt| {
        let attempt: ecs_transport::Attempt = attempt;
        known
            .lock()
            .unwrap()
            .push((attempt.operation(), attempt.number()));
        let body = match request.method().as_str() {
            "POST" => r#"{"job_id":"job-1"}"#,
            _ => r#"{"status":"SUCCESS","entities":{}}"#,
        };
        let body = bytes::Bytes::from_static(body.as_bytes());
        async { Ok(http::Response::new(body)) }
    });
    let client = Client::builder(crate::scripted::endpoint(), "p1".parse().unwrap())
        .credentials(ecs_auth::Credentials::token("t").unwrap())
        .transport(transport)
        .skip_service_check()
        .build()
        .unwrap();
    let run = client.reboot(RebootType::Soft, crate::scripted::ids(1));
    assert!(run.report().await.unwrap().is_success());
    let expected = [(Some("BatchRebootServers"), 1), (Some("ShowJob"), 1)];
    assert_eq!(*seen.lock().unwrap(), expected);
}
