//! Requested stops, their records, and the processes that keep to them.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::RebootType;
use ecs_transport::{Attempt, FnTransport};
use http::Method;
use tokio::time::{Instant, sleep};

use crate::journal::{MemoryJournal, Record, Recovered};
use crate::scripted::{DONE, JOB, Script, Seen, TOKEN, accepts, answer, endpoint, ids, service};
use crate::{Client, Event, OnUnknown, Report, RunBuilder, Stopped};

const SECOND: Duration = Duration::from_secs(1);

/// A service whose jobs never end.
fn endless() -> (Client, Seen) {
    let (builder, seen) = service(|request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(200, r#"{"status":"RUNNING"}"#),
    });
    (builder.servers_per_minute(10).build().unwrap(), seen)
}

/// A service whose jobs succeed, and are others than those of [`endless`].
fn good() -> (Client, Seen) {
    let (builder, seen) = service(|request, number| match *request.method() {
        Method::POST => accepts(1000 + number),
        _ => Script::Answer(200, DONE),
    });
    (builder.build().unwrap(), seen)
}

fn recovered(journal: &MemoryJournal) -> Recovered {
    Recovered::from_entries(journal.entries()).unwrap()
}

fn resume(client: &Client, journal: &Arc<MemoryJournal>) -> RunBuilder {
    client
        .resume(Arc::clone(journal), recovered(journal))
        .unwrap()
}

async fn report(run: RunBuilder) -> Report {
    run.report().await.unwrap()
}

fn cancelled() -> Option<Stopped> {
    Some(Stopped::Requested {
        reason: Some("cancelled by alice".to_owned()),
    })
}

/// The process dies after its run was stopped, while it polls the accepted jobs.
#[tokio::test(start_paused = true)]
async fn a_stop_outlives_the_process() {
    let (client, _) = endless();
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, ids(60)).batch_size(10);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let (control, mut events) = (run.control(), run.events());
    let run = tokio::spawn(run.into_future());
    sleep(5 * SECOND).await;
    control.stop_submitting_because("cancelled by alice");
    assert!(control.recorded().await);
    let last = journal.entries().pop().unwrap().record;
    assert!(matches!(last, Record::Stopping { .. }), "{last:?}");
    sleep(5 * SECOND).await;
    let mut reasons = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        Event::Stopping { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reasons.next().as_deref(), Some("cancelled by alice"));
    assert_eq!(reasons.next(), None);
    run.abort();
    drop(run.await);

    // A resumed run waits for the ten, and sends nothing.
    let state = recovered(&journal);
    assert_eq!(state.stop_request(), cancelled().as_ref());
    assert!(!state.is_ended());
    let (client, seen) = good();
    for _ in 0..2 {
        let report = report(resume(&client, &journal).on_unknown(OnUnknown::Resubmit)).await;
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.not_attempted), (10, 50));
        assert_eq!((report.stopped, seen.posts()), (cancelled(), 0));
    }
    // Unless the caller continues it, and then for good.
    let run = resume(&client, &journal).continue_stopped();
    assert_eq!(report(run).await.summary().succeeded, 60);
    assert_eq!(recovered(&journal).stop_request(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_not_recorded_is_known_not_to_be() {
    let (client, _) = endless();
    let run = client.reboot(RebootType::Soft, ids(10));
    let run = run.begin().await.unwrap();
    let control = run.control();
    let run = tokio::spawn(run.into_future());
    sleep(SECOND).await;
    control.end();
    assert!(!control.recorded().await);
    assert_eq!(run.await.unwrap().summary().running, 10);
    // Nor is that of a run that is dropped.
    let run = client.reboot(RebootType::Soft, ids(10));
    let run = run.journal(MemoryJournal::default()).begin().await.unwrap();
    let control = run.control();
    drop(run);
    control.end();
    assert!(!control.recorded().await);
}

/// A reader of events gets each kind of stop once.
#[tokio::test(start_paused = true)]
async fn each_stop_has_its_event() {
    for (stop, expected) in [
        ("stop", "on request"),
        ("end", "on request"),
        ("suspend", "suspended"),
        ("deadline", "the deadline passed"),
    ] {
        let (client, _) = endless();
        let run = client.reboot(RebootType::Soft, ids(60)).batch_size(10);
        let run = match stop {
            "deadline" => run.deadline(10 * SECOND),
            _ => run.deadline(1000 * SECOND),
        };
        let run = run.begin().await.unwrap();
        let (control, mut events) = (run.control(), run.events());
        let run = tokio::spawn(run.into_future());
        sleep(5 * SECOND).await;
        match stop {
            "stop" => control.stop_submitting(),
            "end" => control.end(),
            "suspend" => control.suspend(),
            _ => {}
        }
        run.await.unwrap();
        let mut reasons = Vec::new();
        while let Some(event) = events.next().await {
            if let Event::Stopping { reason, cause } = event {
                assert_eq!(cause.map(|cause| cause.to_string()), Some(reason.clone()));
                reasons.push(reason);
            }
        }
        // A run that stops submitting ends by its deadline here.
        assert!(reasons[0].starts_with(expected), "{stop}: {reasons:?}");
        assert_eq!(reasons.len(), if stop == "stop" { 2 } else { 1 }, "{stop}");
    }
}

/// A run that is suspended during a request records its answer, and another process resumes it.
#[tokio::test(start_paused = true)]
async fn suspending() {
    let transport = FnTransport::new(
        |request: http::Request<bytes::Bytes>, attempt: Attempt| async move {
            if request.method() == Method::POST {
                attempt.mark().set();
                sleep(3 * SECOND).await;
                return Ok(answer(200, JOB));
            }
            Ok(answer(200, r#"{"status":"RUNNING"}"#))
        },
    );
    let client = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .servers_per_minute(20)
        // Its answers are all a job's.
        .skip_service_check()
        .build()
        .unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, ids(40)).batch_size(10);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let control = run.control();
    let began = Instant::now();
    let run = tokio::spawn(run.into_future());
    sleep(SECOND).await;
    control.suspend();
    let suspended = run.await.unwrap();
    assert_eq!(began.elapsed(), 3 * SECOND);
    assert_eq!(suspended.stopped, Some(Stopped::Suspended));
    let summary = suspended.summary();
    assert_eq!((summary.running, summary.not_attempted), (10, 30));
    let state = recovered(&journal);
    assert!(!state.is_ended());
    assert_eq!((state.stopped(), state.stop_request()), (None, None));
    let (client, seen) = good();
    let resumed = report(resume(&client, &journal)).await;
    assert_eq!((resumed.summary().succeeded, seen.posts()), (40, 3));

    // A run that was stopped before stays stopped.
    let (client, _) = endless();
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, ids(20)).batch_size(10);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let control = run.control();
    let run = tokio::spawn(run.into_future());
    sleep(SECOND).await;
    control.stop_submitting();
    control.suspend();
    let report = run.await.unwrap();
    assert_eq!(report.stopped, Some(Stopped::Suspended));
    let state = recovered(&journal);
    assert!(state.stop_request().is_some() && !state.is_ended());
}

/// The service's minute does not end with the process.
#[tokio::test(start_paused = true)]
async fn the_quota_outlives_the_process() {
    let epoch: jiff::Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let start = Instant::now();
    let now = || epoch + jiff::SignedDuration::try_from(start.elapsed()).unwrap();
    let jobs = Arc::new(AtomicUsize::new(0));
    let client = || {
        let jobs = Arc::clone(&jobs);
        let (builder, seen) = service(move |request, _| match *request.method() {
            Method::POST => accepts(jobs.fetch_add(1, Ordering::SeqCst)),
            _ => Script::Answer(200, DONE),
        });
        (builder.epoch(now()).build().unwrap(), seen)
    };
    for pause in [2, 30, 120] {
        let journal = Arc::new(MemoryJournal::default());
        let (first, seen) = client();
        let run = first.reboot(RebootType::Soft, ids(1500)).batch_size(500);
        let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
        let cut = tokio::time::timeout(8 * SECOND, run.into_future());
        assert!(cut.await.is_err());
        assert_eq!(seen.posts(), 2);
        let sent = seen.times(Method::POST)[0];
        sleep(pause * SECOND).await;
        let (second, seen) = client();
        let resumed_at = Instant::now();
        let report = report(resume(&second, &journal)).await;
        assert_eq!(report.summary().succeeded, 1500);
        let next = seen.times(Method::POST)[0];
        let expected = resumed_at.max(sent + 60 * SECOND);
        assert!(next >= expected, "{pause}: {:?}", next - sent);
        assert!(next < expected + SECOND, "{pause}: {:?}", next - expected);
    }
}

/// The journal of a run says the same as its report.
#[tokio::test(start_paused = true)]
async fn a_report_out_of_the_journal() {
    let refused = r#"{"error":{"code":"Ecs.0005","message":"no"}}"#;
    let (builder, _) = service(move |request, number| match *request.method() {
        Method::POST if number == 1 => Script::Answer(503, ""),
        Method::POST if number == 2 => Script::Answer(400, refused),
        Method::POST => accepts(number),
        _ if request.uri().path().ends_with("job-0") => Script::Answer(200, DONE),
        _ => Script::Answer(200, r#"{"status":"RUNNING"}"#),
    });
    let client = builder.concurrent_submissions(1).servers_per_minute(30);
    let client = client.build().unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, ids(50)).batch_size(10);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let control = run.control();
    let run = tokio::spawn(run.into_future());
    sleep(30 * SECOND).await;
    control.end_because("cancelled by alice");
    let report = run.await.unwrap();
    let summary = report.summary();
    let counts = [
        summary.succeeded,
        summary.failed,
        summary.running,
        summary.not_attempted,
        summary.unknown,
    ];
    assert_eq!(counts, [10, 10, 10, 10, 10]);
    let known = recovered(&journal).report();
    assert_eq!(known.stopped, cancelled());
    // The journal has no status of a running job, and times of its own.
    assert_eq!(known.jobs.len(), report.jobs.len());
    for (known, job) in known.jobs.iter().zip(&report.jobs) {
        assert_eq!(known.job_id, job.job_id);
        assert_eq!(known.ticket.servers(), job.ticket.servers());
    }
    for (known, server) in known.servers.iter().zip(&report.servers) {
        assert_eq!(known.id, server.id);
        assert_eq!(known.outcome.name(), server.outcome.name());
        assert_eq!(known.outcome.job_id(), server.outcome.job_id());
        let code = |server: &crate::ServerReport| server.outcome.error()?.code.clone();
        assert_eq!(code(known), code(server));
    }
    let json = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!((read.stopped, read.jobs), (report.stopped, report.jobs));
}
