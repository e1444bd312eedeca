//! Every fault in the simulator, on virtual time: the accepted requests, and the report.

use std::future::IntoFuture as _;
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::{Client, Report};
use ecs_sim::{Fault, Faults, FaultyTransport, Region, SimTransport, Target};
use ecs_test_support::faults::statuses::{Answer, answers};
use ecs_test_support::faults::{FaultOutcome, wire};
use http::StatusCode;
use secrecy::ExposeSecret as _;

const ATTEMPT: Duration = Duration::from_secs(30);
/// No single fault, and not forty in a row, delay a run for longer.
const LONG: Duration = Duration::from_secs(3600);

/// A region with three servers, and a client that restarts all of them in one request.
struct World {
    transport: FaultyTransport,
    servers: Vec<ServerId>,
    client: Client,
}

impl World {
    fn new(seed: u64, faults: impl FnOnce(&mut Faults)) -> Self {
        let region = Region::builder().servers(3).seed(seed).build().unwrap();
        let servers = region.servers().collect();
        let project = region.identity().project_id.clone();
        let token = Credentials::token(region.identity().token.expose_secret()).unwrap();
        let mut drawn = Faults::none(seed);
        drawn.delay = Duration::ZERO..=Duration::from_millis(200);
        faults(&mut drawn);
        let transport = FaultyTransport::new(SimTransport::new(region), drawn);
        let client = Client::builder("https://ecs.sim.example".parse().unwrap(), project)
            .credentials(StaticCredentials::new(token))
            .transport(transport.clone())
            .attempt_timeout(ATTEMPT)
            // Each fault meets the action itself.
            .skip_service_check()
            .seed(seed)
            .build()
            .unwrap();
        Self {
            transport,
            servers,
            client,
        }
    }

    async fn reboot(&self) -> Report {
        let run = self.client.reboot(RebootType::Soft, self.servers.clone());
        let run = run.begin().await.unwrap().into_future();
        tokio::time::timeout(LONG, run)
            .await
            .expect("a run does not end")
    }

    /// Returns how often the region accepted each server, at the end.
    async fn accepted(&self) -> usize {
        tokio::time::sleep(LONG).await; // Requests in flight arrive.
        let region = self.transport.sim().region();
        region.with(|region| region.accepted().most_times() as usize)
    }

    /// Returns the number of action requests that left the client.
    fn sent(&self) -> usize {
        let trace = self.transport.trace();
        let exchanges = trace.exchanges.iter();
        exchanges
            .filter(|value| matches!(value.asked, ecs_sim::Asked::Action(_)))
            .filter(|value| value.left.is_some() && value.fault != Some(Fault::GivenBack))
            .count()
    }
}

#[track_caller]
fn check(name: &str, report: &Report, fault_outcome: FaultOutcome, expected: &str) {
    let outcomes: Vec<_> = report
        .servers
        .iter()
        .map(|server| server.outcome.name())
        .collect();
    let error = report.servers[0].outcome.error();
    assert_eq!(
        outcomes,
        [fault_outcome.outcome(); 3],
        "{name}: {error:?}, {:?}",
        report.stopped
    );
    let message = error.map_or("", |error| &error.message);
    assert!(message.contains(expected), "{name}: {message}");
    assert_eq!(
        message.starts_with("may have been executed"),
        fault_outcome == FaultOutcome::Unknown,
        "{name}: {message}"
    );
}

/// The number of requests of three servers and their parts after splits.
const PARTS: usize = 5;

/// Injects this fault into the first action.
async fn action(name: &str, fault: Fault, fault_outcome: FaultOutcome) -> usize {
    let mut accepted = 0;
    for seed in 0..3 {
        let world = World::new(seed, |_| {});
        // A refusal that may be due to one server meets each part of the request.
        let refused = matches!(fault_outcome, FaultOutcome::Failed | FaultOutcome::Denied);
        for _ in 0..if refused { PARTS } else { 1 } {
            world.transport.inject(Target::Action, fault.clone());
        }
        let report = world.reboot().await;
        check(name, &report, fault_outcome, "");
        accepted = world.accepted().await;
        assert!(accepted <= 1, "{name}: accepted {accepted} times");
        let sent = world.sent();
        let split = refused && sent == PARTS;
        assert!(split || sent == fault_outcome.actions(), "{name}: {sent}");
        if fault_outcome.outcome() != "unknown" {
            let done = usize::from(fault_outcome.outcome() == "succeeded");
            assert_eq!(accepted, done, "{name}: the report is not true");
        }
    }
    accepted
}

/// Injects this fault into the first queries of the job.
async fn queries(name: &str, fault: Fault, times: usize, fault_outcome: FaultOutcome) {
    for seed in 0..2 {
        let world = World::new(seed, |_| {});
        for _ in 0..times {
            world.transport.inject(Target::Job, fault.clone());
        }
        let report = world.reboot().await;
        check(name, &report, fault_outcome, "");
        assert_eq!((world.accepted().await, world.sent()), (1, 1), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn wire_faults_have_their_expected_result() {
    for fault in wire::faults() {
        for simulated in fault.simulated {
            let name = format!("{} as {simulated:?}", fault.name);
            action(&name, simulated.clone(), fault.fault_outcome).await;
            queries(&name, simulated.clone(), 1, FaultOutcome::Succeeds).await;
            queries(&name, simulated.clone(), 40, FaultOutcome::Succeeds).await;
        }
    }
}

/// Certainly unsent requests are sent again, even though the mark proves less than the error.
#[tokio::test(start_paused = true)]
async fn unsent_requests_are_sent_again() {
    for fault in [Fault::Refused, Fault::ConnectHangs, Fault::GivenBack] {
        let name = format!("{fault:?}");
        action(&name, fault.clone(), FaultOutcome::Succeeds).await;
        queries(&name, fault.clone(), 40, FaultOutcome::Succeeds).await;
        let world = World::new(1, |_| {});
        for _ in 0..100 {
            world.transport.inject(Target::Action, fault.clone());
        }
        let report = world.reboot().await;
        check(&name, &report, FaultOutcome::OutOfReach, "");
        assert_eq!((world.accepted().await, world.sent()), (0, 0), "{name}");
    }
}

/// The answer arrives after the time limit: a sent request may arrive nonetheless, and is not sent
/// again.
#[tokio::test(start_paused = true)]
async fn late_answers_leave_the_outcome_unknown() {
    let mut arrived = 0;
    for seed in 0..20 {
        let world = World::new(seed, |faults| {
            faults.delay = Duration::ZERO..=Duration::ZERO;
            faults.slow = 1.0;
            faults.long_delay = ATTEMPT..=ATTEMPT * 2;
        });
        let report = world.reboot().await;
        // Connecting can take all the time, and then nothing was sent.
        let fault_outcome = match world.sent() {
            0 => FaultOutcome::OutOfReach,
            _ => FaultOutcome::Unknown,
        };
        check("slow", &report, fault_outcome, "timed out");
        assert_eq!(
            world.sent(),
            usize::from(fault_outcome == FaultOutcome::Unknown)
        );
        arrived += world.accepted().await;
    }
    assert!((3..18).contains(&arrived), "{arrived} of 20 arrived");
}

/// A custom transport that returns an interim answer as the answer.
#[tokio::test(start_paused = true)]
async fn interim_answers_leave_the_outcome_unknown() {
    for status in [100, 101, 102, 103] {
        for executed in [true, false] {
            let fault = replaced(status, "", executed);
            let name = format!("{status}, executed: {executed}");
            let accepted = action(&name, fault.clone(), FaultOutcome::Unknown).await;
            assert_eq!(accepted, usize::from(executed));
            queries(&name, fault, 1, FaultOutcome::Succeeds).await;
        }
    }
}

fn replaced(status: u16, body: &str, executed: bool) -> Fault {
    Fault::Replaced {
        executed,
        status: StatusCode::from_u16(status).unwrap(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// Statuses × codes × families. An answer that proves nothing comes once from a region that did not
/// execute the request, and once from one that did: the reports are equal.
#[tokio::test(start_paused = true)]
async fn statuses_have_their_expected_result_in_each_family() {
    for Answer {
        name,
        status,
        body,
        action: fault_outcome,
        query,
        ..
    } in answers()
    {
        let accepted = action(&name, replaced(status, &body, false), fault_outcome).await;
        assert_eq!(
            accepted,
            usize::from(fault_outcome == FaultOutcome::Retried),
            "{name}"
        );
        if fault_outcome == FaultOutcome::Unknown {
            let accepted = action(&name, replaced(status, &body, true), fault_outcome).await;
            assert_eq!(accepted, 1, "{name}");
        }
        // A single unusual answer does not end the polling.
        let times = if query == FaultOutcome::Blind { 3 } else { 1 };
        queries(&name, replaced(status, &body, false), times, query).await;
    }
}

/// Throttling and errors of the service never end the wait for a job.
#[tokio::test(start_paused = true)]
async fn persistent_errors_do_not_end_the_wait() {
    for answer in answers() {
        if matches!(answer.status, 408 | 429 | 499..) {
            let fault = replaced(answer.status, &answer.body, false);
            queries(&answer.name, fault, 40, FaultOutcome::Succeeds).await;
        }
    }
}
