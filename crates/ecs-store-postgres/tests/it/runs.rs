//! Whole runs of several processes.

use ecs_ops::model::RebootType;
use ecs_store_postgres::Takeover;

use crate::fleet::{Fleet, run_or_resume, to_end};
use crate::world::database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runs_of_several_processes_share_the_quota() {
    let Some(database) = database().await else {
        return;
    };
    let fleet = Fleet::new(48, 1, 12);
    let mut runs = tokio::task::JoinSet::new();
    for (number, servers) in fleet.servers.chunks(16).enumerate() {
        let (fleet, servers) = (fleet.clone(), servers.to_vec());
        let store = database.store(&format!("h{number}")).await;
        runs.spawn(async move {
            let run = fleet.client().reboot(RebootType::Soft, servers);
            to_end(run.batch_size(3).journal(store.journal()))
                .await
                .unwrap()
        });
    }
    for report in runs.join_all().await {
        assert_eq!(report.summary().succeeded, 16, "{report:?}");
    }
    // A file could not have done this: the service never saw more than the quota of one.
    assert!(fleet.peak() <= 12, "{}", fleet.peak());
    assert!(fleet.servers.iter().all(|id| fleet.times(id) == 1));
    assert_eq!(
        database.value("SELECT count(*) FROM ecsctl.leases").await,
        "0"
    );
    // Two transactions for each request, one for what its job showed, and one for its end.
    let transactions = database
        .value("SELECT count(DISTINCT write_id) FROM ecsctl.records")
        .await;
    let records = database.value("SELECT count(*) FROM ecsctl.records").await;
    println!("18 requests, 48 servers: {records} records in {transactions} transactions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_a_server_that_another_run_acts_on() {
    let Some(database) = database().await else {
        return;
    };
    let fleet = Fleet::new(6, 1, 1000);
    let (a, b) = (database.store("a").await, database.store("b").await);
    let first = fleet
        .client()
        .reboot(RebootType::Soft, fleet.servers[..4].to_vec());
    let second = fleet
        .client()
        .reboot(RebootType::Soft, fleet.servers[2..].to_vec());
    let first = first.journal(a.journal()).begin().await.unwrap();
    let mut events = first.events();
    let first = tokio::spawn(std::future::IntoFuture::into_future(first));
    while let Some(event) = events.next().await {
        if matches!(event, ecs_ops::Event::Accepted { .. }) {
            break;
        }
    }
    let second = second.journal(b.journal()).begin().await.unwrap();
    let mut events = second.events();
    let report = second.await;
    assert_eq!(report.summary().succeeded, 4);
    assert_eq!(first.await.unwrap().summary().succeeded, 4);
    let mut waited = Vec::new();
    while let Some(event) = events.next().await {
        if let ecs_ops::Event::WaitingForServers { servers, .. } = event {
            waited.extend(servers);
        }
    }
    assert!(
        waited
            .iter()
            .any(|held| held.id == fleet.servers[2] && held.host == "a"),
        "{waited:?}"
    );
    // The requests came one after the other: at once, the service would have refused one, or done both.
    assert_eq!(fleet.times(&fleet.servers[2]), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_process_is_alive_and_sends_nothing_after_another_took_over() {
    let Some(database) = database().await else {
        return;
    };
    let fleet = Fleet::new(30, 2, 6);
    let (a, b) = (database.store("a").await, database.store("b").await);
    let run = run_or_resume(&fleet, &a, "r", &fleet.servers, Takeover::AtOnce)
        .await
        .unwrap();
    let first = tokio::spawn(to_end(run));
    while fleet.accepted() < 6 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let run = run_or_resume(&fleet, &b, "r", &fleet.servers, Takeover::AtOnce)
        .await
        .unwrap();
    let second = to_end(run).await.unwrap();
    let first = first.await.unwrap().unwrap();
    assert!(
        matches!(&first.stopped, Some(ecs_ops::Stopped::JournalFailed(problem)) if problem.to_string().contains("taken over")),
        "{:?}",
        first.stopped
    );
    assert!(first.summary().not_attempted > 0);
    assert_eq!(second.servers.len(), 30);
    for server in &second.servers {
        let times = fleet.times(&server.id);
        match &server.outcome {
            ecs_ops::Outcome::Succeeded { .. } => assert_eq!(times, 1),
            ecs_ops::Outcome::Unknown { .. } => assert!(times <= 1),
            other => panic!("{other:?}"),
        }
    }
    assert!(fleet.peak() <= 6);
}
