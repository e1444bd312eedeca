//! Runs whose jobs are hard to see.

use std::time::Duration;

use ecs_model::RebootType;
use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::scripted::{DONE, Script, accepts, asked_job, ids, outcome_of, service};
use crate::{ClientBuilder, Event, Report};

async fn reboot(builder: ClientBuilder, servers: u128) -> (Report, Vec<Event>) {
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(servers)).batch_size(1);
    let run = run
        .deadline(Duration::from_secs(600))
        .begin()
        .await
        .unwrap();
    let (mut events, mut others) = (run.events(), run.events());
    let report = run.await;
    let mut reported = Vec::new();
    while let Some(event) = events.next().await {
        // Each reader gets all of them.
        assert_eq!(others.try_next().as_ref(), Some(&event));
        reported.push(event);
    }
    assert_eq!(others.next().await, None);
    (report, reported)
}

/// Jobs that cannot be polled do not delay the polls of others, however few queries are
/// underway at once.
#[tokio::test(start_paused = true)]
async fn sick_jobs_do_not_starve_the_others() {
    for fault in [
        Script::Answer(500, ""),
        Script::Hang {
            armed: true,
            sent: true,
        },
    ] {
        let faulty = fault.clone();
        let (builder, _) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ if asked_job(request) == "job-9" => Script::Answer(200, DONE),
            _ => faulty.clone(),
        });
        let builder = builder
            .concurrent_queries(2)
            .attempt_timeout(Duration::from_secs(4));
        let began = Instant::now();
        let (report, events) = reboot(builder, 10).await;
        assert_eq!(began.elapsed(), Duration::from_secs(600));
        assert_eq!(report.servers[9].outcome.name(), "succeeded", "{fault:?}");
        assert_eq!(report.summary().running, 9);
        let failed = events
            .iter()
            .filter(|event| matches!(event, Event::QueryFailed { .. }));
        let failed = failed.count();
        // Further and further apart, up to 20 s.
        assert!((180..1500).contains(&failed), "{fault:?}: {failed}");
    }
}

/// A success that the job's own sub-jobs contradict is polled again, and not believed in the end.
#[tokio::test(start_paused = true)]
async fn a_job_that_contradicts_itself() {
    let id = ids(1)[0].to_string();
    for (healthy_from, outcome, lists) in [(2, "succeeded", 3), (99, "unknown", 3)] {
        let id = id.clone();
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ => {
                let status = if number < healthy_from {
                    "RUNNING"
                } else {
                    "SUCCESS"
                };
                let sub = json!({"status": status, "entities": {"server_id": id}});
                let job = json!({"status": "SUCCESS", "entities": {"sub_jobs": [sub]}});
                Script::AnswerWithHeaders(200, job.to_string(), Vec::new())
            }
        });
        let (report, _) = reboot(builder, 1).await;
        let (name, message) = outcome_of(&report);
        assert_eq!(name, outcome, "{message}");
        assert_eq!(seen.count(Method::GET), lists);
        if outcome == "unknown" {
            assert!(
                message.contains("its sub-job for this server is RUNNING"),
                "{message}"
            );
        }
    }
}

/// A job that has reported each server and does not end itself is not waited for.
#[tokio::test(start_paused = true)]
async fn a_job_that_never_ends_though_its_parts_have() {
    let id = ids(1)[0].to_string();
    let (builder, seen) = service(move |request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => {
            let sub = json!({"status": "SUCCESS", "entities": {"server_id": id}});
            let job = json!({"status": "RUNNING", "entities": {"sub_jobs": [sub]}});
            Script::AnswerWithHeaders(200, job.to_string(), Vec::new())
        }
    });
    let began = Instant::now();
    let (report, _) = reboot(builder, 1).await;
    assert_eq!(outcome_of(&report).0, "succeeded");
    assert_eq!((report.stopped, seen.count(Method::GET)), (None, 3));
    assert!(began.elapsed() < Duration::from_secs(60));
}

/// A job that the service forgot, or will not show, leaves its servers unknown, with the service's
/// message.
#[tokio::test(start_paused = true)]
async fn a_job_that_cannot_be_polled() {
    let unknown = r#"{"code":"Common.0011","message":"Invalid job id."}"#;
    let invalid = r#"{"error":{"code":"Ecs.0005","message":"odd"}}"#;
    for (status, body, message) in [
        (400, unknown, "does not know the job"),
        (404, "", "does not know the job"),
        (400, invalid, "could not be queried"),
    ] {
        let (builder, seen) = service(move |request, number| match *request.method() {
            Method::POST => accepts(number),
            _ => Script::Answer(status, body),
        });
        let (report, _) = reboot(builder, 1).await;
        let (name, text) = outcome_of(&report);
        assert_eq!(name, "unknown");
        assert!(text.contains(message), "{text}");
        assert!(seen.count(Method::GET) >= 3);
        assert_eq!(report.stopped, None);
    }
}

/// Never more queries at once than the client allows.
#[tokio::test(start_paused = true)]
async fn queries_in_flight() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::scripted::answer;

    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (in_flight, peak) = (Arc::clone(&now), Arc::clone(&most));
    let accepted = AtomicUsize::new(0);
    let transport =
        ecs_transport::FnTransport::new(move |request: http::Request<bytes::Bytes>, _| {
            let (in_flight, peak) = (Arc::clone(&in_flight), Arc::clone(&peak));
            let number = accepted.fetch_add(1, Ordering::SeqCst);
            async move {
                if request.method() == Method::POST {
                    let job = format!(r#"{{"job_id":"job-{number}"}}"#);
                    return Ok(answer(200, &job));
                }
                peak.fetch_max(
                    in_flight.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
                in_flight.fetch_sub(1, Ordering::SeqCst);
                Ok(answer(200, DONE))
            }
        });
    let (builder, _) = service(|_, _| Script::Answer(500, ""));
    let (report, _) = reboot(builder.transport(transport).concurrent_queries(3), 20).await;
    assert_eq!(report.summary().succeeded, 20);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}
