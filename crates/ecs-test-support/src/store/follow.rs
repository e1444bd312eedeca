//! Following runs of other processes.

use std::time::Duration;

use ecs_ops::journal::Record;
use ecs_ops::store::{
    Change, Follower, RunStatus, RunUpdate, StoreErrorKind, StoreTimes, Takeover,
};
use tokio::time::timeout;

use super::{Database, MINUTE, accepted, announce, append, begin, ids};

/// Returns the next update, which must arrive soon.
async fn next(follower: &mut Follower) -> RunUpdate {
    let update = timeout(Duration::from_secs(10), follower.next()).await;
    update.expect("it comes").unwrap()
}

/// Returns the numbers of the records of the next updates, up to this count.
async fn numbers(follower: &mut Follower, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let update = next(follower).await;
        numbers.extend(update.entries.iter().map(|entry| entry.seq));
    }
    numbers
}

/// A follower gets each record from the first one, whenever it begins.
pub async fn follower_gets_each_record_once(database: &impl Database) {
    let (a, b) = (database.store("a").await, database.store("b").await);
    let journal = begin(&a, "r", ids(0..40)).await;
    let mut early = b.follow("r");
    assert_eq!(numbers(&mut early, 1).await, [0]);
    begin(&a, "another", ids(50..51)).await;
    for request in 1..=20_u16 {
        let servers = ids(request * 2 - 2..request * 2);
        announce(&journal, request.into(), servers).await.unwrap();
        append(&journal, accepted(request.into())).await.unwrap();
    }
    let mut late = b.follow("r");
    let update = next(&mut late).await;
    let all: Vec<_> = update.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(all, (0..61).collect::<Vec<_>>());
    assert_eq!(
        (update.run.records, update.run.state),
        (61, RunStatus::Running)
    );
    assert_eq!(numbers(&mut early, 60).await, (1..61).collect::<Vec<_>>());
    // No update arrives while nothing happens, and a cancelled read loses nothing.
    let early_next = timeout(Duration::from_millis(1500), early.next()).await;
    assert!(early_next.is_err(), "{early_next:?}");
    append(&journal, Record::WaveBegan { wave: 0 })
        .await
        .unwrap();
    assert_eq!(numbers(&mut early, 1).await, [61]);
    assert_eq!(numbers(&mut late, 1).await, [61]);
    let error = b.follow("none").next().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoRun);
}

/// A follower sees a silent, a taken over and an ended run.
pub async fn follower_sees_the_state_and_the_holder_of_the_run(database: &impl Database) {
    let (a, b) = (database.store("a").await, database.store("b").await);
    let journal = begin(&a, "r", ids(0..2)).await;
    let mut follower = b.follow("r");
    let update = next(&mut follower).await;
    assert_eq!((update.run.host.as_str(), update.run.epoch), ("a", 1));
    // Without a record, a hint or a sign of life.
    drop(journal);
    database.age(Duration::from_secs(31)).await;
    let update = next(&mut follower).await;
    assert_eq!(update.run.state, RunStatus::Silent);
    assert!(update.entries.is_empty());
    let (journal, _) = b.resume("r", Takeover::WhenSilent).await.unwrap();
    let update = next(&mut follower).await;
    assert_eq!((update.run.host.as_str(), update.run.epoch), ("b", 2));
    assert_eq!(update.run.state, RunStatus::Running);
    journal.release().await.unwrap();
    assert_eq!(next(&mut follower).await.run.state, RunStatus::Released);
    let (journal, _) = a.resume("r", Takeover::WhenSilent).await.unwrap();
    assert_eq!(next(&mut follower).await.run.epoch, 3);
    append(&journal, Record::Ended {}).await.unwrap();
    let update = next(&mut follower).await;
    assert_eq!(update.run.state, RunStatus::Ended);
    assert_eq!(update.entries.len(), 1);
}

/// A record that was read once has disappeared.
pub async fn follower_notices_lost_records(database: &impl Database) {
    let store = database.store("a").await;
    let journal = begin(&store, "r", ids(0..2)).await;
    announce(&journal, 1, ids(0..2)).await.unwrap();
    let mut follower = store.follow("r");
    assert_eq!(next(&mut follower).await.entries.len(), 3);
    database.forget_last_record("r").await;
    let next = timeout(Duration::from_secs(10), follower.next()).await;
    let error = next.expect("it comes").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Contradiction);
}

/// A change is reported without a poll in between.
pub async fn changes_are_reported_before_the_next_poll(database: &impl Database) {
    let writer = database.store("a").await;
    let mut times = StoreTimes::default();
    times.poll_interval = MINUTE;
    let watcher = database.open("b", times).await;
    let mut changes = watcher.changes();
    // To make sure that it is listening.
    let soon = Duration::from_secs(10);
    assert_eq!(timeout(soon, changes.next()).await.unwrap(), Change::Any);
    begin(&writer, "r", ids(0..2)).await;
    let change = timeout(soon, changes.next()).await.unwrap();
    assert!(change.concerns("r"), "{change:?}");
}
