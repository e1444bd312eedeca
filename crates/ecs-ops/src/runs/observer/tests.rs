use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::RebootType;
use ecs_transport::{Attempt, FnTransport};
use http::Method;
use serde_json::json;
use tokio::time::sleep;

use super::super::schedule::Schedule;
use super::*;
use crate::scripted::{DONE, JOB, TOKEN, answer, endpoint, ids};
use crate::{Client, OnUnknown};

const LIST_TAKES: Duration = Duration::from_secs(15);

/// Lists that are underway, and all.
#[derive(Clone, Default)]
struct Lists {
    underway: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

/// A service that loses the answer to the first request, whose jobs succeed, whose second server is
/// not back for two minutes, and whose lists take long.
fn slow_lists(lists: Lists) -> Client {
    let began = Instant::now();
    let posts = AtomicUsize::new(0);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, _: Attempt| {
        let is_post = request.method() == Method::POST;
        let is_first = is_post && posts.fetch_add(1, Ordering::SeqCst) == 0;
        let is_list = request.uri().path().ends_with("/detail");
        let lists = lists.clone();
        async move {
            if is_post {
                return Ok(answer(if is_first { 500 } else { 200 }, JOB));
            }
            if !is_list {
                return Ok(answer(200, DONE));
            }
            let underway = lists.underway.fetch_add(1, Ordering::SeqCst) + 1;
            lists.most.fetch_max(underway, Ordering::SeqCst);
            lists.all.fetch_add(1, Ordering::SeqCst);
            sleep(LIST_TAKES).await;
            lists.underway.fetch_sub(1, Ordering::SeqCst);
            let is_back = began.elapsed() > Duration::from_secs(120);
            let status = [true, is_back].map(|rests| if rests { "ACTIVE" } else { "REBOOT" });
            let servers = ids(2).into_iter().zip(status);
            let updated = "2026-01-01T00:00:00Z";
            let servers: Vec<_> = servers
                .map(|(id, status)| json!({"id": id, "status": status, "updated": updated}))
                .collect();
            let list = json!({"count": 2, "servers": servers});
            Ok(answer(200, &list.to_string()))
        }
    });
    Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .skip_service_check()
        .concurrent_submissions(1)
        .seed(1)
        .build()
        .unwrap()
}

/// The reconciler and the verifier share a list.
#[tokio::test(start_paused = true)]
async fn one_list_at_a_time() {
    let lists = Lists::default();
    let run = slow_lists(lists.clone()).reboot(RebootType::Soft, ids(2));
    let run = run.batch_size(1).verify(Duration::from_secs(600));
    let report = run.on_unknown(OnUnknown::Reconcile).report().await.unwrap();
    let summary = report.summary();
    assert_eq!(
        (summary.not_attempted, summary.succeeded),
        (1, 1),
        "{report:?}"
    );
    assert_eq!(lists.most.load(Ordering::SeqCst), 1);
    // The first one is before the run.
    let all = lists.all.load(Ordering::SeqCst);
    assert!((5..=8).contains(&all), "{all}");
}

/// A steady flow of new requests does not delay a list.
#[tokio::test(start_paused = true)]
async fn a_schedule_that_begins_anew_again_and_again() {
    let client = slow_lists(Lists::default());
    let second = Duration::from_secs(1);
    let mut schedule = Schedule::new(2 * second, 30 * second);
    let (began, last) = (Instant::now(), Instant::now() + 1000 * second);
    let due = schedule.due(&client, last);
    assert_eq!(due, began + 2 * second);
    sleep(second).await;
    schedule.restart(&client);
    assert_eq!(schedule.due(&client, last), due);
    // After many lists, a new one is due soon.
    (0..10).for_each(|_| schedule.listed(Duration::ZERO));
    let now = Instant::now();
    assert_eq!(schedule.due(&client, last), now + 30 * second);
    schedule.restart(&client);
    assert_eq!(schedule.due(&client, last), now + 2 * second);
    // But not sooner than lists take.
    schedule.listed(20 * second);
    schedule.restart(&client);
    assert_eq!(schedule.due(&client, last), now + 20 * second);
    // The last one comes when something must be decided.
    schedule.listed(Duration::ZERO);
    let last = now + 5 * second;
    assert_eq!(schedule.due(&client, last), last);
}
