//! Requests whose answer was lost.

use std::collections::{HashMap, HashSet};

use ecs_client::Problem;
use ecs_model::ServerId;

use super::{RequestState, RunState};
use crate::action::PowerAction;
use crate::event::Event;
use crate::journal::{Acceptance, CLEARED, OutcomeKind, Purpose};
use crate::report::{Evidence, Outcome, ServerReport};
use crate::runs::evidence::{
    Conclusion, Observation, SentTimes, ServerList, conclusions, is_changed, observe,
};
use crate::runs::records::{RequestRecords, ServerStates};

/// The reason why a server was not acted on that shows no change.
const UNCHANGED: &str = "the server is unchanged since before the run";

/// The policy for lost answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UnknownPolicy {
    /// Reconcile: list the servers to find evidence.
    pub(crate) reconcile: bool,
    /// Resubmit, once, servers that stay unknown or were not acted on.
    pub(crate) resubmit: bool,
}

/// The progress of a request's reconciliation when servers are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReconcileStage {
    /// Before the limit: absence proves nothing yet.
    Early,
    /// The limit is reached, and records or traces may still decide: undecided servers stay open.
    UnlessUndecided,
    /// The last list: what is undecided ends as unknown.
    Last,
}

/// A list of the servers of a request.
#[derive(Clone, Copy)]
struct ServersNow<'a> {
    /// The servers before the run.
    before: &'a ServerList,
    /// The servers now, or why they could not be listed.
    now: Result<&'a ServerList, &'a Problem>,
    /// The time at which the request was sent.
    sent: SentTimes,
}

/// The reconciliation of a request.
#[derive(Debug)]
pub(super) struct Reconciliation {
    error: Problem,
    /// Servers on which the action was seen in progress.
    in_progress: HashSet<ServerId>,
    /// `true` if one of its servers shows a change, so that none is certainly unchanged.
    shows_change: bool,
    /// The states of the undecided servers.
    undecided: HashMap<ServerId, String>,
    /// Servers that show the action, of which a record is still to come.
    awaiting_record: HashSet<ServerId>,
    /// The evidence of the service's records.
    records: Option<RequestRecords>,
    /// The reason why the records could not be read.
    records_refused: Option<String>,
}

impl Reconciliation {
    /// Concludes about each server by a list of servers. `last`: absence proves something by now.
    fn conclude(
        &mut self,
        action: PowerAction,
        servers: &[ServerId],
        list: ServersNow<'_>,
        last: bool,
    ) -> Vec<Conclusion> {
        let ServersNow { before, now, sent } = list;
        let read = |id: &ServerId| {
            let in_progress = self.in_progress.contains(id);
            match now {
                Ok(now) => observe(action, now.get(id), before.get(id), in_progress, sent),
                Err(error) => {
                    Observation::Inconclusive(format!("the servers could not be listed: {error}"))
                }
            }
        };
        let observations: Vec<_> = servers.iter().map(read).collect();
        self.shows_change |= observations
            .iter()
            .any(|observation| matches!(observation, Observation::Done | Observation::InProgress))
            || now.is_ok_and(|now| {
                servers
                    .iter()
                    .any(|id| is_changed(now.get(id), before.get(id)))
            });
        let concluded = match (&self.records, now) {
            (Some(records), Ok(now)) => {
                self.shows_change |= records.shows_ours();
                let states = ServerStates {
                    action,
                    servers,
                    before,
                    now,
                    observations: &observations,
                };
                records.conclusions(states, self.shows_change, last)
            }
            _ => conclusions(&observations, self.shows_change, last),
        };
        for (id, observation) in servers.iter().zip(&observations) {
            if *observation == Observation::InProgress {
                self.in_progress.insert(*id);
            }
        }
        concluded
    }

    /// The outcome of an undecided server.
    pub(super) fn outcome(&self, id: &ServerId) -> Outcome {
        if self.awaiting_record.contains(id) {
            return Outcome::Succeeded {
                job_id: None,
                evidence: Evidence::Server,
            };
        }
        let mut error = self.error.clone();
        if let Some(message) = self.undecided.get(id) {
            error = error.and(message);
        }
        if let Some(message) = &self.records_refused {
            error = error.and(message);
        }
        Outcome::Unknown {
            job_id: None,
            error,
        }
    }
}

impl RunState {
    /// The answer of a request was lost.
    pub(super) fn answer_lost(&mut self, index: usize, error: Problem) -> Vec<Event> {
        let request = index + 1;
        let servers = self.servers(index).to_vec();
        // The initial state of a server says nothing about a second restart: that stays unknown.
        let first_time = self.purpose(index) != Purpose::Escalate;
        if self.on_unknown.reconcile && first_time {
            let reconciliation = Reconciliation {
                error: error.clone(),
                in_progress: HashSet::new(),
                shows_change: false,
                undecided: HashMap::new(),
                awaiting_record: HashSet::new(),
                records: None,
                records_refused: None,
            };
            self.replace(index, RequestState::Unknown(Box::new(reconciliation)));
            let servers = servers.len();
            return vec![Event::Reconciling {
                request,
                servers,
                error,
            }];
        }
        let unknown = Outcome::Unknown {
            job_id: None,
            error: error.clone(),
        };
        let mut events = Vec::new();
        let rest = if first_time {
            self.resubmit(index, servers, Some(&error), &mut events)
        } else {
            servers
        };
        if !rest.is_empty() {
            events.push(Event::RequestEnded {
                request,
                servers: rest.len(),
                outcome: OutcomeKind::Unknown,
                error,
            });
        }
        self.replace(index, RequestState::Ended);
        let ended = rest.into_iter();
        events.extend(ended.filter_map(|id| self.end_server(id, unknown.clone())));
        events
    }

    /// Notes that a server of a request shows a change: none is certainly unchanged.
    pub(super) fn mark_changed(&mut self, index: usize) {
        if let Some(RequestState::Unknown(reconciliation)) = self
            .requests
            .get_mut(index)
            .map(|request| &mut request.state)
        {
            reconciliation.shows_change = true;
        }
    }

    /// The requests to reconcile.
    pub(crate) fn unknown_requests(&self) -> Vec<usize> {
        self.unknown_requests.iter().copied().collect()
    }

    /// Returns the reason why the answer of a request is lost.
    pub(crate) fn unknown_cause(&self, index: usize) -> Option<&Problem> {
        match &self.requests.get(index)?.state {
            RequestState::Unknown(reconciliation) => Some(&reconciliation.error),
            _ => None,
        }
    }

    /// The job of a request whose answer was lost was found: it is an ordinary one from now on.
    pub(crate) fn found_job(&mut self, acceptance: Acceptance) -> Option<Event> {
        let index = acceptance.request.checked_sub(1)?;
        self.unknown_cause(index)?;
        // A second restart never rests on a first one whose answer was lost.
        for id in self.servers(index).to_vec() {
            self.exclude_from_escalation(id);
        }
        self.found_jobs.push(acceptance.clone());
        let job = self.add_job(acceptance, true)?;
        Some(Event::JobFound {
            request: job.request,
            servers: job.servers,
            job_id: job.job_id.clone(),
            ticket: None,
        })
    }

    /// Sets what the service's records show about a request until the next list of servers;
    /// `refused`: which of them could not be read, and why.
    pub(crate) fn set_records(
        &mut self,
        index: usize,
        records: Option<RequestRecords>,
        refused: [(&str, Option<&Problem>); 2],
    ) {
        let request = self.requests.get_mut(index);
        if let Some(RequestState::Unknown(reconciliation)) =
            request.map(|request| &mut request.state)
        {
            reconciliation.records = records;
            let refused = refused.into_iter().filter_map(|(records, problem)| {
                let message = &problem?.message;
                Some(format!("the {records} could not be read: {message}"))
            });
            let refused = refused.collect::<Vec<_>>().join("; ");
            reconciliation.records_refused = (!refused.is_empty()).then_some(refused);
        }
    }

    /// Applies a list of servers to a request.
    pub(crate) fn reconcile(
        &mut self,
        index: usize,
        before: &ServerList,
        now: Result<&ServerList, &Problem>,
        sent: SentTimes,
        stage: ReconcileStage,
    ) -> Vec<Event> {
        let last = stage != ReconcileStage::Early;
        let servers = self.servers(index).to_vec();
        if self.unknown_cause(index).is_none() {
            return Vec::new();
        }
        let Some(RequestState::Unknown(mut reconciliation)) =
            self.replace(index, RequestState::Ended)
        else {
            return Vec::new();
        };
        let list = ServersNow { before, now, sent };
        let concluded = reconciliation.conclude(self.action, &servers, list, last);
        let (mut events, mut untouched, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let mut unrecorded = HashMap::new();
        reconciliation.awaiting_record.clear();
        for (id, conclusion) in servers.iter().zip(concluded) {
            match conclusion {
                Conclusion::Succeeded(evidence) => {
                    let job_id = None;
                    events.extend(self.end_server(*id, Outcome::Succeeded { job_id, evidence }));
                }
                Conclusion::NotRecorded(_) if self.ledger.outcomes.contains_key(id) => {}
                Conclusion::NotRecorded(message) => {
                    unrecorded.insert(*id, message);
                    untouched.push(*id);
                }
                Conclusion::NotAttempted => untouched.push(*id),
                Conclusion::AwaitingRecord if self.ledger.outcomes.contains_key(id) => {}
                Conclusion::AwaitingRecord => {
                    reconciliation.awaiting_record.insert(*id);
                    left.push(*id);
                }
                Conclusion::Undecided(message) if !self.ledger.outcomes.contains_key(id) => {
                    reconciliation.undecided.insert(*id, message);
                    left.push(*id);
                }
                Conclusion::Undecided(_) => {}
            }
        }
        if stage != ReconcileStage::Last && !left.is_empty() {
            self.replace(index, RequestState::Unknown(reconciliation));
            return events;
        }
        let untouched = self.resubmit(index, untouched, None, &mut events);
        let left = self.resubmit(index, left, Some(&reconciliation.error), &mut events);
        for id in untouched {
            let reason = unrecorded.get(&id).map_or(UNCHANGED, String::as_str);
            let error = reconciliation.error.clone();
            let error = error.because(&format!("not executed: {reason}"));
            events.extend(self.end_server(id, Outcome::NotAttempted { error }));
        }
        for id in left {
            events.extend(self.end_server(id, reconciliation.outcome(&id)));
        }
        events
    }

    /// Queues servers again, each once in a run, if the policy allows it. `first`: the problem of
    /// the first request; `None` if it was certainly not executed. Returns the servers that are not
    /// sent again.
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
                // This is certain, and must be recorded before they are sent again.
                self.cleared.extend(again.iter().map(|id| {
                    let error = Problem::new(CLEARED);
                    ServerReport::new(*id, Outcome::NotAttempted { error })
                }));
            }
            let first_times = again.iter().map(|id| (*id, first.cloned()));
            self.resubmitted.extend(first_times);
            events.push(Event::Resubmitting {
                request: index + 1,
                servers: again.len(),
                maybe_executed: first.is_some(),
            });
            self.queue.push_back(again);
        }
        rest
    }

    /// The outcome of a server that was sent twice: an unexecuted second request says nothing about
    /// the first.
    pub(super) fn merge_with_first_attempt(&self, id: ServerId, outcome: Outcome) -> Outcome {
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

    /// Replaces the state of a request and returns the old one.
    pub(super) fn replace(&mut self, index: usize, state: RequestState) -> Option<RequestState> {
        let request = self.requests.get_mut(index)?;
        match state {
            RequestState::Unknown(_) => self.unknown_requests.insert(index),
            _ => self.unknown_requests.remove(&index),
        };
        Some(std::mem::replace(&mut request.state, state))
    }
}
