//! A run, and the invariants of its report.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{MemoryJournal, Recovered};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::{AfterCanary, CountOrPercent, Member, Order, Rules, Waves};
use ecs_ops::{Client, OnUnknown, Outcome, Report, RunBuilder, Stopped};
use ecs_sim::{Action, Region, SimTransport};
use ecs_tests::death::{Death, DyingJournal, DyingTransport, Process};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use super::loss::LossyTransport;

/// The scenario of a play.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Play {
    /// The number of servers that the region accepts in a minute: with few, requests are throttled.
    pub(crate) quota: usize,
    /// The number of servers that the client sends in a minute.
    pub(crate) pace: usize,
    /// `true` if one of the servers does not exist, so that its request is split.
    pub(crate) missing: bool,
    pub(crate) reconcile: bool,
    pub(crate) resubmit: bool,
    pub(crate) verify: bool,
    /// The first request is lost, without any error.
    pub(crate) loses_request: bool,
    pub(crate) roll: Option<Roll>,
}

/// The waves of a play.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roll {
    pub(crate) wave: usize,
    pub(crate) max_failures: Option<usize>,
    /// The servers that always fail.
    pub(crate) failing: &'static [usize],
    /// The share of other actions that fail.
    pub(crate) flaky: f64,
    /// A canary of one server, a question, health checks and pauses.
    pub(crate) gates: bool,
    /// The first health check fails.
    pub(crate) unhealthy: bool,
    /// The first answer is no.
    pub(crate) declining: bool,
    pub(crate) escalate: bool,
}

pub(crate) const ROLL: Roll = Roll {
    wave: 3,
    max_failures: None,
    failing: &[],
    flaky: 0.0,
    gates: false,
    unhealthy: false,
    declining: false,
    escalate: false,
};

pub(crate) const SERVERS: usize = 7;

pub(crate) struct World {
    pub(crate) sim: SimTransport,
    pub(crate) servers: Vec<ServerId>,
    pub(crate) missing: Option<ServerId>,
    pub(crate) loses_request: Arc<AtomicBool>,
    began: Instant,
    pace: usize,
    unhealthy: Arc<AtomicBool>,
    declining: Arc<AtomicBool>,
}

impl World {
    pub(crate) fn new(play: Play) -> Self {
        let region = Region::builder()
            .servers(SERVERS)
            .seed(3)
            .quota(play.quota)
            .failing(play.roll.map_or(0.0, |roll| roll.flaky));
        let mut region = region.build().unwrap();
        let mut servers: Vec<_> = region.servers().collect();
        for place in play.roll.map_or(&[][..], |roll| roll.failing) {
            assert!(region.set_failing(&servers[*place], true));
        }
        let missing = play.missing.then(|| ServerId::from_bytes([7; 16]));
        servers.extend(missing);
        let millis = Duration::from_millis;
        Self {
            sim: SimTransport::new(region).with_latency(millis(5)..=millis(5)),
            servers,
            missing,
            loses_request: Arc::new(AtomicBool::new(play.loses_request)),
            began: Instant::now(),
            pace: play.pace,
            unhealthy: Arc::new(AtomicBool::new(
                play.roll.is_some_and(|roll| roll.unhealthy),
            )),
            declining: Arc::new(AtomicBool::new(
                play.roll.is_some_and(|roll| roll.declining),
            )),
        }
    }

    /// Returns the time of a wall clock that all processes share.
    fn now(&self) -> Timestamp {
        let epoch: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        epoch + self.began.elapsed()
    }

    pub(crate) fn client(&self, process: &Arc<Process>) -> Client {
        let identity = self.sim.region().with(|region| region.identity().clone());
        let token = Credentials::token(identity.token.expose_secret()).unwrap();
        Client::builder("https://ecs.example".parse().unwrap(), identity.project_id)
            .credentials(StaticCredentials::new(token))
            .transport(DyingTransport {
                process: Arc::clone(process),
                inner: Arc::new(LossyTransport {
                    loses_request: Arc::clone(&self.loses_request),
                    inner: self.sim.clone(),
                }),
            })
            .servers_per_minute(self.pace)
            .epoch(self.now())
            .seed(5)
            .build()
            .unwrap()
    }

    /// Runs to the end or to the death of the process.
    pub(crate) async fn play(&self, run: RunBuilder, process: &Process) -> Option<Report> {
        let run = run.begin();
        let whole = async { run.await.unwrap().into_future().await };
        tokio::select! {
            biased;
            () = process.dead.notified() => None,
            report = whole => Some(report),
        }
    }

    pub(crate) fn times(&self, id: &ServerId) -> u32 {
        self.sim.region().with(|region| region.accepted().times(id))
    }

    /// Adds the callbacks of a run in waves, also when it is resumed.
    fn gates(&self, play: Play, run: RunBuilder) -> RunBuilder {
        if !play.roll.is_some_and(|roll| roll.gates) {
            return run;
        }
        let (unhealthy, declining) = (Arc::clone(&self.unhealthy), Arc::clone(&self.declining));
        let check = move |_| {
            let is_unhealthy = unhealthy.swap(false, Ordering::SeqCst);
            async move {
                if is_unhealthy {
                    Err("unhealthy".to_owned())
                } else {
                    Ok(())
                }
            }
        };
        let ask = move || {
            let is_declined = declining.swap(false, Ordering::SeqCst);
            async move { !is_declined }
        };
        run.health_check("a test", Duration::from_secs(60), check)
            .canary_question(ask)
    }

    pub(crate) fn check(&self, play: Play, death: Death, lives: usize, report: &Report) {
        let expected = || format!("{play:?} {death:?}: {report:#?}");
        let lossy = death != Death::Never || play.loses_request;
        let stopped = matches!(report.stopped, Some(Stopped::Rolling(_)));
        let ids: Vec<_> = report.servers.iter().map(|server| server.id).collect();
        assert_eq!(ids, self.servers, "{}", expected());
        for server in &report.servers {
            let times = self.times(&server.id);
            let holds = match &server.outcome {
                Outcome::Succeeded { .. } => times >= 1,
                Outcome::Failed { job_id: None, .. } => {
                    times == 0 && Some(server.id) == self.missing
                }
                Outcome::Failed { .. } => play.roll.is_some() && times >= 1,
                Outcome::NotAttempted { .. } => times == 0 && (stopped || play.reconcile && lossy),
                // The outcome of a request that was cut off cannot be known.
                Outcome::Unknown { .. } => lossy,
                Outcome::Running { .. } => false,
            };
            assert!(holds, "{} {server:?}", expected());
            let twice = play.resubmit || play.roll.is_some_and(|roll| roll.escalate);
            let most = if twice { 2 } else { 1 };
            assert!(times <= most, "{} times: {}", times, expected());
            if !play.resubmit {
                self.check_second(&server.id);
            }
        }
        self.sim.region().with(|region| {
            let mut entries = region.accepted().entries().iter();
            assert!(
                entries.all(|one| one.servers.len() <= play.pace),
                "{}",
                expected()
            );
        });
        // At each death at most one request was in flight here.
        let unknown = report.summary().unknown;
        assert!(unknown <= 3 * lives, "{}", expected());
    }

    /// Checks that a second restart is a hard one, after the end of a soft one.
    fn check_second(&self, id: &ServerId) {
        self.sim.region().with(|region| {
            let entries = region.accepted().entries().iter();
            let ours: Vec<_> = entries.filter(|one| one.servers.contains(id)).collect();
            if let [first, second] = &ours[..] {
                assert_eq!(first.action, Action::Reboot(RebootType::Soft));
                assert_eq!(second.action, Action::Reboot(RebootType::Hard));
                assert!(second.at - first.at >= Duration::from_secs(15), "{ours:?}");
            }
        });
    }
}

pub(crate) fn run_of(
    world: &World,
    play: Play,
    process: &Arc<Process>,
    journal: &Arc<MemoryJournal>,
) -> RunBuilder {
    let client = world.client(process);
    let run = client.reboot(RebootType::Soft, world.servers.iter().copied());
    let run = run
        .batch_size(3)
        .on_unknown(OnUnknown::of(play.reconcile, play.resubmit));
    let run = match play.roll {
        None => run,
        Some(roll) => {
            let members: Vec<_> = world.servers.iter().map(|id| Member::new(*id)).collect();
            let canary = roll.gates.then_some(1);
            let wave = CountOrPercent::Count(roll.wave);
            let waves = Waves::plan(&members, wave, canary, Order::Random { seed: 1 }).unwrap();
            let rules = Rules {
                max_failures: roll.max_failures.map(CountOrPercent::Count),
                pause: Duration::from_secs(if roll.gates { 10 } else { 0 }),
                canary: canary.map(|_| AfterCanary::Ask),
                ..Rules::default()
            };
            let run = run.rolling(waves, rules);
            if roll.escalate {
                run.escalate_after(Duration::from_secs(300))
            } else {
                run
            }
        }
    };
    let run = world.gates(play, run);
    let run = if play.verify {
        run.verify(Duration::from_secs(300))
    } else {
        run
    };
    run.journal(DyingJournal::new(process, journal))
}

pub(crate) fn resumed(
    world: &World,
    play: Play,
    process: &Arc<Process>,
    journal: &Arc<MemoryJournal>,
) -> Option<RunBuilder> {
    let recovered = Recovered::from_entries(journal.entries()).ok()?;
    let journal = DyingJournal::new(process, journal);
    let run = world.client(process).resume(journal, recovered).unwrap();
    Some(world.gates(play, run))
}

pub(crate) const PLAIN: Play = Play {
    quota: 1000,
    pace: 1000,
    missing: false,
    reconcile: false,
    resubmit: false,
    verify: false,
    loses_request: false,
    roll: None,
};
