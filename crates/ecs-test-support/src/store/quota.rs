//! The quota across all processes.

use std::time::{Duration, Instant};

use ecs_ops::journal::{Admission, ErrorRecord, Journal as _, Record};
use ecs_ops::store::{StoreJournal, Takeover};

use super::{Database, accepted, announcement, append, begin, ids};

const SECOND: Duration = Duration::from_secs(1);

/// Announces a request of this many servers with a quota of 10.
async fn ask(journal: &StoreJournal, request: usize, servers: u16) -> Admission {
    let first = u16::try_from(request).unwrap() * 100;
    let servers = ids(first..first + servers);
    let admission = journal.announce(announcement(request, servers, 10, SECOND));
    admission.await.unwrap()
}

fn is_full(admission: &Admission) -> bool {
    matches!(admission, Admission::QuotaFull { .. })
}
/// The window begins with the answer.
pub async fn shares_are_held_until_a_window_after_their_answer(database: &impl Database) {
    let store = database.store("a").await;
    let run = begin(&store, "r", ids(0..1)).await;
    assert_eq!(ask(&run, 1, 6).await, Admission::Admitted);
    assert!(is_full(&ask(&run, 2, 5).await));
    // A late answer: the window begins with it.
    tokio::time::sleep(SECOND).await;
    append(&run, accepted(1)).await.unwrap();
    tokio::time::sleep(SECOND * 8 / 10).await;
    assert!(is_full(&ask(&run, 2, 5).await));
    tokio::time::sleep(SECOND * 3 / 10).await;
    assert_eq!(ask(&run, 2, 5).await, Admission::Admitted);
    // A refusal gives the share back at once.
    let refused = Record::NotExecuted {
        request: 2,
        throttled: false,
        retry_after_ms: None,
        error: ErrorRecord::default(),
    };
    append(&run, refused).await.unwrap();
    assert_eq!(ask(&run, 3, 10).await, Admission::Admitted);
}

/// The answer never arrives.
pub async fn shares_of_dead_processes_are_held_until_their_answers_are_overdue(
    database: &impl Database,
) {
    let store = database.store("a").await;
    let dead = begin(&store, "dead", ids(0..1)).await;
    assert_eq!(ask(&dead, 1, 6).await, Admission::Admitted);
    drop(dead);
    // A takeover neither frees nor prolongs it.
    database.age(Duration::from_secs(80)).await;
    store.resume("dead", Takeover::AtOnce).await.unwrap();
    let other = begin(&store, "other", ids(0..1)).await;
    assert!(is_full(&ask(&other, 2, 5).await));
    // The window of a second, 60 s for the answer and 30 s before the first byte.
    database.age(SECOND * 12).await;
    assert_eq!(ask(&other, 2, 5).await, Admission::Admitted);
}

/// The queue is fair, and dead processes leave it.
pub async fn queue_is_fair_and_skips_dead_processes(database: &impl Database) {
    let store = database.store("a").await;
    let holder = begin(&store, "holder", ids(0..1)).await;
    let (large, small) = (
        begin(&store, "large", ids(0..1)).await,
        begin(&store, "small", ids(0..1)).await,
    );
    assert_eq!(ask(&holder, 1, 6).await, Admission::Admitted);
    assert!(is_full(&ask(&large, 2, 9).await));
    // There is room for it, but another has been waiting.
    assert!(is_full(&ask(&small, 3, 1).await));
    append(
        &holder,
        Record::NotExecuted {
            request: 1,
            throttled: false,
            retry_after_ms: None,
            error: ErrorRecord::default(),
        },
    )
    .await
    .unwrap();
    assert!(is_full(&ask(&small, 3, 1).await));
    assert_eq!(ask(&large, 2, 9).await, Admission::Admitted);
    assert_eq!(ask(&small, 3, 1).await, Admission::Admitted);
    // The first in the queue dies.
    assert!(is_full(&ask(&large, 4, 10).await));
    append(&large, accepted(2)).await.unwrap();
    append(&small, accepted(3)).await.unwrap();
    tokio::time::sleep(SECOND + SECOND / 10).await;
    assert!(is_full(&ask(&holder, 5, 1).await));
    database.age(SECOND * 6).await;
    assert_eq!(ask(&holder, 5, 1).await, Admission::Admitted);
}

/// Twenty processes, each with its own connection, send as fast as they may.
pub async fn twenty_processes_use_the_quota_and_never_exceed_it(database: &impl Database) {
    // `ECS_STORE_LONG=1`: with the window of the service.
    let long = std::env::var_os("ECS_STORE_LONG").is_some();
    let (windows, least): (&[u64], f64) = if long {
        (&[60], 0.98)
    } else {
        // On a machine that has something else to do processes come late: that counts for less in a longer window.
        (&[3, 8, 20], 0.80)
    };
    let mut used = 0.0;
    for (round, window) in (0..).zip(windows) {
        let window = Duration::from_secs(*window);
        used = race(database, round, window, 4).await;
        println!(
            "20 processes used {:.2} % of the quota in 4 windows of {window:?}",
            used * 100.0
        );
        if used >= least {
            return;
        }
    }
    panic!("{used}");
}

/// Returns the share of the quota that was used in this number of windows; each round has runs and servers of its own.
async fn race(database: &impl Database, round: u16, window: Duration, windows: u32) -> f64 {
    const LIMIT: usize = 200;
    const REQUEST: u16 = 10;
    let began = Instant::now();
    let end = began + window * windows;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20_u16 {
        let store = database.store(&format!("h{number}")).await;
        tasks.spawn(async move {
            let run = begin(&store, &format!("r{round}-{number}"), ids(0..1)).await;
            let mut sent = Vec::new();
            for request in 1.. {
                let first =
                    round * 20_000 + number * 1000 + u16::try_from(request % 90).unwrap() * REQUEST;
                let servers = ids(first..first + REQUEST);
                loop {
                    if Instant::now() >= end {
                        return sent;
                    }
                    let announced =
                        run.announce(announcement(request, servers.clone(), LIMIT, window));
                    match announced.await.unwrap() {
                        Admission::Admitted => break,
                        Admission::QuotaFull { retry_after } => {
                            tokio::time::sleep(retry_after).await
                        }
                        held => panic!("{held:?}"),
                    }
                }
                let at = Instant::now();
                // The way to the service and back.
                tokio::time::sleep(Duration::from_millis(u64::from(number % 5) * 5)).await;
                sent.push((number, at, Instant::now()));
                append(&run, accepted(request)).await.unwrap();
            }
            sent
        });
    }
    let sent = tasks.join_all().await.concat();
    // The service counts a request at any moment between its sending and its answer: the requests
    // that it can count within a window that begins with one of the answers.
    for (_, _, begin) in &sent {
        let counted = sent
            .iter()
            .filter(|(_, at, answered)| answered >= begin && *at < *begin + window);
        let counted = counted.count() * usize::from(REQUEST);
        assert!(counted <= LIMIT, "{counted} servers in {window:?}");
    }
    let mut by_process = [0_usize; 20];
    // Before that, each process takes what is available.
    for (number, _, _) in sent.iter().filter(|(_, at, _)| *at >= began + window) {
        by_process[usize::from(*number)] += 1;
    }
    let (least, most) = (
        by_process.iter().min().unwrap(),
        by_process.iter().max().unwrap(),
    );
    assert!(most - least <= 2, "not fair: {by_process:?}");
    let within = sent.iter().filter(|(_, at, _)| *at < end).count();
    (within * usize::from(REQUEST)) as f64 / (LIMIT * usize::try_from(windows).unwrap()) as f64
}
