//! The retry loop under a scripted transport: the requests, and their outcomes.

mod admission;
mod budgets;
mod credentials;
mod probing;

use ecs_model::RebootType;
use ecs_transport::{Delivery, TransportErrorKind};

use crate::Event;
use crate::scripted::{JOB, OUT_OF_REACH, Script, client_of, ids, outcome_of};

/// Every end of a submission × the requests and the outcome: (answers of the service, POSTs,
/// outcome, message).
#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn every_end_of_a_submission() {
    use Delivery::{MaybeSent, NotSent};
    use Script::{Answer, Fail, Hang};
    use TransportErrorKind as Kind;
    const MOVED: &str = "https://new.example/v1/p1/cloudservers/action";
    let proxy_refused = |status| Kind::ProxyRefused { status };
    const HTML: &str = "<html><title>Bad Gateway</title></html>";
    let table: &[(Script, usize, &str, &str)] = &[
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
        (Answer(307, ""), 1, "unknown", "HTTP 307"),
        (Answer(302, ""), 1, "unknown", "HTTP 302"),
        (
            Answer(400, r#"{"error":{"code":"Ecs.0005","message":"bad"}}"#),
            1,
            "failed",
            "HTTP 400 Ecs.0005: bad",
        ),
        (
            Answer(404, r#"{"itemNotFound":{"code":404,"message":"none"}}"#),
            5,
            "failed",
            "none",
        ),
        (
            Answer(401, r#"{"error_code":"APIGW.0301","error_msg":"no"}"#),
            1,
            "not_attempted",
            "HTTP 401",
        ),
        (
            Answer(403, r#"{"forbidden":{"code":403,"message":"no"}}"#),
            5,
            "not_attempted",
            "HTTP 403",
        ),
        // Pages: their maker may have replaced the answer of the service.
        (
            Answer(401, HTML),
            1,
            "unknown",
            "not an answer of the service: HTTP 401",
        ),
        (Answer(403, HTML), 1, "unknown", "HTTP 403"),
        (Answer(404, "{}"), 1, "unknown", "HTTP 404"),
        (Answer(409, ""), 1, "unknown", "HTTP 409"),
        (Answer(413, ""), 1, "unknown", "HTTP 413"),
        (Answer(429, HTML), 1, "unknown", "HTTP 429"),
        (
            Script::AnswerWithHeaders(301, String::new(), vec![("location", MOVED)]),
            1,
            "not_attempted",
            "the whole site has moved to https://new.example (HTTP 301, not followed)",
        ),
        (
            Script::AnswerWithHeaders(407, String::new(), vec![("proxy-authenticate", "Basic")]),
            1,
            "not_attempted",
            "a proxy requires a user name and password",
        ),
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
            Fail(Kind::Certificate, NotSent),
            1,
            "not_attempted",
            "certificate",
        ),
        (
            Fail(Kind::ClientCertificateRequired, NotSent),
            1,
            "not_attempted",
            "client certificate",
        ),
        (
            Fail(proxy_refused(403), NotSent),
            1,
            "not_attempted",
            "proxy",
        ),
        (
            Fail(proxy_refused(503), NotSent),
            5,
            "not_attempted",
            "proxy",
        ),
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
        (Fail(Kind::Request, NotSent), 1, "failed", "cannot be sent"),
        (
            Answer(505, r#"{"error":{"code":"Ecs.0005","message":"bad"}}"#),
            1,
            "unknown",
            "bad",
        ),
        (Answer(520, ""), 1, "unknown", "HTTP 520"),
        (
            Hang {
                armed: false,
                sent: false,
            },
            1,
            "unknown",
            "no answer within 60s",
        ),
        (
            Hang {
                armed: true,
                sent: false,
            },
            5,
            "not_attempted",
            "no answer within 60s",
        ),
        (
            Hang {
                armed: true,
                sent: true,
            },
            1,
            "unknown",
            "no answer within 60s",
        ),
    ];
    for (does, expected_posts, expected, message) in table {
        let (builder, posts) = client_of(vec![does.clone()]);
        let client = builder.build().unwrap();
        let report = client
            .reboot(RebootType::Soft, ids(3))
            .report()
            .await
            .unwrap();
        let (outcome, text) = outcome_of(&report);
        assert_eq!(
            (outcome, posts.posts()),
            (*expected, *expected_posts),
            "{does:?}: {text}"
        );
        assert!(
            text.contains(message),
            "{does:?}: {text:?} does not say {message:?}"
        );
        assert_eq!(report.servers.len(), 3);
        assert!(report.stopped.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_without_a_limit() {
    for (status, body) in [
        (
            202,
            r#"{"error":{"code":"Common.0024","message":"Flow limit"}}"#,
        ),
        (
            429,
            r#"{"error_code":"APIGW.0308","error_msg":"limit:1000,time:1 minute"}"#,
        ),
        (
            413,
            r#"{"overLimit":{"code":413,"message":"too many requests"}}"#,
        ),
        (501, r#"{"error":{"code":"Ecs.0603","message":"busy"}}"#),
    ] {
        let mut script = vec![Script::Answer(status, body); 40];
        script.push(Script::Answer(200, JOB));
        let (builder, posts) = client_of(script);
        let run = builder
            .build()
            .unwrap()
            .start(ids(2))
            .begin()
            .await
            .unwrap();
        let mut events = run.events();
        let report = run.await;
        assert_eq!(posts.posts(), 41, "{status} {body}");
        assert_eq!(report.summary().succeeded, 2);
        let (mut throttled, mut submitting) = (0, 0);
        while let Some(event) = events.next().await {
            throttled += usize::from(matches!(event, Event::Throttled { .. }));
            submitting += usize::from(matches!(event, Event::Submitting { .. }));
        }
        assert_eq!((throttled, submitting), (40, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsent_request_is_sent_again() {
    let (builder, posts) = client_of(vec![OUT_OF_REACH, OUT_OF_REACH, Script::Answer(200, JOB)]);
    let report = builder
        .build()
        .unwrap()
        .stop(None, ids(2))
        .report()
        .await
        .unwrap();
    assert_eq!((report.summary().succeeded, posts.posts()), (2, 3));
}
