//! A client of a scripted service, for the tests of runs.

use bytes::Bytes;
use ecs_auth::{Credentials, StaticCredentials};
use ecs_client::testing;
use ecs_model::ServerId;

pub(crate) use ecs_client::testing::{FLOW_CONTROL, OUT_OF_REACH, Script, Seen, THROTTLED, answer};

use crate::{Client, ClientBuilder, Endpoint, Report};

pub(crate) const JOB: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;
pub(crate) const DONE: &str = r#"{"status":"SUCCESS","entities":{}}"#;
/// Credentials that the API gateway refuses.
pub(crate) const NOT_VALID: &str = r#"{"error_code":"APIGW.0301","error_msg":"verify failed"}"#;
pub(crate) const NO_SUCH_JOB: &str = r#"{"code":"Common.0011","message":"no such job"}"#;
pub(crate) const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCC";

/// Returns a client of a service that answers by `script`, whose second argument counts the
/// requests of the same method, from 0.
pub(crate) fn service(
    script: impl Fn(&http::Request<Bytes>, usize) -> Script + Send + Sync + 'static,
) -> (ClientBuilder, Seen) {
    let (transport, seen) = testing::service(script);
    let builder = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .skip_service_check()
        .seed(1);
    (builder, seen)
}

/// Returns a client of a service that performs this script with its POSTs, repeats the last step,
/// and whose jobs succeed. Each acceptance ([`JOB`]) names a job of its own.
pub(crate) fn client_of(script: Vec<Script>) -> (ClientBuilder, Seen) {
    service(move |request, number| match *request.method() {
        http::Method::POST => match &script[number.min(script.len() - 1)] {
            Script::Answer(200, JOB) => accepts(number),
            step => step.clone(),
        },
        _ => Script::Answer(200, DONE),
    })
}

/// The id of the job that a request asks for.
pub(crate) fn asked_job(request: &http::Request<Bytes>) -> &str {
    request.uri().path().rsplit('/').next().unwrap()
}

/// Accepts a request as the job `job-<number>`.
pub(crate) fn accepts(number: usize) -> Script {
    Script::AnswerWithHeaders(200, format!(r#"{{"job_id":"job-{number}"}}"#), Vec::new())
}

pub(crate) fn endpoint() -> Endpoint {
    "https://ecs.example".parse().unwrap()
}

pub(crate) fn ids(count: u128) -> Vec<ServerId> {
    (1..=count)
        .map(|number| ServerId::from_bytes(number.to_be_bytes()))
        .collect()
}

pub(crate) fn outcome_of(report: &Report) -> (&'static str, String) {
    let outcome = &report.servers[0].outcome;
    let message = outcome.error().map(|error| error.message.clone());
    (outcome.name(), message.unwrap_or_default())
}
