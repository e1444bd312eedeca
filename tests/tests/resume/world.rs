//! A run, the process that it dies with, and what must hold of its report.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{Entry, Journal, JournalError, MemoryJournal, Record, Recovered, Verdict};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::{AfterCanary, Member, Order, Rules, Share, Waves};
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{Client, Outcome, Report, RunBuilder, Stopped};
use ecs_sim::{Action, Region, SimTransport};
use http::{Method, Request, Response};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Never,
    /// Before the nth record is written; or right after, before anybody hears of it.
    Write(usize, When),
    /// Before the nth request has left; or right after it arrived, before its answer.
    Send(usize, When),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// The process that dies.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) death: Death,
    pub(crate) writes: AtomicUsize,
    pub(crate) sends: AtomicUsize,
    pub(crate) dead: Notify,
}

impl Process {
    pub(crate) fn new(death: Death) -> Arc<Self> {
        Arc::new(Self {
            death,
            writes: AtomicUsize::new(0),
            sends: AtomicUsize::new(0),
            dead: Notify::new(),
        })
    }

    pub(crate) async fn die(&self) {
        self.dead.notify_one();
        std::future::pending::<()>().await;
    }
}

pub(crate) struct DyingJournal(pub(crate) Arc<Process>, pub(crate) Arc<MemoryJournal>);

impl fmt::Debug for DyingJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DyingJournal")
    }
}

impl Journal for DyingJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            let number = self.0.writes.fetch_add(1, Ordering::SeqCst);
            if self.0.death == Death::Write(number, When::Before) {
                self.0.die().await;
            }
            let written = self.1.append(at, record).await;
            if self.0.death == Death::Write(number, When::After) {
                self.0.die().await;
            }
            written
        })
    }
}

pub(crate) struct DyingTransport(Arc<Process>, SimTransport, Arc<AtomicBool>);

impl fmt::Debug for DyingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DyingTransport")
    }
}

impl Transport for DyingTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        attempt.mark().hold();
        Box::pin(async move {
            let number = self.0.sends.fetch_add(1, Ordering::SeqCst);
            if self.0.death == Death::Send(number, When::Before) {
                self.0.die().await;
            }
            attempt.mark().set();
            if *request.method() == Method::POST && self.2.swap(false, Ordering::SeqCst) {
                let words = "no answer within the time limit";
                let error = TransportError::new(TransportErrorKind::Timeout, Delivery::MaybeSent);
                return Err(error.with_detail(words));
            }
            let answer = self.1.send(request, attempt).await;
            if self.0.death == Death::Send(number, When::After) {
                self.0.die().await;
            }
            answer
        })
    }
}

/// What is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Play {
    /// The region takes so many servers in a minute: with few, requests are throttled.
    pub(crate) quota: usize,
    /// The client sends so many servers in a minute.
    pub(crate) pace: usize,
    /// One of the servers does not exist, so that its batch is taken apart.
    pub(crate) stranger: bool,
    pub(crate) reconcile: bool,
    pub(crate) resubmit: bool,
    pub(crate) verify: bool,
    /// The first request is swallowed on its way, and nobody says so.
    pub(crate) swallow: bool,
    pub(crate) roll: Option<Roll>,
}

/// How a play goes in waves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roll {
    pub(crate) wave: usize,
    pub(crate) max_failures: Option<usize>,
    /// Those of the servers that fail, whatever is done to them.
    pub(crate) failing: &'static [usize],
    /// The share of further actions that fail.
    pub(crate) flaky: f64,
    /// A canary of one server, a question, health checks and pauses.
    pub(crate) gates: bool,
    /// The first health check finds fault.
    pub(crate) sick: bool,
    /// The first answer is no.
    pub(crate) shy: bool,
    pub(crate) escalate: bool,
}

pub(crate) const ROLL: Roll = Roll {
    wave: 3,
    max_failures: None,
    failing: &[],
    flaky: 0.0,
    gates: false,
    sick: false,
    shy: false,
    escalate: false,
};

pub(crate) const SERVERS: usize = 7;

pub(crate) struct World {
    pub(crate) sim: SimTransport,
    pub(crate) servers: Vec<ServerId>,
    pub(crate) stranger: Option<ServerId>,
    pub(crate) swallow: Arc<AtomicBool>,
    began: Instant,
    pace: usize,
    sick: Arc<AtomicBool>,
    shy: Arc<AtomicBool>,
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
        let stranger = play.stranger.then(|| ServerId::from_bytes([7; 16]));
        servers.extend(stranger);
        let millis = Duration::from_millis;
        Self {
            sim: SimTransport::new(region).with_latency(millis(5)..=millis(5)),
            servers,
            stranger,
            swallow: Arc::new(AtomicBool::new(play.swallow)),
            began: Instant::now(),
            pace: play.pace,
            sick: Arc::new(AtomicBool::new(play.roll.is_some_and(|roll| roll.sick))),
            shy: Arc::new(AtomicBool::new(play.roll.is_some_and(|roll| roll.shy))),
        }
    }

    /// What a clock on the wall shows, also to a process that begins later.
    fn now(&self) -> Timestamp {
        let epoch: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        epoch + self.began.elapsed()
    }

    pub(crate) fn client(&self, process: &Arc<Process>) -> Client {
        let identity = self.sim.region().with(|region| region.identity().clone());
        let token = Credentials::token(identity.token.expose_secret()).unwrap();
        Client::builder("https://ecs.example".parse().unwrap(), identity.project_id)
            .credentials(StaticCredentials::new(token))
            .transport(DyingTransport(
                Arc::clone(process),
                self.sim.clone(),
                Arc::clone(&self.swallow),
            ))
            .servers_per_minute(self.pace)
            .epoch(self.now())
            .seed(5)
            .build()
            .unwrap()
    }

    /// Runs to the end or to the death of the process.
    pub(crate) async fn play(&self, run: RunBuilder, process: &Process) -> Option<Report> {
        let run = run.start();
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

    /// What a run needs from outside that goes in waves, also when it is resumed.
    fn gates(&self, play: Play, run: RunBuilder) -> RunBuilder {
        if !play.roll.is_some_and(|roll| roll.gates) {
            return run;
        }
        let (sick, shy) = (Arc::clone(&self.sick), Arc::clone(&self.shy));
        let check = move |_| {
            let is_sick = sick.swap(false, Ordering::SeqCst);
            async move {
                match is_sick {
                    true => Err("sick".to_owned()),
                    false => Ok(()),
                }
            }
        };
        let ask = move || {
            let is_shy = shy.swap(false, Ordering::SeqCst);
            async move { !is_shy }
        };
        run.health_check("a test", Duration::from_secs(60), check)
            .canary_question(ask)
    }

    pub(crate) fn check(&self, play: Play, death: Death, lives: usize, report: &Report) {
        let words = || format!("{play:?} {death:?}: {report:#?}");
        let lossy = death != Death::Never || play.swallow;
        let stopped = matches!(report.stopped, Some(Stopped::Rolling(_)));
        let ids: Vec<_> = report.servers.iter().map(|server| server.id).collect();
        assert_eq!(ids, self.servers, "{}", words());
        for server in &report.servers {
            let times = self.times(&server.id);
            let holds = match &server.outcome {
                Outcome::Succeeded { .. } => times >= 1,
                Outcome::Failed { job_id: None, .. } => {
                    times == 0 && Some(server.id) == self.stranger
                }
                Outcome::Failed { .. } => play.roll.is_some() && times >= 1,
                Outcome::NotAttempted { .. } => times == 0 && (stopped || play.reconcile && lossy),
                // Nobody can know what became of a request that was cut off.
                Outcome::Unknown { .. } => lossy,
                Outcome::Running { .. } => false,
            };
            assert!(holds, "{} {server:?}", words());
            let twice = play.resubmit || play.roll.is_some_and(|roll| roll.escalate);
            let most = if twice { 2 } else { 1 };
            assert!(times <= most, "{} times: {}", times, words());
            if !play.resubmit {
                self.check_second(&server.id);
            }
        }
        self.sim.region().with(|region| {
            let mut entries = region.accepted().entries().iter();
            assert!(
                entries.all(|one| one.servers.len() <= play.pace),
                "{}",
                words()
            );
        });
        // At each death one batch at most was underway here.
        let unknown = report.summary().unknown;
        assert!(unknown <= 3 * lives, "{}", words());
    }

    /// A second restart is a hard one, after the end of a soft one.
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

/// By what is written down: who is in flight at any time belongs to one wave, and no wave is too large.
pub(crate) fn check_waves(entries: &[Entry]) {
    let Record::Run(run) = &entries[0].record else {
        panic!("no run: {entries:?}");
    };
    let Some(rolling) = &run.rolling else { return };
    let mut batches: HashMap<usize, (Vec<ServerId>, bool)> = HashMap::new();
    let mut in_flight: HashSet<ServerId> = HashSet::new();
    // What may be at work although nobody knows, and since when.
    let mut unclear: HashMap<ServerId, Timestamp> = HashMap::new();
    let mut sent: HashMap<usize, Timestamp> = HashMap::new();
    let mut began = 0;
    for entry in entries {
        match &entry.record {
            Record::WaveBegan { wave } => {
                assert_eq!(*wave, began, "{entries:#?}");
                assert!(in_flight.is_empty(), "{wave}: {in_flight:?} {entries:#?}");
                let is_over = |at: &Timestamp| entry.at.duration_since(*at).as_secs() >= 180;
                assert!(unclear.values().all(is_over), "{unclear:?} {entries:#?}");
                began += 1;
            }
            Record::Intent { batch, servers, .. } => {
                batches.insert(*batch, (servers.clone(), false));
                in_flight.extend(servers);
                let of_one = |wave: &Vec<ServerId>| in_flight.iter().all(|id| wave.contains(id));
                assert!(
                    rolling.waves.iter().any(of_one),
                    "{in_flight:?} {entries:#?}"
                );
                assert!(began > 0);
                sent.insert(*batch, entry.at);
            }
            Record::Sending { batch, .. } => drop(sent.insert(*batch, entry.at)),
            Record::Accepted { batch, .. } => batches.get_mut(batch).unwrap().1 = true,
            Record::NotExecuted { batch, .. } => {
                let (servers, _) = batches.remove(batch).unwrap();
                in_flight.retain(|id| !servers.contains(id));
            }
            Record::Lost { batch, .. } => {
                let (servers, _) = batches.remove(batch).unwrap();
                in_flight.retain(|id| !servers.contains(id));
                unclear.extend(servers.into_iter().map(|id| (id, sent[batch])));
            }
            Record::Verdicts { servers } | Record::Escalating { servers } => {
                for verdict in servers.iter().filter(|it| it.outcome != Verdict::Unknown) {
                    unclear.remove(&verdict.id);
                }
                in_flight.retain(|id| servers.iter().all(|verdict| verdict.id != *id));
            }
            // Of what was not accepted by then nobody knows more.
            Record::Resumed { .. } => {
                for (batch, (servers, _)) in batches.iter().filter(|(_, it)| !it.1) {
                    in_flight.retain(|id| !servers.contains(id));
                    unclear.extend(servers.iter().map(|id| (*id, sent[batch])));
                }
                batches.retain(|_, (_, accepted)| *accepted);
            }
            _ => {}
        }
    }
}

/// By what is written down: once more servers failed than may, nothing is sent until that was reported.
pub(crate) fn check_budget(entries: &[Entry]) {
    let Record::Run(run) = &entries[0].record else {
        panic!("no run: {entries:?}");
    };
    let allowed = run.rolling.as_ref().and_then(|it| it.max_failures);
    let Some(allowed) = allowed else { return };
    let (mut failed, mut known) = (0, HashSet::new());
    for entry in entries {
        match &entry.record {
            Record::Verdicts { servers } => {
                let bad = [Verdict::Failed, Verdict::Unknown];
                let bad = servers.iter().filter(|it| bad.contains(&it.outcome));
                // That one stays unknown is said again.
                failed += bad.filter(|it| known.insert(it.id)).count();
            }
            Record::Ended {} if failed > allowed => failed = 0,
            Record::Intent { .. } => assert!(failed <= allowed, "{failed} {entries:#?}"),
            _ => {}
        }
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
        .reconcile(play.reconcile)
        .resubmit_unknown(play.resubmit);
    let run = match play.roll {
        None => run,
        Some(roll) => {
            let members: Vec<_> = world.servers.iter().map(|id| Member::new(*id)).collect();
            let canary = roll.gates.then_some(1);
            let wave = Share::Servers(roll.wave);
            let waves = Waves::plan(&members, wave, canary, Order::Random { seed: 1 }).unwrap();
            let rules = Rules {
                max_failures: roll.max_failures.map(Share::Servers),
                pause: Duration::from_secs(if roll.gates { 10 } else { 0 }),
                canary: canary.map(|_| AfterCanary::Ask),
                ..Rules::default()
            };
            let run = run.rolling(waves, rules);
            match roll.escalate {
                true => run.escalate_after(Duration::from_secs(300)),
                false => run,
            }
        }
    };
    let run = world.gates(play, run);
    let run = match play.verify {
        true => run.verify(Duration::from_secs(300)),
        false => run,
    };
    run.journal(DyingJournal(Arc::clone(process), Arc::clone(journal)))
}

pub(crate) fn resumed(
    world: &World,
    play: Play,
    process: &Arc<Process>,
    journal: &Arc<MemoryJournal>,
) -> Option<RunBuilder> {
    let recovered = Recovered::from_entries(journal.entries()).ok()?;
    let journal = DyingJournal(Arc::clone(process), Arc::clone(journal));
    let run = world.client(process).resume(journal, recovered).unwrap();
    Some(world.gates(play, run))
}

/// Plays until a process comes to the end: each of these deaths hits one of them. A run that stops by its own rules is gone
/// on with.
/// How often each process wrote and sent.
pub(crate) async fn life(play: Play, deaths: &[Death]) -> Vec<(usize, usize)> {
    let world = World::new(play);
    let journal = Arc::new(MemoryJournal::default());
    let worst = deaths.last().copied().unwrap_or(Death::Never);
    let endless = std::iter::repeat_n(Death::Never, 6);
    let mut counts = Vec::new();
    for (lives, death) in (1..).zip(deaths.iter().copied().chain(endless)) {
        let process = Process::new(death);
        let run = match journal.entries().is_empty() {
            true => run_of(&world, play, &process, &journal),
            false => resumed(&world, play, &process, &journal).unwrap(),
        };
        let report = world.play(run, &process).await;
        counts.push((
            process.writes.load(Ordering::SeqCst),
            process.sends.load(Ordering::SeqCst),
        ));
        if let Some(report) = report {
            check_waves(&journal.entries());
            check_budget(&journal.entries());
            world.check(play, worst, lives, &report);
            if !matches!(report.stopped, Some(Stopped::Rolling(_))) {
                check_that_it_ended(&world, play, &journal, &report).await;
                return counts;
            }
        }
        // What had left goes on for a while.
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    panic!("no process lived to the end: {play:?}");
}

/// Once more does no harm, and says the same.
async fn check_that_it_ended(
    world: &World,
    play: Play,
    journal: &Arc<MemoryJournal>,
    report: &Report,
) {
    let process = Process::new(Death::Never);
    let again = resumed(world, play, &process, journal).unwrap();
    let again = again.resubmit_unknown(false).reconcile(false);
    let again = world.play(again, &process).await.unwrap();
    let words = |report: &Report| -> Vec<_> {
        let servers = report.servers.iter();
        servers
            .map(|server| (server.id, server.outcome.name()))
            .collect()
    };
    if report.summary().not_attempted == 0 {
        assert_eq!(words(&again), words(report), "{play:?}");
        let sends = process.sends.load(Ordering::SeqCst);
        assert_eq!(sends, 0, "{play:?}");
    } else if !play.swallow || !play.resubmit {
        // What was found not to have been done is done now: in waves, if there are any.
        check_waves(&journal.entries());
        assert_eq!(again.summary().not_attempted, 0, "{play:?} {again:#?}");
        assert_eq!(
            report.summary().unknown,
            again.summary().unknown,
            "{play:?}"
        );
    }
}

pub(crate) fn on_paused_time<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(what)
}

/// Every death there is in one play, of each of its processes.
pub(crate) fn all_deaths(play: Play) -> usize {
    let counts = on_paused_time(life(play, &[]));
    let whole = counts
        .iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(whole.0 > 10 && whole.1 > 4, "{counts:?}");
    let both = [When::Before, When::After];
    let mut all = 0;
    for (processes, (writes, sends)) in counts.into_iter().enumerate() {
        let at_writes = (0..writes).flat_map(|n| both.map(|when| Death::Write(n, when)));
        let at_sends = (0..sends).flat_map(|n| both.map(|when| Death::Send(n, when)));
        for death in at_writes.chain(at_sends) {
            let mut deaths = vec![Death::Never; processes];
            deaths.push(death);
            on_paused_time(life(play, &deaths));
            all += 1;
        }
    }
    all
}

pub(crate) const PLAIN: Play = Play {
    quota: 1000,
    pace: 1000,
    stranger: false,
    reconcile: false,
    resubmit: false,
    verify: false,
    swallow: false,
    roll: None,
};
