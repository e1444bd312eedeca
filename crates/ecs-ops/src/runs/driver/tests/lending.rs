//! A journal belongs to one run, and to one at a time.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::RebootType;
use jiff::Timestamp;

use crate::journal::{
    Journal, JournalError, JournalLease, JsonlJournal, MemoryJournal, Record, Recovered,
};
use crate::scripted::{JOB, Script, Seen, client_of, ids};
use crate::{Client, ErrorKind, RunBuilder};

fn client() -> (Client, Seen) {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    (builder.build().unwrap(), seen)
}

fn recovered(journal: &MemoryJournal) -> Recovered {
    Recovered::from_entries(journal.entries()).unwrap()
}

async fn refused(run: RunBuilder, message: &str) {
    let error = run.begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRecorded, "{error}");
    assert!(error.problem().message.contains(message), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_on_a_journal_sends_nothing() {
    let (client, seen) = client();
    let journal = Arc::new(MemoryJournal::default());
    let run = |journal: &Arc<MemoryJournal>| {
        let run = client.reboot(RebootType::Soft, ids(4));
        run.journal(Arc::clone(journal))
    };
    let first = run(&journal).begin().await.unwrap();
    refused(run(&journal), "writes to this journal").await;
    assert_eq!(seen.posts(), 0);
    assert_eq!(first.await.summary().succeeded, 4);
    refused(run(&journal), "already holds a run").await;
    // Two that resume it in one process.
    let resume = |from: Recovered| client.resume(Arc::clone(&journal), from).unwrap();
    let known = recovered(&journal);
    let first = resume(known.clone()).begin().await.unwrap();
    refused(resume(known.clone()), "writes to this journal").await;
    drop(first);
    // The first one has written: what was recovered before is out of date.
    refused(resume(known), "recover the run again").await;
    let report = resume(recovered(&journal)).report().await.unwrap();
    assert_eq!(report.summary().succeeded, 4);
    // Others' records.
    let other = Arc::new(MemoryJournal::default());
    let foreign = client.resume(Arc::clone(&other), recovered(&journal));
    refused(foreign.unwrap(), "the journal is empty").await;
    run(&other).report().await.unwrap();
    let foreign = client.resume(Arc::clone(&other), recovered(&journal));
    refused(foreign.unwrap(), "the journal that it was recovered from").await;
    assert_eq!(seen.posts(), 2);
}

/// A run that was invalid, or never awaited, has not begun the journal for others.
#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_begin_gives_its_journal_back() {
    let (client, _) = client();
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, []);
    let invalid = run.journal(Arc::clone(&journal)).begin().await;
    assert_eq!(invalid.unwrap_err().kind(), ErrorKind::Invalid);
    let run = client.reboot(RebootType::Soft, ids(2));
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    // Its future is dropped before it sends anything: it is resumed, not begun again.
    drop(run.into_future());
    let resumed = client.resume(Arc::clone(&journal), recovered(&journal));
    let report = resumed.unwrap().report().await.unwrap();
    assert_eq!(report.summary().succeeded, 2);
}

#[tokio::test]
async fn a_file_is_not_begun_twice() {
    let (client, seen) = client();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let journal = Arc::new(JsonlJournal::create(&path).unwrap());
    let run = || client.reboot(RebootType::Soft, ids(2)).no_wait();
    let first = run().journal(Arc::clone(&journal)).begin().await.unwrap();
    refused(
        run().journal(Arc::clone(&journal)),
        "writes to this journal",
    )
    .await;
    first.await;
    refused(run().journal(Arc::clone(&journal)), "already holds a run").await;
    drop(journal);
    let (journal, contents) = JsonlJournal::open(&path).unwrap();
    let journal = Arc::new(journal);
    refused(run().journal(Arc::clone(&journal)), "already holds a run").await;
    let known = Recovered::from_entries(contents.entries).unwrap();
    let resumed = client.resume(journal, known).unwrap().no_wait();
    resumed
        .deadline(Duration::from_secs(1))
        .report()
        .await
        .unwrap();
    assert_eq!(seen.posts(), 1);
}

/// A journal around another one that forgot to return the lease of that one.
#[derive(Debug)]
struct Around<J>(Arc<J>, JournalLease);

impl<J: Journal> Around<J> {
    fn new(journal: &Arc<J>) -> Self {
        Self(Arc::clone(journal), JournalLease::new())
    }
}

impl<J: Journal> Journal for Around<J> {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        self.0.append(at, record)
    }

    fn lease(&self) -> &JournalLease {
        &self.1
    }
}

/// Two leases of one journal: without the check of the journal itself two runs would write to it,
/// and act on the same servers.
#[tokio::test]
async fn a_journal_inside_another_one_is_not_lent_twice() {
    let (client, seen) = client();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let file = Arc::new(JsonlJournal::create(path("1")).unwrap());
    let memory = Arc::new(MemoryJournal::default());
    let run = || client.reboot(RebootType::Soft, ids(2)).no_wait();
    let message = "returns the lease of that one";
    run().journal(Around::new(&file)).report().await.unwrap();
    refused(run().journal(Around::new(&file)), message).await;
    run().journal(Around::new(&memory)).report().await.unwrap();
    refused(run().journal(Around::new(&memory)), message).await;
    assert_eq!(seen.posts(), 2);
    // Both would send what was never sent.
    let file = Arc::new(JsonlJournal::create(path("2")).unwrap());
    let begun = run().journal(Arc::clone(&file)).begin().await.unwrap();
    drop(begun);
    let contents = JsonlJournal::read(path("2")).unwrap();
    let known = Recovered::from_entries(contents.entries.clone()).unwrap();
    for _ in 0..2 {
        let lease = JournalLease::of_entries(&contents.entries);
        let resumed = client.resume(Around(Arc::clone(&file), lease), known.clone());
        let report = resumed.unwrap().report().await.unwrap();
        assert_eq!(report.summary().not_attempted, 2);
        let stopped = report.stopped.unwrap().to_string();
        assert!(stopped.contains(message), "{stopped}");
    }
    assert_eq!(seen.posts(), 2);
    let resumed = client.resume(file, known).unwrap();
    assert_eq!(resumed.report().await.unwrap().summary().succeeded, 2);
}
