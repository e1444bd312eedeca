//! Answers that belong to another request: of a cache, or of a connection that mixed them up.

use std::sync::Arc;

use ecs_model::RebootType;
use http::Method;

use crate::Outcome;
use crate::journal::{MemoryJournal, Recovered};
use crate::scripted::{DONE, JOB, Script, accepts, client_of, ids, service};

/// The names of the outcomes, in the order of the servers, and the message of the last one.
fn outcomes(report: &crate::Report) -> (Vec<&'static str>, String) {
    let outcomes = report.servers.iter().map(|server| &server.outcome);
    let last = outcomes.clone().next_back().and_then(Outcome::error);
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

/// The same for the job of a request that an earlier process sent.
#[tokio::test(start_paused = true)]
async fn the_job_of_an_earlier_process_is_no_acceptance() {
    let client = || {
        let (builder, seen) = service(move |request, _| match *request.method() {
            Method::POST => Script::Answer(200, JOB),
            _ => Script::Answer(200, DONE),
        });
        (builder.servers_per_minute(2).build().unwrap(), seen)
    };
    let journal = Arc::new(MemoryJournal::default());
    let (first, _) = client();
    let run = first.reboot(RebootType::Soft, ids(4)).batch_size(2);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let control = run.control();
    let run = tokio::spawn(std::future::IntoFuture::into_future(run));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    control.suspend();
    assert_eq!(run.await.unwrap().summary().not_attempted, 2);
    let (second, seen) = client();
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let run = second.resume(journal, recovered).unwrap();
    let (outcomes, message) = outcomes(&run.report().await.unwrap());
    assert_eq!(
        outcomes,
        ["succeeded", "succeeded", "unknown", "unknown"],
        "{message}"
    );
    assert_eq!(seen.posts(), 1);
}

/// If the whole site has moved, no other request is sent to the old address.
#[tokio::test(start_paused = true)]
async fn a_moved_site_ends_the_run() {
    let moved = "https://new.example/v1/p1/cloudservers/action";
    let answer = Script::AnswerWithHeaders(307, String::new(), vec![("location", moved)]);
    let (builder, seen) = client_of(vec![answer]);
    let client = builder.concurrent_submissions(1).build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(30)).batch_size(10);
    let report = run.report().await.unwrap();
    assert_eq!(report.summary().not_attempted, 30);
    assert_eq!(seen.posts(), 1);
}
