//! The books of a run: which batch is where, and what became of each server. Pure: no clock, no I/O.

mod close;
mod doubt;
mod escalate;
mod look;
mod resume;
mod settle;
mod waves;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ecs_client::{Classification, Problem, RequestError, StopCause};
use ecs_model::{ErrorInfo, Executed, JobId, ServerId};

use self::doubt::Doubt;
use self::escalate::Escalations;
use self::settle::Settling;
use self::waves::Waves;
use super::plan::Plan;
use super::queue::Queue;
use crate::action::PowerAction;
use crate::event::Event;
use crate::journal::Purpose;
use crate::report::{JobReport, Outcome, ServerReport};
use crate::rolling::Rolling;
use crate::ticket::JobTicket;

pub(crate) use doubt::OnUnknown;
pub(crate) use resume::Resumed;

/// How a run goes.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    pub(crate) on_unknown: OnUnknown,
    /// The waves that its plan is made of, if it is.
    pub(crate) rolling: Option<Rolling>,
    /// After how long a server that is not back is restarted hard, if that is wanted.
    pub(crate) escalate_after: Option<Duration>,
}

/// One batch that was given out.
#[derive(Debug)]
struct Batch {
    servers: Vec<ServerId>,
    state: State,
    /// Whether it was said that its job tells of servers that were not asked for.
    warned: bool,
    /// Whether it was said that the status of its job is not documented.
    odd: bool,
    /// How often its job was seen to have told the end of each server and not to be over itself.
    overdue: u32,
}

#[derive(Debug)]
enum State {
    Submitting,
    /// Taken back before it was sent again, and why it had not been accepted until then; or before it was sent at all.
    Withdrawn(Option<Problem>),
    /// The index of its job.
    Watching(usize),
    /// Of unknown fate; its servers are looked at for evidence.
    Doubtful(Doubt),
    /// Each of its servers has an outcome, or is in the queue again.
    Ended,
}

impl Batch {
    fn new(servers: Vec<ServerId>, state: State) -> Self {
        Self {
            servers,
            state,
            warned: false,
            odd: false,
            overdue: 0,
        }
    }
}

/// The books.
#[derive(Debug)]
pub(crate) struct Machine {
    run_id: String,
    action: PowerAction,
    /// All servers, in the order in which they were given.
    servers: Vec<ServerId>,
    queue: Queue,
    batches: Vec<Batch>,
    /// How many batches the plan had.
    planned: usize,
    jobs: Vec<JobReport>,
    outcomes: HashMap<ServerId, Outcome>,
    /// Nothing more is submitted, and why.
    halted: Option<Problem>,
    refused: Option<Problem>,
    denied: Option<Problem>,
    /// Why nothing more is written down.
    unrecorded: Option<Problem>,
    /// Some job made no progress.
    stalled: bool,
    /// Servers whose job succeeded and that are to be seen at rest, where that is wanted.
    settling: Option<Settling>,
    waves: Option<Waves>,
    /// The waves were the first reason to submit nothing more.
    rolling_stops: bool,
    /// Servers that are restarted hard, where that is wanted.
    escalations: Option<Escalations>,
    on_unknown: OnUnknown,
    /// The run was told to submit nothing more.
    closing: bool,
    /// The batches whose servers are to be looked at.
    doubtful: BTreeSet<usize>,
    /// Servers that were sent again although they may have been acted on, and what was known of the first time.
    resubmitted: HashMap<ServerId, Option<Problem>>,
    /// Those of them that were found not to have been acted on, until that is written down.
    freed: Vec<ServerReport>,
}

impl Machine {
    /// The books of a run on these servers, by a plan that is about them.
    pub(crate) fn new(run_id: String, servers: Vec<ServerId>, plan: Plan, manner: Manner) -> Self {
        let (action, planned, batch_size) = (plan.action, plan.batches.len(), plan.batch_size);
        let (waves, at_once) = match manner.rolling {
            Some(rolling) => {
                let (waves, at_once) = Waves::new(rolling, plan);
                (Some(waves), at_once)
            }
            None => (None, plan.batches),
        };
        let escalations = manner.escalate_after;
        Self {
            on_unknown: manner.on_unknown,
            closing: false,
            doubtful: BTreeSet::new(),
            resubmitted: HashMap::new(),
            freed: Vec::new(),
            run_id,
            action,
            outcomes: HashMap::with_capacity(servers.len()),
            servers,
            batches: Vec::with_capacity(planned),
            planned,
            queue: Queue::new(at_once),
            waves,
            rolling_stops: false,
            escalations: escalations.map(|after| Escalations::new(Some(after), batch_size)),
            jobs: Vec::new(),
            halted: None,
            refused: None,
            denied: None,
            unrecorded: None,
            stalled: false,
            settling: None,
        }
    }

    pub(crate) fn planned(&self) -> Event {
        Event::Planned {
            run_id: self.run_id.clone(),
            servers: self.servers.len(),
            batches: self.planned,
        }
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The servers that were not given out yet.
    pub(crate) fn unsent(&self) -> Vec<ServerId> {
        let to_come = self.waves.iter().flat_map(Waves::servers);
        self.queue.left().chain(to_come).collect()
    }

    pub(crate) fn servers(&self, batch: usize) -> &[ServerId] {
        self.batches.get(batch).map_or(&[], |batch| &batch.servers)
    }

    /// Why a batch is sent.
    pub(crate) fn purpose(&self, batch: usize) -> Purpose {
        let servers = self.servers(batch);
        // What was found not to have been acted on is sent as if for the first time.
        let again = |id| matches!(self.resubmitted.get(id), Some(Some(_)));
        if servers.iter().any(again) {
            Purpose::Resubmit
        } else if servers.iter().any(|id| self.first(id).is_some()) {
            Purpose::Escalate
        } else {
            Purpose::First
        }
    }

    /// Nothing more is written down, so nothing more is submitted. Says whether that is news.
    pub(crate) fn unrecorded(&mut self, why: Problem) -> bool {
        let news = self.unrecorded.is_none();
        self.halt(why.clone().because("not sent"));
        self.unrecorded.get_or_insert(why);
        news
    }

    /// The next batch to submit. It counts as being submitted from now on.
    pub(crate) fn next_batch(&mut self) -> Option<usize> {
        if self.halted.is_some() {
            return None;
        }
        let index = self.batches.len();
        let servers = self.queue.next(index)?;
        self.batches.push(Batch::new(servers, State::Submitting));
        Some(index)
    }

    /// Nothing more is to be submitted: it would end in the same way.
    fn halt(&mut self, why: Problem) {
        self.halted.get_or_insert(why);
    }

    /// The run was told to submit nothing more: nothing is sent again, either.
    pub(crate) fn submit_no_more(&mut self) {
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

    /// The service took a batch.
    pub(crate) fn accepted(&mut self, index: usize, ticket: JobTicket) -> Option<Event> {
        self.queue.settled(index, true);
        let batch = self.batches.get_mut(index)?;
        batch.state = State::Watching(self.jobs.len());
        let job_id = ticket.job_id().clone();
        self.jobs.push(JobReport {
            job_id: job_id.clone(),
            status: None,
            servers: batch.servers.len(),
            request_id: ticket.request_id().map(str::to_owned),
            ticket,
        });
        Some(Event::Accepted {
            batch: index + 1,
            servers: batch.servers.len(),
            job_id,
        })
    }

    /// A batch was not taken, or nobody knows.
    pub(crate) fn not_accepted(&mut self, index: usize, failure: RequestError) -> Vec<Event> {
        self.queue.settled(index, false);
        let (classification, stop_cause) = (failure.classification(), failure.stop_cause());
        let error = failure.into_problem();
        if classification == Classification::Refused && self.take_apart(index, &error) {
            return vec![Event::Split {
                batch: index + 1,
                servers: self.servers(index).len(),
                error,
            }];
        }
        if stop_cause != StopCause::GaveUp {
            let sent = stop_cause == StopCause::Withdrawn;
            if let Some(batch) = self.batches.get_mut(index) {
                batch.state = State::Withdrawn(sent.then_some(error));
            }
            return Vec::new();
        }
        let outcome = match classification {
            Classification::Unknown | Classification::Done | Classification::Transient => {
                return self.unknown(index, error);
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
            // The other batches would be told the same.
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
        let mut events = vec![Event::BatchEnded {
            batch: index + 1,
            servers: self.servers(index).len(),
            outcome: outcome.name(),
            error,
        }];
        events.extend(self.end_all(index, &outcome));
        events
    }

    /// Puts the servers of a refused batch into the queue again, in smaller batches, if that can help.
    fn take_apart(&mut self, index: usize, error: &Problem) -> bool {
        const TOO_MANY_SERVERS: &str = "Ecs.0118";
        let Some(info) = error.code.as_deref().and_then(ErrorInfo::of) else {
            return false;
        };
        let Some(batch) = self
            .batches
            .get_mut(index)
            .filter(|batch| batch.servers.len() > 1)
        else {
            return false;
        };
        // The one place where something is sent again after a refusal: only on proof.
        if info.disposition.executed != Executed::No {
            return false;
        }
        if info.code == TOO_MANY_SERVERS {
            self.queue.too_many(batch.servers.clone());
        } else if info.disposition.one_server {
            let named = |id: &&ServerId| error.message.contains(&id.to_string());
            let named: Vec<_> = batch.servers.iter().filter(named).copied().collect();
            self.queue.take_apart(batch.servers.clone(), &named);
        } else {
            return false;
        }
        batch.state = State::Ended;
        true
    }

    /// The job of a batch that is being watched.
    pub(crate) fn job(&self, index: usize) -> Option<&JobId> {
        match self.batches.get(index)?.state {
            State::Watching(job) => self.jobs.get(job).map(|job| &job.job_id),
            _ => None,
        }
    }

    fn watching(&mut self, index: usize) -> Option<(&mut Batch, &mut JobReport)> {
        let batch = self.batches.get_mut(index)?;
        let State::Watching(job) = batch.state else {
            return None;
        };
        Some((batch, self.jobs.get_mut(job)?))
    }

    /// The first outcome of a server stays.
    fn end_one(&mut self, id: ServerId, outcome: Outcome) -> Option<Event> {
        if self.outcomes.contains_key(&id) || self.is_first(&id, &outcome) {
            return None;
        }
        let outcome = self.keep_back(id, outcome)?;
        let outcome = self.in_view_of_the_first_time(id, outcome);
        let outcome = self.unless_hard(id, outcome)?;
        if let Some(waves) = &mut self.waves {
            waves.ended(id, &outcome);
        }
        self.outcomes.insert(id, outcome.clone());
        Some(Event::ServerDone(self.report_of(id, outcome)))
    }

    fn end_all(&mut self, index: usize, outcome: &Outcome) -> Vec<Event> {
        if let Some(batch) = self.batches.get_mut(index) {
            batch.state = State::Ended;
        }
        let servers = self.servers(index).to_vec();
        servers
            .into_iter()
            .filter_map(|id| self.end_one(id, outcome.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
