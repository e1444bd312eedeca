//! Answers that belong to another request: of a cache, or of a connection that mixed them up.

use ecs_model::RebootType;
use http::Method;

use crate::Outcome;
use crate::scripted::{DONE, JOB, Script, accepts, ids, service};

/// The names of the outcomes, in the order of the servers, and the message of the last one.
fn outcomes(report: &crate::Report) -> (Vec<&'static str>, String) {
    let outcomes = report.servers.iter().map(|server| &server.outcome);
    let last = outcomes.clone().last().and_then(Outcome::error);
    let message = last.map_or(String::new(), |error| error.message.clone());
    (outcomes.map(Outcome::name).collect(), message)
}

/// A cache of answers to POST, with a key of the path only, answers the second request with the
/// job of the first.
#[tokio::test(start_paused = true)]
async fn the_job_of_another_request_is_no_acceptance() {
    let (builder, seen) = service(move |request, _| match *request.method() {
        Method::POST => Script::Answer(200, JOB),
        _ => Script::Answer(200, DONE),
    });
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(4)).batch_size(2);
    let report = run.report().await.unwrap();
    let (outcomes, message) = outcomes(&report);
    assert_eq!(
        outcomes,
        ["succeeded", "succeeded", "unknown", "unknown"],
        "{message}"
    );
    assert!(
        message.contains("which is the job of another request") && message.contains("sent at"),
        "{message}"
    );
    assert_eq!(seen.posts(), 2);
    assert_eq!(report.jobs.len(), 1);
}

/// A query that is answered with another job says nothing about this one.
#[tokio::test(start_paused = true)]
async fn another_job_is_no_answer_to_a_poll() {
    const OTHER: &str = r#"{"job_id":"job-of-others","status":"SUCCESS","entities":{}}"#;
    for (odd, expected) in [(2, "succeeded"), (usize::MAX, "unknown")] {
        let (builder, _) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ if number < odd => Script::Answer(200, OTHER),
            _ => Script::Answer(200, DONE),
        });
        let client = builder.build().unwrap();
        let report = client.reboot(RebootType::Soft, ids(1)).report().await;
        let (outcomes, message) = outcomes(&report.unwrap());
        assert_eq!(outcomes, [expected], "{message}");
        if expected == "unknown" {
            assert!(
                message.contains("the answer shows another job (job-of-others)"),
                "{message}"
            );
        }
    }
}
