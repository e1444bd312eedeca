//! Runs that go wrong in ways that took a second pair of eyes to see.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ecs_model::{JobId, RebootType};
use http::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::scripted::*;

const SECOND: Duration = Duration::from_secs(1);

fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_older_than_the_end_of_a_job_tells_no_failure() {
    // Request 1 ends early; the list of servers begins, and takes 30 s. Meanwhile request 2 is
    // accepted and ends.
    let servers = ids(2);
    let (ids_, lists) = (servers.clone(), Arc::new(AtomicUsize::new(0)));
    let transport = ecs_transport::FnTransport::new(move |r: http::Request<bytes::Bytes>, _| {
        let (servers, lists) = (ids_.clone(), lists.clone());
        async move {
            let path = r.uri().path().to_owned();
            if r.method() == Method::POST {
                let second = String::from_utf8_lossy(r.body()).contains(&servers[1].to_string());
                // the second request is accepted late
                if second {
                    tokio::time::sleep(13 * SECOND).await;
                }
                return Ok(answer(
                    200,
                    &format!(r#"{{"job_id":"job-{}"}}"#, if second { 2 } else { 1 }),
                ));
            }
            if path.contains("/jobs/") {
                return Ok(answer(200, DONE));
            }
            let n = lists.fetch_add(1, Ordering::SeqCst);
            // what the service shows is as of now, before server 2 was restarted: broken.
            let body = json!({"count": 2, "servers": servers.iter().map(|id| json!({"id": id.to_string(),
                "status": if n == 0 && *id == servers[1] {"ERROR"} else {"ACTIVE"}})).collect::<Vec<_>>()}).to_string();
            if n == 0 {
                tokio::time::sleep(30 * SECOND).await;
            }
            Ok(answer(200, &body))
        }
    });
    let (builder, _) = service(|_, _| Script::Answer(500, ""));
    let client = builder.transport(transport).build().unwrap();
    let report = client
        .reboot(RebootType::Hard, servers)
        .batch_size(1)
        .verify(300 * SECOND)
        .report()
        .await
        .unwrap();
    assert_eq!(report.summary().succeeded, 2, "{:?}", report.servers);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_older_than_the_end_of_a_job_tells_no_success() {
    // Request 1 ends early; the list of servers begins, and takes 30 s. Meanwhile request 2 is
    // accepted and ends.
    let servers = ids(2);
    let (ids_, lists) = (servers.clone(), Arc::new(AtomicUsize::new(0)));
    let transport = ecs_transport::FnTransport::new(move |r: http::Request<bytes::Bytes>, _| {
        let (servers, lists) = (ids_.clone(), lists.clone());
        async move {
            let path = r.uri().path().to_owned();
            if r.method() == Method::POST {
                let second = String::from_utf8_lossy(r.body()).contains(&servers[1].to_string());
                // the second request is accepted late
                if second {
                    tokio::time::sleep(13 * SECOND).await;
                }
                return Ok(answer(
                    200,
                    &format!(r#"{{"job_id":"job-{}"}}"#, if second { 2 } else { 1 }),
                ));
            }
            if path.contains("/jobs/") {
                return Ok(answer(200, DONE));
            }
            let n = lists.fetch_add(1, Ordering::SeqCst);
            // what the service shows is as of now, before server 2 was restarted: at rest; it never
            // comes back.
            let body = json!({"count": 2, "servers": servers.iter().map(|id| json!({"id": id.to_string(),
                "status": if n > 0 && *id == servers[1] {"REBOOT"} else {"ACTIVE"}})).collect::<Vec<_>>()}).to_string();
            if n == 0 {
                tokio::time::sleep(30 * SECOND).await;
            }
            Ok(answer(200, &body))
        }
    });
    let (builder, _) = service(|_, _| Script::Answer(500, ""));
    let client = builder.transport(transport).build().unwrap();
    let report = client
        .reboot(RebootType::Hard, servers)
        .batch_size(1)
        .verify(300 * SECOND)
        .report()
        .await
        .unwrap();
    assert_eq!(report.summary().succeeded, 1, "{:?}", report.servers);
}

#[tokio::test(start_paused = true)]
async fn two_parts_for_one_server() {
    let id = ids(1)[0].to_string();
    let (builder, _) = service(move |r, number| match *r.method() {
        Method::POST => accepts(number),
        _ => {
            let (all, two) = if number < 2 {
                ("RUNNING", "RUNNING")
            } else {
                ("FAIL", "FAIL")
            };
            Script::AnswerWithHeaders(200, json!({"status":all,"entities":{"sub_jobs":[
                {"status":"SUCCESS","entities":{"server_id":id}},{"status":two,"entities":{"server_id":id}}]}}).to_string(), vec![])
        }
    });
    let report = builder
        .build()
        .unwrap()
        .reboot(RebootType::Soft, ids(1))
        .report()
        .await
        .unwrap();
    assert_eq!(report.servers[0].outcome.name(), "failed");
}

#[tokio::test(start_paused = true)]
async fn a_refused_list_is_not_repeated() {
    let lists = Arc::new(AtomicUsize::new(0));
    let l = lists.clone();
    let (builder, _) = service(move |r, number| match *r.method() {
        Method::POST => accepts(number),
        _ if r.uri().path().contains("/jobs/") => Script::Answer(200, DONE),
        _ => {
            l.fetch_add(1, Ordering::SeqCst);
            Script::Answer(
                403,
                r#"{"error":{"code":"PAP.0001","message":"not allowed"}}"#,
            )
        }
    });
    let report = builder
        .build()
        .unwrap()
        .reboot(RebootType::Soft, ids(1))
        .verify(300 * SECOND)
        .report()
        .await
        .unwrap();
    assert!(
        lists.load(Ordering::SeqCst) <= 1,
        "{} lists after the refusal",
        lists.load(Ordering::SeqCst),
    );
    let denied = matches!(report.stopped, Some(crate::Stopped::Denied(_)));
    assert!(denied, "{:?}", report.stopped);
}

#[tokio::test(start_paused = true)]
async fn jobs_accepted_after_a_refusal_are_not_polled() {
    // 4 requests; the 2nd to 4th are accepted after the first job's poll was refused.
    let gets = Arc::new(AtomicUsize::new(0));
    let g = gets.clone();
    let transport = ecs_transport::FnTransport::new(move |r: http::Request<bytes::Bytes>, _| {
        let g = g.clone();
        async move {
            if r.method() == Method::POST {
                let body = String::from_utf8_lossy(r.body()).into_owned();
                let n = ids(5)
                    .iter()
                    .position(|id| body.contains(&id.to_string()))
                    .unwrap();
                tokio::time::sleep(Duration::from_secs(if n == 0 { 1 } else { 20 * n as u64 }))
                    .await;
                return Ok(answer(200, &format!(r#"{{"job_id":"job-{n}"}}"#)));
            }
            g.fetch_add(1, Ordering::SeqCst);
            Ok(answer(
                401,
                r#"{"error_code":"APIGW.0301","error_msg":"verify ak sk signature fail"}"#,
            ))
        }
    });
    let (builder, _) = service(|_, _| Script::Answer(500, ""));
    let report = builder
        .transport(transport)
        .build()
        .unwrap()
        .reboot(RebootType::Soft, ids(5))
        .batch_size(1)
        .report()
        .await
        .unwrap();
    assert_eq!(gets.load(Ordering::SeqCst), 3);
    let denied = matches!(report.stopped, Some(crate::Stopped::Denied(_)));
    assert!(denied, "{:?}", report.stopped);
}

#[tokio::test(start_paused = true)]
async fn submissions_do_not_starve_polls() {
    let (builder, seen) = service(move |r, number| match *r.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(200, DONE),
    });
    let client = builder.requests_per_second(5).build().unwrap();
    let began = Instant::now();
    let report = client
        .reboot(RebootType::Soft, ids(900))
        .batch_size(1)
        .report()
        .await
        .unwrap();
    let first = seen.times(Method::GET)[0] - began;
    assert!(
        first < 30 * SECOND,
        "first look after {first:?}, {:?}",
        report.summary()
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_other_credentials_may_not_read() {
    let (builder, _) = service(move |r, number| match *r.method() {
        Method::POST => accepts(number),
        _ if asked_job(r) == "foreign" => Script::Answer(
            403,
            r#"{"error":{"code":"PAP.0001","message":"not allowed"}}"#,
        ),
        _ => Script::Answer(200, DONE),
    });
    let client = builder.build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(3000))
        .begin()
        .await
        .unwrap();
    let other = async {
        tokio::time::sleep(5 * SECOND).await;
        client.watch([job("foreign")]).unwrap().until_done().await
    };
    let (report, _) = futures_util::future::join(run.into_future(), other).await;
    assert_eq!(
        report.summary().succeeded,
        3000,
        "{:?} {:?}",
        report.summary(),
        report.stopped
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_with_an_unfinished_part() {
    let servers = ids(2);
    let (a, b) = (servers[0].to_string(), servers[1].to_string());
    let (builder, _) = service(move |r, number| {
        match *r.method() {
        Method::POST => accepts(number),
        _ => Script::AnswerWithHeaders(200, match number {
            0 => json!({"status":"FAIL","entities":{"sub_jobs":[{"status":"RUNNING","entities":{"server_id":a}}]}}),
            _ => json!({"status":"FAIL","entities":{"sub_jobs":[{"status":"FAIL","entities":{"server_id":a}},{"status":"SUCCESS","entities":{"server_id":b}}]}}),
        }.to_string(), vec![]),
    }
    });
    let report = builder
        .build()
        .unwrap()
        .reboot(RebootType::Soft, servers)
        .report()
        .await
        .unwrap();
    let names: Vec<_> = report.servers.iter().map(|s| s.outcome.name()).collect();
    assert_eq!(names, ["failed", "succeeded"]);
}

#[tokio::test(start_paused = true)]
async fn no_list_follows_a_refusal() {
    let lists = Arc::new(AtomicUsize::new(0));
    let l = lists.clone();
    let id = ids(2)[0].to_string();
    let wrong = r#"{"error_code":"APIGW.0301","error_msg":"verify ak sk signature fail"}"#;
    // The first poll shows that one server is done; from then on all signatures are refused.
    let (builder, seen) = service(move |r, number| match *r.method() {
        Method::POST => accepts(number),
        _ if r.uri().path().contains("/jobs/") && number == 0 => Script::AnswerWithHeaders(
            200,
            json!({"status":"RUNNING","entities":{"sub_jobs":[
            {"status":"SUCCESS","entities":{"server_id":id}}]}})
            .to_string(),
            vec![],
        ),
        _ if r.uri().path().contains("/jobs/") => Script::Answer(401, wrong),
        _ => {
            l.fetch_add(1, Ordering::SeqCst);
            Script::Answer(401, wrong)
        }
    });
    let report = builder
        .build()
        .unwrap()
        .reboot(RebootType::Soft, ids(2))
        .verify(300 * SECOND)
        .report()
        .await
        .unwrap();
    assert!(
        seen.count(Method::GET) <= 2,
        "{} requests were refused, {} of them lists",
        seen.count(Method::GET) - 1,
        lists.load(Ordering::SeqCst)
    );
    let denied = matches!(report.stopped, Some(crate::Stopped::Denied(_)));
    assert!(denied, "{:?}", report.stopped);
}
