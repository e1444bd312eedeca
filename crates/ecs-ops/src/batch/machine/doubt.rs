//! The part of the books about batches of unknown fate.

use std::collections::{HashMap, HashSet};

use ecs_client::Problem;
use ecs_model::ServerId;

use super::{Machine, State};
use crate::batch::evidence::{Finding, Sent, Snapshot, Trace, findings, is_changed, trace};
use crate::event::Event;
use crate::journal::Purpose;
use crate::report::{Outcome, ServerReport, ShownBy};

/// What to do about batches of unknown fate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OnUnknown {
    /// Look at the servers for evidence.
    pub(crate) reconcile: bool,
    /// Send again, once, what stays unknown and what turns out not to have been executed.
    pub(crate) resubmit: bool,
}

/// A batch of unknown fate, whose servers are looked at.
#[derive(Debug)]
pub(super) struct Doubt {
    error: Problem,
    /// Servers that were seen at it.
    busy: HashSet<ServerId>,
    /// One of them has shown a trace, so that none is certain to be untouched.
    touched: bool,
    /// What those show that have no outcome.
    open: HashMap<ServerId, String>,
}

impl Doubt {
    /// The outcome of a server that the looking has not decided.
    pub(super) fn outcome(&self, id: &ServerId) -> Outcome {
        let error = self.error.clone();
        Outcome::Unknown {
            job_id: None,
            error: match self.open.get(id) {
                Some(words) => error.and(words),
                None => error,
            },
        }
    }
}

impl Machine {
    /// The fate of a batch is unknown.
    pub(super) fn unknown(&mut self, index: usize, error: Problem) -> Vec<Event> {
        let batch = index + 1;
        let servers = self.servers(index).to_vec();
        // How a server was before the run says nothing of a second restart: that stays unknown.
        let first_time = self.purpose(index) != Purpose::Escalate;
        if self.on_unknown.reconcile && first_time {
            let doubt = Doubt {
                error: error.clone(),
                busy: HashSet::new(),
                touched: false,
                open: HashMap::new(),
            };
            self.replace(index, State::Doubtful(doubt));
            let servers = servers.len();
            return vec![Event::Reconciling {
                batch,
                servers,
                error,
            }];
        }
        let unknown = Outcome::Unknown {
            job_id: None,
            error: error.clone(),
        };
        let mut events = Vec::new();
        let rest = match first_time {
            true => self.resubmit(index, servers, Some(&error), &mut events),
            false => servers,
        };
        if !rest.is_empty() {
            events.push(Event::BatchEnded {
                batch,
                servers: rest.len(),
                outcome: unknown.name(),
                error,
            });
        }
        self.replace(index, State::Ended);
        let ended = rest.into_iter();
        events.extend(ended.filter_map(|id| self.end_one(id, unknown.clone())));
        events
    }

    /// Servers that were found not to have been acted on, and that are going to be sent again.
    pub(crate) fn take_freed(&mut self) -> Vec<ServerReport> {
        std::mem::take(&mut self.freed)
    }

    /// One of the servers of a doubtful batch has shown a trace: none is certain to be untouched.
    pub(super) fn was_touched(&mut self, index: usize) {
        if let Some(State::Doubtful(doubt)) =
            self.batches.get_mut(index).map(|batch| &mut batch.state)
        {
            doubt.touched = true;
        }
    }

    /// The batches whose servers are to be looked at.
    pub(crate) fn doubtful(&self) -> Vec<usize> {
        self.doubtful.iter().copied().collect()
    }

    /// Why the fate of a batch is unknown.
    pub(crate) fn doubt(&self, index: usize) -> Option<&Problem> {
        match &self.batches.get(index)?.state {
            State::Doubtful(doubt) => Some(&doubt.error),
            _ => None,
        }
    }

    /// The servers of a doubtful batch were looked at; `last`: for the last time.
    pub(crate) fn reconcile(
        &mut self,
        index: usize,
        before: &Snapshot,
        now: Result<&Snapshot, &Problem>,
        sent: Sent,
        last: bool,
    ) -> Vec<Event> {
        let action = self.action;
        let servers = self.servers(index).to_vec();
        if self.doubt(index).is_none() {
            return Vec::new();
        }
        let Some(State::Doubtful(mut doubt)) = self.replace(index, State::Ended) else {
            return Vec::new();
        };
        let read = |id: &ServerId| {
            let busy = doubt.busy.contains(id);
            match now {
                Ok(now) => trace(action, now.get(id), before.get(id), busy, sent),
                Err(error) => Trace::Unclear(format!("the servers could not be listed: {error}")),
            }
        };
        let traces: Vec<_> = servers.iter().map(read).collect();
        doubt.touched |= traces
            .iter()
            .any(|trace| matches!(trace, Trace::Done | Trace::Busy))
            || now.is_ok_and(|now| {
                servers
                    .iter()
                    .any(|id| is_changed(now.get(id), before.get(id)))
            });
        let (mut events, mut untouched, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for ((id, trace), finding) in
            servers
                .iter()
                .zip(&traces)
                .zip(findings(&traces, doubt.touched, last))
        {
            if *trace == Trace::Busy {
                doubt.busy.insert(*id);
            }
            match finding {
                Finding::Succeeded => {
                    let outcome = Outcome::Succeeded {
                        job_id: None,
                        shown_by: ShownBy::Server,
                    };
                    events.extend(self.end_one(*id, outcome));
                }
                Finding::NotAttempted => untouched.push(*id),
                Finding::Open(words) if !self.outcomes.contains_key(id) => {
                    doubt.open.insert(*id, words);
                    left.push(*id);
                }
                Finding::Open(_) => {}
            }
        }
        if !last && !left.is_empty() {
            self.replace(index, State::Doubtful(doubt));
            return events;
        }
        let untouched = self.resubmit(index, untouched, None, &mut events);
        let left = self.resubmit(index, left, Some(&doubt.error), &mut events);
        let error = doubt.error.clone();
        let error = error.because("not executed, since the server is as it was before the run");
        for id in untouched {
            let error = error.clone();
            events.extend(self.end_one(id, Outcome::NotAttempted { error }));
        }
        for id in left {
            events.extend(self.end_one(id, doubt.outcome(&id)));
        }
        events
    }

    /// Queues these again, each once in a run, if that is wanted. `first`: what is known of the first request, unless it
    /// is certain that it was not executed. Gives back those that are not sent again.
    fn resubmit(
        &mut self,
        index: usize,
        servers: Vec<ServerId>,
        first: Option<&Problem>,
        events: &mut Vec<Event>,
    ) -> Vec<ServerId> {
        if !self.on_unknown.resubmit || self.halted.is_some() || self.closing {
            return servers;
        }
        let is_new = |id: &ServerId| !self.resubmitted.contains_key(id);
        let (again, rest): (Vec<_>, Vec<_>) = servers.into_iter().partition(is_new);
        if !again.is_empty() {
            if first.is_none() {
                // Certain, and to be written down before they are sent again.
                let words = "not executed, since the server is as it was before the run";
                self.freed.extend(again.iter().map(|id| {
                    let error = Problem::new(words);
                    ServerReport::new(*id, Outcome::NotAttempted { error })
                }));
            }
            let first_times = again.iter().map(|id| (*id, first.cloned()));
            self.resubmitted.extend(first_times);
            events.push(Event::Resubmitting {
                batch: index + 1,
                servers: again.len(),
                maybe_executed: first.is_some(),
            });
            self.queue.again(again);
        }
        rest
    }

    /// What became of a server that was sent twice: that the second request was not executed says nothing of the first.
    pub(super) fn in_view_of_the_first_time(&self, id: ServerId, outcome: Outcome) -> Outcome {
        match (outcome, self.resubmitted.get(&id)) {
            (
                Outcome::NotAttempted { error }
                | Outcome::Failed {
                    job_id: None,
                    error,
                },
                Some(Some(first)),
            ) => Outcome::Unknown {
                job_id: None,
                error: first
                    .clone()
                    .and(&format!("the second request: {}", error.message)),
            },
            (outcome, _) => outcome,
        }
    }

    /// Sets the state of a batch, and gives back the one before.
    fn replace(&mut self, index: usize, state: State) -> Option<State> {
        let batch = self.batches.get_mut(index)?;
        match state {
            State::Doubtful(_) => self.doubtful.insert(index),
            _ => self.doubtful.remove(&index),
        };
        Some(std::mem::replace(&mut batch.state, state))
    }
}
