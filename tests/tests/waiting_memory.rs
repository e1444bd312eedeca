//! The memory of a watched job. Alone in its process, whose heap it measures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{JobId, RebootType, ServerId};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, JobTicket};
use http::{Method, Request, Response};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const JOBS: usize = 10_000;
/// The bound of docs/job-waiting.md in bytes, for a watched job, and for a request of a run with
/// its server.
const MOST: usize = 770;
const MOST_IN_A_RUN: usize = 820;

/// Accepts everything; its jobs never end.
#[derive(Debug)]
struct Endless {
    accepted: AtomicUsize,
    /// The jobs that were polled.
    looked_at: Arc<[AtomicBool]>,
}

impl Transport for Endless {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        _: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let body = if *request.method() == Method::POST {
            let job = id(self.accepted.fetch_add(1, Ordering::SeqCst));
            format!(r#"{{"job_id":"{job}"}}"#)
        } else {
            let job = request.uri().path().rsplit('/').next().unwrap();
            let number = usize::from_str_radix(&job[job.len() - 9..], 16).unwrap();
            self.looked_at[number].store(true, Ordering::SeqCst);
            let server = "616fb98f-46ca-475e-917e-2563e5a8cd19";
            format!(
                r#"{{"status":"RUNNING","job_id":"{job}","job_type":"rebootBatchServer",
                "begin_time":"2026-11-24T00:00:00.000Z","end_time":"","error_code":null,"fail_reason":null,
                "entities":{{"sub_jobs_total":1,"sub_jobs":[{{"status":"RUNNING","job_id":"{job}",
                "job_type":"rebootServer","entities":{{"server_id":"{server}"}}}}]}}}}"#
            )
        };
        let response =
            Response::builder().header("X-Request-Id", "8d2c1b5c4e9fb2e67a2cd0e1a1c4a0d1");
        Box::pin(async move { Ok(response.body(Bytes::from(body)).unwrap()) })
    }
}

/// Formats an id as the service does: 32 hexadecimal digits.
fn id(number: usize) -> String {
    format!("ff80808288d41e1b0189902{number:09x}")
}

fn client() -> (Client, Arc<[AtomicBool]>) {
    let looked_at: Arc<[AtomicBool]> = (0..JOBS).map(|_| AtomicBool::new(false)).collect();
    let transport = Endless {
        accepted: AtomicUsize::new(0),
        looked_at: Arc::clone(&looked_at),
    };
    let client = Client::builder(
        "https://ecs.example".parse().unwrap(),
        "p1".parse().unwrap(),
    )
    .credentials(StaticCredentials::new(Credentials::token("t").unwrap()))
    .transport(transport)
    .servers_per_minute(1_000_000)
    .requests_per_second(50)
    .seed(1)
    .build()
    .unwrap();
    (client, looked_at)
}

/// Returns the additional heap of each job, when all were polled and are waiting.
async fn bytes_for_each<F>(begin: impl FnOnce(&Client) -> F) -> usize
where
    F: Future<Output: Send> + Send + 'static,
{
    let (client, looked_at) = client();
    // Allocations that happen once come before.
    client.job(&id(0).parse().unwrap()).await.unwrap();
    let before = HEAP.current_usage();
    let waiting = tokio::spawn(begin(&client));
    for looked_at in &looked_at[1..] {
        while !looked_at.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!waiting.is_finished());
        }
    }
    let each = HEAP.current_usage().saturating_sub(before) / JOBS;
    waiting.abort();
    let _ = waiting.await;
    // The watcher ends, and leaves nothing.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let left = HEAP.current_usage().saturating_sub(before) / JOBS;
    assert!(left < 64, "{left} bytes are left of each job");
    each
}

#[tokio::test(start_paused = true)]
async fn waiting_jobs_take_at_most_a_kibibyte() {
    // Only the id is known.
    let found = bytes_for_each(|client| {
        let jobs = (0..JOBS).map(|number| id(number).parse::<JobId>().unwrap());
        let watch = client.watch(jobs).unwrap();
        async move { watch.until_done().await }
    });
    // With everything in a ticket of a run for one server.
    let with_tickets = bytes_for_each(|client| {
        let tickets = (0..JOBS).map(|number| {
            let ticket = serde_json::json!({
                "version": 1, "job_id": id(number), "endpoint": "https://ecs.example", "project_id": "p1",
                "operation": "reboot", "type": "SOFT", "servers": ["616fb98f-46ca-475e-917e-2563e5a8cd19"],
                "accepted_at": "2026-11-24T00:00:00Z", "request_id": "8d2c1b5c4e9fb2e67a2cd0e1a1c4a0d1",
            });
            serde_json::from_value::<JobTicket>(ticket).unwrap()
        });
        let watch = client.watch(tickets).unwrap();
        async move { watch.until_done().await }
    });
    let events = bytes_for_each(|client| {
        let jobs = (0..JOBS).map(|number| id(number).parse::<JobId>().unwrap());
        let mut events = client.watch(jobs).unwrap().events();
        async move { while events.next().await.is_some() {} }
    });
    // Includes everything that a run holds of a request and its server.
    let in_a_run = bytes_for_each(|client| {
        let servers = (0..JOBS as u128).map(|number| ServerId::from_bytes(number.to_be_bytes()));
        let run = client.reboot(RebootType::Soft, servers).batch_size(1);
        async move { run.report().await.unwrap() }
    });
    let watched = [found.await, with_tickets.await, events.await];
    let in_a_run = in_a_run.await;
    let expected = format!(
        "{watched:?} bytes for each job by its id, by a ticket, by its events; {in_a_run} in a run"
    );
    assert!(watched.iter().all(|each| *each <= MOST), "{expected}");
    assert!(in_a_run <= MOST_IN_A_RUN, "{expected}");
    // `cargo test -p ecs-tests --test waiting_memory -- --nocapture` shows them.
    eprintln!("{expected}");
}
