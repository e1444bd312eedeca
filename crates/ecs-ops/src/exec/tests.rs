//! The retry loop under a scripted transport: what is sent how often, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_auth::{AuthError, BoxFuture, Credentials, CredentialsProvider, StaticCredentials};
use ecs_model::{RebootType, ServerId};
use ecs_transport::{Attempt, Delivery, FnTransport, TransportError, TransportErrorKind};
use http::StatusCode;

use std::future::IntoFuture as _;

use crate::{Client, ClientBuilder, Endpoint, Event, Outcome, Report, Stopped};

const JOB: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;
const DONE: &str = r#"{"status":"SUCCESS","entities":{}}"#;
const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCC";

/// What the scripted service does with a POST.
#[derive(Clone, Debug)]
enum Does {
    Answer(u16, &'static str),
    Fail(TransportErrorKind, Delivery),
    /// Never answers; whether it says when something is sent, and whether it has been.
    Hang {
        tells: bool,
        sent: bool,
    },
}

fn answer(status: u16, body: &str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A client of a service that does these things with its POSTs, the last one again and again, and a count of them.
fn client_of(script: Vec<Does>) -> (ClientBuilder, Arc<AtomicUsize>) {
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&posts);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, attempt: Attempt| {
        let does = (request.method() == http::Method::POST).then(|| {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            script[number.min(script.len() - 1)].clone()
        });
        async move {
            match does {
                None => Ok(answer(200, DONE)),
                Some(Does::Answer(status, body)) => Ok(answer(status, body)),
                Some(Does::Fail(kind, delivery)) => Err(TransportError::new(kind, delivery)),
                Some(Does::Hang { tells, sent }) => {
                    if tells {
                        attempt.mark().hold();
                    }
                    if sent {
                        attempt.mark().set();
                    }
                    std::future::pending().await
                }
            }
        }
    });
    let builder = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .seed(1);
    (builder, posts)
}

fn endpoint() -> Endpoint {
    "https://ecs.example".parse().unwrap()
}

fn ids(count: u128) -> Vec<ServerId> {
    (1..=count)
        .map(|number| ServerId::from_bytes(number.to_be_bytes()))
        .collect()
}

fn outcome_of(report: &Report) -> (&'static str, String) {
    let outcome = &report.servers[0].outcome;
    let words = outcome.error().map(|error| error.message.clone());
    (outcome.name(), words.unwrap_or_default())
}

/// Every way in which a submission can end × what is sent and said: (what the service does, POSTs, outcome, words).
#[tokio::test(start_paused = true)]
async fn every_end_of_a_submission() {
    use Delivery::{MaybeSent, NotSent};
    use Does::{Answer, Fail, Hang};
    use TransportErrorKind as Kind;
    const HTML: &str = "<html><title>Bad Gateway</title></html>";
    let table: &[(Does, usize, &str, &str)] = &[
        (Answer(200, JOB), 1, "succeeded", ""),
        (Answer(202, JOB), 1, "succeeded", ""),
        (Answer(200, r#"{"job_id":7}"#), 1, "succeeded", ""),
        (
            Answer(200, r#"{"job_id":12345678901234567890123}"#),
            1,
            "unknown",
            "may have been executed",
        ),
        (
            Answer(200, "\u{feff}{\"job_id\":\"j\"}"),
            1,
            "succeeded",
            "",
        ),
        (Answer(204, ""), 1, "unknown", "HTTP 204"),
        (Answer(200, ""), 1, "unknown", "an empty body"),
        (Answer(200, "{}"), 1, "unknown", "sent at"),
        (Answer(200, r#"{"job_id":""}"#), 1, "unknown", ""),
        (Answer(200, r#"{"job_id":nu"#), 1, "unknown", ""),
        (Answer(307, ""), 1, "failed", "HTTP 307"),
        (Answer(302, ""), 1, "unknown", "HTTP 302"),
        (
            Answer(400, r#"{"error":{"code":"Ecs.0005","message":"bad"}}"#),
            1,
            "failed",
            "HTTP 400 Ecs.0005: bad",
        ),
        (
            Answer(404, r#"{"itemNotFound":{"code":404,"message":"none"}}"#),
            1,
            "failed",
            "none",
        ),
        (
            Answer(401, r#"{"error_code":"APIGW.0301","error_msg":"no"}"#),
            1,
            "not_attempted",
            "HTTP 401",
        ),
        (Answer(403, HTML), 1, "not_attempted", "HTTP 403"),
        (Answer(409, ""), 1, "failed", "HTTP 409"),
        (Answer(413, ""), 1, "failed", "HTTP 413"),
        (Answer(408, ""), 1, "unknown", "HTTP 408"),
        (
            Answer(500, r#"{"error":{"code":"Common.0001","message":"oops"}}"#),
            1,
            "unknown",
            "oops",
        ),
        (Answer(502, HTML), 1, "unknown", "Bad Gateway"),
        (Answer(503, ""), 1, "unknown", "HTTP 503"),
        (Answer(504, "{}"), 1, "unknown", "HTTP 504"),
        (Fail(Kind::Dns, NotSent), 5, "not_attempted", "resolved"),
        (
            Fail(Kind::Connect, NotSent),
            5,
            "not_attempted",
            "could not connect (5 attempts)",
        ),
        (Fail(Kind::Tls, NotSent), 5, "not_attempted", "TLS"),
        (
            Fail(Kind::Closed, MaybeSent),
            1,
            "unknown",
            "may have been executed",
        ),
        (Fail(Kind::BodyCut, MaybeSent), 1, "unknown", "cut short"),
        (Fail(Kind::TooLarge, MaybeSent), 1, "unknown", "larger"),
        (Fail(Kind::Timeout, MaybeSent), 1, "unknown", "timed out"),
        (
            Fail(Kind::Timeout, NotSent),
            5,
            "not_attempted",
            "timed out",
        ),
        (Fail(Kind::Other, MaybeSent), 1, "unknown", ""),
        (
            Hang {
                tells: false,
                sent: false,
            },
            1,
            "unknown",
            "no answer within 60s",
        ),
        (
            Hang {
                tells: true,
                sent: false,
            },
            5,
            "not_attempted",
            "no answer within 60s",
        ),
        (
            Hang {
                tells: true,
                sent: true,
            },
            1,
            "unknown",
            "no answer within 60s",
        ),
    ];
    for (does, expected_posts, expected, words) in table {
        let (builder, posts) = client_of(vec![does.clone()]);
        let client = builder.build().unwrap();
        let report = client
            .reboot(RebootType::Soft, ids(3))
            .start()
            .await
            .unwrap()
            .await;
        let (outcome, said) = outcome_of(&report);
        assert_eq!(
            (outcome, posts.load(Ordering::SeqCst)),
            (*expected, *expected_posts),
            "{does:?}: {said}"
        );
        assert!(
            said.contains(words),
            "{does:?}: {said:?} does not say {words:?}"
        );
        assert_eq!(report.servers.len(), 3);
        assert!(report.stopped.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_however_long_it_takes() {
    for (status, body) in [
        (
            202,
            r#"{"error":{"code":"Common.0024","message":"Flow limit"}}"#,
        ),
        (
            429,
            r#"{"error_code":"APIGW.0308","error_msg":"limit:1000,time:1 minute"}"#,
        ),
        (429, ""),
        (501, r#"{"error":{"code":"Ecs.0603","message":"busy"}}"#),
    ] {
        let mut script = vec![Does::Answer(status, body); 40];
        script.push(Does::Answer(200, JOB));
        let (builder, posts) = client_of(script);
        let mut run = builder
            .build()
            .unwrap()
            .start(ids(2))
            .start()
            .await
            .unwrap();
        let mut events = run.events();
        let report = run.await;
        assert_eq!(posts.load(Ordering::SeqCst), 41, "{status} {body}");
        assert_eq!(report.summary().succeeded, 2);
        let mut throttled = 0;
        while let Some(event) = events.next().await {
            throttled += usize::from(matches!(event, Event::Throttled { .. }));
        }
        assert_eq!(throttled, 40);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_sent_again() {
    let refused = Does::Fail(TransportErrorKind::Connect, Delivery::NotSent);
    let (builder, posts) = client_of(vec![refused.clone(), refused, Does::Answer(200, JOB)]);
    let report = builder
        .build()
        .unwrap()
        .stop(None, ids(2))
        .start()
        .await
        .unwrap()
        .await;
    assert_eq!(
        (report.summary().succeeded, posts.load(Ordering::SeqCst)),
        (2, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_out_of_reach_is_not_asked_for_every_batch() {
    let (builder, posts) = client_of(vec![Does::Fail(
        TransportErrorKind::Connect,
        Delivery::NotSent,
    )]);
    let client = builder.concurrent_submissions(1).build().unwrap();
    let report = client
        .reboot(RebootType::Hard, ids(1000))
        .batch_size(10)
        .start()
        .await
        .unwrap()
        .await;
    assert_eq!(report.summary().not_attempted, 1000);
    assert_eq!(posts.load(Ordering::SeqCst), 5);
    assert!(report.stopped.is_none());
    assert!(
        report.servers[999]
            .outcome
            .error()
            .unwrap()
            .message
            .contains("out of reach")
    );
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_submitting() {
    let body = r#"{"error":{"code":"Common.0013","message":"Invalid token."}}"#;
    let (builder, posts) = client_of(vec![Does::Answer(401, body)]);
    let client = builder.concurrent_submissions(1).build().unwrap();
    let report = client
        .reboot(RebootType::Soft, ids(50))
        .batch_size(10)
        .start()
        .await
        .unwrap()
        .await;
    assert_eq!(
        (report.summary().not_attempted, posts.load(Ordering::SeqCst)),
        (50, 1)
    );
    assert_eq!(report.refused.unwrap().code.as_deref(), Some("Common.0013"));
}

/// Has a second token once the first was refused.
#[derive(Debug, Default)]
struct Renewing(AtomicUsize);

impl CredentialsProvider for Renewing {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        let number = self.0.load(Ordering::SeqCst);
        Box::pin(async move { Credentials::token(format!("token-{number}")) })
    }

    fn renew<'a>(
        &'a self,
        _: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { Credentials::token(format!("token-{number}")).map(Some) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    for (good, succeeded, posts_expected) in [("token-1", 2, 2), ("token-9", 0, 2)] {
        let posts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&posts);
        let transport = FnTransport::new(move |request: http::Request<Bytes>, _| {
            let is_post = request.method() == http::Method::POST;
            let accepted = request.headers()["x-auth-token"] == good;
            counted.fetch_add(usize::from(is_post), Ordering::SeqCst);
            async move {
                Ok(match (accepted, is_post) {
                    (false, _) => answer(401, ""),
                    (true, true) => answer(200, JOB),
                    (true, false) => answer(200, DONE),
                })
            }
        });
        let client = Client::builder(endpoint(), "p1".parse().unwrap())
            .credentials(Renewing::default())
            .transport(transport)
            .build()
            .unwrap();
        let report = client
            .reboot(RebootType::Soft, ids(2))
            .start()
            .await
            .unwrap()
            .await;
        assert_eq!(report.summary().succeeded, succeeded);
        assert_eq!(posts.load(Ordering::SeqCst), posts_expected);
        assert_eq!(report.refused.is_some(), succeeded == 0);
    }
}

/// What a deadline or an end in the middle of an attempt leaves is what the mark says.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_short_still_knows_what_was_sent() {
    let table = [
        (
            Does::Hang {
                tells: true,
                sent: true,
            },
            "unknown",
            "underway",
        ),
        (
            Does::Hang {
                tells: false,
                sent: false,
            },
            "unknown",
            "underway",
        ),
        (
            Does::Hang {
                tells: true,
                sent: false,
            },
            "not_attempted",
            "not sent",
        ),
        (Does::Answer(429, ""), "not_attempted", "HTTP 429"),
    ];
    for (does, expected, words) in table {
        let (builder, _) = client_of(vec![does.clone()]);
        let client = builder.build().unwrap();
        let run = client.reboot(RebootType::Soft, ids(4)).batch_size(2);
        let run = run
            .deadline(std::time::Duration::from_secs(30))
            .start()
            .await
            .unwrap();
        let start = tokio::time::Instant::now();
        let report = run.await;
        assert_eq!(start.elapsed().as_secs(), 30, "{does:?}");
        assert_eq!(report.stopped, Some(Stopped::Deadline));
        let (outcome, said) = outcome_of(&report);
        assert_eq!(outcome, expected, "{does:?}");
        assert!(said.contains(words), "{does:?}: {said}");
        assert_eq!(report.servers.len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn being_told_to_stop_submitting() {
    // The first batch is accepted, the second is throttled for ever.
    let (builder, posts) = client_of(vec![Does::Answer(200, JOB), Does::Answer(429, "")]);
    let client = builder.concurrent_submissions(1).build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(6))
        .batch_size(2)
        .start()
        .await
        .unwrap();
    let control = run.control();
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        control.stop_submitting();
    };
    let (report, ()) = futures_util::future::join(run.into_future(), stop).await;
    let names: Vec<_> = report
        .servers
        .iter()
        .map(|server| server.outcome.name())
        .collect();
    // What was accepted is watched to its end.
    assert_eq!(
        names,
        [
            "succeeded",
            "succeeded",
            "not_attempted",
            "not_attempted",
            "not_attempted",
            "not_attempted"
        ]
    );
    assert_eq!(report.stopped, Some(Stopped::Asked));
    assert!(posts.load(Ordering::SeqCst) >= 2);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_nobody_waits_for_are_running() {
    let (builder, _) = client_of(vec![Does::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let report = client
        .reboot(RebootType::Soft, ids(2))
        .wait(false)
        .start()
        .await
        .unwrap()
        .await;
    assert!(matches!(report.servers[0].outcome, Outcome::Running { .. }));
    assert_eq!(report.stopped, None);
}

/// Whatever goes wrong with a look at a job, the wait goes on.
#[tokio::test(start_paused = true)]
async fn trouble_with_the_queries_does_not_end_a_wait() {
    let gets = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&gets);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, _| {
        let number = match request.method() {
            &http::Method::POST => None,
            _ => Some(counted.fetch_add(1, Ordering::SeqCst)),
        };
        async move {
            let trouble = [
                Ok(answer(500, "")),
                Ok(answer(502, "<html>")),
                Ok(answer(429, "")),
                Ok(answer(
                    202,
                    r#"{"error":{"code":"Common.0024","message":"slow"}}"#,
                )),
                Err(TransportError::new(
                    TransportErrorKind::Closed,
                    Delivery::MaybeSent,
                )),
                Err(TransportError::new(
                    TransportErrorKind::Connect,
                    Delivery::NotSent,
                )),
                Ok(answer(200, "")),
                Ok(answer(200, "{\"status\":")),
            ];
            let kinds = trouble.len();
            match number {
                None => Ok(answer(200, JOB)),
                // New jobs are unknown for a moment.
                Some(0) => Ok(answer(400, r#"{"code":"Common.0011","message":"unknown"}"#)),
                Some(number) if number < 3 * kinds => {
                    trouble.into_iter().nth(number % kinds).unwrap()
                }
                Some(_) => Ok(answer(200, DONE)),
            }
        }
    });
    let client = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(Credentials::token(TOKEN).unwrap()))
        .transport(transport)
        .seed(3)
        .build()
        .unwrap();
    let report = client
        .reboot(RebootType::Soft, ids(2))
        .start()
        .await
        .unwrap()
        .await;
    assert_eq!(report.summary().succeeded, 2);
    assert!(gets.load(Ordering::SeqCst) > 24);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_told() {
    let (builder, _) = client_of(vec![Does::Answer(401, "")]);
    let client = builder.build().unwrap();
    let mut run = client
        .reboot(RebootType::Soft, ids(2))
        .start()
        .await
        .unwrap();
    let mut events = run.events();
    let mut told = format!("{client:?} {run:?}");
    let report = run.await;
    while let Some(event) = events.next().await {
        told.push_str(&format!(
            "{event:?} {}",
            serde_json::to_string(&event).unwrap()
        ));
    }
    told.push_str(&format!(
        "{report:?} {}",
        serde_json::to_string(&report).unwrap()
    ));
    assert!(!told.contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn everything_wrong_with_a_run_is_said_before_anything_is_sent() {
    let (builder, posts) = client_of(vec![Does::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let mut servers = ids(2);
    servers.extend(ids(1));
    let error = client
        .reboot(RebootType::Soft, servers)
        .batch_size(0)
        .start()
        .await
        .unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("named twice (as number 1 and 3)") && words.contains("batch size"),
        "{words}"
    );
    let error = client.start([]).start().await.unwrap_err();
    assert!(error.to_string().contains("no server"));
    assert_eq!(posts.load(Ordering::SeqCst), 0);
}
