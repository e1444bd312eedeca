//! Records that are being written when a run is cut short.

use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::RebootType;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::journal::{
    Journal, JournalError, JournalLease, MemoryJournal, Record, Recovered, ServerProgress,
};
use crate::scripted::{JOB, Script, client_of, ids};
use crate::{Event, Outcome, Report, Stopped};

/// A journal that takes this long for an acceptance.
#[derive(Debug)]
struct Slow(MemoryJournal, Duration);

impl Journal for Slow {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            if let Record::Accepted { .. } = record {
                sleep(self.1).await;
            }
            self.0.append(at, record).await
        })
    }

    fn lease(&self) -> &JournalLease {
        self.0.lease()
    }
}

const DEADLINE: Duration = Duration::from_secs(5);

/// A run whose deadline comes while the acceptance of its request is being written, its events,
/// and how late it ended.
async fn cut_short(takes: Duration) -> (Report, Vec<Event>, Arc<Slow>, Duration) {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let journal = Arc::new(Slow(MemoryJournal::default(), takes));
    let run = client.reboot(RebootType::Soft, ids(4)).deadline(DEADLINE);
    let run = run.journal(Arc::clone(&journal)).begin().await.unwrap();
    let mut events = run.events();
    let began = Instant::now();
    let report = run.await;
    assert_eq!(seen.posts(), 1);
    assert_eq!(report.stopped, Some(Stopped::Deadline));
    let late = began.elapsed().saturating_sub(DEADLINE);
    let events = std::iter::from_fn(|| events.try_next()).collect();
    (report, events, journal, late)
}

/// An answer counts as it stands in the journal.
#[tokio::test(start_paused = true)]
async fn an_acceptance_that_is_being_written_at_the_deadline() {
    let (report, events, journal, late) = cut_short(DEADLINE + Duration::from_millis(300)).await;
    assert_eq!(report.summary().running, 4, "{report:?}");
    assert_eq!(report.jobs.len(), 1);
    assert!(late < Duration::from_secs(1), "{late:?}");
    let reported = |event: &&Event| matches!(event, Event::Accepted { .. });
    assert_eq!(events.iter().filter(reported).count(), 1);
    let recovered = Recovered::from_entries(journal.0.entries()).unwrap();
    for server in &report.servers {
        assert!(matches!(server.outcome, Outcome::Running { .. }));
        let progress = recovered.progress(server.id);
        assert_eq!(progress, Some(ServerProgress::Accepted { request: 1 }));
    }
    // All records are written: the journal can be resumed as it is.
    assert!(recovered.is_ended());
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let resumed = client.resume(Arc::clone(&journal), recovered).unwrap();
    assert_eq!(resumed.report().await.unwrap().summary().succeeded, 4);
}

/// A write that hangs does not keep the run: nobody knows whether the acceptance is in the journal.
#[tokio::test(start_paused = true)]
async fn an_acceptance_that_is_never_written() {
    let (report, _, journal, late) = cut_short(Duration::from_secs(3600)).await;
    assert_eq!(report.summary().unknown, 4);
    assert!(late <= Duration::from_secs(2), "{late:?}");
    let recovered = Recovered::from_entries(journal.0.entries()).unwrap();
    let progress = recovered.progress(report.servers[0].id);
    assert_eq!(progress, Some(ServerProgress::Unknown { request: 1 }));
}
