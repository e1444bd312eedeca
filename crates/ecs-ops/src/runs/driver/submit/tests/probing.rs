//! The complete trace of one attempt, and answers that repeat parts of the request.

use ecs_auth::{
    AccessKey, AuthErrorKind, BoxFuture, Credentials, CredentialsProvider, Echo, StaticCredentials,
};
use ecs_model::RebootType;
use ecs_transport::{Delivery, TransportErrorKind};

use crate::ProbeEnd;
use crate::scripted::{Script, TOKEN, ids, outcome_of, service};

const SECURITY_TOKEN: &str = "gQpjbi1ub3J0aC00i2bQ";

fn temporary() -> StaticCredentials {
    let key = AccessKey::new("HPUA0EXAMPLE", "not-a-secret").unwrap();
    let key = key.with_security_token(SECURITY_TOKEN).unwrap();
    StaticCredentials::new(Credentials::access_key(key))
}

/// Refuses each signature and repeats what it was given, as the gateway does, with the security
/// token in it.
fn repeats(request: &http::Request<bytes::Bytes>, _: usize) -> Script {
    let mut read = request.clone();
    // The canonical request of the moment in which it was signed.
    let date = request.headers()["x-sdk-date"].to_str().unwrap();
    let date = date.trim_end_matches('Z').parse::<jiff::civil::DateTime>();
    let key = AccessKey::new("HPUA0EXAMPLE", "not-a-secret").unwrap();
    let key = key.with_security_token(SECURITY_TOKEN).unwrap();
    let now = jiff::tz::TimeZone::UTC.to_timestamp(date.unwrap()).unwrap();
    let signed = ecs_auth::sign(&mut read, &key, now);
    let canonical = String::from_utf8(signed.canonical_request().as_bytes().to_vec()).unwrap();
    let message = format!("verify aksk signature fail, canonicalRequest:{canonical}");
    let body = serde_json::json!({"error_code": "APIGW.0301", "error_msg": message});
    let date = ("date", "Mon, 23 Nov 2026 12:59:00 GMT");
    Script::AnswerWithHeaders(401, body.to_string(), vec![date])
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_one_request_and_reports_its_answer() {
    let (builder, seen) = service(repeats);
    let client = builder.credentials(temporary()).build().unwrap();
    let probe = client.probe().await;
    assert_eq!(seen.count(http::Method::GET), 1);
    let time = probe.service_time.unwrap().to_string();
    assert_eq!(time, "2026-11-23T12:59:00Z");
    let ProbeEnd::Refused {
        status,
        code,
        message,
        echo,
        ..
    } = &probe.end
    else {
        panic!("{probe:?}")
    };
    assert_eq!((*status, code.as_deref()), (401, Some("APIGW.0301")));
    assert_eq!(*echo, Some(Echo::Same));
    assert!(message.as_ref().unwrap().contains("x-security-token:***\n"));
    assert!(!format!("{probe:?}").contains(SECURITY_TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_service_repeats_is_in_no_report() {
    let (builder, _) = service(repeats);
    let client = builder.credentials(temporary()).build().unwrap();
    let report = client.reboot(RebootType::Soft, ids(1));
    let report = report.report().await.unwrap();
    let (_, message) = outcome_of(&report);
    assert!(message.contains("verify aksk signature fail"), "{message}");
    assert!(!message.contains("canonicalRequest"), "{message}");
    let shown = format!("{report:?} {}", serde_json::to_string(&report).unwrap());
    assert!(!shown.contains(SECURITY_TOKEN), "{shown}");

    let (builder, _) = service(|_, _| {
        let body =
            format!(r#"{{"error":{{"code":"Common.0013","message":"{TOKEN} is not valid"}}}}"#);
        Script::AnswerWithHeaders(401, body, Vec::new())
    });
    let error = builder.build().unwrap().servers().await.unwrap_err();
    assert!(error.to_string().contains("*** is not valid"), "{error}");
    assert!(!format!("{error:?}").contains(TOKEN));

    let (builder, _) = service(|_, _| {
        let body = format!(r#"{{"error":{{"code":"{TOKEN}","message":"no"}}}}"#);
        Script::AnswerWithHeaders(403, body, Vec::new())
    });
    let client = builder.build().unwrap();
    let error = client.servers().await.unwrap_err();
    assert_eq!(error.problem().code.as_deref(), Some("***"));
    let shown = format!("{error:?} {:?}", client.probe().await);
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn the_other_ends_of_a_probe() {
    let list = r#"{"count":7,"servers":[]}"#;
    let (builder, seen) = service(move |_, _| Script::Answer(200, list));
    let probe = builder.build().unwrap().probe().await;
    let end = &probe.end;
    assert!(
        matches!(end, ProbeEnd::Answered { servers: Some(7) }),
        "{end:?}"
    );
    assert_eq!((probe.service_time, probe.expires_at), (None, None));

    let kind = TransportErrorKind::Connect;
    let (builder, _) = service(move |_, _| Script::Fail(kind, Delivery::NotSent));
    let probe = builder.build().unwrap().probe().await;
    let end = &probe.end;
    assert!(
        matches!(end, ProbeEnd::Failed(error) if error.kind() == kind),
        "{end:?}"
    );
    assert_eq!(seen.count(http::Method::GET), 1);

    #[derive(Debug)]
    struct Broken;
    impl CredentialsProvider for Broken {
        fn credentials(&self) -> BoxFuture<'_, Result<Credentials, ecs_auth::AuthError>> {
            Box::pin(async { Credentials::token("") })
        }
    }
    let (builder, seen) = service(move |_, _| Script::Answer(200, list));
    let probe = builder.credentials(Broken).build().unwrap().probe().await;
    let end = &probe.end;
    let malformed = AuthErrorKind::Malformed;
    assert!(
        matches!(end, ProbeEnd::NoCredentials(error) if error.kind() == malformed),
        "{end:?}"
    );
    assert_eq!(seen.count(http::Method::GET), 0);
}
