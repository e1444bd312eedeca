//! The duration and the pace of retries.

use std::time::Duration;

use ecs_model::RebootType;
use http::Method;
use std::future::IntoFuture as _;
use tokio::time::Instant;

use crate::scripted::{
    DONE, FLOW_CONTROL, JOB, NO_SUCH_JOB, NOT_VALID, OUT_OF_REACH, Script, THROTTLED, accepts,
    client_of, ids, service,
};
use crate::{ErrorKind, RetryPolicy};

const SLOW_DOWN: &str = r#"{"error_code":"APIGW.0308","error_msg":"limit:1000,time:1 minute"}"#;

/// A read is given up in the end, whatever the service does.
#[tokio::test(start_paused = true)]
async fn a_read_ends_in_time() {
    let cases = [
        (THROTTLED, ErrorKind::Deadline),
        (Script::Answer(429, SLOW_DOWN), ErrorKind::Deadline),
        (Script::Answer(503, ""), ErrorKind::Unreachable),
        (OUT_OF_REACH, ErrorKind::Unreachable),
        (Script::Answer(404, NO_SUCH_JOB), ErrorKind::Refused),
        (Script::Answer(401, NOT_VALID), ErrorKind::Credentials),
    ];
    for (does, kind) in cases {
        let again = does.clone();
        let (builder, _) = service(move |_, _| again.clone());
        let client = builder.build().unwrap();
        let began = Instant::now();
        let error = client.job(&"j".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{does:?}: {error}");
        assert!(
            began.elapsed() <= RetryPolicy::default().max_read_time(),
            "{does:?}"
        );
        // Another read does not wait for longer than that, either.
        let began = Instant::now();
        client.job(&"j".parse().unwrap()).await.unwrap_err();
        assert!(
            began.elapsed() <= RetryPolicy::default().max_read_time(),
            "{does:?}"
        );
    }
}

/// A pause that the service requests is kept, in whichever way it asks.
#[tokio::test(start_paused = true)]
async fn the_pause_that_the_service_asks_for() {
    let header = |value| {
        Script::AnswerWithHeaders(429, FLOW_CONTROL.to_owned(), vec![("retry-after", value)])
    };
    let cases = [
        (header("37"), 37),
        (header("Thu, 01 Jan 2026 00:01:30 GMT"), 90),
        (Script::Answer(429, SLOW_DOWN), 60),
        (
            Script::AnswerWithHeaders(429, SLOW_DOWN.to_owned(), vec![("retry-after", "5")]),
            5,
        ),
        // The service's clock is ahead of ours.
        (
            Script::AnswerWithHeaders(
                429,
                FLOW_CONTROL.to_owned(),
                vec![
                    ("retry-after", "Thu, 01 Jan 2026 00:21:30 GMT"),
                    ("date", "Thu, 01 Jan 2026 00:20:00 GMT"),
                ],
            ),
            90,
        ),
    ];
    for (does, seconds) in cases {
        let (builder, seen) = client_of(vec![does.clone(), Script::Answer(200, JOB)]);
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let client = builder.epoch(epoch).build().unwrap();
        let run = client.reboot(RebootType::Soft, ids(2)).begin().await;
        assert_eq!(run.unwrap().await.summary().succeeded, 2);
        let posts = seen.times(Method::POST);
        let pause = (posts[1] - posts[0]).as_secs_f64();
        let least = f64::from(seconds);
        assert!((least..=least + 2.0).contains(&pause), "{does:?}: {pause}");
    }
}

/// A service with a fast clock means its own seconds.
#[tokio::test(start_paused = true)]
async fn pauses_are_in_the_time_of_the_service() {
    let slow_down =
        Script::AnswerWithHeaders(429, FLOW_CONTROL.to_owned(), vec![("retry-after", "40")]);
    let (builder, seen) = client_of(vec![slow_down, Script::Answer(200, JOB)]);
    let client = builder.time_factor(20.0).build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(2)).begin().await;
    let began = Instant::now();
    assert_eq!(run.unwrap().await.summary().succeeded, 2);
    let posts = seen.times(Method::POST);
    let pause = (posts[1] - posts[0]).as_secs_f64();
    assert!((2.0..=2.1).contains(&pause), "{pause}");
    assert!(began.elapsed() < Duration::from_secs(4));
}

/// A throttled request slows all requests of the client: other requests, other runs, and polls of
/// jobs.
#[tokio::test(start_paused = true)]
async fn throttling_of_one_request_slows_all() {
    for throttled in [Method::POST, Method::GET] {
        let (method, from) = (throttled.clone(), Instant::now());
        let (builder, seen) = service(move |request, number| {
            let first = *request.method() == method && number == 0;
            match *request.method() {
                _ if first => Script::AnswerWithHeaders(
                    429,
                    FLOW_CONTROL.to_owned(),
                    vec![("retry-after", "100")],
                ),
                Method::POST => accepts(number),
                _ => Script::Answer(200, DONE),
            }
        });
        let client = builder.build().unwrap();
        let one = client.reboot(RebootType::Soft, ids(100)).batch_size(10);
        let one = one.begin().await.unwrap();
        let other = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            client.start(ids(2)).report().await.unwrap()
        };
        let (one, other) = futures_util::future::join(one.into_future(), other).await;
        assert_eq!(
            (one.summary().succeeded, other.summary().succeeded),
            (100, 2)
        );
        let throttled_at = seen.times(throttled.clone())[0];
        let silence = throttled_at..throttled_at + Duration::from_secs(100);
        for method in [Method::POST, Method::GET] {
            let times = seen.times(method);
            let during = |at: &&Instant| **at > throttled_at && silence.contains(*at);
            let count = times.iter().filter(during).count();
            assert_eq!(count, 0, "{throttled} from {:?}", from.elapsed());
        }
    }
}

/// An attempt has its own time limit, also when the transport does not know it.
#[tokio::test(start_paused = true)]
async fn an_attempt_ends_by_its_time_limit() {
    let hang = Script::Hang {
        armed: true,
        sent: true,
    };
    let (builder, _) = client_of(vec![hang]);
    let client = builder
        .attempt_timeout(Duration::from_secs(7))
        .build()
        .unwrap();
    let began = Instant::now();
    let run = client.reboot(RebootType::Soft, ids(2)).begin().await;
    let report = run.unwrap().await;
    assert_eq!(report.summary().unknown, 2);
    // A second more, for a transport that knows it to say why.
    assert_eq!(began.elapsed(), Duration::from_secs(8));
}

/// A service that was there is waited for in the middle of a run; one that never was is not.
#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_of_a_run() {
    for (seconds, succeeded) in [(280, 100), (100_000, 10)] {
        let from = Instant::now();
        let (builder, _) = service(move |request, number| match *request.method() {
            Method::POST if number == 0 => accepts(number),
            _ if from.elapsed() < Duration::from_secs(seconds) => OUT_OF_REACH,
            Method::POST => accepts(number),
            _ => Script::Answer(200, DONE),
        });
        let client = builder.concurrent_submissions(1).build().unwrap();
        let run = client.reboot(RebootType::Soft, ids(100)).batch_size(10);
        let run = run.deadline(Duration::from_secs(3600)).begin().await;
        let report = run.unwrap().await;
        let summary = report.summary();
        assert_eq!(
            summary.succeeded + summary.running,
            succeeded,
            "{summary:?}"
        );
        assert_eq!(summary.not_attempted, 100 - succeeded);
    }
}

#[test]
fn pauses_that_would_be_a_storm_are_refused() {
    use crate::jobs::Polling;
    let (zero, second) = (Duration::ZERO, Duration::from_secs(1));
    let build = |retry: RetryPolicy, polling: Polling| {
        let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
        builder.retry(retry).polling(polling).build()
    };
    let (retry, polling) = (RetryPolicy::default, Polling::default);
    assert!(build(retry(), Polling::adaptive(zero, second, second)).is_ok());
    for (retry, polling) in [
        (retry(), Polling::adaptive(second, zero, second)),
        (retry().with_backoff(zero, second), polling()),
        (retry().with_throttle_backoff(zero, second), polling()),
    ] {
        let error = build(retry, polling).unwrap_err();
        assert!(error.to_string().contains("must not be zero"), "{error}");
    }
}

/// What was set is used or refused: no limit is moved to where it would fit.
#[test]
fn limits_that_contradict_each_other_are_refused() {
    use crate::jobs::{JobWatcher, Polling};
    let (brief, second) = (Duration::from_millis(1), Duration::from_secs(1));
    let build = |retry: RetryPolicy, polling: Polling| {
        let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
        builder.retry(retry).polling(polling).build()
    };
    let (retry, polling) = (RetryPolicy::default, Polling::default);
    assert!(build(retry().with_backoff(second, second), polling()).is_ok());
    let first = "the longest pause before another attempt is shorter than the first one";
    for (retry, polling, expected) in [
        (retry().with_backoff(second, brief), polling(), first),
        (
            retry().with_throttle_backoff(second, brief),
            polling(),
            first,
        ),
        (
            retry().with_max_failures(0),
            polling(),
            "at least one attempt",
        ),
        (
            retry(),
            Polling::adaptive(brief, second, brief),
            "is below the shortest",
        ),
        (
            retry(),
            Polling::exponential(second, brief),
            "is below the shortest",
        ),
    ] {
        let error = build(retry, polling).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap().0.core.clone();
    let polling = Polling::exponential(second, brief);
    assert!(JobWatcher::with_polling(client, polling).is_err());
}

/// No time that a caller sets is too long.
#[tokio::test(start_paused = true)]
async fn times_without_end() {
    use crate::jobs::Polling;
    let endless = Duration::MAX;
    let answers = vec![THROTTLED, OUT_OF_REACH, Script::Answer(200, JOB)];
    let (builder, _) = client_of(answers);
    let client = builder
        .attempt_timeout(endless)
        .polling(Polling::adaptive(endless, endless, endless))
        .retry(
            RetryPolicy::default()
                .with_max_outage(endless)
                .with_max_read_time(endless),
        )
        .build()
        .unwrap();
    let run = client.reboot(RebootType::Soft, ids(2)).deadline(endless);
    let run = run.begin().await.unwrap();
    let control = run.control();
    let end = async {
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        control.end();
    };
    let (report, ()) = futures_util::future::join(run.into_future(), end).await;
    assert_eq!(report.summary().running, 2);
}

/// A read does not wait for the end of a throttle that comes too late for it.
#[tokio::test(start_paused = true)]
async fn a_read_while_the_service_wants_silence() {
    let (builder, seen) = client_of(vec![Script::AnswerWithHeaders(
        429,
        FLOW_CONTROL.to_owned(),
        vec![("retry-after", "600")],
    )]);
    let client = builder.build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(2))
        .begin()
        .await
        .unwrap();
    let run = tokio::time::timeout(Duration::from_secs(1), run.into_future());
    assert!(run.await.is_err());
    let began = Instant::now();
    let error = client.job(&"j".parse().unwrap()).await.unwrap_err();
    assert_eq!(
        (error.kind(), began.elapsed()),
        (ErrorKind::Deadline, Duration::ZERO)
    );
    assert_eq!(seen.count(Method::GET), 0);
}

/// The quota's minute and the time that a new job may be unknown are the service's.
#[tokio::test(start_paused = true)]
async fn a_service_that_runs_fast() {
    let (builder, seen) = service(|request, number| match *request.method() {
        Method::POST => accepts(number),
        _ => Script::Answer(404, ""),
    });
    let client = builder
        .time_factor(60.0)
        .servers_per_minute(10)
        .build()
        .unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(50))
        .batch_size(10)
        .begin()
        .await;
    let began = Instant::now();
    let report = run.unwrap().await;
    assert_eq!(report.summary().unknown, 50);
    assert_eq!(seen.posts(), 5);
    // Four windows of a second, and the last job a second later.
    assert!(
        (4.0..7.0).contains(&began.elapsed().as_secs_f64()),
        "{:?}",
        began.elapsed()
    );
}
