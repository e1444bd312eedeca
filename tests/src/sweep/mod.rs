//! Deterministic simulation: a client, a region and everything that goes wrong between them follow from one seed, on
//! virtual time; afterwards the region's log is held against the client's reports.
//!
//! ```
//! use ecs_tests::sweep::simulate;
//!
//! let outcome = simulate(4);
//! assert!(outcome.violations.is_empty(), "{outcome}");
//! assert_eq!(outcome, simulate(4));
//! ```

mod check;
mod death;
mod extras;
mod gateway;
mod lives;
mod many;
mod records;
mod scenario;
mod truth;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::Record;
use ecs_ops::model::{JobId, ProjectId, ServerId};
use ecs_ops::rolling::{Rules, Waves};
use ecs_ops::transport::Transport;
use ecs_ops::{
    Client, ClientBuilder, Endpoint, Event, OnUnknown, Outcome as ServerOutcome, Report,
    RunBuilder, ServerReport, jobs::WatchedJob,
};
use ecs_sim::{ActionRecords, FaultyTransport, SimTransport, Trace, TraceAccess};
use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use secrecy::ExposeSecret as _;
use tokio::time::sleep;

use death::{DyingTransport, Process};
use extras::Extras;
use lives::play_lives;
use records::RecordsPlan;
use scenario::{RunPlan, Scenario};

pub use gateway::{Cache, Gateway, Habits, Kind as GatewayKind};
pub use lives::{Gate, Life, Lived};
pub use many::{Sweep, sweep, sweep_with};
pub use records::{Crowded, Reconciling};

/// By then every run must have ended by itself: longer than any mixture of faults can hold it up.
const FOR_EVER: Duration = Duration::from_secs(12 * 3600);
/// Longer than the slowest request is underway.
const SETTLING: Duration = Duration::from_secs(600);

/// What is tested: the client as it is, or one with a mistake, to see that the mistake is found.
pub trait Subject {
    /// What the client sends through; `quota` is how many servers it may send in a minute.
    fn transport(&self, faulty: FaultyTransport, quota: usize) -> Arc<dyn Transport> {
        let _ = quota;
        Arc::new(faulty)
    }

    /// Further settings of the client.
    fn client(&self, client: ClientBuilder, quota: usize) -> ClientBuilder {
        let _ = quota;
        client
    }

    /// What the client says at the end.
    fn report(&self, report: &mut Report) {
        let _ = report;
    }

    /// Returns the share of the seeds of which a run may go in waves, keep a journal, die and be
    /// gone on with.
    fn extras(&self) -> f64 {
        EXTRAS
    }

    /// What its journal keeps of each record.
    fn kept(&self) -> fn(Record) -> Option<Record> {
        Some
    }

    /// In which waves it goes, and by which rules.
    fn rolling(&self, waves: Waves, rules: Rules) -> (Waves, Rules) {
        (waves, rules)
    }

    /// Returns whether each run reconciles, with records that can be read or not. `None`: as drawn.
    fn records(&self) -> Option<bool> {
        None
    }

    /// Returns whether others act on the servers of each run soon after its requests, which are
    /// lost often, and the records of actions come at once.
    fn others_act(&self) -> bool {
        false
    }

    /// Further settings of each run.
    fn run(&self, run: RunBuilder) -> RunBuilder {
        run
    }

    /// Returns how often there is a gateway on the way, and what the client is like towards it.
    fn gateway(&self) -> (f64, GatewayKind) {
        (GATEWAYS, GatewayKind::AsItIs)
    }

    /// Returns whether it minds what a health check says.
    fn heeds_health(&self) -> bool {
        true
    }
}

/// How often there is a gateway: of such seeds less can be held against the region.
const GATEWAYS: f64 = 0.1;
/// The longest time that a gateway holds a request back, in seconds: shorter than the three minutes after which absence counts.
const IN_A_QUEUE: u64 = 170;

/// How often there are extras: such runs take longer than others.
const EXTRAS: f64 = 0.06;

/// The client as it is.
#[derive(Clone, Copy, Debug)]
pub struct Faithful;

impl Subject for Faithful {}

/// The client as it is, with extras in each seed.
#[derive(Clone, Copy, Debug)]
pub struct ManyLives;

impl Subject for ManyLives {
    fn extras(&self) -> f64 {
        1.0
    }
}

/// What came of one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was wrong; nothing, one hopes.
    pub violations: Vec<String>,
    /// What was simulated.
    pub scenario: String,
    /// What happened on the way.
    pub trace: Trace,
    /// What became of each run.
    pub runs: Vec<Played>,
    /// What became of the first run, if it may have more than one plain life: it is not among the others.
    pub lived: Option<Lived>,
    /// What became of the jobs that were waited for afterwards.
    pub waited: Waited,
}

/// One run, as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What was asked for, in order.
    pub servers: Vec<ServerId>,
    /// When it began and ended, by the clock of the trace.
    pub began: Duration,
    /// When it ended or was dropped.
    pub ended: Duration,
    /// When another process went on with it.
    pub until: Duration,
    /// Its report, unless its future was dropped. The random id is taken out.
    pub report: Option<Report>,
    /// What its events said of servers.
    pub events: Vec<ServerReport>,
    /// Its process died.
    pub died: bool,
    /// It did not end.
    pub endless: bool,
}

/// A wait for all jobs, as seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waited {
    /// What was asked for, in order.
    pub jobs: Vec<JobId>,
    /// How long it took.
    pub took: Duration,
    /// What became of each; nothing if it did not end.
    pub ends: Option<Vec<WatchedJob>>,
}

/// Simulates one seed with the client as it is.
pub fn simulate(seed: u64) -> Outcome {
    simulate_with(seed, &Faithful)
}

/// Simulates one seed with this client.
pub fn simulate_with(seed: u64, subject: &dyn Subject) -> Outcome {
    let mut scenario = Scenario::draw(seed);
    let mut records = RecordsPlan::draw(seed, scenario.servers);
    if let Some(readable) = subject.records() {
        // A run that is cut short finds nothing out, whatever it may read.
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
        records.crowd(seed, &mut scenario);
    }
    records.apply(&mut scenario);
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

/// What clients are made of.
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
    /// Returns a new client; perhaps of a process that dies.
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
            // A read of its own meets faults of its own; `gateways/sweep.rs` has it.
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
    sim.now(); // The clock of the trace begins here.
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
    // What is still underway may arrive, and nothing more may be sent.
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
    if let Some(patience) = plan.stalled_after {
        run = run.stalled_after(patience);
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

/// Waits for every job that there is, and for one that never was.
async fn wait(client: &Client, sim: &SimTransport, deadline: Option<Duration>) -> Waited {
    let mut jobs: Vec<JobId> = sim.region().with(|region| {
        let entries = region.accepted().entries().iter();
        entries.map(|entry| entry.job_id.clone()).collect()
    });
    jobs.extend("0".repeat(32).parse());
    let began = sim.now();
    // Tickets without a place are good anywhere.
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

/// All that is needed to understand what went wrong.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.scenario)?;
        write!(f, "{}", self.trace)?;
        let lives = self.lived.iter().flat_map(|lived| &lived.lives);
        let lives = lives.map(|life| &life.played);
        for (index, run) in lives.chain(&self.runs).enumerate() {
            let (began, ended) = (run.began, run.ended);
            writeln!(f, "run {index}: {began:.3?} to {ended:.3?}")?;
            for server in run.report.iter().flat_map(|report| &report.servers) {
                let job = server.outcome.job_id().map_or("-", |job| job.as_str());
                let error = server.outcome.error().map_or("", |error| &error.message);
                let name = ServerOutcome::name(&server.outcome);
                writeln!(f, "  {} {name} {job:.8} {error}", server.id)?;
            }
        }
        if let Some(lived) = &self.lived {
            write!(f, "{lived}")?;
        }
        for violation in &self.violations {
            writeln!(f, "WRONG: {violation}")?;
        }
        Ok(())
    }
}
