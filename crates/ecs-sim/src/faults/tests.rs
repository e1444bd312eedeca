#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use ecs_model::{BatchRebootServers, Operation, RebootType, ResponseError, ServerId, ShowJob};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret as _;

use super::*;
use crate::Region;

const LIMIT: Duration = Duration::from_secs(30);

struct World {
    transport: FaultyTransport,
    servers: Vec<ServerId>,
}

impl World {
    fn new(faults: Faults) -> Self {
        let region = Region::builder().servers(200).seed(1).build().unwrap();
        let servers = region.servers().collect();
        Self {
            transport: FaultyTransport::new(SimTransport::new(region), faults),
            servers,
        }
    }

    fn request<O: Operation>(&self, operation: &O) -> Request<Bytes> {
        let (project, token) = self.transport.sim().region().with(|region| {
            let identity = region.identity();
            (identity.project_id.clone(), identity.token.clone())
        });
        let mut request = operation.encode(&project);
        let token = token.expose_secret().parse().unwrap();
        request.headers_mut().insert("x-auth-token", token);
        request
    }

    /// Restarts one server in one attempt, with a time limit of the caller's own.
    async fn restart(&self, index: usize) -> (Option<Answer>, Delivery) {
        let restart = BatchRebootServers::new(RebootType::Soft, vec![self.servers[index]]).unwrap();
        let attempt = Attempt::first().with_timeout(LIMIT);
        let request = self.request(&restart);
        let answer = tokio::time::timeout(LIMIT * 2, self.transport.send(request, &attempt)).await;
        (answer.ok(), attempt.mark().delivery())
    }
}

fn with(set: impl FnOnce(&mut Faults)) -> Faults {
    let mut faults = Faults::none(3);
    set(&mut faults);
    faults
}

#[tokio::test(start_paused = true)]
async fn without_faults_the_region_answers() {
    let world = World::new(Faults::none(1));
    let (answer, delivery) = world.restart(0).await;
    assert_eq!(answer.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(delivery, Delivery::MaybeSent);
    let trace = world.transport.trace();
    assert!(trace.exchanges[0].accepted.is_some() && trace.exchanges[0].fault.is_none());
    assert!(trace.to_string().contains("accepted as"), "{trace}");
}

/// Each kind of fault behaves as defined: executed requests are in the region's log, others are
/// not, and mark and error report "not sent" only for requests that never left.
#[tokio::test(start_paused = true)]
async fn faults_behave_as_defined() {
    let mut seen = BTreeSet::new();
    for faults in [
        with(|f| f.loss_before = 1.0),
        with(|f| f.loss_after = 1.0),
        with(|f| f.throttling = 1.0),
        with(|f| f.denials = 1.0),
        with(|f| f.error_before = 1.0),
        with(|f| f.error_after = 1.0),
        with(|f| f.garbage = 1.0),
    ] {
        let world = World::new(faults);
        for index in 0..40 {
            let (answer, delivery) = world.restart(index).await;
            let exchange = world.transport.trace().exchanges[index].clone();
            let fault = exchange.fault.clone().unwrap();
            let executed = world
                .transport
                .sim()
                .region()
                .with(|region| region.accepted().times(&world.servers[index]) == 1);
            assert_eq!(executed, exchange.accepted.is_some());
            let (should_be_executed, should_have_left) = match fault {
                Fault::Refused | Fault::ConnectHangs => (false, false),
                Fault::Reset
                | Fault::Swallowed
                | Fault::GivenBack
                | Fault::Throttled
                | Fault::Denied
                | Fault::ErrorBefore => (false, true),
                _ => (true, true),
            };
            assert_eq!(executed, should_be_executed, "{fault:?}");
            assert_eq!(exchange.left.is_some(), should_have_left, "{fault:?}");
            assert_eq!(
                delivery == Delivery::MaybeSent,
                should_have_left && fault != Fault::GivenBack,
                "{fault:?}"
            );
            if let Some(Err(error)) = &answer {
                let unsent = !should_have_left || fault == Fault::GivenBack;
                assert_eq!(error.is_not_sent(), unsent, "{fault:?}");
            }
            if let Some(Ok(response)) = &answer {
                let (status, headers) = (response.status(), response.headers());
                let decoded = BatchRebootServers::decode(status, headers, response.body());
                let error = decoded.unwrap_err();
                assert!(
                    error.is_throttling() || fault != Fault::Throttled,
                    "{error}"
                );
            }
            seen.insert(format!("{fault:?}"));
        }
    }
    assert_eq!(seen.len(), 15, "{seen:?}");
}

/// Injected faults apply in order, each to an exchange of its kind, and stay truthful.
#[tokio::test(start_paused = true)]
async fn injected_faults_happen_once_and_in_order() {
    let world = World::new(Faults::none(1));
    let replaced = |executed, status, body: &'static str| Fault::Replaced {
        executed,
        status,
        body: body.into(),
    };
    let faults = [
        replaced(false, StatusCode::CONFLICT, "no"),
        replaced(true, StatusCode::BAD_GATEWAY, "perhaps"),
        Fault::Compressed,
        Fault::Marked,
        Fault::Numbered,
    ];
    for fault in &faults {
        world.transport.inject(Target::Action, fault.clone());
    }
    world.transport.inject(Target::Job, Fault::Refused);
    let mut bodies = Vec::new();
    for index in 0..6 {
        let response = world.restart(index).await.0.unwrap().unwrap();
        bodies.push((response.status().as_u16(), response.body().clone()));
    }
    let trace = world.transport.trace();
    let happened: Vec<_> = trace
        .exchanges
        .iter()
        .map(|value| value.fault.clone())
        .collect();
    assert_eq!(happened[..5], faults.map(Some));
    assert_eq!(happened[5], None);
    let accepted: Vec<_> = trace
        .exchanges
        .iter()
        .map(|value| value.accepted.is_some())
        .collect();
    assert_eq!(accepted, [false, true, true, true, true, true]);
    assert_eq!(bodies[0], (409, "no".into()));
    assert_eq!(bodies[1], (502, "perhaps".into()));
    assert!(bodies[2].1.starts_with(b"\x1f\x8b"));
    assert!(bodies[3].1.starts_with(b"\xef\xbb\xbf{"));
    assert_eq!(bodies[4].1, r#"{"job_id":4000000004}"#);

    let query = world.request(&ShowJob::new("4000000004".parse().unwrap()));
    let attempt = Attempt::first();
    let refused = world.transport.send(query.clone(), &attempt).await;
    assert!(refused.unwrap_err().is_not_sent());
    let shown = world.transport.send(query, &attempt).await.unwrap();
    assert_eq!(shown.status(), StatusCode::OK);
    let own = trace.exchanges[4].accepted.clone().unwrap();
    assert_eq!(
        world.transport.trace().exchanges[7].asked,
        Asked::Job(own.clone())
    );
    // Shown by the id that the client was given.
    assert!(String::from_utf8_lossy(shown.body()).contains("4000000004"));
}

#[tokio::test(start_paused = true)]
async fn sent_requests_can_arrive_after_the_client_gave_up() {
    let world = World::new(with(|faults| {
        faults.delay = Duration::from_secs(40)..=Duration::from_secs(80);
    }));
    for index in 0..20 {
        world.restart(index).await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    let exchanges = world.transport.trace().exchanges;
    let late = exchanges
        .iter()
        .filter(|exchange| exchange.is_late())
        .count();
    let never = exchanges
        .iter()
        .filter(|exchange| exchange.arrived.is_none())
        .count();
    assert!(late > 3 && never > 3, "{late} late, {never} never");
    assert_eq!(
        exchanges.iter().filter(|e| e.accepted.is_some()).count(),
        20 - never
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_are_unknown_then_unfinished_then_truthful() {
    let world = World::new(with(|faults| {
        faults.jobs_unknown_at_first = 1.0;
        faults.slow_jobs = 1.0;
    }));
    for index in 0..5 {
        world.restart(index).await;
    }
    let exchanges = world.transport.trace().exchanges;
    let mut expected = vec![Vec::new(); exchanges.len()];
    for _ in 0..800 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (exchange, expected) in exchanges.iter().zip(&mut expected) {
            let request = world.request(&ShowJob::new(exchange.accepted.clone().unwrap()));
            let answer = world.transport.send(request, &Attempt::first()).await;
            let response = answer.unwrap();
            let (status, headers) = (response.status(), response.headers());
            let word = match ShowJob::decode(status, headers, response.body()) {
                Ok(job) if job.status.as_ref().unwrap().as_str() == "SUCCESS" => "done",
                Ok(_) => "goes on",
                Err(_) => "unknown",
            };
            if expected.last() != Some(&word) {
                expected.push(word);
            }
        }
    }
    assert!(
        expected.contains(&vec!["unknown", "goes on", "done"]),
        "{expected:?}"
    );
    assert!(
        expected
            .iter()
            .all(|expected| expected.last() == Some(&"done")),
        "{expected:?}"
    );
}

/// Polls the job of one server every ten seconds, and returns each answer with its trace.
async fn statuses_of_a_job(faults: Faults) -> Vec<(String, Option<String>)> {
    let world = World::new(faults);
    world.restart(0).await;
    let job = world.transport.trace().exchanges[0].accepted.clone();
    let request = world.request(&ShowJob::new(job.unwrap()));
    let mut reported = Vec::new();
    for _ in 0..90 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let attempt = Attempt::first();
        let answer = world.transport.send(request.clone(), &attempt);
        let response = answer.await.unwrap();
        let (status, headers) = (response.status(), response.headers());
        let word = match ShowJob::decode(status, headers, response.body()) {
            Ok(job) => job.status.unwrap().as_str().to_owned(),
            Err(error) => error.code().unwrap_or("404").to_owned(),
        };
        let shown_job = world.transport.trace().exchanges.pop().unwrap().shown_job;
        reported.push((
            word,
            shown_job.map(|shown_job| shown_job.status.as_str().to_owned()),
        ));
    }
    reported
}

#[tokio::test(start_paused = true)]
async fn jobs_that_fail_to_be_shown_are_forgotten_or_never_end() {
    let failing = statuses_of_a_job(with(|faults| faults.failing_job_queries = 1.0)).await;
    assert!(failing[0].1.is_none() && failing[0].0 != "Common.0011");
    let success = || Some("SUCCESS".to_owned());
    assert_eq!(failing[89], ("SUCCESS".to_owned(), success()));

    let forgotten = statuses_of_a_job(with(|faults| faults.forgotten_jobs = 1.0)).await;
    let known = forgotten
        .iter()
        .position(|(_, shown_job)| shown_job.is_none());
    let known = known.unwrap();
    assert!(
        known > 0
            && forgotten[known..]
                .iter()
                .all(|(_, shown_job)| shown_job.is_none())
    );

    // Unfinished in one of its forms, or running although its sub-jobs have ended; and nothing
    // changes any more.
    let mut ways = BTreeSet::new();
    for seed in 0..40 {
        let mut faults = with(|faults| faults.stuck_jobs = 1.0);
        faults.seed = seed;
        let stuck = statuses_of_a_job(faults).await;
        let (last, shown_job) = stuck[89].clone();
        assert!(shown_job.as_ref() == Some(&last) && last != "SUCCESS");
        assert!(stuck[10..].iter().all(|(word, _)| *word == last));
        ways.insert(last);
    }
    assert_eq!(Vec::from_iter(ways), ["INIT", "PENDING_PAYMENT", "RUNNING"]);
}

/// An injected form applies to one answer only.
#[tokio::test(start_paused = true)]
async fn injected_forms_apply_to_one_answer() {
    let world = World::new(Faults::none(1));
    world.restart(0).await;
    let job = world.transport.trace().exchanges[0].accepted.clone();
    let request = world.request(&ShowJob::new(job.unwrap()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let shaped = Fault::Shaped(vec![Shape::NotItemised]);
    world.transport.inject(Target::Job, shaped.clone());
    let mut parts = Vec::new();
    for _ in 0..2 {
        let attempt = Attempt::first();
        let answer = world.transport.send(request.clone(), &attempt);
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
        let exchange = world.transport.trace().exchanges.pop().unwrap();
        parts.push((exchange.fault, exchange.shown_job.unwrap().parts.len()));
    }
    assert_eq!(parts, [(Some(shaped), 0), (None, 1)]);
}

#[tokio::test(start_paused = true)]
async fn seeds_determine_the_trace() {
    let mut traces = Vec::new();
    for seed in [5, 5, 6] {
        let mut faults = Faults::drawn(9);
        faults.seed = seed;
        faults.loss_before = 0.3;
        let world = World::new(faults);
        let restarts = (0..50).map(|index| world.restart(index));
        futures_util::future::join_all(restarts).await;
        traces.push(world.transport.trace());
    }
    assert_eq!(traces[0], traces[1]);
    assert_ne!(traces[0], traces[2]);
}

#[tokio::test(start_paused = true)]
async fn clock_steps_both_ways_and_within_limits() {
    let world = World::new(with(|faults| faults.clock_steps = 1.0));
    for index in 0..20 {
        world.restart(index).await;
    }
    assert_eq!(world.transport.trace().clock_steps.len(), plan::MOST_STEPS);
}

#[test]
fn server_errors_prove_nothing_and_come_in_every_family() {
    let mut rng = Faults::none(1).rng(0, plan::ANSWERS);
    let mut bodies = BTreeSet::new();
    for _ in 0..500 {
        let response = answers::server_error(&mut rng);
        bodies.insert(response.body().clone());
        let error = ResponseError::parse(response.status(), &HeaderMap::new(), response.body());
        assert!(matches!(
            error.status().as_u16(),
            408 | 500 | 502 | 503 | 504
        ));
    }
    assert!(bodies.len() > 20);
}
