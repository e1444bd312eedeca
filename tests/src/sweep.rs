//! Deterministic simulation: a client, a region and all faults between them follow from one seed,
//! on virtual time. Afterwards the client's reports are compared with the region's log.
//!
//! ```
//! use ecs_tests::sweep::simulate;
//!
//! let outcome = simulate(4);
//! assert!(outcome.violations.is_empty(), "{outcome}");
//! assert_eq!(outcome, simulate(4));
//! ```

mod check;
mod draw;
mod extras;
mod gateway;
mod lives;
mod many;
mod outcome;
mod records;
mod scenario;
mod subject;
mod truth;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::{JobId, ProjectId, ServerId};
use ecs_ops::{Client, Endpoint, Event, OnUnknown, RunBuilder};
use ecs_sim::{ActionRecords, FaultyTransport, SimTransport, Trace, TraceAccess};
use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use secrecy::ExposeSecret as _;
use tokio::time::sleep;

use crate::death::{DyingTransport, Process};
use extras::Extras;
use lives::play_lives;
use records::RecordsPlan;
use scenario::{RunPlan, Scenario};

pub use gateway::{Cache, Gateway, Habits, Kind as GatewayKind};
pub use lives::{Gate, Life, Lived};
pub use many::{Sweep, sweep, sweep_with};
pub use outcome::{Outcome, Played, Waited};
pub use records::{Crowded, Reconciling};
pub use subject::{Faithful, ManyLives, Subject};

/// By then every run must have ended by itself: longer than any mixture of faults can delay it.
const FOR_EVER: Duration = Duration::from_secs(12 * 3600);
/// Longer than the slowest request is in flight.
const SETTLING: Duration = Duration::from_secs(600);

/// The longest time that a gateway holds a request, in seconds: shorter than the three minutes
/// after which absence counts.
const IN_A_QUEUE: u64 = 170;

/// Simulates one seed with the real client.
pub fn simulate(seed: u64) -> Outcome {
    simulate_with(seed, &Faithful)
}

/// Simulates one seed with this client.
pub fn simulate_with(seed: u64, subject: &dyn Subject) -> Outcome {
    let mut scenario = Scenario::draw(seed);
    let mut records = RecordsPlan::draw(seed, scenario.servers);
    if let Some(readable) = subject.records() {
        // A run that is cut short finds out nothing, whatever it may read.
        scenario
            .runs
            .iter_mut()
            .for_each(RunPlan::reconcile_undisturbed);
        records.others.clear();
        (records.readable, records.traces) = if readable {
            (ActionRecords::Readable, TraceAccess::Readable)
        } else {
            (ActionRecords::Denied, TraceAccess::Denied)
        };
    }
    if subject.others_act() {
        scenario.crowd(seed, &mut records);
    }
    scenario.apply(&records);
    scenario.records = Some(records);
    let extras = Extras::draw(seed, &scenario, subject.extras());
    if extras.is_none() && subject.records().is_none() && !subject.others_act() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x6761_7465_7761_7921);
        let (share, _) = subject.gateway();
        let habits = Habits::draw(&mut rng, IN_A_QUEUE);
        scenario.gateway = rng.random_bool(share).then_some(habits);
    }
    let scenario = scenario;
    let drawn = extras.as_ref().map(|extras| format!("; {extras:?}"));
    let mut outcome = Outcome {
        seed,
        violations: Vec::new(),
        scenario: format!("{scenario:?}{}", drawn.unwrap_or_default()),
        trace: Trace::default(),
        runs: Vec::new(),
        lived: None,
        waited: Waited::default(),
    };
    let simulation = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?
            .block_on(run(&scenario, extras.as_ref(), subject, &mut outcome))
    };
    match catch_unwind(AssertUnwindSafe(simulation)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => outcome
            .violations
            .push(format!("cannot be simulated: {error}")),
        Err(_) => outcome.violations.push("it panicked".to_owned()),
    }
    outcome
}

/// The parts of clients.
struct World<'a> {
    scenario: &'a Scenario,
    seed: u64,
    subject: &'a dyn Subject,
    sim: SimTransport,
    faulty: FaultyTransport,
    endpoint: Endpoint,
    project: ProjectId,
    token: Credentials,
    user_id: String,
    epoch: jiff::Timestamp,
}

impl World<'_> {
    /// Returns a new client, optionally of a dying process.
    fn client(&self, process: Option<&Arc<Process>>) -> Result<Client, ecs_ops::Error> {
        let scenario = self.scenario;
        let mut inner = self.subject.transport(self.faulty.clone(), scenario.quota);
        if let Some(habits) = scenario.gateway {
            let (_, kind) = self.subject.gateway();
            inner = Arc::new(Gateway::new(inner, habits, kind, self.seed));
        }
        let transport = match process {
            Some(process) => Arc::new(DyingTransport {
                process: Arc::clone(process),
                inner,
            }),
            None => inner,
        };
        let now = self.epoch.checked_add(self.sim.now());
        let client = Client::builder(self.endpoint.clone(), self.project.clone())
            .credentials(StaticCredentials::new(self.token.clone()))
            .transport(transport)
            .retry(ecs_ops::RetryPolicy::default().with_max_failures(scenario.max_failures))
            .polling(scenario.polling.clone())
            .attempt_timeout(scenario.attempt_timeout)
            // An own read meets its own faults, which `gateways/sweep.rs` covers.
            .skip_service_check()
            .servers_per_minute(scenario.quota)
            .concurrent_submissions(scenario.submissions)
            .concurrent_queries(scenario.queries)
            .user_id(self.user_id.clone())
            .seed(self.seed)
            .epoch(now.unwrap_or(self.epoch));
        self.subject.client(client, scenario.quota).build()
    }
}

async fn run(
    scenario: &Scenario,
    extras: Option<&Extras>,
    subject: &dyn Subject,
    outcome: &mut Outcome,
) -> Result<(), Box<dyn std::error::Error>> {
    let seed = outcome.seed;
    let region = scenario.region.clone().build()?;
    let servers = scenario.deal(seed, region.servers().collect());
    let project = region.identity().project_id.clone();
    let token = Credentials::token(region.identity().token.expose_secret())?;
    let user_id = region.identity().user_id.clone();
    let epoch = region.epoch();
    let sim = SimTransport::new(region);
    sim.now(); // The clock of the trace starts here.
    let faulty = FaultyTransport::new(sim.clone(), scenario.faults.clone());
    let world = World {
        scenario,
        seed,
        subject,
        sim: sim.clone(),
        faulty: faulty.clone(),
        endpoint: "https://ecs.sim.example".parse()?,
        project,
        token,
        user_id,
        epoch,
    };
    let client = world.client(None)?;
    let mut parts: Vec<_> = scenario.runs.iter().zip(servers).collect();
    parts.retain(|(_, servers)| !servers.is_empty());
    // The extras are for the first run.
    let extras = extras.filter(|_| !parts.is_empty());
    let lives = extras.map(|extras| play_lives(&world, extras, parts.remove(0).1));
    let (plans, runs): (Vec<&RunPlan>, Vec<_>) = parts
        .into_iter()
        .map(|(plan, servers)| {
            let settings = |run| subject.run(run);
            (plan, play(&client, &sim, plan, servers, settings))
        })
        .unzip();
    let lives = futures_util::future::OptionFuture::from(lives);
    let (lived, runs) = futures_util::future::join(lives, join_all(runs)).await;
    outcome.lived = lived.transpose()?;
    for played in runs {
        let mut played = played?;
        if let Some(report) = &mut played.report {
            report.run_id.clear();
            subject.report(report);
        }
        outcome.runs.push(played);
    }
    if let Some(deadline) = scenario.wait {
        outcome.waited = wait(&client, &sim, deadline).await;
    }
    // Requests in flight may arrive, and nothing more may be sent.
    sleep(SETTLING).await;
    outcome.trace = faulty.trace();
    outcome.violations = check::violations(scenario, extras, &plans, &sim, outcome);
    Ok(())
}

async fn play(
    client: &Client,
    sim: &SimTransport,
    plan: &RunPlan,
    servers: Vec<ServerId>,
    settings: impl FnOnce(RunBuilder) -> RunBuilder,
) -> Result<Played, ecs_ops::Error> {
    sleep(plan.starts_after).await;
    let mut run = client
        .run(plan.action, servers.clone())
        .batch_size(plan.batch_size)
        .on_unknown(OnUnknown::of(plan.reconcile, false))
        .traces(client.clone());
    if !plan.wait {
        run = run.no_wait();
    }
    if let Some(deadline) = plan.deadline {
        run = run.deadline(deadline);
    }
    if let Some(stall_limit) = plan.stalled_after {
        run = run.stalled_after(stall_limit);
    }
    let run = settings(run).begin().await?;
    let mut events = run.events();
    let control = run.control();
    let began = sim.now();
    let disturbance = async {
        let stop = async {
            at(plan.stop).await;
            control.stop_submitting();
        };
        let end = async {
            at(plan.end).await;
            control.end();
        };
        futures_util::future::join(stop, end).await;
        std::future::pending::<()>().await;
    };
    let (report, endless) = tokio::select! {
        biased;
        () = at(plan.dropped) => (None, false),
        () = sleep(FOR_EVER) => (None, true),
        () = disturbance => (None, false),
        report = run.into_future() => (Some(report), false),
    };
    let events = std::iter::from_fn(|| events.try_next());
    let events = events.filter_map(|event| match event {
        Event::ServerDone(server) => Some(server),
        _ => None,
    });
    let events = events.collect();
    Ok(Played {
        servers,
        began,
        ended: sim.now(),
        until: Duration::MAX,
        died: plan.dropped.is_some() && report.is_none() && !endless,
        report,
        events,
        endless,
    })
}

/// Waits for all existing jobs, and for one that never existed.
async fn wait(client: &Client, sim: &SimTransport, deadline: Option<Duration>) -> Waited {
    let mut jobs: Vec<JobId> = sim.region().with(|region| {
        let entries = region.accepted().entries().iter();
        entries.map(|entry| entry.job_id.clone()).collect()
    });
    jobs.extend("0".repeat(32).parse());
    let began = sim.now();
    // Tickets without an origin are valid anywhere.
    let ends = match client.watch(jobs.clone()) {
        Ok(mut wait) => {
            if let Some(deadline) = deadline {
                wait = wait.deadline(deadline);
            }
            let wait = tokio::time::timeout(FOR_EVER, wait.until_done());
            wait.await.ok()
        }
        Err(_) => None,
    };
    Waited {
        jobs,
        took: sim.now() - began,
        ends,
    }
}

async fn at(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
