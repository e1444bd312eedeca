//! Records, epochs, and commits whose end is unclear.

use std::sync::atomic::Ordering;

use ecs_ops::journal::{Admission, Journal as _, JournalErrorKind, Record, Recovered};
use ecs_store_postgres::{PostgresStore, RunState, StoreErrorKind, StoreOptions, Takeover};
use jiff::Timestamp;

use crate::world::{Database, Proxy, accepted, announce, append, begin, database, ids};

#[tokio::test]
async fn what_was_written_is_read_back_on_another_host() {
    let Some(database) = database().await else {
        return;
    };
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
    assert_eq!((run.state, run.host.as_str()), (RunState::Running, "a"));
    let found = other.run("r").await.unwrap().expect("it is there");
    assert_eq!((found.records, found.state), (4, RunState::Running));
    assert!(other.run("s").await.unwrap().is_none());

    append(&journal, Record::Ended {}).await.unwrap();
    assert_eq!(other.runs(10).await.unwrap()[0].state, RunState::Ended);
    // A new run of the same name is refused, and nothing of the first is touched.
    let error = append(&other.journal(), crate::world::run_record("r", ids(0..1))).await;
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

#[tokio::test]
async fn a_process_that_lost_its_run_appends_nothing_and_announces_nothing() {
    let Some(database) = database().await else {
        return;
    };
    let (a, b) = (database.store("a").await, database.store("b").await);
    let journal = begin(&a, "r", ids(0..4)).await;
    announce(&journal, 1, ids(0..2)).await.unwrap();

    let error = b.resume("r", Takeover::WhenSilent).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    let message = error.to_string();
    assert!(
        message.contains("ops on a (process 1) since") && message.contains("--take-over"),
        "{message}"
    );

    let (taken, contents) = b.resume("r", Takeover::AtOnce).await.unwrap();
    // What was in flight is unknown to whoever takes over.
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
    assert_eq!(
        database
            .value("SELECT string_agg(epoch::text, ',' ORDER BY seq) FROM ecsctl.records")
            .await,
        "1,1,1,2,2,2"
    );
}

#[tokio::test]
async fn a_released_run_is_resumed_without_waiting_and_a_silent_one_after_a_while() {
    let Some(database) = database().await else {
        return;
    };
    let a = database.store("a").await;
    let journal = begin(&a, "released", ids(0..1)).await;
    journal.release().await.unwrap();
    assert!(append(&journal, Record::Ended {}).await.is_err());
    let b = database.store("b").await;
    assert_eq!(b.runs(10).await.unwrap()[0].state, RunState::Released);
    b.resume("released", Takeover::WhenSilent).await.unwrap();

    drop(begin(&a, "silent", ids(0..1)).await);
    let mut options = database.options("b");
    options.times.takeover_after = std::time::Duration::from_millis(300);
    let b = ecs_store_postgres::PostgresStore::open(options)
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(b.runs(1).await.unwrap()[0].state, RunState::Silent);
    b.resume("silent", Takeover::WhenSilent).await.unwrap();
    assert_eq!(
        b.resume("none", Takeover::AtOnce).await.unwrap_err().kind(),
        StoreErrorKind::NoRun
    );
}

/// A database that is reached through a proxy, by TCP.
async fn behind_a_proxy() -> Option<(Database, Proxy, StoreOptions)> {
    let database = database().await?;
    let role = format!("tcp_{}", database.name);
    database
        .execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'p'"))
        .await;
    let proxy = Proxy::start(database.server.port()).await;
    let (name, port) = (&database.name, proxy.port);
    let address = format!("postgres://{role}:p@127.0.0.1:{port}/{name}?sslmode=disable");
    let options = crate::world::options(&address, "a");
    Some((database, proxy, options))
}

/// The server commits, and the connection is cut before its answer arrives.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_by_its_id() {
    let Some((database, proxy, options)) = behind_a_proxy().await else {
        return;
    };
    let store = PostgresStore::open(options).await.unwrap();
    let journal = begin(&store, "r", ids(0..4)).await;
    for (request, cuts) in [(1_u16, 1), (2, 2), (3, 3)] {
        let servers = ids(request - 1..request);
        proxy.cuts.store(cuts, Ordering::SeqCst);
        let admission = announce(&journal, request.into(), servers).await.unwrap();
        assert_eq!(admission, Admission::Admitted);
        proxy.cuts.store(cuts, Ordering::SeqCst);
        append(&journal, accepted(request.into())).await.unwrap();
        assert_eq!(proxy.cuts.load(Ordering::SeqCst), 0);
    }
    let entries = store.records("r").await.unwrap().entries;
    assert_eq!(entries.len(), 10, "each record once");
    assert_eq!(
        Recovered::from_entries(entries).unwrap().unsent(),
        ids(3..4)
    );
    assert_eq!(
        database
            .value("SELECT sum(servers) FROM ecsctl.shares")
            .await,
        "3"
    );
}

/// The network swallows what is sent, for longer than a call may take; meanwhile another host takes the run over.
#[tokio::test]
async fn a_process_that_was_cut_off_is_fenced_when_it_comes_back() {
    let Some((database, proxy, options)) = behind_a_proxy().await else {
        return;
    };
    let store = PostgresStore::open(options).await.unwrap();
    let journal = begin(&store, "r", ids(0..4)).await;
    announce(&journal, 1, ids(0..2)).await.unwrap();
    proxy.is_silent.store(true, Ordering::SeqCst);
    let cut_off = tokio::spawn(async move { announce(&journal, 2, ids(2..4)).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let other = database.store("b").await;
    let (taken, contents) = other.resume("r", Takeover::AtOnce).await.unwrap();
    let recovered = Recovered::from_entries(contents.entries).unwrap();
    assert_eq!(recovered.unsent(), ids(2..4));
    assert_eq!(
        announce(&taken, 2, ids(2..4)).await.unwrap(),
        Admission::Admitted
    );
    proxy.is_silent.store(false, Ordering::SeqCst);
    let error = cut_off.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::InUse);
    assert_eq!(
        database.value("SELECT count(*) FROM ecsctl.records").await,
        "5"
    );
}

/// The answer of the server is lost on its way, after the commit.
#[tokio::test]
async fn each_call_may_be_repeated() {
    let Some(database) = database().await else {
        return;
    };
    let store = database.store("a").await;
    begin(&store, "r", ids(0..4)).await;
    let announce = "SELECT ecsctl.announce('r', 1, 1, 'f0000000-0000-0000-0000-000000000001', ARRAY['x', 'y'], 1, \
                    ARRAY['00000000-0000-0000-0000-000000000001']::uuid[], 10, 60000, 90000)";
    let append = "SELECT ecsctl.append('r', 1, 3, 'f0000000-0000-0000-0000-000000000002', ARRAY['z'], ARRAY[1], '{}', '{}', '{}', false)";
    let take = "SELECT ecsctl.take_over('r', 'f0000000-0000-0000-0000-000000000003', 0, true, 'u', 'h', 1, 'p')::jsonb - 'holder' - 'was_alive'";
    for call in [announce, append, take] {
        let call = format!("SELECT ({call})::jsonb");
        let first = database.value(&call).await;
        assert_eq!(database.value(&call).await, first, "{call}");
    }
    assert_eq!(
        database.value("SELECT count(*) FROM ecsctl.records").await,
        "4"
    );
    assert_eq!(
        database
            .value("SELECT sum(servers) FROM ecsctl.shares")
            .await,
        "1"
    );
    assert_eq!(database.value("SELECT epoch FROM ecsctl.runs").await, "2");
    // Under the old epoch even what was written before counts as refused: it must not be sent.
    assert!(database.value(announce).await.contains("fenced"));
    // Other records in the same place are neither overwritten nor taken for these.
    let other = announce
        .replace("'r', 1, 1", "'r', 2, 1")
        .replace("0001', ARRAY['x'", "0009', ARRAY['x'");
    assert!(database.value(&other).await.contains("conflict"));
}

#[tokio::test]
async fn a_store_that_was_set_back_is_noticed_before_anything_is_sent() {
    let Some(database) = database().await else {
        return;
    };
    let store = database.store("a").await;
    let journal = begin(&store, "r", ids(0..4)).await;
    announce(&journal, 1, ids(0..2)).await.unwrap();
    append(&journal, accepted(1)).await.unwrap();
    // As after a failover to a standby that had not received the last transaction.
    database
        .execute("DELETE FROM ecsctl.records WHERE seq = 3; UPDATE ecsctl.runs SET next_seq = 3;")
        .await;
    let error = announce(&journal, 2, ids(2..4)).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Contradiction);
    assert!(error.to_string().contains("lost records"), "{error}");
}

#[tokio::test]
async fn a_future_that_is_dropped_damages_nothing() {
    let Some(database) = database().await else {
        return;
    };
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
