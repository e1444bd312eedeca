//! Schedules polls: which jobs are watched, by whom, and when each is due. Pure: the caller passes
//! the time.

mod subscribers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ecs_client::RetryState;
use ecs_model::JobId;
use rand::Rng;

use self::subscribers::{Subscriber, Subscribers};
use super::compact_duration::CompactDuration;
use super::poll_state::{
    Deadlines, NextPoll, PollContext, PollOutcome, PollState, WatchEnd, in_time,
};
use super::polling::{DurationStats, ExpectedDuration, LastKind, Polling};

/// The key of a scheduled job. Later jobs have higher keys.
pub(super) type JobKey = u64;
/// A subscription, and its number for the job.
pub(super) type SubscriberId = (u64, usize);

/// The options for scheduling a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScheduleOptions {
    /// The kind of job, if it is known.
    pub(super) kind: Option<Arc<str>>,
    /// The time at which it began. `None`: unknown, so that it is polled immediately.
    pub(super) began: Option<Duration>,
    /// `true` to poll immediately in any case.
    pub(super) at_once: bool,
    /// The time for which the service may not know it yet.
    pub(super) grace: Duration,
    /// The deadline of its subscriber.
    pub(super) deadline: Option<Duration>,
    /// The limit of time without progress.
    pub(super) stall_limit: Option<Duration>,
}

/// The result of one poll.
#[derive(Clone, Debug)]
pub(super) struct PollResult {
    pub(super) outcome: PollOutcome,
    /// The job, if the poll showed it.
    pub(super) snapshot: Option<JobSnapshot>,
    /// The events since the last successful poll.
    pub(super) history: RetryState,
}

/// The part of a poll's result that does not decide when to poll next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JobSnapshot {
    /// Grows with the job's progress.
    pub(super) progress: u64,
    /// The kind of job.
    pub(super) kind: Option<String>,
    /// Its duration by the service's clock.
    pub(super) took: Option<Duration>,
}

/// The consequence of a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PollDecision {
    /// The reason why the job is no longer polled, if it is not.
    pub(super) end: Option<WatchEnd>,
    /// The time until the next poll.
    pub(super) next_in: Duration,
    /// The subscribers to notify.
    pub(super) subscribers: Vec<SubscriberId>,
    /// The subscribers whose limit is reached; they no longer watch the job.
    pub(super) stalled: Vec<SubscriberId>,
}

#[derive(Debug)]
struct ScheduledJob {
    job_id: Arc<JobId>,
    kind: Option<Arc<str>>,
    /// Fixed when the watch began: of jobs that began together the short ones end first and would
    /// make the others appear late.
    expected: ExpectedDuration,
    poll_state: PollState,
    subscribers: Subscribers,
    due: Due,
    /// The events since the last successful poll, if there are any. Boxed, since most jobs have none.
    history: Option<Box<RetryState>>,
    progress: u64,
    progress_at: CompactDuration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    At(CompactDuration),
    InFlight,
    Never,
}

impl ScheduledJob {
    fn deadlines(&self, now: Duration) -> Deadlines {
        let deadlines = self
            .subscribers
            .iter()
            .map(|subscriber| subscriber.deadline.map(CompactDuration::get));
        let to_come = deadlines.clone().flatten().filter(|at| *at > now);
        Deadlines {
            next: to_come.min(),
            last: deadlines
                .collect::<Option<Vec<_>>>()
                .and_then(|all| all.into_iter().max()),
        }
    }

    /// Removes the subscribers whose limit of time without progress is reached, and returns them.
    fn remove_stalled(&mut self, now: Duration) -> Vec<SubscriberId> {
        let (progress_at, mut stalled) = (self.progress_at, Vec::new());
        self.subscribers.retain(|subscriber| {
            let still = now.saturating_sub(progress_at.max(subscriber.since).get());
            let is_stalled = subscriber
                .stall_limit
                .is_some_and(|stall_limit| still >= stall_limit.get());
            if is_stalled {
                stalled.push(subscriber.id);
            }
            !is_stalled
        });
        stalled
    }
}

/// The scheduler. It may hold tens of thousands of jobs, so entries are shared or boxed: a map
/// reserves room for about twice as many entries as it holds.
#[derive(Debug)]
pub(super) struct PollScheduler {
    polling: Polling,
    keys: HashMap<Arc<JobId>, JobKey>,
    entries: BTreeMap<JobKey, Box<ScheduledJob>>,
    /// Ordered by due time, then by arrival.
    queue: BTreeSet<(CompactDuration, JobKey)>,
    next_key: JobKey,
    last_kind: LastKind,
}

impl PollScheduler {
    pub(super) fn new(polling: Polling) -> Self {
        Self {
            polling,
            keys: HashMap::new(),
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
            next_key: 0,
            last_kind: LastKind::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Watches a job. A job that is already watched is not polled more often.
    pub(super) fn watch(
        &mut self,
        now: Duration,
        job_id: Arc<JobId>,
        subscriber_id: SubscriberId,
        options: ScheduleOptions,
        durations: &DurationStats,
        rng: &mut impl Rng,
    ) {
        let subscriber = Subscriber {
            id: subscriber_id,
            since: now.into(),
            deadline: options.deadline.map(CompactDuration::from),
            stall_limit: options.stall_limit.map(CompactDuration::from),
        };
        let key = self.keys.get(&job_id).copied();
        let key = key.unwrap_or_else(|| {
            let key = self.next_key;
            self.next_key += 1;
            self.keys.insert(Arc::clone(&job_id), key);
            let entry = ScheduledJob {
                job_id,
                expected: durations
                    .expected(options.kind.as_deref().unwrap_or_default(), &self.polling),
                kind: options.kind.map(|kind| self.last_kind.share(kind)),
                poll_state: PollState::new(now, options.began, options.grace),
                subscribers: Subscribers::default(),
                due: Due::Never,
                history: None,
                progress: 0,
                progress_at: now.into(),
            };
            self.entries.insert(key, Box::new(entry));
            key
        });
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.subscribers.push(subscriber);
        let deadlines = entry.deadlines(now);
        let due = match (options.at_once || options.began.is_none(), entry.due) {
            (_, Due::InFlight) => return,
            (true, _) => NextPoll::At(now),
            (false, Due::At(at)) => in_time(now, at.get(), &self.polling, deadlines),
            (false, Due::Never) => {
                let context = PollContext {
                    polling: &self.polling,
                    expected: entry.expected,
                    deadlines,
                };
                entry.poll_state.first_poll(now, &context, rng)
            }
        };
        let sooner = match (due, entry.due) {
            (NextPoll::At(new), Due::At(at)) => new < at.get(),
            (NextPoll::At(_), _) => true,
            _ => false,
        };
        if sooner {
            self.set_due(key, due);
        }
    }

    /// Removes a subscriber. Returns the job's key if it was the last one.
    pub(super) fn unwatch(
        &mut self,
        job_id: &JobId,
        subscriber_id: SubscriberId,
    ) -> Option<JobKey> {
        let key = *self.keys.get(job_id)?;
        let entry = self.entries.get_mut(&key)?;
        entry
            .subscribers
            .retain(|subscriber| subscriber.id != subscriber_id);
        if !entry.subscribers.is_empty() {
            return None;
        }
        self.remove(key);
        Some(key)
    }

    /// The next due time; `None` if nothing is scheduled.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.queue.first().map(|(due, _)| due.get())
    }

    /// The next job to poll, if one is due. It counts as in flight from now on.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<(JobKey, Arc<JobId>, RetryState)> {
        let (due, key) = *self.queue.first()?;
        if due.get() > now {
            return None;
        }
        self.queue.pop_first();
        let entry = self.entries.get_mut(&key)?;
        entry.due = Due::InFlight;
        let history = entry.history.as_deref().copied();
        Some((key, Arc::clone(&entry.job_id), history.unwrap_or_default()))
    }

    /// Applies the result of a poll.
    pub(super) fn polled(
        &mut self,
        now: Duration,
        key: JobKey,
        result: PollResult,
        durations: &mut DurationStats,
        rng: &mut impl Rng,
    ) -> PollDecision {
        let nothing = PollDecision {
            end: None,
            next_in: Duration::ZERO,
            subscribers: Vec::new(),
            stalled: Vec::new(),
        };
        let Some(entry) = self.entries.get_mut(&key) else {
            return nothing;
        };
        let PollResult {
            outcome,
            snapshot,
            history,
        } = result;
        entry.history = match &snapshot {
            Some(_) => None,
            None => Some(Box::new(history)),
        };
        let mut took = None;
        if let Some(snapshot) = snapshot {
            if snapshot.progress > entry.progress {
                (entry.progress, entry.progress_at) = (snapshot.progress, now.into());
            }
            if entry.kind.is_none()
                && let Some(kind) = snapshot.kind
            {
                entry.expected = durations.expected(&kind, &self.polling);
                entry.kind = Some(self.last_kind.share(kind.into()));
            }
            took = snapshot.took;
        }
        let kind = entry.kind.as_deref().unwrap_or_default();
        let context = PollContext {
            polling: &self.polling,
            expected: entry.expected,
            deadlines: entry.deadlines(now),
        };
        let action = entry.poll_state.on(now, outcome, &context, rng);
        if let NextPoll::Stop(end) = action {
            if end == WatchEnd::Finished
                && let Some(took) = entry.poll_state.took(now, took)
            {
                durations.learn(kind, took);
            }
            let subscribers = entry.subscribers.iter().map(|subscriber| subscriber.id);
            let subscribers = subscribers.collect();
            self.remove(key);
            return PollDecision {
                end: Some(end),
                subscribers,
                ..nothing
            };
        }
        let is_found = matches!(outcome, PollOutcome::Found { .. });
        let stalled = if is_found {
            entry.remove_stalled(now)
        } else {
            Vec::new()
        };
        let subscribers = entry.subscribers.iter().map(|subscriber| subscriber.id);
        let subscribers: Vec<_> = subscribers.collect();
        if subscribers.is_empty() {
            self.remove(key)
        } else {
            self.set_due(key, action)
        }
        let next_in = match action {
            NextPoll::At(at) => at.saturating_sub(now),
            NextPoll::Never | NextPoll::Stop(_) => Duration::ZERO,
        };
        PollDecision {
            end: None,
            next_in,
            subscribers,
            stalled,
        }
    }

    /// Removes all jobs. Returns the subscribers to notify.
    pub(super) fn close(&mut self) -> Vec<SubscriberId> {
        self.queue.clear();
        self.keys.clear();
        let entries = std::mem::take(&mut self.entries).into_values();
        entries
            .flat_map(|entry| {
                let ids = entry.subscribers.iter().map(|subscriber| subscriber.id);
                ids.collect::<Vec<_>>()
            })
            .collect()
    }

    fn set_due(&mut self, key: JobKey, action: NextPoll) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if let Due::At(at) = entry.due {
            self.queue.remove(&(at, key));
        }
        entry.due = match action {
            NextPoll::At(at) => {
                let at = at.into();
                self.queue.insert((at, key));
                Due::At(at)
            }
            NextPoll::Never | NextPoll::Stop(_) => Due::Never,
        };
    }

    fn remove(&mut self, key: JobKey) {
        if let Some(entry) = self.entries.remove(&key) {
            self.keys.remove(&entry.job_id);
            if let Due::At(at) = entry.due {
                self.queue.remove(&(at, key));
            }
        }
    }
}

#[cfg(test)]
mod tests;
