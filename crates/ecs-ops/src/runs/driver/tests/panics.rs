//! Panics in what a caller brings: they cost an attempt, never the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AuthError, BoxFuture, Credentials, CredentialsProvider, StaticCredentials};
use ecs_model::RebootType;
use ecs_transport::{Attempt, FnTransport};
use http::Method;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::journal::{Journal, JournalError, JournalLease, MemoryJournal, Record, Recovered};
use crate::scripted::{DONE, JOB, Script, TOKEN, answer, client_of, endpoint, ids};
use crate::{Client, ClientBuilder, ErrorKind, Report, Stopped};

/// A client of a service whose transport panics at its third POST, after this was done to the mark.
fn panicking(mark: impl Fn(&Attempt) + Clone + Send + Sync + 'static) -> ClientBuilder {
    let posts = AtomicUsize::new(0);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, attempt: Attempt| {
        let is_post = request.method() == Method::POST;
        let number = posts.fetch_add(usize::from(is_post), Ordering::SeqCst);
        let panics = is_post && number == 2;
        let mark = mark.clone();
        async move {
            if panics {
                mark(&attempt);
                panic!("a transport that panics");
            }
            let job = format!(r#"{{"job_id":"job-{number}"}}"#);
            Ok(answer(200, if is_post { &job } else { DONE }))
        }
    });
    Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .concurrent_submissions(1)
        // Its answers are all a job's.
        .skip_service_check()
        .seed(1)
}

async fn reboot(builder: ClientBuilder) -> Report {
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(50)).batch_size(10);
    run.report().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_costs_the_attempt() {
    // The mark is silent or set: either is possible.
    for report in [
        reboot(panicking(|_| {})).await,
        reboot(panicking(|attempt| attempt.mark().set())).await,
    ] {
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.unknown), (40, 10));
        let error = report.servers[20].outcome.error().unwrap();
        assert!(error.message.contains("the transport panicked"), "{error}");
        assert_eq!(report.jobs.len(), 4);
    }
    // Held: it is sent again.
    let report = reboot(panicking(|attempt| attempt.mark().hold())).await;
    assert_eq!(report.summary().succeeded, 50);
}

#[derive(Debug)]
struct PanickingSource(AtomicUsize, usize);

impl CredentialsProvider for PanickingSource {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        assert!(number >= self.1, "a source that panics");
        Box::pin(async { Credentials::token(TOKEN) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_of_credentials_that_panics_costs_the_attempt() {
    for (panics, succeeded) in [(1, 50), (usize::MAX, 0)] {
        let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
        let source = PanickingSource(AtomicUsize::new(0), panics);
        let report = reboot(builder.credentials(source)).await;
        let summary = report.summary();
        assert_eq!(summary.succeeded, succeeded);
        assert_eq!(summary.not_attempted, 50 - succeeded);
        if panics > 1 {
            let error = report.refused.unwrap();
            assert!(error.message.contains("panicked"), "{error}");
        }
    }
}

/// Panics at the record of this number.
#[derive(Debug)]
struct PanickingJournal(Arc<MemoryJournal>, usize, JournalLease);

impl Journal for PanickingJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        assert!(self.0.entries().len() < self.1, "a journal that panics");
        self.0.append(at, record)
    }

    fn lease(&self) -> &JournalLease {
        &self.2
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_panics_stops_the_sending() {
    for records in 1..12 {
        let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
        let client = builder.concurrent_submissions(1).build().unwrap();
        let memory = Arc::new(MemoryJournal::default());
        let journal = PanickingJournal(Arc::clone(&memory), records, JournalLease::new());
        let run = client.reboot(RebootType::Soft, ids(50)).batch_size(10);
        let report = run.journal(journal).report().await.unwrap();
        let failed = matches!(report.stopped, Some(Stopped::JournalFailed(_)));
        assert!(failed, "{records}: {:?}", report.stopped);
        let summary = report.summary();
        let counts = (summary.succeeded, summary.not_attempted);
        let sent = 10 * seen.posts();
        assert_eq!(counts, (sent, 50 - sent), "{records}");
    }
}

/// A guard that panics when it is dropped, as one does that unlocks a poisoned lock.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a guard that panics");
    }
}

/// The future of the transport is dropped when its time is out, and when the run ends before.
#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_while_it_is_dropped_costs_the_attempt() {
    let transport = || {
        FnTransport::new(|_: http::Request<Bytes>, _: Attempt| async {
            let _bomb = Bomb;
            std::future::pending().await
        })
    };
    let minute = Duration::from_secs(60);
    for (deadline, message) in [
        (60 * minute, "no answer within"),
        (minute / 2, "stopped while the request was underway"),
    ] {
        let client = Client::builder(endpoint(), "p1".parse().unwrap())
            .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
            .transport(transport())
            .skip_service_check()
            .build()
            .unwrap();
        let run = client.reboot(RebootType::Soft, ids(2)).deadline(deadline);
        let report = run.report().await.unwrap();
        assert_eq!(report.summary().unknown, 2);
        let error = report.servers[0].outcome.error().unwrap();
        assert!(error.message.contains(message), "{error}");
    }
}

/// Never takes its first record, or the first one of a process that resumes.
#[derive(Debug)]
struct HangingJournal(Arc<MemoryJournal>, usize);

impl Journal for HangingJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        if self.0.entries().len() == self.1 {
            return Box::pin(std::future::pending());
        }
        self.0.append(at, record)
    }

    fn lease(&self) -> &JournalLease {
        self.0.lease()
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_hangs_at_the_first_record_does_not_outlast_the_deadline() {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let memory = Arc::new(MemoryJournal::default());
    let hour = Duration::from_secs(3600);
    for limit in [hour, Duration::ZERO] {
        let run = client.reboot(RebootType::Soft, ids(2)).deadline(limit);
        let run = run.journal(HangingJournal(Arc::clone(&memory), 0));
        let began = Instant::now();
        let error = run.begin().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotRecorded);
        assert!(
            error.to_string().contains("took no record within"),
            "{error}"
        );
        assert!(began.elapsed() < limit + Duration::from_secs(5));
    }
    let run = client.reboot(RebootType::Soft, ids(2));
    drop(run.journal(Arc::clone(&memory)).begin().await.unwrap());
    let known = Recovered::from_entries(memory.entries()).unwrap();
    let resumed = client.resume(HangingJournal(Arc::clone(&memory), 1), known);
    let report = resumed.unwrap().deadline(hour).report().await.unwrap();
    assert_eq!(report.summary().not_attempted, 2);
    assert_eq!(seen.posts(), 0);
}
