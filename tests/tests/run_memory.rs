//! The memory of a run per server. Alone in its process, whose heap it measures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{MemoryJournal, Recovered};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, RunBuilder, Summary};
use http::{Method, Request, Response};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The largest heap in bytes per server at the peak of a run: the input, the requests, the outcomes
/// while the report is made of them, and the report with its tickets.
const MOST: usize = 200;

/// Accepts everything; its jobs succeed.
#[derive(Debug, Default)]
struct Done {
    accepted: AtomicUsize,
}

impl Transport for Done {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        _: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let body = if *request.method() == Method::POST {
            let number = self.accepted.fetch_add(1, Ordering::SeqCst);
            format!(r#"{{"job_id":"ff80808288d41e1b0189902{number:09x}"}}"#)
        } else {
            let job = request.uri().path().rsplit('/').next().unwrap();
            format!(r#"{{"status":"SUCCESS","job_id":"{job}","job_type":"rebootBatchServer"}}"#)
        };
        let response =
            Response::builder().header("X-Request-Id", "8d2c1b5c4e9fb2e67a2cd0e1a1c4a0d1");
        Box::pin(async move { Ok(response.body(Bytes::from(body)).unwrap()) })
    }
}

/// The largest heap in bytes per server of a run by its journal.
const MOST_BY_ITS_JOURNAL: usize = 125;

fn client() -> Client {
    Client::builder(
        "https://ecs.example".parse().unwrap(),
        "p1".parse().unwrap(),
    )
    .credentials(StaticCredentials::new(Credentials::token("t").unwrap()))
    .transport(Done::default())
    .servers_per_minute(1_000_000)
    .requests_per_second(50)
    .seed(1)
    .build()
    .unwrap()
}

fn run(client: &Client, servers: usize) -> RunBuilder {
    let ids = (0..servers as u128).map(|number| ServerId::from_bytes(number.to_be_bytes()));
    let run = client.reboot(RebootType::Soft, ids).batch_size(1000);
    run.skip_service_check()
}

/// Returns the peak of the heap during a run of this many servers.
async fn peak_of_a_run(servers: usize) -> usize {
    let client = client();
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let report = run(&client, servers).report().await.unwrap();
    let Summary { succeeded, .. } = report.summary();
    assert_eq!(succeeded, servers);
    HEAP.peak_usage().saturating_sub(before)
}

/// Returns the heap of a recovered run of this many servers after its end.
async fn heap_by_its_journal(servers: usize) -> usize {
    let journal = Arc::new(MemoryJournal::default());
    let run = run(&client(), servers).journal(Arc::clone(&journal));
    drop(run.report().await.unwrap());
    let before = HEAP.current_usage();
    // The records are dropped one by one.
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let after = HEAP.current_usage();
    assert_eq!(recovered.final_outcomes().count(), servers);
    after.saturating_sub(before)
}

#[tokio::test(start_paused = true)]
async fn servers_of_a_large_run_take_little_memory() {
    let half = peak_of_a_run(50_000).await;
    let all = peak_of_a_run(100_000).await;
    let each = (all - half) / 50_000;
    let message = format!("{half} bytes for 50,000 servers, {all} for 100,000: {each} for each");
    assert!(each <= MOST, "{message}");
    let by_its_journal = heap_by_its_journal(100_000).await / 100_000;
    let message = format!("{message}; {by_its_journal} by its journal");
    assert!(by_its_journal <= MOST_BY_ITS_JOURNAL, "{message}");
    // `cargo test -p ecs-tests --test run_memory -- --nocapture` shows it.
    eprintln!("{message}");
}
