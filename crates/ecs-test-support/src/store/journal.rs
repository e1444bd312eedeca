//! Records, epochs, and takeovers.

use std::time::Duration;

use ecs_ops::journal::{Admission, Journal as _, JournalErrorKind, Record, Recovered};
use ecs_ops::store::{RunStatus, StoreErrorKind, Takeover};
use jiff::Timestamp;

use super::{Database, accepted, announce, append, begin, ids, run_record};

/// Another process reads the records of the first, and a run with the same id is refused.
pub async fn records_are_read_back_on_another_host(database: &impl Database) {
    let store = database.store("a").await;
    let journal = begin(&store, "r", ids(0..4)).await;
    assert_eq!(
        announce(&journal, 1, ids(0..2)).await.unwrap(),
        Admission::Admitted
    );
    append(&journal, accepted(1)).await.unwrap();

    let other = database.store("b").await;
    let recovered = Recovered::from_entries(other.records("r").await.unwrap().entries).unwrap();
    assert_eq!(recovered.unsent(), ids(2..4));
    assert_eq!(recovered.accepted_requests()[0].servers, ids(0..2));
    let runs = other.runs(10).await.unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!((run.run_id.as_str(), run.records, run.servers), ("r", 4, 4));
    assert_eq!((run.state, run.host.as_str()), (RunStatus::Running, "a"));
    let found = other.run("r").await.unwrap().expect("it is there");
    assert_eq!((found.records, found.state), (4, RunStatus::Running));
    assert!(other.run("s").await.unwrap().is_none());

    append(&journal, Record::Ended {}).await.unwrap();
    assert_eq!(other.runs(10).await.unwrap()[0].state, RunStatus::Ended);
    // A new run with the same id is refused, and the first is unchanged.
    let error = append(&other.journal(), run_record("r", ids(0..1))).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::InUse);
    assert!(
        error
            .to_string()
            .contains("already has a run r, of ops on a"),
        "{error}"
    );
    assert_eq!(other.records("r").await.unwrap().entries.len(), 5);
    let error = other.records("s").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoRun);
}

/// A process that lost its run is fenced.
pub async fn process_that_lost_its_run_cannot_write(database: &impl Database) {
    let (a, b) = (database.store("a").await, database.store("b").await);
    let journal = begin(&a, "r", ids(0..4)).await;
    announce(&journal, 1, ids(0..2)).await.unwrap();

    let error = b.resume("r", Takeover::WhenSilent).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    let message = error.to_string();
    assert!(
        message.contains("ops on a (process 1) since") && message.contains("or at once"),
        "{message}"
    );

    let (taken, contents) = b.resume("r", Takeover::AtOnce).await.unwrap();
    // Requests in flight are unknown to the new process.
    let recovered = Recovered::from_entries(contents.entries).unwrap();
    assert_eq!(recovered.unknown_requests()[0].servers, ids(0..2));

    let error = announce(&journal, 2, ids(2..4)).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::InUse);
    assert!(
        error.to_string().contains("taken over by ops on b"),
        "{error}"
    );
    // Not even what it already knows, and not later either.
    let error = append(&journal, accepted(1)).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Broken);
    append(&taken, accepted(1)).await.unwrap();
    assert_eq!(
        announce(&taken, 2, ids(2..4)).await.unwrap(),
        Admission::Admitted
    );
    let records = b.records("r").await.unwrap().entries;
    assert_eq!(records.len(), 6);
}

/// Signs of life decide when a run may be taken over.
pub async fn released_runs_are_resumed_at_once_and_silent_ones_later(database: &impl Database) {
    let a = database.store("a").await;
    let journal = begin(&a, "released", ids(0..1)).await;
    journal.release().await.unwrap();
    assert!(append(&journal, Record::Ended {}).await.is_err());
    let b = database.store("b").await;
    assert_eq!(b.runs(10).await.unwrap()[0].state, RunStatus::Released);
    b.resume("released", Takeover::WhenSilent).await.unwrap();

    drop(begin(&a, "silent", ids(0..1)).await);
    let error = b.resume("silent", Takeover::WhenSilent).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    database.age(Duration::from_secs(31)).await;
    assert_eq!(b.runs(1).await.unwrap()[0].state, RunStatus::Silent);
    b.resume("silent", Takeover::WhenSilent).await.unwrap();
    assert_eq!(
        b.resume("none", Takeover::AtOnce).await.unwrap_err().kind(),
        StoreErrorKind::NoRun
    );
}

/// Missing records are noticed before anything is sent.
pub async fn lost_records_are_noticed_before_anything_is_sent(database: &impl Database) {
    let store = database.store("a").await;
    let journal = begin(&store, "r", ids(0..4)).await;
    announce(&journal, 1, ids(0..2)).await.unwrap();
    append(&journal, accepted(1)).await.unwrap();
    database.forget_last_record("r").await;
    let error = announce(&journal, 2, ids(2..4)).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Contradiction);
    assert!(error.to_string().contains("lost records"), "{error}");
}

/// Futures that are dropped while they write damage nothing.
pub async fn dropped_futures_damage_nothing(database: &impl Database) {
    let store = database.store("a").await;
    let journal = begin(&store, "r", ids(0..4)).await;
    for wave in 0..20 {
        let append = journal.append(Timestamp::now(), Record::WaveBegan { wave });
        // Dropped at some moment of the write.
        let _ =
            tokio::time::timeout(std::time::Duration::from_micros(wave as u64 * 100), append).await;
    }
    append(&journal, Record::Ended {}).await.unwrap();
    let entries = store.records("r").await.unwrap().entries;
    let waves = entries.iter().filter_map(|entry| match entry.record {
        Record::WaveBegan { wave } => Some(wave),
        _ => None,
    });
    let waves: Vec<_> = waves.collect();
    assert!(
        waves.is_sorted() && waves.windows(2).all(|pair| pair[0] != pair[1]),
        "{waves:?}"
    );
    assert_eq!(entries.last().unwrap().record, Record::Ended {});
}

/// Only runs that ended and whose shares of the quota were given back are pruned.
pub async fn ended_runs_are_pruned_and_others_are_not(database: &impl Database) {
    let store = database.store("a").await;
    let ended = begin(&store, "ended", ids(0..1)).await;
    announce(&ended, 1, ids(0..1)).await.unwrap();
    append(&ended, accepted(1)).await.unwrap();
    append(&ended, Record::Ended {}).await.unwrap();
    begin(&store, "open", ids(0..1)).await;
    let hour = Duration::from_secs(3600);
    assert_eq!(store.prune(hour).await.unwrap(), 0);
    // Its share is held.
    assert_eq!(store.prune(Duration::ZERO).await.unwrap(), 0);
    database.age(hour * 2).await;
    assert_eq!(store.prune(hour).await.unwrap(), 1);
    let left = store.runs(10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].run_id, "open");
    assert!(store.records("ended").await.is_err());
}
