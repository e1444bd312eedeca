//! The main job over real sockets, against servers that misbehave: what was sent how often, and what is said of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, Report};
use ecs_transport::testing::{Play, Tarpit};
use http::StatusCode;

fn ids(count: u128) -> Vec<ServerId> {
    (1..=count)
        .map(|number| ServerId::from_bytes(number.to_be_bytes()))
        .collect()
}

/// Longer than any exchange on loopback takes, also on a busy machine.
const PATIENT: Duration = Duration::from_secs(30);
/// For servers that never answer: long enough to have sent the request.
const IMPATIENT: Duration = Duration::from_secs(2);

async fn reboot(url: &str, attempt_timeout: Duration) -> Report {
    let transport = HyperTransport::builder().no_proxy().build().unwrap();
    let client = Client::builder(url.parse().unwrap(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(
            Credentials::token("token-1").unwrap(),
        ))
        .transport(transport)
        .attempt_timeout(attempt_timeout)
        // Shortens the pauses between attempts to milliseconds.
        .time_factor(500.0)
        .seed(1)
        .build()
        .unwrap();
    let run = client.reboot(RebootType::Soft, ids(3)).wait(false);
    run.start().await.unwrap().await
}

const JOB: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;

#[tokio::test]
async fn each_fault_sends_at_most_once_and_says_what_is_known() {
    let (new, read) = (Play::new, || Play::new().read_request());
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n";
    let redirect =
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    let none = r#"{"error":{"code":"Ecs.0005","message":"none"}}"#;
    // (what the server does, how, the outcome of each server, words that say why)
    let table: Vec<(&str, Play, &str, &str)> = vec![
        ("closes without an answer", read(), "unknown", "the connection ended"),
        ("resets after the request was read", read().reset(), "unknown", "the connection ended"),
        ("resets while the request is read", new().read_byte().reset(), "unknown", "the connection ended"),
        ("cuts the head", read().send("HTTP/1.1 200 OK\r\nContent-"), "unknown", "the connection ended"),
        ("cuts the body", read().send(format!("{head}{{")), "unknown", "cut short"),
        ("never answers", read().hang(), "unknown", "timed out"),
        ("never sends the body", read().send(head).hang(), "unknown", "timed out"),
        ("talks SSH", read().send("SSH-2.0-OpenSSH_9.2\r\n"), "unknown", "not valid HTTP"),
        ("does not end its body", read().send("HTTP/1.1 200 OK\r\n\r\n").send_forever("x".repeat(65_536)), "unknown", "larger"),
        ("500", new().reply(StatusCode::INTERNAL_SERVER_ERROR, ""), "unknown", "HTTP 500"),
        ("502", new().reply(StatusCode::BAD_GATEWAY, "<html><title>Bad</title>"), "unknown", "titled \"Bad\""),
        ("202 without a job", new().reply(StatusCode::ACCEPTED, "{}"), "unknown", "HTTP 202"),
        ("204", read().send("HTTP/1.1 204 No Content\r\n\r\n"), "unknown", "HTTP 204"),
        ("307", read().send(redirect), "failed", "/elsewhere"),
        ("400", new().reply(StatusCode::BAD_REQUEST, none), "failed", "Ecs.0005"),
        ("401", new().reply(StatusCode::UNAUTHORIZED, ""), "not_attempted", "HTTP 401"),
        ("1xx first", read().send(format!("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{JOB}", JOB.len())), "running", ""),
        ("a byte-order mark", new().reply(StatusCode::OK, format!("\u{feff}{JOB}")), "running", ""),
        ("a number for an id", new().reply(StatusCode::OK, r#"{"job_id":12}"#), "running", ""),
    ];
    let cases = table
        .into_iter()
        .map(|(fault, play, expected, words)| async move {
            let tarpit = Tarpit::start([play]).await.unwrap();
            let waits = words == "timed out";
            let report = reboot(&tarpit.url(), if waits { IMPATIENT } else { PATIENT }).await;
            let outcomes: Vec<_> = report
                .servers
                .iter()
                .map(|server| server.outcome.name())
                .collect();
            assert_eq!(
                outcomes,
                [expected; 3],
                "{fault}: {:?}",
                report.servers[0].outcome.error()
            );
            assert_eq!(tarpit.connections(), 1, "{fault}");
            assert!(tarpit.requests() <= 1, "{fault}");
            let error = report.servers[0]
                .outcome
                .error()
                .map_or("", |error| &error.message);
            assert!(error.contains(words), "{fault}: {error}");
            assert_eq!(
                error.starts_with("may have been executed"),
                expected == "unknown",
                "{fault}: {error}"
            );
        });
    futures_util::future::join_all(cases).await;
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_nothing_was_attempted() {
    // Bound and not listening: nobody else gets the port, and it refuses.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = socket.local_addr().unwrap();
    let report = reboot(&format!("http://{gone}"), PATIENT).await;
    let error = report.servers[0].outcome.error().unwrap();
    assert_eq!(report.summary().not_attempted, 3);
    assert!(
        error.message.contains("could not connect") && error.message.contains("5 attempts"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn throttled_then_accepted() {
    let throttled = r#"{"error":{"code":"Common.0024","message":"Flow limit exceeded."}}"#;
    let play = Play::new().read_request().send(format!(
        "HTTP/1.1 202 Accepted\r\nRetry-After: 0\r\nContent-Length: {}\r\n\r\n{throttled}",
        throttled.len()
    ));
    let accepted = Play::new().reply(StatusCode::OK, JOB);
    let tarpit = Tarpit::start([play, accepted]).await.unwrap();
    let report = reboot(&tarpit.url(), PATIENT).await;
    assert_eq!(report.summary().running, 3, "{:?}", report.servers[0]);
    assert_eq!(tarpit.requests(), 2);
    let seen = tarpit.seen();
    assert_eq!(seen[0].body(), seen[1].body());
    assert_eq!(seen[0].headers()["x-auth-token"], "token-1");
    assert_eq!(seen[0].headers()["content-type"], "application/json");
    assert!(!seen[0].headers().contains_key("transfer-encoding"));
}
