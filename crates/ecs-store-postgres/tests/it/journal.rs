//! Commits whose end is unknown, and projects.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ecs_ops::journal::{Admission, Journal as _, JournalErrorKind, Recovered};
use ecs_store_postgres::{PostgresStore, StoreOptions, Takeover};

use ecs_test_support::store::announcement;

use crate::world::{Database, Proxy, accepted, announce, append, begin, database, ids};

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
    tokio::time::sleep(Duration::from_millis(300)).await;
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
async fn projects_share_nothing() {
    let Some(database) = database().await else {
        return;
    };
    let store = database.store("a").await;
    let run = begin(&store, "r", ids(0..1)).await;
    let all = async |request| {
        let asked = run.announce(announcement(
            request,
            ids(0..10),
            10,
            Duration::from_secs(60),
        ));
        asked.await.unwrap()
    };
    assert_eq!(all(1).await, Admission::Admitted);
    database
        .execute("UPDATE ecsctl.shares SET project = 'q'; UPDATE ecsctl.leases SET project = 'q'")
        .await;
    assert_eq!(all(2).await, Admission::Admitted);
}
