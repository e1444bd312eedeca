//! The books of the watcher: which jobs are watched, for whom, and when each is looked at. Pure: it is told the time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ecs_client::RetryState;
use ecs_model::JobId;
use rand::Rng;

use super::machine::{Action, Circumstances, Deadlines, End, Machine, Observation, in_time};
use super::schedule::{Habits, Polling, Usual};

/// A job in the books. Later jobs have higher numbers.
pub(super) type Slot = u64;
/// Who watches, and what they call the job.
pub(super) type Reader = (u64, usize);

/// How a job is to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// What kind of job it is, if that is known.
    pub(super) kind: Option<Arc<str>>,
    /// When it began, if that is known. Of any other job nothing is known, and it is looked at right away.
    pub(super) began: Option<Duration>,
    /// Whether to look right away in any case.
    pub(super) at_once: bool,
    /// How long it may be too new to be known to the service.
    pub(super) grace: Duration,
    /// When its reader stops waiting.
    pub(super) deadline: Option<Duration>,
    /// How long it may make no progress.
    pub(super) patience: Option<Duration>,
}

/// One look at a job.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) observation: Observation,
    /// What was seen, if the job was.
    pub(super) sight: Option<Sight>,
    /// What happened since a look succeeded.
    pub(super) history: RetryState,
}

/// What is seen of a job, beyond what decides when to look next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// Grows when the job makes progress.
    pub(super) progress: u64,
    /// What kind of job it is.
    pub(super) kind: Option<String>,
    /// How long it took, by the service's clock.
    pub(super) took: Option<Duration>,
}

/// What follows from a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether the job is not looked at again, and why.
    pub(super) end: Option<End>,
    /// When it is looked at next.
    pub(super) next_in: Duration,
    /// Whom to tell.
    pub(super) readers: Vec<Reader>,
    /// Those whose patience is over; they don't watch any more.
    pub(super) stalled: Vec<Reader>,
}

#[derive(Debug)]
struct Watching {
    reader: Reader,
    since: Duration,
    deadline: Option<Duration>,
    patience: Option<Duration>,
}

#[derive(Debug)]
struct Entry {
    job_id: Arc<JobId>,
    kind: Option<Arc<str>>,
    /// As it was known when the watching began: of jobs that began together the short ones end first, and would make the
    /// others look late.
    usual: Usual,
    machine: Machine,
    watching: Vec<Watching>,
    due: Due,
    /// What happened since a look succeeded.
    history: RetryState,
    progress: u64,
    progress_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    At(Duration),
    InFlight,
    Never,
}

impl Entry {
    fn deadlines(&self, now: Duration) -> Deadlines {
        let deadlines = self.watching.iter().map(|watching| watching.deadline);
        let to_come = deadlines.clone().flatten().filter(|at| *at > now);
        Deadlines {
            next: to_come.min(),
            last: deadlines
                .collect::<Option<Vec<_>>>()
                .and_then(|all| all.into_iter().max()),
        }
    }
}

/// The books. There may be tens of thousands of jobs in them: what is held for each is shared, or held once and by a box,
/// as a map has room for about twice as many entries as it holds.
#[derive(Debug)]
pub(super) struct Book {
    polling: Polling,
    slots: HashMap<Arc<JobId>, Slot>,
    entries: BTreeMap<Slot, Box<Entry>>,
    /// Whoever is due first, then whoever came first.
    queue: BTreeSet<(Duration, Slot)>,
    next_slot: Slot,
}

impl Book {
    pub(super) fn new(polling: Polling) -> Self {
        Self {
            polling,
            slots: HashMap::new(),
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
            next_slot: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A job is watched from now on. One that is watched already is not looked at more often for it.
    pub(super) fn watch(
        &mut self,
        now: Duration,
        job_id: Arc<JobId>,
        reader: Reader,
        wish: Wish,
        habits: &Habits,
        rng: &mut impl Rng,
    ) {
        let watching = Watching {
            reader,
            since: now,
            deadline: wish.deadline,
            patience: wish.patience,
        };
        let slot = self.slots.get(&job_id).copied();
        let slot = slot.unwrap_or_else(|| {
            let slot = self.next_slot;
            self.next_slot += 1;
            self.slots.insert(Arc::clone(&job_id), slot);
            let entry = Entry {
                job_id,
                usual: habits.usual(wish.kind.as_deref().unwrap_or_default(), &self.polling),
                kind: wish.kind,
                machine: Machine::new(now, wish.began, wish.grace),
                watching: Vec::with_capacity(1),
                due: Due::Never,
                history: RetryState::default(),
                progress: 0,
                progress_at: now,
            };
            self.entries.insert(slot, Box::new(entry));
            slot
        });
        let Some(entry) = self.entries.get_mut(&slot) else {
            return;
        };
        entry.watching.push(watching);
        let deadlines = entry.deadlines(now);
        let due = match (wish.at_once || wish.began.is_none(), entry.due) {
            (_, Due::InFlight) => return,
            (true, _) => Action::LookAt(now),
            (false, Due::At(at)) => in_time(now, at, &self.polling, deadlines),
            (false, Due::Never) => {
                let given = Circumstances {
                    polling: &self.polling,
                    usual: entry.usual,
                    deadlines,
                };
                entry.machine.first_look(now, &given, rng)
            }
        };
        let sooner = match (due, entry.due) {
            (Action::LookAt(new), Due::At(at)) => new < at,
            (Action::LookAt(_), _) => true,
            _ => false,
        };
        if sooner {
            self.plan(slot, due);
        }
    }

    /// Somebody does not watch a job any more. Says which one nobody watches now.
    pub(super) fn unwatch(&mut self, job_id: &JobId, reader: Reader) -> Option<Slot> {
        let slot = *self.slots.get(job_id)?;
        let entry = self.entries.get_mut(&slot)?;
        entry.watching.retain(|watching| watching.reader != reader);
        if !entry.watching.is_empty() {
            return None;
        }
        self.remove(slot);
        Some(slot)
    }

    /// When somebody is due, if anybody is.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// The next job to look at, if one is due. It is being looked at from now on.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<(Slot, Arc<JobId>, RetryState)> {
        let (due, slot) = *self.queue.first()?;
        if due > now {
            return None;
        }
        self.queue.pop_first();
        let entry = self.entries.get_mut(&slot)?;
        entry.due = Due::InFlight;
        Some((slot, Arc::clone(&entry.job_id), entry.history))
    }

    /// A look at a job has ended.
    pub(super) fn looked(
        &mut self,
        now: Duration,
        slot: Slot,
        look: Look,
        habits: &mut Habits,
        rng: &mut impl Rng,
    ) -> Told {
        let nobody = Told {
            end: None,
            next_in: Duration::ZERO,
            readers: Vec::new(),
            stalled: Vec::new(),
        };
        let Some(entry) = self.entries.get_mut(&slot) else {
            return nobody;
        };
        let Look {
            observation,
            sight,
            history,
        } = look;
        entry.history = match &sight {
            Some(_) => RetryState::default(),
            None => history,
        };
        let mut took = None;
        if let Some(sight) = sight {
            if sight.progress > entry.progress {
                (entry.progress, entry.progress_at) = (sight.progress, now);
            }
            if entry.kind.is_none()
                && let Some(kind) = sight.kind
            {
                entry.usual = habits.usual(&kind, &self.polling);
                entry.kind = Some(kind.into());
            }
            took = sight.took;
        }
        let kind = entry.kind.as_deref().unwrap_or_default();
        let given = Circumstances {
            polling: &self.polling,
            usual: entry.usual,
            deadlines: entry.deadlines(now),
        };
        let action = entry.machine.on(now, observation, &given, rng);
        if let Action::End(end) = action {
            if end == End::Over
                && let Some(took) = entry.machine.took(now, took)
            {
                habits.learn(kind, took);
            }
            let readers = entry.watching.iter().map(|watching| watching.reader);
            let readers = readers.collect();
            self.remove(slot);
            return Told {
                end: Some(end),
                readers,
                ..nobody
            };
        }
        let (at, seen) = (
            entry.progress_at,
            matches!(observation, Observation::Seen { .. }),
        );
        let (mut readers, mut stalled) = (Vec::new(), Vec::new());
        entry.watching.retain(|watching| {
            let still = now.saturating_sub(at.max(watching.since));
            let over = watching.patience.is_some_and(|patience| still >= patience);
            match seen && over {
                true => stalled.push(watching.reader),
                false => readers.push(watching.reader),
            }
            !(seen && over)
        });
        match readers.is_empty() {
            true => self.remove(slot),
            false => self.plan(slot, action),
        }
        let next_in = match action {
            Action::LookAt(at) => at.saturating_sub(now),
            Action::Rest | Action::End(_) => Duration::ZERO,
        };
        Told {
            end: None,
            next_in,
            readers,
            stalled,
        }
    }

    /// Nothing is watched any more. Says who has to be told.
    pub(super) fn close(&mut self) -> Vec<Reader> {
        self.queue.clear();
        self.slots.clear();
        let entries = std::mem::take(&mut self.entries).into_values();
        entries
            .flat_map(|entry| entry.watching)
            .map(|watching| watching.reader)
            .collect()
    }

    fn plan(&mut self, slot: Slot, action: Action) {
        let Some(entry) = self.entries.get_mut(&slot) else {
            return;
        };
        if let Due::At(at) = entry.due {
            self.queue.remove(&(at, slot));
        }
        entry.due = match action {
            Action::LookAt(at) => {
                self.queue.insert((at, slot));
                Due::At(at)
            }
            Action::Rest | Action::End(_) => Due::Never,
        };
    }

    fn remove(&mut self, slot: Slot) {
        if let Some(entry) = self.entries.remove(&slot) {
            self.slots.remove(&entry.job_id);
            if let Due::At(at) = entry.due {
                self.queue.remove(&(at, slot));
            }
        }
    }
}

#[cfg(test)]
mod tests;
