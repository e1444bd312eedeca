//! Runs that die at every write of their journal and at every request, and are resumed: enumerated, not sampled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt;
use std::future::IntoFuture as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{Journal, JournalError, MemoryJournal, Record, Recovered};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{Client, Outcome, Report, RunBuilder};
use ecs_sim::{Region, SimTransport};
use http::{Method, Request, Response};
use secrecy::ExposeSecret as _;
use tokio::sync::Notify;

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Never,
    /// Before the nth record is written; or right after, before anybody hears of it.
    Write(usize, When),
    /// Before the nth request has left; or right after it arrived, before its answer.
    Send(usize, When),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    After,
}

/// The process that dies.
#[derive(Debug)]
struct Process {
    death: Death,
    writes: AtomicUsize,
    sends: AtomicUsize,
    dead: Notify,
}

impl Process {
    fn new(death: Death) -> Arc<Self> {
        Arc::new(Self {
            death,
            writes: AtomicUsize::new(0),
            sends: AtomicUsize::new(0),
            dead: Notify::new(),
        })
    }

    async fn die(&self) {
        self.dead.notify_one();
        std::future::pending::<()>().await;
    }
}

struct DyingJournal(Arc<Process>, Arc<MemoryJournal>);

impl fmt::Debug for DyingJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DyingJournal")
    }
}

impl Journal for DyingJournal {
    fn append(
        &self,
        at: jiff::Timestamp,
        record: Record,
    ) -> BoxFuture<'_, Result<(), JournalError>> {
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

struct DyingTransport(Arc<Process>, SimTransport, Arc<AtomicBool>);

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
struct Play {
    /// The region takes so many servers in a minute: with few, requests are throttled.
    quota: usize,
    /// One of the servers does not exist, so that its batch is taken apart.
    stranger: bool,
    reconcile: bool,
    resubmit: bool,
    verify: bool,
    /// The first request is swallowed on its way, and nobody says so.
    swallow: bool,
}

const SERVERS: usize = 7;

struct World {
    sim: SimTransport,
    servers: Vec<ServerId>,
    stranger: Option<ServerId>,
    swallow: Arc<AtomicBool>,
}

impl World {
    fn new(play: Play) -> Self {
        let region = Region::builder()
            .servers(SERVERS)
            .seed(3)
            .quota(play.quota)
            .build()
            .unwrap();
        let mut servers: Vec<_> = region.servers().collect();
        let stranger = play.stranger.then(|| ServerId::from_bytes([7; 16]));
        servers.extend(stranger);
        let millis = Duration::from_millis;
        Self {
            sim: SimTransport::new(region).with_latency(millis(5)..=millis(5)),
            servers,
            stranger,
            swallow: Arc::new(AtomicBool::new(play.swallow)),
        }
    }

    fn client(&self, process: &Arc<Process>) -> Client {
        let identity = self.sim.region().with(|region| region.identity().clone());
        let token = Credentials::token(identity.token.expose_secret()).unwrap();
        Client::builder("https://ecs.example".parse().unwrap(), identity.project_id)
            .credentials(StaticCredentials::new(token))
            .transport(DyingTransport(
                Arc::clone(process),
                self.sim.clone(),
                Arc::clone(&self.swallow),
            ))
            .servers_per_minute(1000)
            .epoch("2026-11-24T00:00:00Z".parse().unwrap())
            .seed(5)
            .build()
            .unwrap()
    }

    /// Runs to the end or to the death of the process.
    async fn play(&self, run: RunBuilder, process: &Process) -> Option<Report> {
        let run = run.start();
        let whole = async { run.await.unwrap().into_future().await };
        tokio::select! {
            biased;
            () = process.dead.notified() => None,
            report = whole => Some(report),
        }
    }

    fn times(&self, id: &ServerId) -> u32 {
        self.sim.region().with(|region| region.accepted().times(id))
    }

    fn check(&self, play: Play, death: Death, lives: usize, report: &Report) {
        let words = || format!("{play:?} {death:?}: {report:#?}");
        let lossy = death != Death::Never || play.swallow;
        let ids: Vec<_> = report.servers.iter().map(|server| server.id).collect();
        assert_eq!(ids, self.servers, "{}", words());
        for server in &report.servers {
            let times = self.times(&server.id);
            let holds = match &server.outcome {
                Outcome::Succeeded { .. } => times >= 1,
                Outcome::Failed { job_id: None, .. } => {
                    times == 0 && Some(server.id) == self.stranger
                }
                Outcome::NotAttempted { .. } => times == 0 && play.reconcile && lossy,
                // Nobody can know what became of a request that was cut off.
                Outcome::Unknown { .. } => lossy,
                Outcome::Failed { .. } | Outcome::Running { .. } => false,
            };
            assert!(holds, "{} {server:?}", words());
            let most = if play.resubmit { 2 } else { 1 };
            assert!(times <= most, "{} times: {}", times, words());
        }
        // At each death one batch at most was underway here.
        let unknown = report.summary().unknown;
        assert!(unknown <= 3 * lives, "{}", words());
    }
}

fn run_of(
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
    let run = match play.verify {
        true => run.verify(Duration::from_secs(300)),
        false => run,
    };
    run.journal(DyingJournal(Arc::clone(process), Arc::clone(journal)))
}

fn resumed(
    world: &World,
    process: &Arc<Process>,
    journal: &Arc<MemoryJournal>,
) -> Option<RunBuilder> {
    let recovered = Recovered::from_entries(journal.entries()).ok()?;
    let journal = DyingJournal(Arc::clone(process), Arc::clone(journal));
    Some(world.client(process).resume(journal, recovered).unwrap())
}

/// Plays until a process comes to the end: each of these deaths hits one of them.
async fn life(play: Play, deaths: &[Death]) -> (usize, usize) {
    let world = World::new(play);
    let journal = Arc::new(MemoryJournal::default());
    let deaths = deaths.iter().copied().chain([Death::Never]);
    for death in deaths.clone() {
        let process = Process::new(death);
        let run = match journal.entries().is_empty() {
            true => run_of(&world, play, &process, &journal),
            false => resumed(&world, &process, &journal).unwrap(),
        };
        let report = world.play(run, &process).await;
        let counts = (
            process.writes.load(Ordering::SeqCst),
            process.sends.load(Ordering::SeqCst),
        );
        if let Some(report) = report {
            let worst = deaths.clone().find(|death| *death != Death::Never);
            let lives = deaths.clone().count();
            world.check(play, worst.unwrap_or(Death::Never), lives, &report);
            // Once more does no harm, and says the same.
            let process = Process::new(Death::Never);
            let again = resumed(&world, &process, &journal).unwrap();
            let again = again.resubmit_unknown(false).reconcile(false);
            let again = world.play(again, &process).await.unwrap();
            let words = |report: &Report| -> Vec<_> {
                report
                    .servers
                    .iter()
                    .map(|server| (server.id, server.outcome.name()))
                    .collect()
            };
            if again.summary().not_attempted == 0 && report.summary().not_attempted == 0 {
                assert_eq!(words(&again), words(&report), "{play:?} {worst:?}");
            }
            let posts = process.sends.load(Ordering::SeqCst);
            assert!(
                report.summary().not_attempted > 0 || posts == 0,
                "{play:?} {worst:?}"
            );
            return counts;
        }
        // What had left goes on for a while.
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    panic!("no process lived to the end: {play:?}");
}

fn on_paused_time<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(what)
}

/// Every death there is in one play.
fn all_deaths(play: Play) -> usize {
    let (writes, sends) = on_paused_time(life(play, &[]));
    assert!(writes > 10 && sends > 4, "{writes} {sends}");
    let both = [When::Before, When::After];
    let at_writes = (0..writes).flat_map(|n| both.map(|when| Death::Write(n, when)));
    let at_sends = (0..sends).flat_map(|n| both.map(|when| Death::Send(n, when)));
    let deaths: Vec<_> = at_writes.chain(at_sends).collect();
    for death in &deaths {
        on_paused_time(life(play, &[*death]));
    }
    deaths.len()
}

const PLAIN: Play = Play {
    quota: 1000,
    stranger: false,
    reconcile: false,
    resubmit: false,
    verify: false,
    swallow: false,
};

#[test]
fn a_death_at_each_step_of_a_plain_run() {
    assert!(all_deaths(PLAIN) > 50);
}

#[test]
fn a_death_at_each_step_of_runs_that_are_throttled_taken_apart_and_verified() {
    all_deaths(Play { quota: 3, ..PLAIN });
    all_deaths(Play {
        stranger: true,
        ..PLAIN
    });
    all_deaths(Play {
        verify: true,
        ..PLAIN
    });
}

#[test]
fn a_death_at_each_step_of_runs_that_reconcile_and_resubmit() {
    all_deaths(Play {
        reconcile: true,
        ..PLAIN
    });
    all_deaths(Play {
        reconcile: true,
        resubmit: true,
        ..PLAIN
    });
    all_deaths(Play {
        resubmit: true,
        ..PLAIN
    });
}

/// A request that never arrived: its servers show that they were not acted on, and are sent again where that is wanted.
#[test]
fn a_death_at_each_step_of_runs_of_which_a_request_is_swallowed() {
    let lossy = Play {
        swallow: true,
        ..PLAIN
    };
    for (reconcile, resubmit) in [(true, false), (true, true), (false, true)] {
        for stranger in [false, true] {
            all_deaths(Play {
                reconcile,
                resubmit,
                stranger,
                ..lossy
            });
        }
    }
}

/// The resumed process dies, too: at each step.
#[test]
fn two_deaths() {
    let play = Play {
        stranger: true,
        ..PLAIN
    };
    let (writes, _) = on_paused_time(life(play, &[]));
    for first in (1..writes).step_by(3) {
        for second in 0..writes {
            let deaths = [
                Death::Write(first, When::After),
                Death::Write(second, When::Before),
            ];
            on_paused_time(life(play, &deaths));
        }
    }
}

/// A journal that takes nothing more stops the sending, and loses nothing.
#[test]
fn a_journal_that_breaks_stops_the_sending() {
    #[derive(Debug)]
    struct Full(Mutex<usize>, Arc<MemoryJournal>);
    impl Journal for Full {
        fn append(
            &self,
            at: jiff::Timestamp,
            record: Record,
        ) -> BoxFuture<'_, Result<(), JournalError>> {
            Box::pin(async move {
                let left = {
                    let mut left = self.0.lock().unwrap();
                    *left = left.saturating_sub(1);
                    *left
                };
                match left {
                    0 => Err(no_space()),
                    _ => self.1.append(at, record).await,
                }
            })
        }
    }
    for room in 1..14 {
        on_paused_time(async {
            let world = World::new(PLAIN);
            let memory = Arc::new(MemoryJournal::default());
            let process = Process::new(Death::Never);
            let journal = Full(Mutex::new(room), Arc::clone(&memory));
            let run = world
                .client(&process)
                .reboot(RebootType::Soft, world.servers.iter().copied());
            let run = run.batch_size(3).journal(journal).start().await;
            if room == 1 {
                assert!(run.unwrap_err().to_string().contains("journal"));
                assert_eq!(process.sends.load(Ordering::SeqCst), 0);
                return;
            }
            let report = run.unwrap().await;
            let stopped = matches!(report.stopped, Some(ecs_ops::Stopped::Unrecorded(_)));
            assert!(stopped, "{room}: {:?}", report.stopped);
            // What was accepted is watched to its end all the same.
            for server in &report.servers {
                let expected = match world.times(&server.id) {
                    0 => "not_attempted",
                    _ => "succeeded",
                };
                assert_eq!(server.outcome.name(), expected, "{room}: {report:#?}");
            }
            let process = Process::new(Death::Never);
            let Some(again) = resumed(&world, &process, &memory) else {
                return;
            };
            let again = world.play(again, &process).await.unwrap();
            world.check(PLAIN, Death::Write(room, When::Before), 1, &again);
        });
    }
}

/// A journal that is slow and takes one record after the other holds nothing up for good: whoever waits for it is not kept
/// from what the others need to go on.
#[test]
fn a_slow_journal() {
    #[derive(Debug)]
    struct Slow(tokio::sync::Mutex<MemoryJournal>);
    impl Journal for Slow {
        fn append(
            &self,
            at: jiff::Timestamp,
            record: Record,
        ) -> BoxFuture<'_, Result<(), JournalError>> {
            Box::pin(async move {
                let journal = self.0.lock().await;
                tokio::time::sleep(Duration::from_millis(40)).await;
                journal.append(at, record).await
            })
        }
    }
    on_paused_time(async {
        let region = Region::builder().servers(800).seed(3).build().unwrap();
        let servers: Vec<_> = region.servers().collect();
        let world = World {
            sim: SimTransport::new(region)
                .with_latency(Duration::from_millis(5)..=Duration::from_millis(5)),
            servers,
            stranger: None,
            swallow: Arc::default(),
        };
        let client = world.client(&Process::new(Death::Never));
        let run = client.reboot(RebootType::Soft, world.servers.iter().copied());
        let run = run
            .batch_size(2)
            .deadline(Duration::from_secs(600))
            .journal(Slow(tokio::sync::Mutex::default()));
        let report = run.start().await.unwrap().await;
        assert_eq!(report.summary().succeeded, 800, "{:?}", report.stopped);
    });
}

/// A POST and its records: the intent is durable before the first byte.
#[test]
fn nothing_is_sent_that_is_not_written_down() {
    #[derive(Debug)]
    struct Watched(Arc<MemoryJournal>, SimTransport);
    impl Transport for Watched {
        fn send<'a>(
            &'a self,
            request: Request<Bytes>,
            attempt: &'a Attempt,
        ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
            if request.method() == Method::POST {
                let last = self.0.entries().pop().unwrap();
                assert!(matches!(last.record, Record::Sending { .. }), "{last:?}");
            }
            self.1.send(request, attempt)
        }
    }
    on_paused_time(async {
        let world = World::new(PLAIN);
        let memory = Arc::new(MemoryJournal::default());
        let identity = world.sim.region().with(|region| region.identity().clone());
        let token = Credentials::token(identity.token.expose_secret()).unwrap();
        let client = Client::builder("https://ecs.example".parse().unwrap(), identity.project_id)
            .credentials(StaticCredentials::new(token))
            .transport(Watched(Arc::clone(&memory), world.sim.clone()))
            .concurrent_submissions(1)
            .build()
            .unwrap();
        let run = client.reboot(RebootType::Soft, world.servers.iter().copied());
        let run = run.batch_size(3).journal(Arc::clone(&memory));
        let report = run.start().await.unwrap().await;
        assert_eq!(report.summary().succeeded, SERVERS);
    });
}

fn no_space() -> JournalError {
    // A directory is no file to write to.
    ecs_ops::journal::JsonlJournal::create(std::env::temp_dir()).unwrap_err()
}
