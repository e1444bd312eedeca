//! Credentials that are refused, renewed, late, or not to be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_auth::{AuthError, AuthErrorKind, BoxFuture, Credentials, CredentialsProvider};
use ecs_model::RebootType;
use ecs_transport::FnTransport;
use std::future::IntoFuture as _;
use tokio::time::Instant;

use crate::scripted::{
    DONE, FLOW_CONTROL, JOB, NOT_VALID, Script, answer, client_of, endpoint, ids, outcome_of,
};
use crate::{Client, Report};

/// Has another token each time that one was refused. While it `lags` it continues to offer the first
/// one.
#[derive(Debug, Default)]
struct Renewing {
    renewals: AtomicUsize,
    lags: bool,
}

impl CredentialsProvider for Renewing {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        let number = if self.lags {
            0
        } else {
            self.renewals.load(Ordering::SeqCst)
        };
        Box::pin(async move { Credentials::token(format!("token-{number}")) })
    }

    fn renew<'a>(
        &'a self,
        _: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        let number = self.renewals.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { Credentials::token(format!("token-{number}")).map(Some) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    for (good, lags, succeeded) in [("token-1", false, 2), ("token-9", false, 0)] {
        let posts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&posts);
        let transport = FnTransport::new(move |request: http::Request<Bytes>, _| {
            let is_post = request.method() == http::Method::POST;
            let accepted = request.headers()["x-auth-token"] == good;
            counted.fetch_add(usize::from(is_post), Ordering::SeqCst);
            async move {
                Ok(match (accepted, is_post) {
                    (false, _) => answer(401, NOT_VALID),
                    (true, true) => answer(200, JOB),
                    (true, false) => answer(200, DONE),
                })
            }
        });
        let provider = Renewing {
            lags,
            ..Renewing::default()
        };
        let client = Client::builder(endpoint(), "p1".parse().unwrap())
            .credentials(provider)
            .transport(transport)
            .skip_service_check()
            .build()
            .unwrap();
        let report = reboot(&client).await;
        assert_eq!(report.summary().succeeded, succeeded);
        assert_eq!(posts.load(Ordering::SeqCst), 2);
        assert_eq!(report.refused.is_some(), succeeded == 0);
    }
}

/// A request that is throttled for a long time may need a new token more than once, and none is
/// used for ever.
#[tokio::test(start_paused = true)]
async fn renewed_credentials_are_used_for_one_attempt() {
    let tokens = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&tokens);
    let transport = FnTransport::new(move |request: http::Request<Bytes>, _| {
        let is_post = request.method() == http::Method::POST;
        let token = request.headers()["x-auth-token"]
            .to_str()
            .unwrap()
            .to_owned();
        let number = {
            let mut log = log.lock().unwrap();
            if is_post {
                log.push(token);
            }
            log.len()
        };
        async move {
            Ok(match (is_post, number) {
                (false, _) => answer(200, DONE),
                (_, 1 | 3) => answer(401, NOT_VALID),
                (_, 2) => answer(429, FLOW_CONTROL),
                _ => answer(200, JOB),
            })
        }
    });
    let provider = Renewing {
        lags: true,
        ..Renewing::default()
    };
    let client = Client::builder(endpoint(), "p1".parse().unwrap())
        .credentials(provider)
        .transport(transport)
        .skip_service_check()
        .build()
        .unwrap();
    assert_eq!(reboot(&client).await.summary().succeeded, 2);
    // Refused, renewed and throttled, asked for anew and refused, renewed.
    assert_eq!(
        *tokens.lock().unwrap(),
        ["token-0", "token-1", "token-0", "token-2"]
    );
}

async fn reboot(client: &Client) -> Report {
    let run = client.reboot(RebootType::Soft, ids(2)).begin().await;
    run.unwrap().await
}

/// A source that fails or hangs some times, or always, and whether that happens at a renewal.
#[derive(Clone, Copy, Debug)]
enum SourceFault {
    Unavailable,
    Malformed,
    Hangs,
}

#[derive(Debug)]
struct Flaky {
    fault: SourceFault,
    times: usize,
    at_renewal: bool,
    asked: AtomicUsize,
}

impl Flaky {
    async fn ask(&self, in_trouble: bool) -> Result<Credentials, AuthError> {
        if in_trouble && self.asked.fetch_add(1, Ordering::SeqCst) < self.times {
            let error = |kind| AuthError::new(kind, "the vault is sealed");
            match self.fault {
                SourceFault::Unavailable => return Err(error(AuthErrorKind::Unavailable)),
                SourceFault::Malformed => return Err(error(AuthErrorKind::Malformed)),
                SourceFault::Hangs => std::future::pending().await,
            }
        }
        Credentials::token("token-1")
    }
}

impl CredentialsProvider for Flaky {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        Box::pin(self.ask(!self.at_renewal))
    }

    fn renew<'a>(
        &'a self,
        _: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        Box::pin(async { self.ask(self.at_renewal).await.map(Some) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_of_credentials_may_be_out_of_reach_for_a_while() {
    use SourceFault::{Hangs, Malformed, Unavailable};
    // (fault, number of times, outcome, message)
    let table = [
        (Unavailable, 3, "succeeded", ""),
        (Hangs, 2, "succeeded", ""),
        (
            Unavailable,
            99,
            "not_attempted",
            "no credentials: the vault is sealed (5 attempts)",
        ),
        (
            Hangs,
            99,
            "not_attempted",
            "no credentials: the source of credentials gave no answer within 60s",
        ),
        (
            Malformed,
            1,
            "not_attempted",
            "no credentials: the vault is sealed",
        ),
    ];
    for (fault, times, expected, message) in table {
        let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
        let provider = Flaky {
            fault,
            times,
            at_renewal: false,
            asked: AtomicUsize::new(0),
        };
        let report = reboot(&builder.credentials(provider).build().unwrap()).await;
        let (outcome, text) = outcome_of(&report);
        assert_eq!(outcome, expected, "{fault:?} {times}: {text}");
        assert!(text.starts_with(message), "{fault:?} {times}: {text}");
        let refused = expected != "succeeded";
        assert_eq!(report.refused.is_some(), refused, "{fault:?} {times}");
        assert_eq!(seen.posts(), usize::from(!refused));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_keeps_the_message_of_the_refusal() {
    use SourceFault::{Malformed, Unavailable};
    let refusal = r#"{"error":{"code":"Common.0013","message":"Invalid token."}}"#;
    for (fault, times, expected) in [
        (Unavailable, 1, "succeeded"),
        (Unavailable, 99, "not_attempted"),
        (Malformed, 99, "not_attempted"),
    ] {
        let script = match expected {
            "succeeded" => vec![Script::Answer(401, refusal), Script::Answer(200, JOB)],
            _ => vec![Script::Answer(401, refusal)],
        };
        let (builder, _) = client_of(script);
        let provider = Flaky {
            fault,
            times,
            at_renewal: true,
            asked: AtomicUsize::new(0),
        };
        // The service has answered, so that it takes the limit of an outage to give up.
        let report = reboot(&builder.credentials(provider).build().unwrap()).await;
        let (outcome, text) = outcome_of(&report);
        assert_eq!(outcome, expected, "{text}");
        if expected != "succeeded" {
            assert!(text.contains("Invalid token."), "{text}");
            assert!(
                text.contains("other credentials: the vault is sealed"),
                "{text}"
            );
            assert_eq!(report.refused.unwrap().code.as_deref(), Some("Common.0013"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_does_not_keep_a_run_from_stopping() {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    let provider = Flaky {
        fault: SourceFault::Hangs,
        times: 99,
        at_renewal: false,
        asked: AtomicUsize::new(0),
    };
    let client = builder.credentials(provider).build().unwrap();
    let run = client
        .reboot(RebootType::Soft, ids(2))
        .begin()
        .await
        .unwrap();
    let control = run.control();
    let began = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        control.stop_submitting();
    };
    let (report, ()) = futures_util::future::join(run.into_future(), stop).await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!(outcome_of(&report).0, "not_attempted");
    assert_eq!(seen.posts(), 0);
}

/// A source that fails after a long throttle has not failed for that long.
#[tokio::test(start_paused = true)]
async fn failures_of_the_source_count_from_the_first_one() {
    let mut script = vec![Script::AnswerWithHeaders(
        429,
        FLOW_CONTROL.to_owned(),
        vec![("retry-after", "1000")],
    )];
    script.push(Script::Answer(200, JOB));
    let (builder, seen) = client_of(script);
    /// Fails from the second to the fourth time.
    #[derive(Debug, Default)]
    struct Later(AtomicUsize);
    impl CredentialsProvider for Later {
        fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                match number {
                    1..4 => Err(AuthError::new(AuthErrorKind::Unavailable, "sealed")),
                    _ => Credentials::token("token-1"),
                }
            })
        }
    }
    let client = builder.credentials(Later::default()).build().unwrap();
    assert_eq!(reboot(&client).await.summary().succeeded, 2);
    assert_eq!(seen.posts(), 2);
}

/// Each attempt is signed anew, over what is sent, the project included.
#[tokio::test(start_paused = true)]
async fn each_attempt_is_signed_anew() {
    use ecs_auth::{AccessKey, StaticCredentials, verify};

    let epoch: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let key = || AccessKey::new("HPUA0EXAMPLE", "not-a-secret").unwrap();
    let began = Instant::now();
    let (builder, seen) = crate::scripted::service(move |request, number| {
        let now = epoch + began.elapsed();
        let verified = verify(request, now, |id| (id == "HPUA0EXAMPLE").then(key));
        assert!(verified.is_ok(), "{verified:?}");
        assert_eq!(request.headers()["x-project-id"], "p1");
        match *request.method() {
            // Longer than a signature is good for.
            http::Method::POST if number == 0 => Script::AnswerWithHeaders(
                429,
                FLOW_CONTROL.to_owned(),
                vec![("retry-after", "1000")],
            ),
            http::Method::POST => Script::Answer(200, JOB),
            _ => Script::Answer(200, DONE),
        }
    });
    let provider = StaticCredentials::new(Credentials::access_key(key()));
    let client = builder.credentials(provider).epoch(epoch).build().unwrap();
    assert_eq!(reboot(&client).await.summary().succeeded, 2);
    assert_eq!(seen.posts(), 2);
}
