use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::JobEnd;
use crate::Client;
use crate::scripted::{DONE, Does, asked_job, service};

/// Jobs whose name says what becomes of them.
fn client() -> Client {
    let began = Instant::now();
    let (builder, _) = service(move |request, _| match asked_job(request) {
        "done" => Does::Answer(200, DONE),
        "late" if began.elapsed() > Duration::from_secs(40) => Does::Answer(200, DONE),
        "new" if began.elapsed() > Duration::from_secs(3) => Does::Answer(200, DONE),
        "new" | "gone" => Does::Answer(404, r#"{"code":"Common.0011","message":"?"}"#),
        "sick" => Does::Answer(500, ""),
        _ => Does::Answer(200, r#"{"status":"RUNNING"}"#),
    });
    builder.build().unwrap()
}

fn jobs(names: &[&str]) -> Vec<ecs_model::JobId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

const JOBS: &[&str] = &["done", "late", "new", "gone", "sick", "slow"];

fn is(end: &JobEnd) -> &'static str {
    match end {
        JobEnd::Ended(_) => "ended",
        JobEnd::Deadline(Some(_)) => "seen",
        JobEnd::Deadline(None) => "not seen",
        JobEnd::Lost(_) => "lost",
        JobEnd::Denied(_) => "denied",
    }
}

#[tokio::test(start_paused = true)]
async fn each_job_ends_in_its_way() {
    let began = Instant::now();
    let (shown, trouble) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let (shows, troubles) = (Arc::clone(&shown), Arc::clone(&trouble));
    let wait = client()
        .wait_for_jobs(jobs(JOBS))
        .deadline(Duration::from_secs(120))
        .on_progress(move |id, _| shows.lock().unwrap().push(id.to_string()))
        .on_trouble(move |id, problem, pause| {
            assert_eq!(id.as_str(), "sick");
            assert!(problem.message.contains("HTTP 500"));
            assert!(pause <= Duration::from_secs(20));
            *troubles.lock().unwrap() += 1;
        });
    assert!(format!("{wait:?}").contains("done"));
    let ends = wait.await;
    assert_eq!(began.elapsed(), Duration::from_secs(120));
    let named: Vec<_> = ends
        .iter()
        .map(|job| (job.job_id.as_str(), is(&job.end)))
        .collect();
    let expected = ["ended", "ended", "ended", "lost", "not seen", "seen"];
    assert_eq!(
        named,
        JOBS.iter().copied().zip(expected).collect::<Vec<_>>()
    );
    assert!(*trouble.lock().unwrap() > 5);
    assert!(
        shown
            .lock()
            .unwrap()
            .iter()
            .filter(|id| *id == "slow")
            .count()
            > 8
    );
}

/// It ends with its last job, and the first look is at once.
#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_without_need() {
    let began = Instant::now();
    let ends = client().wait_for_jobs(jobs(&["done"])).await;
    assert_eq!(
        (is(&ends[0].end), began.elapsed()),
        ("ended", Duration::ZERO)
    );
    assert_eq!(client().wait_for_jobs([]).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_wait_can_be_ended() {
    let wait = client().wait_for_jobs(jobs(&["done", "slow"]));
    let control = wait.control();
    let began = Instant::now();
    let end = async {
        tokio::time::sleep(Duration::from_secs(33)).await;
        control.end();
    };
    let (ends, ()) = futures_util::future::join(wait.into_future(), end).await;
    assert_eq!(began.elapsed(), Duration::from_secs(33));
    assert_eq!([is(&ends[0].end), is(&ends[1].end)], ["ended", "seen"]);
}

/// Who is refused for one job is not asked for the others: wrong signatures must not be repeated.
#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_waiting_for_all() {
    let wrong = r#"{"error_code":"APIGW.0301","error_msg":"verify ak sk signature fail"}"#;
    let (builder, seen) = service(move |_, _| Does::Answer(401, wrong));
    let wait = builder
        .build()
        .unwrap()
        .wait_for_jobs(jobs(&["a", "b", "c", "d", "e", "f"]));
    let ends = wait.await;
    assert!(ends.iter().all(|job| is(&job.end) == "denied"));
    assert_eq!(seen.count(http::Method::GET), 1);
}
