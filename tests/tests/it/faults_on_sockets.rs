//! Every fault on a real socket, with the client on hyper: how often the server read an action, and
//! the report.

use std::future::IntoFuture as _;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::{HyperTransport, HyperTransportBuilder};
use ecs_ops::{Client, Event, Report, RetryPolicy, jobs::Polling};
use ecs_test_support::faults::FaultOutcome;
use ecs_test_support::faults::statuses::answers;
use ecs_test_support::faults::wire::{self, ANSWER, Step, WireFault};
use ecs_transport::testing::{Play, Tarpit};
use futures_util::StreamExt as _;
use http::{Method, StatusCode};

/// Longer than any exchange on loopback takes, also on a busy machine.
const LONG_LIMIT: Duration = Duration::from_secs(60);
/// For servers that never answer: long enough to have sent the request.
const SHORT_LIMIT: Duration = Duration::from_secs(3);
/// Shortens the pauses between attempts and polls to milliseconds, and the time in which a job
/// counts as new to seconds.
const SPEED: f64 = 20.0;
const BRIEF: Duration = Duration::from_millis(100);

fn client(url: &str, attempt_timeout: Duration) -> Client {
    let transport = HyperTransport::builder().no_proxy().native_roots(false);
    client_with(transport, url, attempt_timeout)
}

fn client_with(transport: HyperTransportBuilder, url: &str, attempt_timeout: Duration) -> Client {
    Client::builder(url.parse().unwrap(), "p1".parse().unwrap())
        .credentials(StaticCredentials::new(
            Credentials::token("token-1").unwrap(),
        ))
        .transport(transport.build().unwrap())
        .attempt_timeout(attempt_timeout)
        // Each fault meets the action itself.
        .skip_service_check()
        .time_factor(SPEED)
        .polling(Polling::adaptive(BRIEF, BRIEF, BRIEF))
        .retry(RetryPolicy::default().with_backoff(BRIEF, BRIEF))
        .seed(1)
        .build()
        .unwrap()
}

fn ids() -> Vec<ServerId> {
    (1..=3_u128)
        .map(|number| ServerId::from_bytes(number.to_be_bytes()))
        .collect()
}

async fn reboot(client: &Client) -> Report {
    let run = client.reboot(RebootType::Soft, ids()).begin();
    let run = run.await.unwrap().into_future();
    tokio::time::timeout(LONG_LIMIT * 2, run)
        .await
        .expect("a run does not end")
}

fn play(steps: Vec<Step>) -> Play {
    steps
        .into_iter()
        .fold(Play::new(), |play, step| match step {
            Step::Read => play.read_request(),
            Step::ReadByte => play.read_byte(),
            Step::Send(bytes) => play.send(bytes),
            Step::SendForever(bytes) => play.send_forever(bytes),
            Step::SendSlowly(bytes) => play.send_slowly(bytes, Duration::from_millis(100)),
            Step::Hang => play.hang(),
            Step::Reset => play.reset(),
        })
}

/// Answers every request with a success.
fn well() -> Play {
    (0..20).fold(Play::new(), |play, _| play.reply(StatusCode::OK, ANSWER))
}

fn actions(server: &Tarpit) -> usize {
    let seen = server.seen();
    seen.iter()
        .filter(|request| request.method() == Method::POST)
        .count()
}

#[track_caller]
fn check(name: &str, report: &Report, fault_outcome: FaultOutcome, text: &str) {
    let outcomes = report.servers.iter().map(|server| server.outcome.name());
    let error = report.servers[0].outcome.error();
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [fault_outcome.outcome(); 3],
        "{name}: {error:?}, {:?}",
        report.stopped
    );
    let message = error.map_or("", |error| &error.message);
    assert!(message.contains(text), "{name}: {message}");
    assert_eq!(
        message.starts_with("may have been executed"),
        fault_outcome == FaultOutcome::Unknown,
        "{name}: {message}"
    );
}

/// The number of requests of three servers and their parts after splits.
const PARTS: usize = 5;

/// Runs an action that meets this on its first connection.
async fn action(
    name: &str,
    first: Play,
    time_limit: Duration,
    fault_outcome: FaultOutcome,
    text: &str,
) {
    // A refusal that may be due to one server meets each part of the request.
    let refused = matches!(fault_outcome, FaultOutcome::Failed | FaultOutcome::Denied);
    let plays = std::iter::repeat_n(first, if refused { PARTS } else { 1 });
    let server = Tarpit::start_then(plays, well()).await.unwrap();
    let report = reboot(&client(&server.url(), time_limit)).await;
    check(name, &report, fault_outcome, text);
    let sent = actions(&server);
    let split = refused && sent == PARTS;
    assert!(split || sent <= fault_outcome.actions(), "{name}: {sent}");
    if fault_outcome == FaultOutcome::Retried {
        let seen = server.seen();
        assert_eq!(actions(&server), 2, "{name}");
        assert_eq!(seen[0].body(), seen[1].body());
    }
    let once = matches!(
        fault_outcome,
        FaultOutcome::Unknown | FaultOutcome::Failed | FaultOutcome::Denied
    );
    if once && !split {
        assert_eq!(server.connections(), 1, "{name}: something more was sent");
    }
}

/// Runs an action that succeeds and whose first query meets this.
async fn query(name: &str, then: Play, time_limit: Duration, fault_outcome: FaultOutcome) {
    let first = Play::new().reply(StatusCode::OK, ANSWER);
    // A single unusual answer does not end the polling.
    let times = if fault_outcome == FaultOutcome::Blind {
        3
    } else {
        1
    };
    let plays = std::iter::once(first).chain(std::iter::repeat_n(then, times));
    let server = Tarpit::start_then(plays, well()).await.unwrap();
    let report = reboot(&client(&server.url(), time_limit)).await;
    check(name, &report, fault_outcome, "");
    assert_eq!(actions(&server), 1, "{name}");
    assert_eq!(report.jobs.len(), 1, "{name}");
}

async fn meet(fault: WireFault) {
    let time_limit = if fault.takes_time {
        SHORT_LIMIT
    } else {
        LONG_LIMIT
    };
    let (name, first) = (fault.name, play(fault.play));
    let acts = action(
        name,
        first.clone(),
        time_limit,
        fault.fault_outcome,
        fault.expected,
    );
    let asks = query(name, first, time_limit, FaultOutcome::Succeeds);
    futures_util::future::join(acts, asks).await;
}

#[tokio::test]
async fn wire_faults_have_their_expected_result() {
    let (slow, quick): (Vec<_>, Vec<_>) = wire::faults()
        .into_iter()
        .partition(|fault| fault.takes_time);
    // Faults that reach the client's time limit do not run together with floods.
    futures_util::future::join_all(quick.into_iter().map(meet)).await;
    futures_util::future::join_all(slow.into_iter().map(meet)).await;
}

/// Statuses × codes × families.
#[tokio::test]
async fn statuses_have_their_expected_result_in_each_family() {
    let cases = answers().into_iter().map(|answer| async move {
        let status = StatusCode::from_u16(answer.status).unwrap();
        let first = match status {
            // It has no body.
            StatusCode::NO_CONTENT => play(vec![
                Step::Read,
                Step::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            ]),
            _ => Play::new().reply(status, &answer.body),
        };
        let asked = match status {
            StatusCode::NO_CONTENT => FaultOutcome::Succeeds,
            _ => answer.query,
        };
        let name = &answer.name;
        action(name, first.clone(), LONG_LIMIT, answer.action, "").await;
        query(name, first, LONG_LIMIT, asked).await;
    });
    let cases = futures_util::stream::iter(cases).buffer_unordered(32);
    cases.for_each(|()| std::future::ready(())).await;
}

/// A bound port that does not listen: it refuses, and no other process gets it.
fn refusing() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

#[tokio::test]
async fn refused_connections_are_retried_and_nothing_is_attempted() {
    let (_socket, url) = refusing();
    let report = reboot(&client(&url, LONG_LIMIT)).await;
    check(
        "refused",
        &report,
        FaultOutcome::OutOfReach,
        "could not connect",
    );
}

#[tokio::test]
async fn returning_service_gets_the_request_once() {
    let (socket, url) = refusing();
    let client = client(&url, LONG_LIMIT);
    let run = client
        .reboot(RebootType::Soft, ids())
        .begin()
        .await
        .unwrap();
    let mut events = run.events();
    let run = tokio::spawn(run.into_future());
    while !matches!(events.next().await, Some(Event::Retrying { .. })) {}
    let server = Tarpit::start_on(socket.listen(16).unwrap(), [], well()).unwrap();
    check(
        "refused once",
        &run.await.unwrap(),
        FaultOutcome::Succeeds,
        "",
    );
    assert_eq!(actions(&server), 1);
}

/// Reset before anything could be sent: the TLS handshake does not end. Certain, and tried again.
#[tokio::test]
async fn reset_before_the_request_is_retried() {
    let server = Tarpit::always(Play::new().read_byte().reset())
        .await
        .unwrap();
    let url = server.url().replace("http:", "https:");
    let tls = ecs_sim::Tls::self_signed().unwrap();
    let transport = HyperTransport::builder()
        .no_proxy()
        .native_roots(false)
        .ca_pem(tls.ca_pem().unwrap());
    let client = client_with(transport, &url, LONG_LIMIT);
    let report = reboot(&client).await;
    check(
        "reset",
        &report,
        FaultOutcome::OutOfReach,
        "the TLS handshake failed",
    );
    assert_eq!((server.connections(), server.requests()), (5, 0));
}

/// Closed as soon as it is accepted: the kernel decides which of the two is first. The report is
/// true in either case, and a request that may have been sent is not sent again.
#[tokio::test]
async fn reset_during_the_request_is_not_retried() {
    for _ in 0..20 {
        let server = Tarpit::always(Play::new().reset()).await.unwrap();
        let report = reboot(&client(&server.url(), LONG_LIMIT)).await;
        let outcome = report.servers[0].outcome.name();
        let given_up = outcome == "not_attempted" && server.connections() == 5;
        assert!(given_up || outcome == "unknown", "{outcome}");
        assert_eq!(server.requests(), 0);
    }
}

/// The server closes the kept-alive connection of the queries after each answer, or while the next
/// query is on its way.
#[tokio::test]
async fn queries_survive_closed_pooled_connections() {
    let running = ANSWER.replace("SUCCESS", "RUNNING");
    let first = Play::new().reply(StatusCode::OK, ANSWER);
    let closes = Play::new().reply(StatusCode::OK, &running);
    let swallows = closes.clone().read_request();
    let resets = swallows.clone().reset();
    let plays = [first, closes.clone(), swallows, resets, closes];
    let server = Tarpit::start_then(plays, well()).await.unwrap();
    let report = reboot(&client(&server.url(), LONG_LIMIT)).await;
    check("kept", &report, FaultOutcome::Succeeds, "");
    assert_eq!(actions(&server), 1);
    assert!(server.connections() >= 6, "{server:?}");
}

/// An action never uses a pooled connection, and so never meets one that is being closed.
#[tokio::test]
async fn actions_use_no_pooled_connections() {
    let list = Play::new().reply(StatusCode::OK, r#"{"servers":[]}"#);
    let server = Tarpit::start_then([list], well()).await.unwrap();
    let client = client(&server.url(), LONG_LIMIT);
    assert_eq!(client.servers().await.unwrap(), []);
    let report = reboot(&client).await;
    check("listed before", &report, FaultOutcome::Succeeds, "");
    assert_eq!(actions(&server), 1);
}

/// The sent requests: the same body each time, credentials, a length; no request for compression.
#[tokio::test]
async fn requests_are_sent_as_specified() {
    let slower = r#"{"error":{"code":"Common.1503","message":"flow control"}}"#;
    let first = Play::new().reply(StatusCode::TOO_MANY_REQUESTS, slower);
    let server = Tarpit::start_then([first], well()).await.unwrap();
    let report = reboot(&client(&server.url(), LONG_LIMIT)).await;
    check("throttled", &report, FaultOutcome::Retried, "");
    let seen = server.seen();
    assert_eq!(seen[0].body(), seen[1].body());
    for request in &seen {
        let headers = request.headers();
        assert_eq!(headers["x-auth-token"], "token-1");
        assert!(!headers.contains_key("transfer-encoding"));
        assert!(!headers.contains_key("accept-encoding"));
        assert!(!headers.contains_key("expect"));
    }
    assert_eq!(seen[0].headers()["content-type"], "application/json");
}
