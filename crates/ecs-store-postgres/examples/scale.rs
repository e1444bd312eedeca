//! Measures a store with many runs and servers, side by side with journal files.
//!
//! `cargo run --release -p ecs-store-postgres --example scale -- 50 20000`: 50 concurrent runs of 20,000 servers each.
//! It needs an installed PostgreSQL, which it starts in a temporary folder with its default settings; files are in the
//! same file system. `docs/performance.md` has figures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ecs_ops::PowerAction;
use ecs_ops::journal::{
    Admission, Announcement, Journal, JsonlJournal, OutcomeKind, OutcomeRecord, Purpose,
    QuotaLimits, Record, RunRecord,
};
use ecs_ops::model::{RebootType, ServerId};
use ecs_store_postgres::{PostgresStore, Process, StoreOptions};
use ecs_test_support::postgres::Postgres;
use jiff::Timestamp;

/// The servers of a request.
const REQUEST: usize = 100;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let runs: usize = numbers.next().unwrap_or(50);
    let servers: usize = numbers.next().unwrap_or(20_000);
    println!("{runs} concurrent runs of {servers} servers, {REQUEST} in a request");
    files(runs, servers).await;
    store(runs, servers).await;
}

/// The duration of each step.
#[derive(Default)]
struct Steps {
    announced: Vec<Duration>,
    accepted: Vec<Duration>,
    outcomes: Vec<Duration>,
    finished: Vec<Duration>,
}

impl Steps {
    fn add(&mut self, other: Self) {
        self.announced.extend(other.announced);
        self.accepted.extend(other.accepted);
        self.outcomes.extend(other.outcomes);
        self.finished.extend(other.finished);
    }

    fn print(self, took: Duration) {
        println!("| step | p50 (ms) | p99 (ms) |");
        for (name, mut times) in [
            ("announce (2 records)", self.announced),
            ("accepted", self.accepted),
            ("outcomes of a request", self.outcomes),
            ("job finished", self.finished),
        ] {
            times.sort();
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
            println!("| {name} | {:.2} | {:.2} |", at(50), at(99));
        }
        println!("all of it in {:.1} s", took.as_secs_f64());
    }
}

async fn files(runs: usize, servers: usize) {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..runs {
        let file = folder.path().join(format!("r{number}.jsonl"));
        let journal = Arc::new(JsonlJournal::create(file).unwrap());
        tasks.spawn(run(journal, number, servers));
    }
    let mut steps = Steps::default();
    for of_run in tasks.join_all().await {
        steps.add(of_run);
    }
    println!("\njournal files");
    steps.print(began.elapsed());
    let sizes = std::fs::read_dir(folder.path()).unwrap();
    let bytes: u64 = sizes
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    println!(
        "{:.0} bytes a server",
        bytes as f64 / (runs * servers) as f64
    );
}

async fn store(runs: usize, servers: usize) {
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server = server.unwrap();
    server.create_database("scale").unwrap();
    let options = |number: usize| {
        let process = Process {
            user: "ops".to_owned(),
            host: format!("h{number}"),
            pid: 1,
            program: "scale".to_owned(),
        };
        let address = server.address("owner", "scale").parse().unwrap();
        StoreOptions::new(address, process)
    };
    PostgresStore::migrate(options(0), &[]).await.unwrap();
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..runs {
        let store = PostgresStore::open(options(number)).await.unwrap();
        tasks.spawn(run(Arc::new(store.journal()), number, servers));
    }
    let mut steps = Steps::default();
    for of_run in tasks.join_all().await {
        steps.add(of_run);
    }
    println!("\nstore");
    steps.print(began.elapsed());

    let address = server.address("owner", "scale");
    let connected = tokio_postgres::connect(&address, tokio_postgres::NoTls).await;
    let (client, connection) = connected.unwrap();
    tokio::spawn(connection);
    let all = (runs * servers) as f64;
    for table in ["records", "leases", "shares"] {
        let sql = format!(
            "SELECT count(*), pg_total_relation_size('ecsctl.{table}') FROM ecsctl.{table}"
        );
        let row = client.query_one(&sql, &[]).await.unwrap();
        let (rows, bytes) = (row.get::<_, i64>(0) as f64, row.get::<_, i64>(1) as f64);
        let (rows, bytes) = (rows / all, bytes / all);
        println!("{table}: {rows:.3} rows and {bytes:.0} bytes a server");
    }
    let store = PostgresStore::open(options(0)).await.unwrap();
    let held: Vec<ServerId> = (0..1000).map(|server| id(0, server)).collect();
    let (endpoint, project) = (ENDPOINT.parse().unwrap(), "p".parse().unwrap());
    let held = store.held(&endpoint, &project, &held);
    timed("held, of 1,000 servers", held).await;
    // Many small runs beside the large ones.
    let filled = "INSERT INTO ecsctl.runs (run_id, endpoint, project, action, servers, username, host, pid, program, ended_at) \
                  SELECT 'small' || n, 'e', 'p', 'reboot', 1, 'u', 'h', 1, 'p', clock_timestamp() FROM generate_series(1, 100000) n";
    client.batch_execute(filled).await.unwrap();
    timed("the latest 1,000 of 100,050 runs", store.runs(1000)).await;
    timed("the records of one run", store.records("r0")).await;
    server.stop().unwrap();
}

async fn timed<T, E: std::fmt::Debug>(name: &str, call: impl Future<Output = Result<T, E>>) {
    let began = Instant::now();
    call.await.unwrap();
    println!("{name}: {:.1} ms", began.elapsed().as_secs_f64() * 1000.0);
}

const ENDPOINT: &str = "https://ecs.example";

fn id(run: usize, server: usize) -> ServerId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(run as u64).to_be_bytes());
    bytes[8..].copy_from_slice(&(server as u64).to_be_bytes());
    ServerId::from_bytes(bytes)
}

/// The records of a run: all requests are accepted before the first one is done, so that all of its
/// servers are acted on at once.
async fn run(journal: Arc<impl Journal>, number: usize, servers: usize) -> Steps {
    let servers: Vec<ServerId> = (0..servers).map(|server| id(number, server)).collect();
    let action = PowerAction::Reboot(RebootType::Soft);
    let (endpoint, project) = (ENDPOINT.parse().unwrap(), "p".parse().unwrap());
    let record = RunRecord::new(
        format!("r{number}"),
        &endpoint,
        project,
        action,
        servers.clone(),
    );
    let now = Timestamp::now;
    journal
        .append(now(), Record::Run(Box::new(record)))
        .await
        .unwrap();
    let mut steps = Steps::default();
    // Never full: not the quota is measured.
    let (minute, attempt) = (Duration::from_secs(60), 1);
    let limits = QuotaLimits::new(i32::MAX as usize, minute, minute);
    let job = |request: usize| format!("job-{number}-{request}").parse().unwrap();
    for (index, servers) in servers.chunks(REQUEST).enumerate() {
        let request = index + 1;
        let intent = Record::Intent {
            request,
            attempt,
            purpose: Purpose::First,
            servers: servers.to_vec(),
        };
        let sending = Record::Sending {
            request,
            attempt,
            remote: None,
        };
        let records = vec![intent, sending];
        let announcement = Announcement::new(now(), request, servers.to_vec(), records, limits);
        let began = Instant::now();
        let admission = journal.announce(announcement).await.unwrap();
        steps.announced.push(began.elapsed());
        assert_eq!(admission, Admission::Admitted);
        let accepted = Record::Accepted {
            request,
            job_id: job(request),
            request_id: None,
        };
        let began = Instant::now();
        journal.append(now(), accepted).await.unwrap();
        steps.accepted.push(began.elapsed());
    }
    for (index, servers) in servers.chunks(REQUEST).enumerate() {
        let job_id: ecs_ops::model::JobId = job(index + 1);
        let outcome = |id: &ServerId| OutcomeRecord {
            id: *id,
            outcome: OutcomeKind::Succeeded,
            job_id: Some(job_id.clone()),
            evidence: None,
            error: None,
        };
        let servers = servers.iter().map(outcome).collect();
        let began = Instant::now();
        let outcomes = Record::Outcomes { servers };
        journal.append(now(), outcomes).await.unwrap();
        steps.outcomes.push(began.elapsed());
        let finished = Record::JobFinished {
            job_id,
            status: Some("SUCCESS".to_owned()),
        };
        let began = Instant::now();
        journal.append(now(), finished).await.unwrap();
        steps.finished.push(began.elapsed());
    }
    journal.append(now(), Record::Ended {}).await.unwrap();
    steps
}
