//! The watcher: one task that looks at all jobs of a client, for everybody who watches them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_model::{Job, JobId, ShowJob};
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::book::{Book, Look, Reader, Slot, Wish};
use super::machine::{End, Observation};
use super::schedule::Habits;
use super::{Sighting, observe};
use crate::client::Inner;
use crate::clock::until;
use crate::exec::{Failure, Scope};
use crate::policy::History;
use crate::report::Problem;

/// How long a subscription waits before it begins anew whose task was torn down: by a panic in a transport, or with its
/// runtime.
const AFTER_A_CRASH: Duration = Duration::from_secs(1);

/// Where a client keeps its watcher. The task is there as long as something is watched.
#[derive(Debug)]
pub(crate) struct Hub {
    epoch: Instant,
    commands: Mutex<Option<UnboundedSender<Command>>>,
    habits: Mutex<Habits>,
    subscriptions: AtomicU64,
}

#[derive(Debug)]
enum Command {
    Open(u64, UnboundedSender<(usize, Sighting)>),
    Watch(Reader, Arc<JobId>, Wish),
    Unwatch(Reader, Arc<JobId>),
    /// None of these is watched any more.
    Close(u64, Vec<(usize, Arc<JobId>)>),
}

impl Hub {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            commands: Mutex::default(),
            habits: Mutex::default(),
            subscriptions: AtomicU64::new(0),
        }
    }

    /// The time as the books count it.
    fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.epoch)
    }

    fn now(&self) -> Duration {
        self.at(Instant::now())
    }

    fn instant(&self, at: Duration) -> Option<Instant> {
        self.epoch.checked_add(at)
    }

    fn lock(&self) -> MutexGuard<'_, Option<UnboundedSender<Command>>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn habits(&self) -> MutexGuard<'_, Habits> {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a job is to be watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// What kind of job it is, if that is known.
    pub(crate) kind: Option<Arc<str>>,
    /// When it began, if that is known.
    pub(crate) began: Option<Instant>,
    /// Whether to look right away, although it has just begun.
    pub(crate) at_once: bool,
    /// When its reader stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// How long it may make no progress.
    pub(crate) patience: Option<Duration>,
}

/// A job that just began may be unknown to the query for a moment.
const GRACE_FOR_NEW: Duration = Duration::from_secs(60);
/// A job of which nothing is known is probably not that new.
const GRACE_FOR_FOUND: Duration = Duration::from_secs(5);

impl Watch {
    fn wish(&self, inner: &Inner) -> Wish {
        let hub = &inner.hub;
        let age = self.began.map(|began| began.elapsed());
        let new_for = inner
            .scaled(GRACE_FOR_NEW)
            .saturating_sub(age.unwrap_or(Duration::MAX));
        Wish {
            kind: self.kind.clone(),
            began: self.began.map(|began| hub.at(began)),
            at_once: self.at_once,
            grace: new_for.max(inner.scaled(GRACE_FOR_FOUND)),
            deadline: self.deadline.map(|deadline| hub.at(deadline)),
            patience: self.patience,
        }
    }
}

/// Somebody who watches jobs, each under a number of their own. Dropping it ends the watching.
pub(crate) struct Subscription {
    inner: Arc<Inner>,
    id: u64,
    /// The task that knows us, and what it tells.
    session: Option<Session>,
    /// By boxes: a map has room for about twice as many entries as it holds.
    pending: BTreeMap<usize, Box<Pending>>,
    /// Those of them that the task was not told of yet.
    untold: Vec<usize>,
}

struct Pending {
    job_id: Arc<JobId>,
    watch: Watch,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

struct Session {
    commands: UnboundedSender<Command>,
    sightings: UnboundedReceiver<(usize, Sighting)>,
}

impl Subscription {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self {
            id: inner.hub.subscriptions.fetch_add(1, Ordering::Relaxed),
            inner,
            session: None,
            pending: BTreeMap::new(),
            untold: Vec::new(),
        }
    }

    /// Watches a job, under this number. Nothing happens before [`next`](Self::next) is awaited.
    pub(crate) fn watch(&mut self, number: usize, job_id: JobId, watch: Watch) {
        let job_id = Arc::new(job_id);
        self.pending
            .insert(number, Box::new(Pending { job_id, watch }));
        self.untold.push(number);
    }

    /// Watches the job under this number no longer.
    pub(crate) fn unwatch(&mut self, number: usize) {
        if let (Some(pending), Some(session)) = (self.pending.remove(&number), &self.session) {
            let command = Command::Unwatch((self.id, number), pending.job_id);
            let _ = session.commands.send(command);
        }
    }

    pub(crate) fn wall_clock(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// What is seen next, of which job. Nothing, when all have ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<(usize, Sighting)> {
        while !self.pending.is_empty() {
            if !self.untold.is_empty() {
                self.tell();
            }
            let Some(session) = &mut self.session else {
                return None;
            };
            match session.sightings.recv().await {
                // What was underway when the watching ended is not wanted any more.
                Some((number, _)) if !self.pending.contains_key(&number) => {}
                Some((number, sighting)) => {
                    if sighting.is_the_end() {
                        self.pending.remove(&number);
                    }
                    return Some((number, sighting));
                }
                None => {
                    tokio::time::sleep(AFTER_A_CRASH).await;
                    self.untold = self.pending.keys().copied().collect();
                }
            }
        }
        None
    }

    /// Tells the task of what it does not know yet; begins one, if there is none.
    fn tell(&mut self) {
        let hub = &self.inner.hub;
        // The task ends only with this lock held, so what is sent under it arrives.
        let mut current = hub.lock();
        let commands = match &*current {
            Some(commands) if !commands.is_closed() => commands.clone(),
            _ => {
                let (commands, receiver) = unbounded_channel();
                tokio::spawn(work(Arc::clone(&self.inner), receiver));
                *current = Some(commands.clone());
                commands
            }
        };
        let known = self
            .session
            .as_ref()
            .is_some_and(|session| session.commands.same_channel(&commands));
        if !known {
            let (sender, sightings) = unbounded_channel();
            // A task that is gone by now is found out by the next one who listens.
            let _ = commands.send(Command::Open(self.id, sender));
            self.session = Some(Session {
                commands: commands.clone(),
                sightings,
            });
            self.untold = self.pending.keys().copied().collect();
        }
        for number in std::mem::take(&mut self.untold) {
            if let Some(pending) = self.pending.get(&number) {
                let wish = pending.watch.wish(&self.inner);
                let job_id = Arc::clone(&pending.job_id);
                let _ = commands.send(Command::Watch((self.id, number), job_id, wish));
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            let pending = std::mem::take(&mut self.pending).into_iter();
            let pending = pending.map(|(number, pending)| (number, pending.job_id));
            let _ = session
                .commands
                .send(Command::Close(self.id, pending.collect()));
        }
    }
}

/// What the task holds.
struct Work {
    inner: Arc<Inner>,
    book: Book,
    readers: HashMap<u64, UnboundedSender<(usize, Sighting)>>,
    in_flight: HashMap<Slot, AbortHandle>,
}

/// The task.
async fn work(inner: Arc<Inner>, mut commands: UnboundedReceiver<Command>) {
    let mut work = Work {
        book: Book::new(inner.polling.clone()),
        readers: HashMap::new(),
        in_flight: HashMap::new(),
        inner,
    };
    let mut looks = FuturesUnordered::new();
    loop {
        if work.book.is_empty() {
            let hub = &work.inner.hub;
            let mut current = hub.lock();
            let Ok(command) = commands.try_recv() else {
                *current = None;
                return;
            };
            drop(current);
            work.obey(command);
            continue;
        }
        // Until the credentials are known to be good, one at a time: a refusal ends the others before they are sent.
        let at_once = match work.inner.contact.is_welcome() {
            true => work.inner.concurrent_queries,
            false => 1,
        };
        while work.in_flight.len() < at_once
            && let Some((slot, job_id, history)) = work.book.take_due(work.inner.hub.now())
        {
            let (handle, registration) = AbortHandle::new_pair();
            work.in_flight.insert(slot, handle);
            let look = Abortable::new(look(Arc::clone(&work.inner), job_id, history), registration);
            looks.push(async move { (slot, look.await) });
        }
        let due = match work.in_flight.len() < at_once {
            true => work
                .book
                .next_due()
                .and_then(|due| work.inner.hub.instant(due)),
            false => None,
        };
        tokio::select! {
            biased;
            Some(command) = commands.recv() => work.obey(command),
            Some((slot, looked)) = looks.next() => {
                // One that was aborted is of no interest.
                if let Ok((answer, history)) = looked {
                    work.in_flight.remove(&slot);
                    work.looked(slot, answer, history);
                }
            }
            () = until(due) => {}
        }
    }
}

/// Looks at a job, once.
async fn look(
    inner: Arc<Inner>,
    job_id: Arc<JobId>,
    history: History,
) -> (Result<Job, Failure>, History) {
    let mut scope = Scope::look(history);
    let answer = inner
        .execute(&ShowJob::new(JobId::clone(&job_id)), &mut scope)
        .await;
    (answer, scope.history())
}

impl Work {
    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(id, sender) => {
                self.readers.insert(id, sender);
            }
            Command::Watch(reader, job_id, wish) => {
                let (inner, book) = (&self.inner, &mut self.book);
                let (now, habits) = (inner.hub.now(), inner.hub.habits());
                inner.with_rng(|rng| book.watch(now, job_id, reader, wish, &habits, rng));
            }
            Command::Unwatch(reader, job_id) => self.unwatch(reader, &job_id),
            Command::Close(id, jobs) => {
                self.readers.remove(&id);
                for (number, job_id) in jobs {
                    self.unwatch((id, number), &job_id);
                }
            }
        }
    }

    fn unwatch(&mut self, reader: Reader, job_id: &JobId) {
        if let Some(slot) = self.book.unwatch(job_id, reader)
            && let Some(look) = self.in_flight.remove(&slot)
        {
            look.abort();
        }
    }

    fn looked(&mut self, slot: Slot, answer: Result<Job, Failure>, history: History) {
        let inner = Arc::clone(&self.inner);
        let (observation, sight) = observe(&inner, &answer);
        let look = Look {
            observation,
            sight,
            history,
        };
        let now = inner.hub.now();
        let told = {
            let (book, mut habits) = (&mut self.book, inner.hub.habits());
            inner.with_rng(|rng| book.looked(now, slot, look, &mut habits, rng))
        };
        let sighting = match (answer, told.end) {
            (Ok(job), Some(_)) => Sighting::Ended(Arc::new(job)),
            (Ok(job), None) => Sighting::Goes(Arc::new(job)),
            (Err(failure), Some(end)) => self.refused(failure.problem, end),
            (Err(_), None) if observation == (Observation::NotKnown { authentic: true }) => {
                Sighting::NotYet
            }
            (Err(failure), None) => Sighting::Trouble(failure.problem, told.next_in),
        };
        self.tell(&told.readers, &sighting);
        self.tell(&told.stalled, &Sighting::Stalled);
    }

    fn refused(&mut self, problem: Problem, end: End) -> Sighting {
        match end {
            End::Denied => {
                // All others would be told the same; and wrong signatures must not be repeated.
                for (_, look) in self.in_flight.drain() {
                    look.abort();
                }
                let denied = Sighting::Denied(problem);
                let others = self.book.close();
                self.tell(&others, &denied);
                denied
            }
            End::NotKnown | End::Over => Sighting::Lost(
                problem
                    .because("the service does not know the job")
                    .and("finished jobs are deleted after about a day"),
            ),
            End::Refused => Sighting::Lost(problem.because("the job could not be looked at")),
        }
    }

    fn tell(&self, readers: &[Reader], sighting: &Sighting) {
        for (id, number) in readers {
            if let Some(reader) = self.readers.get(id) {
                // One that is gone is not missed.
                let _ = reader.send((*number, sighting.clone()));
            }
        }
    }
}
