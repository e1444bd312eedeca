use ecs_model::{JobId, RebootType, ServerId};
use futures_util::StreamExt as _;
use http::Method;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::scripted::{DONE, Script, accepts, asked_job, ids, service};
use crate::{Client, RunBuilder, jobs::JobEnd};

const SECOND: Duration = Duration::from_secs(1);

/// Jobs whose name says what becomes of them.
fn client() -> Client {
    let began = Instant::now();
    let (builder, _) = service(move |request, _| match asked_job(request) {
        "done" => Script::Answer(200, DONE),
        "late" if began.elapsed() > 40 * SECOND => Script::Answer(200, DONE),
        "new" if began.elapsed() > 3 * SECOND => Script::Answer(200, DONE),
        "new" | "gone" => Script::Answer(404, r#"{"code":"Common.0011","message":"?"}"#),
        "sick" => Script::Answer(500, ""),
        "odd" => Script::Answer(200, r#"{"status":"PENDING_PAYMENT"}"#),
        _ => Script::Answer(200, r#"{"status":"RUNNING"}"#),
    });
    builder.build().unwrap()
}

fn jobs(names: &[&str]) -> Vec<JobId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn is(end: &JobEnd) -> &'static str {
    match end {
        JobEnd::Ended(_) => "ended",
        JobEnd::Deadline(Some(_)) => "seen",
        JobEnd::Deadline(None) => "not seen",
        JobEnd::Cancelled(_) => "cancelled",
        JobEnd::Stalled(_) => "stalled",
        JobEnd::Lost(_) => "lost",
        JobEnd::Denied(_) => "denied",
    }
}

/// The result of the only job of a watch.
async fn one(watch: JobWatch) -> WatchedJob {
    let mut ends = watch.until_done().await;
    assert_eq!(ends.len(), 1);
    ends.remove(0)
}

async fn all(mut events: JobEvents) -> Vec<JobEvent> {
    let mut reported = Vec::new();
    while let Some(event) = events.next().await {
        reported.push(event);
    }
    reported
}

#[tokio::test(start_paused = true)]
async fn each_job_has_its_own_end() {
    let names = ["done", "late", "new", "gone", "sick", "slow"];
    let began = Instant::now();
    let watch = client().watch(jobs(&names)).unwrap().deadline(120 * SECOND);
    let events = tokio::spawn(all(watch.events()));
    let ends = watch.until_done().await;
    assert_eq!(began.elapsed(), 120 * SECOND);
    let named: Vec<_> = ends
        .iter()
        .map(|job| (job.job_id.as_str(), is(&job.end)))
        .collect();
    let expected = ["ended", "ended", "ended", "lost", "not seen", "seen"];
    assert_eq!(named, names.into_iter().zip(expected).collect::<Vec<_>>());
    let events = events.await.unwrap();
    let (mut failed, mut seen, mut ended) = (0, 0, 0);
    for event in events {
        match event {
            JobEvent::QueryFailed {
                job_id,
                error,
                retry_after,
            } => {
                assert_eq!(job_id.as_str(), "sick");
                assert!(error.message.contains("HTTP 500"));
                assert!(retry_after <= 20 * SECOND);
                failed += 1;
            }
            JobEvent::Polled { job_id, .. } if job_id.as_str() == "slow" => seen += 1,
            JobEvent::Ended(_) => ended += 1,
            _ => {}
        }
    }
    assert!(failed > 5 && seen > 8, "{failed} {seen}");
    assert_eq!(ended, 6);
}

/// The first poll is at once, and the watch ends with its last job.
#[tokio::test(start_paused = true)]
async fn the_first_status_comes_at_once() {
    let began = Instant::now();
    let watch = client().watch(jobs(&["slow"])).unwrap();
    let mut events = watch.events();
    let Some(JobEvent::Polled { job, .. }) = events.next().await else {
        panic!("seen");
    };
    assert_eq!(job.status.as_ref().unwrap().as_str(), "RUNNING");
    assert_eq!(began.elapsed(), Duration::ZERO);
    let ended = one(client().watch(jobs(&["done"])).unwrap()).await;
    assert_eq!((is(&ended.end), began.elapsed()), ("ended", Duration::ZERO));
    assert_eq!(client().watch(jobs(&[])).unwrap().until_done().await, []);
}

#[tokio::test(start_paused = true)]
async fn cancelling() {
    let watch = client().watch(jobs(&["done", "slow"])).unwrap();
    let (clone, events) = (watch.clone(), tokio::spawn(all(watch.events())));
    let began = Instant::now();
    let cancel = async {
        tokio::time::sleep(33 * SECOND).await;
        clone.cancel();
    };
    let (ends, ()) = futures_util::future::join(watch.until_done(), cancel).await;
    assert_eq!(began.elapsed(), 33 * SECOND);
    assert_eq!([is(&ends[0].end), is(&ends[1].end)], ["ended", "cancelled"]);
    assert!(events.await.unwrap().len() > 4);
    let watch = client().watch(jobs(&["slow"])).unwrap();
    watch.cancel();
    let late = watch.events();
    assert_eq!(is(&one(watch).await.end), "cancelled");
    assert_eq!(all(late).await.len(), 1);
}

/// A refusal for one job ends the polling of the others: wrong signatures must not be repeated.
#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_watching_of_all() {
    let wrong = r#"{"error_code":"APIGW.0301","error_msg":"verify ak sk signature fail"}"#;
    let (builder, seen) = service(move |_, _| Script::Answer(401, wrong));
    let watch = builder
        .build()
        .unwrap()
        .watch(jobs(&["a", "b", "c", "d", "e", "f"]));
    let ends = watch.unwrap().until_done().await;
    assert!(ends.iter().all(|job| is(&job.end) == "denied"));
    assert_eq!(seen.count(Method::GET), 1);
}

/// All subscribers of a job share its polls; a job without a subscriber is not polled any
/// more.
#[tokio::test(start_paused = true)]
async fn all_subscribers_share_one_poll() {
    let (builder, seen) = service(|_, _| Script::Answer(200, r#"{"status":"RUNNING"}"#));
    let client = builder.build().unwrap();
    let looks_of = |watchers: usize| {
        let (client, seen) = (client.clone(), seen.clone());
        async move {
            let before = seen.count(Method::GET);
            let watches = (0..watchers).map(|_| {
                let watch = client.watch(jobs(&["slow"])).unwrap();
                let watch = watch.deadline(100 * SECOND);
                async move { one(watch).await }
            });
            let ends = futures_util::future::join_all(watches).await;
            assert!(ends.iter().all(|job| is(&job.end) == "seen"));
            seen.count(Method::GET) - before
        }
    };
    let (alone, together) = (looks_of(1).await, looks_of(10).await);
    assert!(together <= alone + 2, "{alone} {together}");
    let after = seen.count(Method::GET);
    tokio::time::sleep(1000 * SECOND).await;
    assert_eq!(seen.count(Method::GET), after);
    // The task has ended: nothing but this handle holds the client.
    assert_eq!(Arc::strong_count(&client.0.registry), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_stands_still() {
    let began = Instant::now();
    let watch = client().watch(jobs(&["slow", "sick"])).unwrap();
    let ends = watch
        .stalled_after(60 * SECOND)
        .deadline(600 * SECOND)
        .until_done()
        .await;
    // A job that cannot be polled may well make progress.
    assert_eq!(
        [is(&ends[0].end), is(&ends[1].end)],
        ["stalled", "not seen"]
    );
    assert_eq!(began.elapsed(), 600 * SECOND);
    let began = Instant::now();
    let watch = client().watch(jobs(&["slow"])).unwrap();
    let end = one(watch.stalled_after(60 * SECOND)).await;
    assert_eq!(is(&end.end), "stalled");
    assert!((60..80).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn an_undocumented_status_is_reported_once() {
    let watch = client()
        .watch(jobs(&["odd"]))
        .unwrap()
        .deadline(100 * SECOND);
    let events = all(watch.events()).await;
    let undocumented_reported = events
        .iter()
        .filter(|event| matches!(event, JobEvent::UndocumentedStatus { .. }));
    assert_eq!(undocumented_reported.count(), 1);
    let seen = events
        .iter()
        .filter(|event| matches!(event, JobEvent::Polled { .. }));
    assert!(seen.count() > 5);
}

/// A ticket goes through a file to another process, which joins the job with the servers; whatever
/// their case.
#[tokio::test(start_paused = true)]
async fn a_ticket_from_another_process() {
    let servers = ids(4);
    let [done, failed, silent, stranger] =
        [0, 1, 2, 3].map(|n| servers[n].to_string().to_uppercase());
    let job = json!({"status": "FAIL", "error_code": "Ecs.0227", "entities": {"sub_jobs": [
        {"status": "SUCCESS", "entities": {"server_id": done}},
        {"status": "FAIL", "entities": {"server_id": failed, "errorcode_message": "no power"}},
        {"status": "SUCCESS", "entities": {"server_id": stranger}},
    ]}})
    .to_string();
    let (builder, _) = service(move |request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => Script::AnswerWithHeaders(200, job.clone(), Vec::new()),
    });
    let client = builder.build().unwrap();
    let asked: Vec<ServerId> = servers[..3].to_vec();
    let run: RunBuilder = client.reboot(RebootType::Soft, asked).no_wait();
    let report = run.report().await.unwrap();
    let json = serde_json::to_string(&report.jobs[0].ticket).unwrap();
    let ticket: JobTicket = serde_json::from_str(&json).unwrap();
    assert_eq!(ticket.servers(), &servers[..3]);
    let watch = client.watch([ticket.clone()]).unwrap();
    let (events, ended) = (watch.events(), one(watch).await);
    let reported: Vec<_> = ended
        .servers
        .iter()
        .map(|server| server.outcome.name())
        .collect();
    assert_eq!(reported, ["succeeded", "failed", "unknown"]);
    assert_eq!(
        ended.servers[1].outcome.error().unwrap().message,
        "no power"
    );
    assert_eq!(ended.servers[2].id.to_string().to_uppercase(), silent);
    let unrequested = all(events)
        .await
        .into_iter()
        .filter_map(|event| match event {
            JobEvent::UnrequestedServers { servers, .. } => Some(servers),
            _ => None,
        });
    assert_eq!(unrequested.collect::<Vec<_>>(), [vec![servers[3]]]);

    // It is of no use elsewhere.
    let (builder, _) = service(|_, _| Script::Answer(200, DONE));
    let other = Client::builder(crate::scripted::endpoint(), "p2".parse().unwrap())
        .credentials(ecs_auth::StaticCredentials::new(
            ecs_auth::Credentials::token("t").unwrap(),
        ))
        .transport(Arc::clone(builder.build().unwrap().0.core.transport()))
        .build()
        .unwrap();
    let error = other.watch([ticket]).unwrap_err();
    assert!(error.to_string().contains("is of project p1"), "{error}");
}

/// A transport that panics takes the task with it: another task continues to watch.
#[tokio::test(start_paused = true)]
async fn a_transport_that_panics() {
    let polls = std::sync::atomic::AtomicUsize::new(0);
    let (builder, _) =
        service(
            move |_, _| match polls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 | 2 => panic!("a mistake in somebody's transport"),
                1 => Script::Answer(200, r#"{"status":"RUNNING"}"#),
                _ => Script::Answer(200, DONE),
            },
        );
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let end = one(builder.build().unwrap().watch(jobs(&["a"])).unwrap()).await;
    std::panic::set_hook(hook);
    assert_eq!(is(&end.end), "ended");
}

/// Until the service has taken our credentials: a refusal is to meet one request, not all that are
/// under way.
#[tokio::test(start_paused = true)]
async fn one_poll_at_a_time_until_the_credentials_are_accepted() {
    let (builder, seen) = service(|_, _| Script::Hang {
        armed: true,
        sent: true,
    });
    let watch = builder.build().unwrap().watch(jobs(&["a", "b", "c"]));
    let ends = watch.unwrap().deadline(SECOND).until_done().await;
    assert!(ends.iter().all(|job| is(&job.end) == "not seen"));
    assert_eq!(seen.count(Method::GET), 1);
}

/// Events keep to the deadline of their watch, whenever it is set.
#[tokio::test(start_paused = true)]
async fn events_that_are_taken_before_the_deadline_is_set() {
    let began = Instant::now();
    let watch = client().watch(jobs(&["slow"])).unwrap();
    let taken = watch.events();
    let read = tokio::spawn(all(watch.events()));
    tokio::time::sleep(10 * SECOND).await;
    let watch = watch.deadline(100 * SECOND);
    let (end, events) = tokio::join!(one(watch), all(taken));
    assert_eq!(began.elapsed(), 110 * SECOND);
    assert_eq!(is(&end.end), "seen");
    assert!(matches!(events.last(), Some(JobEvent::Ended(_))));
    // Those that were being read count from when that began.
    assert!(matches!(
        read.await.unwrap().last(),
        Some(JobEvent::Ended(_))
    ));
}

/// A tool that only waits needs a client of single requests and a watcher.
#[tokio::test(start_paused = true)]
async fn a_watcher_without_a_client_of_runs() {
    let (builder, _) = service(|_, number| match number {
        0 => Script::Answer(200, r#"{"status":"RUNNING"}"#),
        _ => Script::Answer(200, DONE),
    });
    let watcher = JobWatcher::new(builder.build().unwrap().0.core.clone());
    let watch = watcher.watch(jobs(&["a", "b"])).unwrap();
    let polls = watch
        .events()
        .into_stream()
        .filter_map(async |event| match event {
            JobEvent::Polled { job_id, .. } => Some(job_id),
            _ => None,
        });
    let (ends, polls) = tokio::join!(watch.until_done(), polls.count());
    assert!(ends.iter().all(|job| job.end.succeeded() == Some(true)));
    assert!(polls >= 3, "{polls}");

    let core = watcher.0.client.clone();
    let never = Polling::adaptive(SECOND, Duration::ZERO, SECOND);
    let error = JobWatcher::with_polling(core, never).unwrap_err();
    assert!(error.to_string().contains("must not be zero"), "{error}");
}

/// A wait shows that it lives, also if its job shows nothing new or nothing at all.
#[tokio::test(start_paused = true)]
async fn a_wait_shows_signs_of_life() {
    for name in ["slow", "sick"] {
        let watch = client().watch(jobs(&[name])).unwrap();
        let watch = watch.deadline(1000 * SECOND);
        let events = all(watch.events()).await;
        let signs = events
            .iter()
            .filter(|event| matches!(event, JobEvent::Waiting { jobs: 1 }));
        assert_eq!(signs.count(), 8, "{name}: {events:?}");
        assert!(matches!(events.last(), Some(JobEvent::Ended(_))));
    }
}
