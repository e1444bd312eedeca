//! Subscriptions to job updates.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ecs_model::JobId;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::JobUpdate;
use super::compact_duration::CompactDuration;
use super::latest;
use super::polling::LastKind;
use super::registry::{WatcherCommand, WatcherRegistry};
use super::scheduler::ScheduleOptions;
use super::watcher::run_watcher;

/// The pause before a subscription starts a new watcher after the task was torn down with its
/// runtime.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// The options for watching a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct WatchOptions {
    /// The kind of job, if it is known.
    pub(crate) kind: Option<Arc<str>>,
    /// The time at which it began, if known.
    pub(crate) began: Option<Instant>,
    /// `true` to poll immediately, even if it has just begun.
    pub(crate) at_once: bool,
    /// The deadline of the subscriber.
    pub(crate) deadline: Option<Instant>,
    /// The limit of time without progress.
    pub(crate) stall_limit: Option<Duration>,
}

/// The service may not know a new job for a moment.
const GRACE_FOR_NEW: Duration = Duration::from_secs(60);
/// A job of unknown age is probably not that new.
const GRACE_FOR_FOUND: Duration = Duration::from_secs(5);

/// A subscription to job updates; each job has a number. Dropping it ends the watches.
pub(crate) struct Subscription {
    registry: Arc<WatcherRegistry>,
    id: u64,
    /// The connection to the watcher task.
    session: Option<Session>,
    /// Boxed: a map reserves room for about twice as many entries as it holds.
    pending: BTreeMap<usize, Box<Pending>>,
    /// Jobs that were not sent to the task yet.
    unsent: Vec<usize>,
    /// The time at which to start a new task, if the last one is gone.
    restart_at: Option<Instant>,
    last_kind: LastKind,
}

struct Pending {
    job_id: Arc<JobId>,
    kind: Option<Arc<str>>,
    began: Option<CompactDuration>,
    at_once: bool,
    deadline: Option<CompactDuration>,
    stall_limit: Option<CompactDuration>,
}

impl Pending {
    fn new(job_id: JobId, watch: WatchOptions, registry: &WatcherRegistry) -> Self {
        let at = |instant| CompactDuration::from(registry.at(instant));
        Self {
            job_id: Arc::new(job_id),
            kind: watch.kind,
            began: watch.began.map(at),
            at_once: watch.at_once,
            deadline: watch.deadline.map(at),
            stall_limit: watch.stall_limit.map(CompactDuration::from),
        }
    }

    fn options(&self, registry: &WatcherRegistry) -> ScheduleOptions {
        let began = self.began.map(CompactDuration::get);
        let age = began.map(|began| registry.now().saturating_sub(began));
        let new_for = registry
            .client
            .scaled(GRACE_FOR_NEW)
            .saturating_sub(age.unwrap_or(Duration::MAX));
        ScheduleOptions {
            kind: self.kind.clone(),
            began,
            at_once: self.at_once,
            grace: new_for.max(registry.client.scaled(GRACE_FOR_FOUND)),
            deadline: self.deadline.map(CompactDuration::get),
            stall_limit: self.stall_limit.map(CompactDuration::get),
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

struct Session {
    commands: UnboundedSender<WatcherCommand>,
    updates: latest::UpdateReceiver,
}

impl Subscription {
    pub(crate) fn new(registry: Arc<WatcherRegistry>) -> Self {
        Self {
            id: registry.subscription(),
            registry,
            session: None,
            pending: BTreeMap::new(),
            unsent: Vec::new(),
            restart_at: None,
            last_kind: LastKind::default(),
        }
    }

    /// Watches a job under this number. Takes effect when [`next`](Self::next) is awaited.
    pub(crate) fn watch(&mut self, number: usize, job_id: JobId, mut watch: WatchOptions) {
        watch.kind = watch.kind.map(|kind| self.last_kind.share(kind));
        let pending = Pending::new(job_id, watch, &self.registry);
        self.pending.insert(number, Box::new(pending));
        self.unsent.push(number);
    }

    /// Stops watching the job with this number.
    pub(crate) fn unwatch(&mut self, number: usize) {
        if let (Some(pending), Some(session)) = (self.pending.remove(&number), &self.session) {
            let command = WatcherCommand::Unsubscribe((self.id, number), pending.job_id);
            let _ = session.commands.send(command);
        }
    }

    /// Stops watching all jobs.
    pub(crate) fn unwatch_all(&mut self) {
        for number in self.pending.keys().copied().collect::<Vec<_>>() {
            self.unwatch(number);
        }
    }

    /// Returns `true` if no job is watched.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(crate) fn wall_clock(&self) -> Timestamp {
        self.registry.client.clock().now()
    }

    /// The next update and the number of its job; `None` when all have ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<(usize, JobUpdate)> {
        while !self.pending.is_empty() {
            if let Some(at) = self.restart_at {
                tokio::time::sleep_until(at).await;
                self.restart_at = None;
                self.unsent = self.pending.keys().copied().collect();
            }
            if !self.unsent.is_empty() {
                self.send_commands();
            }
            let Some(session) = &mut self.session else {
                return None;
            };
            match session.updates.recv().await {
                // An update that arrived after its watch ended is dropped.
                Some((number, _)) if !self.pending.contains_key(&number) => {}
                Some((number, update)) => {
                    if update.is_final() {
                        self.pending.remove(&number);
                    }
                    return Some((number, update));
                }
                None => self.restart_at = Instant::now().checked_add(RESTART_DELAY),
            }
        }
        None
    }

    /// Sends new watches to the task; starts one if there is none.
    fn send_commands(&mut self) {
        let runtime = Handle::current().id();
        let registry = &self.registry;
        // A task ends only while it holds this lock, so what is sent under the lock arrives.
        let mut watchers = registry.watchers();
        watchers.retain(|_, commands| !commands.is_closed());
        let commands = watchers.entry(runtime).or_insert_with(|| {
            let (commands, receiver) = unbounded_channel();
            tokio::spawn(run_watcher(Arc::clone(&self.registry), runtime, receiver));
            commands
        });
        let known = self
            .session
            .as_ref()
            .is_some_and(|session| session.commands.same_channel(commands));
        if !known {
            let (sender, updates) = latest::channel();
            // A failure shows at the next receive.
            let _ = commands.send(WatcherCommand::Open(self.id, sender));
            self.session = Some(Session {
                commands: commands.clone(),
                updates,
            });
            self.unsent = self.pending.keys().copied().collect();
        }
        for number in std::mem::take(&mut self.unsent) {
            if let Some(pending) = self.pending.get(&number) {
                let options = pending.options(&self.registry);
                let job_id = Arc::clone(&pending.job_id);
                let _ = commands.send(WatcherCommand::Subscribe(
                    (self.id, number),
                    job_id,
                    options,
                ));
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
                .send(WatcherCommand::Close(self.id, pending.collect()));
        }
    }
}
