//! The books of a run: which request is where, and what became of each server. Pure: no clock, no I/O.

mod close;
mod escalate;
mod poll;
mod resume;
mod unknown;
mod verify;
mod waves;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ecs_client::{Classification, Problem, RequestError, StopCause};
use ecs_model::{ErrorInfo, Executed, JobId, ServerId};

use self::escalate::Escalations;
use self::unknown::Reconciliation;
use self::verify::Unverified;
use self::waves::WaveQueue;
use super::plan::Plan;
use super::queue::RequestQueue;
use crate::action::PowerAction;
use crate::event::Event;
use crate::journal::Purpose;
use crate::report::{JobReport, Outcome, ServerReport};
use crate::rolling::Rolling;
use crate::ticket::JobTicket;

pub(crate) use resume::Resumption;
pub(crate) use unknown::UnknownPolicy;

/// How a run goes.
#[derive(Debug, Default)]
pub(crate) struct RunOptions {
    pub(crate) on_unknown: UnknownPolicy,
    /// The waves that its plan is made of, if it is.
    pub(crate) rolling: Option<Rolling>,
    /// After how long a server that is not back is restarted hard, if that is wanted.
    pub(crate) escalate_after: Option<Duration>,
}

/// One request that was given out.
#[derive(Debug)]
struct RunRequest {
    servers: Vec<ServerId>,
    state: RequestState,
    /// Whether it was said that its job tells of servers that were not asked for.
    unrequested_reported: bool,
    /// Whether it was said that the status of its job is not documented.
    undocumented_reported: bool,
    /// How often its job was seen to have told the end of each server and not to be over itself.
    overdue: u32,
}

#[derive(Debug)]
enum RequestState {
    Submitting,
    /// Taken back before it was sent again, and why it had not been accepted until then; or before it was sent at all.
    Withdrawn(Option<Problem>),
    /// The index of its job.
    Accepted(usize),
    /// Of unknown fate; its servers are looked at for evidence.
    Unknown(Reconciliation),
    /// Each of its servers has an outcome, or is in the queue again.
    Ended,
}

impl RunRequest {
    fn new(servers: Vec<ServerId>, state: RequestState) -> Self {
        Self {
            servers,
            state,
            unrequested_reported: false,
            undocumented_reported: false,
            overdue: 0,
        }
    }
}

/// The books.
#[derive(Debug)]
pub(crate) struct RunState {
    run_id: String,
    action: PowerAction,
    /// All servers, in the order in which they were given.
    servers: Vec<ServerId>,
    queue: RequestQueue,
    requests: Vec<RunRequest>,
    /// How many requests the plan had.
    planned: usize,
    jobs: Vec<JobReport>,
    outcomes: HashMap<ServerId, Outcome>,
    /// Nothing more is submitted, and why.
    halted: Option<Problem>,
    refused: Option<Problem>,
    denied: Option<Problem>,
    /// Why nothing more is written down.
    journal_failed: Option<Problem>,
    /// Some job made no progress.
    stalled: bool,
    /// Servers whose job succeeded and that are to be seen at rest, where that is wanted.
    unverified: Option<Unverified>,
    waves: Option<WaveQueue>,
    /// The waves were the first reason to submit nothing more.
    rolling_stops: bool,
    /// Servers that are restarted hard, where that is wanted.
    escalations: Option<Escalations>,
    on_unknown: UnknownPolicy,
    /// The run was told to submit nothing more.
    closing: bool,
    /// The requests whose servers are to be looked at.
    unknown_requests: BTreeSet<usize>,
    /// Servers that were sent again although they may have been acted on, and what was known of the first time.
    resubmitted: HashMap<ServerId, Option<Problem>>,
    /// Those of them that were found not to have been acted on, until that is written down.
    cleared: Vec<ServerReport>,
}

impl RunState {
    /// The books of a run on these servers, by a plan that is about them.
    pub(crate) fn new(
        run_id: String,
        servers: Vec<ServerId>,
        plan: Plan,
        options: RunOptions,
    ) -> Self {
        let (action, planned, batch_size) = (plan.action, plan.requests.len(), plan.batch_size);
        let (waves, at_once) = match options.rolling {
            Some(rolling) => {
                let (waves, at_once) = WaveQueue::new(rolling, plan);
                (Some(waves), at_once)
            }
            None => (None, plan.requests),
        };
        let escalations = options.escalate_after;
        Self {
            on_unknown: options.on_unknown,
            closing: false,
            unknown_requests: BTreeSet::new(),
            resubmitted: HashMap::new(),
            cleared: Vec::new(),
            run_id,
            action,
            outcomes: HashMap::with_capacity(servers.len()),
            servers,
            requests: Vec::with_capacity(planned),
            planned,
            queue: RequestQueue::new(at_once),
            waves,
            rolling_stops: false,
            escalations: escalations.map(|after| Escalations::new(Some(after), batch_size)),
            jobs: Vec::new(),
            halted: None,
            refused: None,
            denied: None,
            journal_failed: None,
            stalled: false,
            unverified: None,
        }
    }

    pub(crate) fn planned(&self) -> Event {
        Event::Planned {
            run_id: self.run_id.clone(),
            servers: self.servers.len(),
            requests: self.planned,
        }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The servers that were not given out yet.
    pub(crate) fn unsent(&self) -> Vec<ServerId> {
        let to_come = self.waves.iter().flat_map(WaveQueue::servers);
        self.queue.left().chain(to_come).collect()
    }

    pub(crate) fn servers(&self, request: usize) -> &[ServerId] {
        self.requests
            .get(request)
            .map_or(&[], |request| &request.servers)
    }

    /// Why a request is sent.
    pub(crate) fn purpose(&self, request: usize) -> Purpose {
        let servers = self.servers(request);
        // What was found not to have been acted on is sent as if for the first time.
        let again = |id| matches!(self.resubmitted.get(id), Some(Some(_)));
        if servers.iter().any(again) {
            Purpose::Resubmit
        } else if servers.iter().any(|id| self.soft_outcome(id).is_some()) {
            Purpose::Escalate
        } else {
            Purpose::First
        }
    }

    /// Nothing more is written down, so nothing more is submitted. Says whether that is news.
    pub(crate) fn journal_failed(&mut self, why: Problem) -> bool {
        let news = self.journal_failed.is_none();
        self.halt(why.clone().because("not sent"));
        self.journal_failed.get_or_insert(why);
        news
    }

    /// The next request to submit. It counts as being submitted from now on.
    pub(crate) fn next_request(&mut self) -> Option<usize> {
        if self.halted.is_some() {
            return None;
        }
        let index = self.requests.len();
        let servers = self.queue.next(index)?;
        self.requests
            .push(RunRequest::new(servers, RequestState::Submitting));
        Some(index)
    }

    /// Nothing more is to be submitted: it would end in the same way.
    fn halt(&mut self, why: Problem) {
        self.halted.get_or_insert(why);
    }

    /// The run was told to submit nothing more: nothing is sent again, either.
    pub(crate) fn stop_submitting(&mut self) {
        self.closing = true;
    }

    /// Credentials were refused before anything was submitted.
    pub(crate) fn refuse(&mut self, why: Problem) {
        self.halt(
            why.clone()
                .because("not sent, since another request was refused"),
        );
        self.refused.get_or_insert(why);
    }

    /// Whether we may not look at jobs or servers any more.
    pub(crate) fn is_denied(&self) -> bool {
        self.denied.is_some()
    }

    /// Whether nothing more is to be submitted.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// The service took a request.
    pub(crate) fn accepted(&mut self, index: usize, ticket: JobTicket) -> Option<Event> {
        self.queue.answered(index, true);
        let request = self.requests.get_mut(index)?;
        request.state = RequestState::Accepted(self.jobs.len());
        let job_id = ticket.job_id().clone();
        self.jobs.push(JobReport {
            job_id: job_id.clone(),
            status: None,
            servers: request.servers.len(),
            request_id: ticket.request_id().map(str::to_owned),
            ticket,
        });
        Some(Event::Accepted {
            request: index + 1,
            servers: request.servers.len(),
            job_id,
        })
    }

    /// A request was not taken, or nobody knows.
    pub(crate) fn not_accepted(&mut self, index: usize, failure: RequestError) -> Vec<Event> {
        self.queue.answered(index, false);
        let (classification, stop_cause) = (failure.classification(), failure.stop_cause());
        let error = failure.into_problem();
        if classification == Classification::Refused && self.split(index, &error) {
            return vec![Event::Split {
                request: index + 1,
                servers: self.servers(index).len(),
                error,
            }];
        }
        if stop_cause != StopCause::GaveUp {
            let sent = stop_cause == StopCause::Withdrawn;
            if let Some(request) = self.requests.get_mut(index) {
                request.state = RequestState::Withdrawn(sent.then_some(error));
            }
            return Vec::new();
        }
        let outcome = match classification {
            Classification::Unknown | Classification::Done | Classification::Transient => {
                return self.answer_lost(index, error);
            }
            Classification::Refused => Outcome::Failed {
                job_id: None,
                error: error.clone(),
            },
            Classification::NotDelivered
            | Classification::Throttled
            | Classification::RefusedCredentials => Outcome::NotAttempted {
                error: error.clone(),
            },
        };
        match classification {
            // The other requests would be told the same.
            Classification::RefusedCredentials => {
                self.refuse(error.clone());
            }
            Classification::NotDelivered => {
                self.halt(
                    error
                        .clone()
                        .because("not sent, since the service is out of reach"),
                );
            }
            _ => {}
        }
        let mut events = vec![Event::RequestEnded {
            request: index + 1,
            servers: self.servers(index).len(),
            outcome: outcome.name(),
            error,
        }];
        events.extend(self.end_request(index, &outcome));
        events
    }

    /// Puts the servers of a refused request into the queue again, in smaller requests, if that can help.
    fn split(&mut self, index: usize, error: &Problem) -> bool {
        const TOO_MANY_SERVERS: &str = "Ecs.0118";
        let Some(info) = error.code.as_deref().and_then(ErrorInfo::of) else {
            return false;
        };
        let Some(request) = self
            .requests
            .get_mut(index)
            .filter(|request| request.servers.len() > 1)
        else {
            return false;
        };
        // The one place where something is sent again after a refusal: only on proof.
        if info.disposition.executed != Executed::No {
            return false;
        }
        if info.code == TOO_MANY_SERVERS {
            self.queue.too_many(request.servers.clone());
        } else if info.disposition.one_server {
            let named = |id: &&ServerId| error.message.contains(&id.to_string());
            let named: Vec<_> = request.servers.iter().filter(named).copied().collect();
            self.queue.split(request.servers.clone(), &named);
        } else {
            return false;
        }
        request.state = RequestState::Ended;
        true
    }

    /// The job of a request that is being watched.
    pub(crate) fn job(&self, index: usize) -> Option<&JobId> {
        match self.requests.get(index)?.state {
            RequestState::Accepted(job) => self.jobs.get(job).map(|job| &job.job_id),
            _ => None,
        }
    }

    fn watching(&mut self, index: usize) -> Option<(&mut RunRequest, &mut JobReport)> {
        let request = self.requests.get_mut(index)?;
        let RequestState::Accepted(job) = request.state else {
            return None;
        };
        Some((request, self.jobs.get_mut(job)?))
    }

    /// The first outcome of a server stays.
    fn end_server(&mut self, id: ServerId, outcome: Outcome) -> Option<Event> {
        if self.outcomes.contains_key(&id) || self.is_soft_outcome(&id, &outcome) {
            return None;
        }
        let outcome = self.hold_for_verification(id, outcome)?;
        let outcome = self.merge_with_first_attempt(id, outcome);
        let outcome = self.defer_for_escalation(id, outcome)?;
        if let Some(waves) = &mut self.waves {
            waves.ended(id, &outcome);
        }
        self.outcomes.insert(id, outcome.clone());
        Some(Event::ServerDone(self.report_of(id, outcome)))
    }

    fn end_request(&mut self, index: usize, outcome: &Outcome) -> Vec<Event> {
        if let Some(request) = self.requests.get_mut(index) {
            request.state = RequestState::Ended;
        }
        let servers = self.servers(index).to_vec();
        servers
            .into_iter()
            .filter_map(|id| self.end_server(id, outcome.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
