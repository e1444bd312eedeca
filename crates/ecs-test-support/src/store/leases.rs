//! A server has one action at a time.

use std::time::Duration;

use ecs_ops::journal::{Admission, ErrorRecord, OutcomeKind, OutcomeRecord, Record};
use ecs_ops::store::{Store, Takeover};

use super::{Database, ENDPOINT, accepted, announce, append, begin, id, ids};

/// The number of servers that runs hold there, of 0 to 8.
async fn held_at(store: &Store, endpoint: &str, project: &str) -> usize {
    let (endpoint, project) = (endpoint.parse().unwrap(), project.parse().unwrap());
    let held = store.held(&endpoint, &project, &ids(0..9)).await;
    held.unwrap().len()
}

/// A server is held until its outcome is known.
pub async fn held_servers_are_refused_until_their_outcome_is_known(database: &impl Database) {
    let (a, b) = (database.store("a").await, database.store("b").await);
    let first = begin(&a, "first", ids(0..3)).await;
    let second = begin(&b, "second", ids(2..4)).await;
    announce(&first, 1, ids(0..3)).await.unwrap();
    append(&first, accepted(1)).await.unwrap();

    let held = announce(&second, 1, ids(2..4)).await.unwrap();
    let Admission::ServersHeld { servers, .. } = held else {
        panic!("{held:?}");
    };
    assert_eq!(servers.len(), 1);
    assert_eq!(servers[0].id, id(2));
    let message = servers[0].to_string();
    assert!(
        message.contains("is held by run first of ops on a since"),
        "{message}"
    );
    // No lease was taken: neither the other server nor a permit.
    assert_eq!(held_at(&b, ENDPOINT, "p").await, 3);

    let outcome = |id, outcome| OutcomeRecord {
        id,
        outcome,
        job_id: None,
        evidence: None,
        error: None,
    };
    let unknown = Record::Outcomes {
        servers: vec![outcome(id(2), OutcomeKind::Unknown)],
    };
    append(&first, unknown).await.unwrap();
    let held = announce(&second, 1, ids(2..4)).await.unwrap();
    assert!(
        matches!(held, Admission::ServersHeld { .. }),
        "it may still be at work: {held:?}"
    );
    let known = Record::Outcomes {
        servers: vec![outcome(id(2), OutcomeKind::Succeeded)],
    };
    append(&first, known).await.unwrap();
    assert_eq!(
        announce(&second, 1, ids(2..4)).await.unwrap(),
        Admission::Admitted
    );
}

/// A dead run frees nothing.
pub async fn servers_of_a_dead_run_are_held_until_it_ends(database: &impl Database) {
    let store = database.store("a").await;
    let dead = begin(&store, "dead", ids(0..1)).await;
    announce(&dead, 1, ids(0..1)).await.unwrap();
    drop(dead);
    database.age(Duration::from_secs(24 * 3600)).await;
    let other = begin(&store, "other", ids(0..1)).await;
    let held = announce(&other, 1, ids(0..1)).await.unwrap();
    assert!(matches!(held, Admission::ServersHeld { .. }), "{held:?}");

    let (resumed, _) = store.resume("dead", Takeover::WhenSilent).await.unwrap();
    let held = announce(&other, 1, ids(0..1)).await.unwrap();
    assert!(matches!(held, Admission::ServersHeld { .. }), "{held:?}");
    append(&resumed, Record::Ended {}).await.unwrap();
    assert_eq!(
        announce(&other, 1, ids(0..1)).await.unwrap(),
        Admission::Admitted
    );
}

/// A refusal frees the servers.
pub async fn unexecuted_requests_free_their_servers_unless_retried(database: &impl Database) {
    let store = database.store("a").await;
    let run = begin(&store, "r", ids(0..2)).await;
    let held_now = async || held_at(&store, ENDPOINT, "p").await;
    let not_executed = |retry_after_ms| Record::NotExecuted {
        request: 1,
        throttled: true,
        retry_after_ms,
        error: ErrorRecord::default(),
    };
    announce(&run, 1, ids(0..2)).await.unwrap();
    append(&run, not_executed(Some(1))).await.unwrap();
    assert_eq!(held_now().await, 2);
    announce(&run, 1, ids(0..2)).await.unwrap();
    append(&run, not_executed(None)).await.unwrap();
    assert_eq!(held_now().await, 0);
    // The same server id in another project, or at another endpoint, is another server.
    announce(&run, 2, ids(0..2)).await.unwrap();
    assert_eq!(held_at(&store, ENDPOINT, "q").await, 0);
    assert_eq!(held_at(&store, "https://other.example/", "p").await, 0);
    // The same endpoint, written in another way.
    assert_eq!(held_at(&store, "HTTPS://ECS.example:443/", "p").await, 2);
}

/// Two runs compete for the same servers, at the same time and in both orders.
pub async fn competing_runs_never_share_a_server(database: &impl Database) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..6_u16 {
        let store = database.store(&format!("h{number}")).await;
        tasks.spawn(async move {
            let run = begin(&store, &format!("r{number}"), ids(0..8)).await;
            let mut admitted = Vec::new();
            for request in 1..=8_u16 {
                // Each begins with another server.
                let server = id((number + request) % 8);
                let other = id((number + request + 3) % 8);
                let admission = announce(&run, request.into(), vec![server, other])
                    .await
                    .unwrap();
                if admission == Admission::Admitted {
                    admitted.extend([(server, number), (other, number)]);
                }
            }
            admitted
        });
    }
    let admitted = tasks.join_all().await.concat();
    let mut holders = std::collections::BTreeMap::new();
    for (server, run) in admitted {
        // A run may use its own server again.
        assert_eq!(*holders.entry(server).or_insert(run), run, "{server}");
    }
    assert!(holders.len() >= 2);
    let store = database.store("a").await;
    assert_eq!(held_at(&store, ENDPOINT, "p").await, holders.len());
}
