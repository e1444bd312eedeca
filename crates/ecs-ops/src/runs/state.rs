//! The state of a run: its requests and the outcomes of its servers. Pure: no clock, no I/O.

mod close;
mod conclude;
mod end;
mod escalate;
mod hang;
mod jobs;
mod next;
mod poll;
mod recheck;
mod refusal;
mod resume;
mod unknown;
mod verify;
mod wanted;
mod waves;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ecs_client::{Classification, Problem, RequestError, StopCause};
use ecs_model::{JobId, JobStatus, ServerId};

use self::escalate::Escalations;
use self::unknown::Reconciliation;
use self::verify::Unverified;
use self::waves::WaveQueue;
use super::queue::RequestQueue;
use super::request_plan::RequestPlan;
use crate::action::PowerAction;
use crate::event::Event;
use crate::fleet::WaveRecheck;
use crate::journal::{Acceptance, Ledger, OutcomeKind, Purpose};
use crate::report::{Outcome, ServerReport};
use crate::rolling::Rolling;
use crate::ticket::JobOrigin;

pub(crate) use conclude::Decided;
pub(crate) use recheck::{Rechecked, WaveToRead};
pub(crate) use resume::Resumption;
pub(crate) use unknown::{ReconcileStage, UnknownPolicy};

/// Options of a run.
#[derive(Debug, Default)]
pub(crate) struct RunOptions {
    pub(crate) on_unknown: UnknownPolicy,
    /// The waves of its plan. `None`: no waves.
    pub(crate) rolling: Option<Rolling>,
    /// The time after which a server that is not back is restarted hard. `None`: never.
    pub(crate) escalate_after: Option<Duration>,
    /// The time after which a server that hangs in its soft restart is restarted hard. `None`:
    /// never.
    pub(crate) escalate_hang: Option<Duration>,
    /// The read of a wave's servers before it begins. `None`: there is none.
    pub(crate) recheck: Option<WaveRecheck>,
    /// The place of its jobs, for their tickets.
    pub(crate) origin: Option<Arc<JobOrigin>>,
}

/// A request that was taken from the queue.
#[derive(Debug)]
struct RunRequest {
    servers: Vec<ServerId>,
    purpose: Purpose,
    state: RequestState,
    /// `true` if unrequested servers of its job were reported.
    unrequested_reported: bool,
    /// `true` if the undocumented status of its job was reported.
    undocumented_reported: bool,
    /// The number of polls in which its job reported all servers without being finished.
    overdue: u32,
    /// `true` if the latest poll showed its job as running.
    shown_running: bool,
    /// `true` if it had more servers when an earlier process sent it.
    is_partial: bool,
}

#[derive(Debug)]
enum RequestState {
    Submitting,
    /// Withdrawn before it was sent again, with the reason it was not accepted so far; `None`:
    /// before it was sent at all.
    Withdrawn(Option<Problem>),
    /// The index of its job.
    Accepted(usize),
    /// Its answer was lost; it is being reconciled.
    Unknown(Box<Reconciliation>),
    /// Each of its servers has an outcome or is queued again.
    Ended,
}

impl RunRequest {
    fn new(servers: Vec<ServerId>, purpose: Purpose, state: RequestState) -> Self {
        Self {
            servers,
            purpose,
            state,
            unrequested_reported: false,
            undocumented_reported: false,
            overdue: 0,
            shown_running: false,
            is_partial: false,
        }
    }
}

/// The state of a run.
#[derive(Debug)]
pub(crate) struct RunState {
    run_id: String,
    action: PowerAction,
    /// All servers, in the given order.
    servers: Vec<ServerId>,
    queue: RequestQueue,
    requests: Vec<RunRequest>,
    /// The number of planned requests.
    planned: usize,
    ledger: Ledger,
    origin: Option<Arc<JobOrigin>>,
    /// The reason why the run submits nothing more.
    halted: Option<Problem>,
    refused: Option<Problem>,
    denied: Option<Problem>,
    /// `true` if the service showed a job since it last hid one.
    sees_jobs: bool,
    /// The reason why a job is not shown while others are.
    hidden: Option<Problem>,
    /// The reason why the journal failed.
    journal_failed: Option<Problem>,
    /// `true` if a job stalled.
    stalled: bool,
    /// Servers to verify. `None`: verification is off.
    unverified: Option<Unverified>,
    /// Failures of servers that may be in the wanted state.
    to_read: BTreeMap<ServerId, Outcome>,
    waves: Option<WaveQueue>,
    /// `true` if the waves were the first reason to stop.
    rolling_stops: bool,
    /// Escalations. `None`: escalation is off.
    escalations: Option<Escalations>,
    on_unknown: UnknownPolicy,
    /// `true` if the run was stopped: it submits nothing more.
    closing: bool,
    /// The requests to reconcile.
    unknown_requests: BTreeSet<usize>,
    /// Servers that were sent again, with the problem of the first request if it may have been
    /// executed.
    resubmitted: HashMap<ServerId, Option<Problem>>,
    /// Servers among them that were certainly not acted on, until the end of the step.
    cleared: Vec<ServerReport>,
    /// Jobs that are no longer polled, with their last status, until the end of the step.
    finished_jobs: Vec<(JobId, Option<JobStatus>)>,
    /// Requests with a lost answer whose job was found, until the end of the step.
    found_jobs: Vec<Acceptance>,
}

impl RunState {
    /// The state of a new run on these servers with this plan.
    pub(crate) fn new(
        run_id: String,
        servers: Vec<ServerId>,
        plan: RequestPlan,
        options: RunOptions,
    ) -> Self {
        let (action, planned, batch_size) = (plan.action, plan.requests.len(), plan.batch_size);
        let (waves, at_once) = match options.rolling {
            Some(rolling) => {
                let (waves, at_once) = WaveQueue::new(rolling, plan, options.recheck);
                (Some(waves), at_once)
            }
            None => (None, plan.requests),
        };
        let (after, hang) = (options.escalate_after, options.escalate_hang);
        let escalates = after.is_some() || hang.is_some();
        Self {
            on_unknown: options.on_unknown,
            closing: false,
            unknown_requests: BTreeSet::new(),
            resubmitted: HashMap::new(),
            cleared: Vec::new(),
            finished_jobs: Vec::new(),
            found_jobs: Vec::new(),
            run_id,
            action,
            servers,
            requests: Vec::with_capacity(planned),
            planned,
            queue: RequestQueue::new(at_once),
            waves,
            rolling_stops: false,
            escalations: escalates.then(|| Escalations::new(after, hang, batch_size)),
            // The capacity is mostly exact: a list that doubles would have room for twice as many.
            ledger: Ledger {
                jobs: Vec::with_capacity(planned),
                ..Ledger::default()
            },
            origin: options.origin,
            halted: None,
            refused: None,
            denied: None,
            sees_jobs: false,
            hidden: None,
            journal_failed: None,
            stalled: false,
            unverified: None,
            to_read: BTreeMap::new(),
        }
    }

    pub(crate) fn planned(&self) -> Event {
        Event::Planned {
            run_id: self.run_id.clone(),
            servers: self.servers.len(),
            requests: self.planned,
        }
    }

    /// Returns `true` if a request had more servers when an earlier process sent it.
    pub(crate) fn is_partial(&self, index: usize) -> bool {
        self.requests
            .get(index)
            .is_some_and(|request| request.is_partial)
    }

    /// The action of the run.
    pub(crate) fn action(&self) -> PowerAction {
        self.action
    }

    /// The number of servers of the run.
    pub(crate) fn requested(&self) -> usize {
        self.servers.len()
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The servers that were not submitted yet.
    pub(crate) fn unsent(&self) -> Vec<ServerId> {
        let to_come = self.waves.iter().flat_map(WaveQueue::servers);
        self.queue.left().chain(to_come).collect()
    }

    pub(crate) fn servers(&self, request: usize) -> &[ServerId] {
        self.requests
            .get(request)
            .map_or(&[], |request| &request.servers)
    }

    /// Returns the reason why a request is sent.
    pub(crate) fn purpose(&self, request: usize) -> Purpose {
        let request = self.requests.get(request);
        request.map_or(Purpose::First, |request| request.purpose)
    }

    /// Returns the reason why these servers are sent now.
    fn purpose_of(&self, servers: &[ServerId]) -> Purpose {
        // A server that was certainly not acted on is sent as if for the first time.
        let again = |id| matches!(self.resubmitted.get(id), Some(Some(_)));
        if servers.iter().any(again) {
            Purpose::Resubmit
        } else if servers
            .iter()
            .any(|id| self.ledger.soft_outcomes.contains_key(id))
        {
            Purpose::Escalate
        } else {
            Purpose::First
        }
    }

    /// Notes that the journal failed, so nothing more is submitted. Returns whether that is new.
    pub(crate) fn journal_failed(&mut self, reason: Problem) -> bool {
        let news = self.journal_failed.is_none();
        self.halt(reason.clone().because("not sent"));
        self.journal_failed.get_or_insert(reason);
        news
    }

    /// Stops submitting.
    pub(crate) fn halt(&mut self, reason: Problem) {
        self.halted.get_or_insert(reason);
    }

    /// Notes the stop: nothing more is submitted or resubmitted.
    pub(crate) fn stop_submitting(&mut self) {
        self.closing = true;
    }

    /// The service cannot be reached.
    pub(crate) fn unreachable(&mut self, reason: Problem) {
        self.halt(reason.because("not sent because the service cannot be reached"));
    }

    /// Notes that the credentials were refused.
    pub(crate) fn refuse(&mut self, reason: Problem) {
        self.halt(
            reason
                .clone()
                .because("not sent because another request was refused"),
        );
        self.refused.get_or_insert(reason);
    }

    /// Returns `true` if queries are refused.
    pub(crate) fn is_denied(&self) -> bool {
        self.denied.is_some()
    }

    /// Returns `true` if the run submits nothing more.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// A request was not accepted, or its answer was lost.
    pub(crate) fn not_accepted(&mut self, index: usize, failure: RequestError) -> Vec<Event> {
        self.queue.answered(index, false);
        let (classification, stop_cause) = (failure.classification(), failure.stop_cause());
        let error = failure.into_problem();
        let refused = matches!(
            classification,
            Classification::Refused | Classification::RefusedCredentials
        );
        if refused
            && stop_cause == StopCause::GaveUp
            && let Some(split) = self.split_refused(index, classification, &error)
        {
            return vec![split];
        }
        if stop_cause != StopCause::GaveUp {
            let sent = stop_cause == StopCause::Withdrawn;
            if let Some(request) = self.requests.get_mut(index) {
                request.state = RequestState::Withdrawn(sent.then_some(error));
            }
            return Vec::new();
        }
        let (blames_servers, stopping) = if refused {
            self.end_refused(index, classification, &error)
        } else {
            (false, None)
        };
        let kind = match classification {
            Classification::Unknown | Classification::Done | Classification::Transient => {
                return self.answer_lost(index, error);
            }
            Classification::Refused if blames_servers => OutcomeKind::Failed,
            Classification::Refused
            | Classification::NotDelivered
            | Classification::NotForwarded
            | Classification::Throttled
            | Classification::RefusedCredentials => OutcomeKind::NotAttempted,
        };
        match classification {
            Classification::NotDelivered => self.unreachable(error.clone()),
            Classification::NotForwarded => {
                let reason = "not sent, since another request was not forwarded to the service";
                self.halt(error.clone().because(reason));
            }
            // It is throttled for longer than a run waits.
            Classification::Throttled => {
                self.halt(
                    error
                        .clone()
                        .because("not sent because the service throttles"),
                );
            }
            _ => {}
        }
        let mut events = vec![Event::RequestEnded {
            request: index + 1,
            servers: self.servers(index).len(),
            outcome: kind,
            error: error.clone(),
        }];
        events.extend(stopping);
        let outcome = match kind {
            OutcomeKind::Failed => Outcome::Failed {
                job_id: None,
                error,
            },
            _ => Outcome::NotAttempted { error },
        };
        events.extend(self.end_request(index, &outcome));
        events
    }
}

#[cfg(test)]
mod tests;
