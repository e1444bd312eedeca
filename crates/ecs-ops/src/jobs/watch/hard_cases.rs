//! Watching that goes wrong in ways that took a second pair of eyes to see.

use std::time::Duration;

use ecs_model::{Job, JobId, RebootType};
use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::jobs::{JobEnd, JobEvent};
use crate::scripted::*;
use crate::*;

const SECOND: Duration = Duration::from_secs(1);
const RUNNING: &str = r#"{"status":"RUNNING"}"#;

fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

#[test]
fn a_client_of_two_runtimes() {
    let new = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (a, b) = (new(), new());
    let (builder, _) = service(|_, _| Script::Answer(200, RUNNING));
    let client = builder.build().unwrap();
    let watch = client.watch([job("a")]).unwrap();
    let watch = watch.deadline(Duration::from_millis(200));
    let _end = a.block_on(watch.until_done());
    // runtime a is alive, and no thread drives it now
    let mut events = client.watch([job("b")]).unwrap().events();
    let seen = b.block_on(async { tokio::time::timeout(3 * SECOND, events.next()).await });
    assert!(seen.is_ok(), "no first status within 3 s");
}

#[tokio::test(start_paused = true)]
async fn going_on_after_a_panic_within_a_select() {
    let (builder, _) = service(|_, number| {
        if number == 0 {
            panic!("x")
        } else {
            Script::Answer(200, DONE)
        }
    });
    let mut events = builder.build().unwrap().watch([job("a")]).unwrap().events();
    let mut tick = tokio::time::interval(SECOND / 2);
    for _ in 0..1000 {
        tokio::select! { biased; e = events.next() => { drop(e); return; } _ = tick.tick() => {} }
    }
    panic!("no event in 500 s");
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_for_one_job() {
    let (builder, _) = service(|r, _| match asked_job(r) {
        "bad" => panic!("x"),
        _ => Script::Answer(200, DONE),
    });
    let ends = builder
        .build()
        .unwrap()
        .watch([job("bad"), job("good")])
        .unwrap()
        .deadline(300 * SECOND)
        .until_done()
        .await;
    assert!(matches!(ends[1].end, JobEnd::Ended(_)), "{:?}", ends[1].end);
}

#[tokio::test(start_paused = true)]
async fn throttling_delays_queued_polls() {
    let (builder, seen) = service(|_, number| match number {
        1 => Script::AnswerWithHeaders(
            429,
            r#"{"error":{"code":"Common.1503","message":"slow"}}"#.into(),
            vec![("retry-after", "60")],
        ),
        _ => Script::Answer(200, RUNNING),
    });
    let jobs = (0..17).map(|n| job(&format!("j{n}")));
    let began = Instant::now();
    let _ = builder
        .build()
        .unwrap()
        .watch(jobs)
        .unwrap()
        .deadline(59 * SECOND)
        .until_done()
        .await;
    let times = seen.times(Method::GET);
    let late: Vec<_> = times.iter().skip(2).map(|t| *t - began).collect();
    assert!(
        late.is_empty(),
        "{} sent in the silence: {late:?}",
        late.len()
    );
}

#[tokio::test(start_paused = true)]
async fn no_poll_follows_a_cancel() {
    let (builder, seen) = service(|_, _| Script::Answer(200, RUNNING));
    let client = builder.build().unwrap();
    let watch = client.watch([job("a")]).unwrap();
    let mut events = watch.events();
    events.next().await;
    watch.cancel();
    while events.next().await.is_some() {}
    let before = seen.count(Method::GET);
    tokio::time::sleep(1000 * SECOND).await;
    assert_eq!(seen.count(Method::GET), before, "looks after cancel");
}

#[tokio::test(start_paused = true)]
async fn a_poll_in_time_can_be_read_late() {
    let (builder, _) =
        service(|_, number| Script::Answer(200, if number == 0 { RUNNING } else { DONE }));
    let client = builder.build().unwrap();
    let mut events = client
        .watch([job("a")])
        .unwrap()
        .deadline(60 * SECOND)
        .events();
    events.next().await;
    tokio::time::sleep(100 * SECOND).await; // a slow reader
    let mut last = None;
    while let Some(e) = events.next().await {
        last = Some(e);
    }
    let Some(JobEvent::Ended(end)) = last else {
        panic!()
    };
    assert!(matches!(end.end, JobEnd::Ended(_)), "{:?}", end.end);
}

fn ticket_of(servers: &[ecs_model::ServerId]) -> JobTicket {
    serde_json::from_value(json!({"version":1,"job_id":"j","servers":servers.iter().map(ToString::to_string).collect::<Vec<_>>()})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_reported_end_stays() {
    let servers = ids(2);
    let id = servers[0].to_string();
    let full = json!({"status":"RUNNING","entities":{"sub_jobs":[{"status":"SUCCESS","entities":{"server_id":id}}]}}).to_string();
    let (builder, _) = service(move |_, number| match number {
        0 => Script::AnswerWithHeaders(200, full.clone(), vec![]),
        _ => Script::Answer(200, r#"{"status":"FAIL","entities":null}"#),
    });
    let end = builder
        .build()
        .unwrap()
        .watch([ticket_of(&servers)])
        .unwrap()
        .until_done()
        .await
        .remove(0);
    assert_eq!(end.servers[0].outcome.name(), "succeeded");
}

#[test]
fn a_success_beside_an_open_part_for_the_same_server() {
    let servers = ids(1);
    let id = servers[0].to_string();
    let job: Job = serde_json::from_value(json!({"status":"RUNNING","entities":{"sub_jobs":[
        {"status":"SUCCESS","entities":{"server_id":id}},{"status":"RUNNING","entities":{"server_id":id}}]}})).unwrap();
    let v = crate::jobs::job_outcomes(&"j".parse().unwrap(), &servers, &job, false);
    assert!(v.reported.is_empty(), "{:?}", v.reported);
}

#[tokio::test(start_paused = true)]
async fn old_jobs_teach_nothing_wrong() {
    let done = r#"{"status":"SUCCESS","job_type":"x","begin_time":"2026-11-24T00:00:00Z","end_time":"2026-11-24T00:00:30Z","entities":{}}"#;
    let epoch: jiff::Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let (builder, seen) = service(move |r, number| match *r.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(200, done),
    });
    let client = builder.epoch(epoch).build().unwrap();
    // accepted by another process an hour ago
    let tickets: Vec<JobTicket> = (0..32)
        .map(|n| {
            serde_json::from_value(
                json!({"version":1,"job_id":format!("o{n}"),"operation":"reboot","type":"SOFT",
        "servers":[ids(1)[0].to_string()],"accepted_at":"2026-11-24T00:00:00Z"}),
            )
            .unwrap()
        })
        .collect();
    client.watch(tickets).unwrap().until_done().await;
    let began = Instant::now();
    let before = seen.count(Method::GET);
    let _ = client
        .reboot(RebootType::Soft, ids(1))
        .report()
        .await
        .unwrap();
    let first = seen.times(Method::GET)[before] - began;
    assert!(
        first > 9 * SECOND,
        "jobs take 30 s, and the first look is after {first:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_keeps_the_newest() {
    // how many bytes wait for an unread reader: the job of each poll is kept
    let subs: Vec<_> = ids(1000)
        .iter()
        .map(|id| json!({"status":"RUNNING","entities":{"server_id":id.to_string()}}))
        .collect();
    let body = json!({"status":"RUNNING","entities":{"sub_jobs":subs}}).to_string();
    let (builder, seen) = service(move |_, _| Script::AnswerWithHeaders(200, body.clone(), vec![]));
    let client = builder.build().unwrap();
    let watch = client.watch([job("a")]).unwrap();
    let mut events = watch.events();
    events.next().await;
    let _ = watch.deadline(3600 * SECOND).until_done().await;
    assert!(seen.count(Method::GET) > 100);
    let mut kept = Vec::new();
    while let Ok(Some(JobEvent::Polled { job, .. })) =
        tokio::time::timeout(SECOND / 100, events.next()).await
    {
        kept.push(job);
    }
    assert!(kept.len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn no_deadline_shortens_the_pause_of_the_service() {
    let (builder, seen) =
        service(|_, _| Script::AnswerWithHeaders(503, String::new(), vec![("retry-after", "60")]));
    let began = Instant::now();
    let _ = builder
        .build()
        .unwrap()
        .watch([job("a")])
        .unwrap()
        .deadline(20 * SECOND)
        .until_done()
        .await;
    let times: Vec<_> = seen.times(Method::GET).iter().map(|t| *t - began).collect();
    assert!(times.len() == 1, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_first_poll_that_hangs() {
    let (builder, _) = service(|r, _| match asked_job(r) {
        "h" => Script::Hang {
            armed: true,
            sent: true,
        },
        _ => Script::Answer(200, DONE),
    });
    let client = builder.build().unwrap();
    let ends = client
        .watch([job("h"), job("a"), job("b")])
        .unwrap()
        .deadline(50 * SECOND)
        .until_done()
        .await;
    assert!(matches!(ends[1].end, JobEnd::Ended(_)), "{:?}", ends[1].end);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_a_route() {
    let (builder, _) = service(|_, number| match number {
        10 => Script::Answer(
            404,
            r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist or has not been published in the environment"}"#,
        ),
        n if n > 12 => Script::Answer(200, DONE),
        _ => Script::Answer(200, RUNNING),
    });
    let watch = builder.build().unwrap().watch([job("a")]).unwrap();
    let end = watch.until_done().await.remove(0);
    assert!(matches!(end.end, JobEnd::Ended(_)), "{:?}", end.end);
}

#[test]
fn a_ticket_of_another_shape() {
    let error = serde_json::from_str::<JobTicket>(r#"{"version":2,"job":{"id":"j"}}"#).unwrap_err();
    assert!(error.to_string().contains("newer"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_odd_status_that_comes_and_goes() {
    let (builder, _) = service(|_, number| {
        Script::Answer(
            200,
            if number % 2 == 0 {
                r#"{"status":"ODD"}"#
            } else {
                RUNNING
            },
        )
    });
    let mut events = builder
        .build()
        .unwrap()
        .watch([job("a")])
        .unwrap()
        .deadline(100 * SECOND)
        .events();
    let mut undocumented_reported = 0;
    while let Some(e) = events.next().await {
        undocumented_reported += usize::from(matches!(e, JobEvent::UndocumentedStatus { .. }));
    }
    assert_eq!(undocumented_reported, 1);
}

/// The second job's poll is answered by pages for minutes, after the service answered the first.
#[tokio::test(start_paused = true)]
async fn pages_of_an_intermediary_end_no_wait() {
    for (status, body) in [
        (302, ""),
        (400, "<html><title>Bad Request</title></html>"),
        (403, "<html><title>Forbidden</title></html>"),
        (404, "<html><title>default backend</title></html>"),
        (407, ""),
        (410, "gone"),
    ] {
        let began = Instant::now();
        let (builder, seen) = service(move |request, _| match asked_job(request) {
            "first" => Script::Answer(200, DONE),
            _ if began.elapsed() < 300 * SECOND => Script::Answer(status, body),
            _ => Script::Answer(200, DONE),
        });
        let client = builder.build().unwrap();
        let first = client.watch([job("first")]).unwrap().until_done().await;
        assert!(matches!(first[0].end, JobEnd::Ended(_)), "{status}");
        let ends = client.watch([job("a")]).unwrap().until_done().await;
        assert!(
            matches!(ends[0].end, JobEnd::Ended(_)),
            "{status}: {:?}",
            ends[0].end
        );
        assert!(seen.count(Method::GET) < 60, "{status}");
        // Nothing shows that the service is there at all: soon given up.
        let (builder, _) = service(move |_, _| Script::Answer(status, body));
        let ends = builder.build().unwrap().watch([job("a")]).unwrap();
        let ends = ends.deadline(600 * SECOND).until_done().await;
        assert!(
            !matches!(ends[0].end, JobEnd::Deadline(_)),
            "{status}: {:?}",
            ends[0].end
        );
    }
}
