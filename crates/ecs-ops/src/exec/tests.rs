//! The retry loop under a scripted transport: what is sent how often, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ecs_auth::{AuthError, BoxFuture, Credentials, CredentialsProvider};
use ecs_model::RebootType;
use ecs_transport::{Delivery, FnTransport, TransportErrorKind};

use crate::scripted::{DONE, Does, JOB, answer, client_of, endpoint, ids, outcome_of};
use crate::{Client, Event};

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
