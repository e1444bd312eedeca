//! Tests of reads and polls.

use ecs_auth::{AuthError, AuthErrorKind, Credentials, CredentialsProvider};
use ecs_model::ShowJob;
use http::Method;
use tokio::time::Instant;

use super::*;
use crate::{ErrorKind, RetryPolicy, RetryState, chain};

const NO_SUCH_JOB: &str = r#"{"itemNotFound":{"code":404,"message":"no such job"}}"#;
const NOT_VALID: &str = r#"{"error_code":"APIGW.0301","error_msg":"verify failed"}"#;

fn job() -> ecs_model::JobId {
    "ff80808288d41e1b018990260955686a".parse().unwrap()
}

/// A read is given up within its time limit, whatever the service does.
#[tokio::test(start_paused = true)]
async fn reads_end_within_their_time_limit() {
    let cases = [
        (Script::Answer(429, ""), ErrorKind::Deadline),
        (Script::Answer(503, ""), ErrorKind::Unreachable),
        (OUT_OF_REACH, ErrorKind::Unreachable),
        (Script::Answer(404, NO_SUCH_JOB), ErrorKind::Refused),
        (Script::Answer(401, NOT_VALID), ErrorKind::Credentials),
        // Pages of any maker.
        (Script::Answer(404, ""), ErrorKind::NotTheService),
        (Script::Answer(401, "<html>"), ErrorKind::NotTheService),
    ];
    for (does, kind) in cases {
        let again = does.clone();
        let (builder, _) = scripted(move |_, _| again.clone());
        let client = builder.build().unwrap();
        let began = Instant::now();
        let error = client.job(&job()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{does:?}: {error}");
        let limit = RetryPolicy::default().max_read_time();
        assert!(began.elapsed() <= limit, "{does:?}");
    }
}

/// A poll is one attempt. The error says when to poll again.
#[tokio::test(start_paused = true)]
async fn polls_make_one_attempt() {
    let throttled = Script::AnswerWithHeaders(429, String::new(), vec![("retry-after", "40")]);
    let cases = [(throttled, 40..=42), (Script::Answer(503, ""), 0..=1)];
    for (does, seconds) in cases {
        let (builder, seen) = scripted(move |_, _| does.clone());
        let client = builder.build().unwrap();
        let mut context = RequestContext::poll(RetryState::default());
        let error = client.execute(&ShowJob::new(job()), &mut context).await;
        let error = error.unwrap_err();
        let StopCause::Deferred(pause) = error.stop_cause() else {
            panic!("{error:?}")
        };
        assert!(seconds.contains(&pause.as_secs()), "{pause:?}");
        assert_eq!(seen.count(Method::GET), 1);
        let state = context.state();
        assert_eq!(state.failures + state.throttles, 1);
    }
}

/// A throttled request slows the others, and polls come last.
#[tokio::test(start_paused = true)]
async fn throttling_slows_all_requests() {
    let (builder, seen) = scripted(|_, number| match number {
        0 => Script::AnswerWithHeaders(429, String::new(), vec![("retry-after", "10")]),
        _ => Script::Answer(200, r#"{"status":"RUNNING"}"#),
    });
    let client = builder.build().unwrap();
    let operation = ShowJob::new(job());
    let mut context = RequestContext::poll(RetryState::default());
    client.execute(&operation, &mut context).await.unwrap_err();
    let poll = async {
        let mut context = RequestContext::poll(RetryState::default());
        client.execute(&operation, &mut context).await.unwrap();
        Instant::now()
    };
    let read = async {
        client.job(&job()).await.unwrap();
        Instant::now()
    };
    let (polled, read) = futures_util::future::join(poll, read).await;
    let throttled = seen.times(Method::GET)[0];
    assert!(read - throttled >= Duration::from_secs(10));
    assert!(
        polled - read >= Duration::from_millis(900),
        "{:?}",
        polled - read
    );
}

/// The sources of an error stay reachable. Their text is joined only where it is printed.
#[tokio::test(start_paused = true)]
async fn errors_keep_their_sources() {
    let builder = crate::test_support::failing(|| {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        ecs_transport::TransportError::new(TransportErrorKind::Connect, Delivery::NotSent)
            .with_source(refused)
    });
    let error = builder.build().unwrap().job(&job()).await.unwrap_err();
    assert_eq!(error.to_string(), "could not connect (5 attempts)");
    let source = std::error::Error::source(&error).unwrap();
    let source = source.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(
        error.problem().message,
        "could not connect: connection refused (5 attempts)"
    );
    assert_eq!(
        chain(&error),
        "could not connect (5 attempts): connection refused"
    );
}

#[derive(Debug)]
struct Sealed;

impl CredentialsProvider for Sealed {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        Box::pin(async {
            Err(AuthError::new(
                AuthErrorKind::Missing,
                "the vault is sealed",
            ))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn without_credentials_nothing_is_sent() {
    let (builder, seen) = scripted(|_, _| Script::Answer(200, "{}"));
    let client = builder.credentials(Sealed).build().unwrap();
    let error = client.job(&job()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    let message = "no credentials: the vault is sealed";
    assert_eq!(
        (error.problem().message.as_str(), error.to_string().as_str()),
        (message, "no credentials")
    );
    assert_eq!(chain(&error), message);
    assert_eq!(seen.count(Method::GET), 0);
}
