//! The events of a run, from its records: to watch a run of another process.

mod resumed;

use std::collections::{BTreeMap, HashSet};

use ecs_client::Problem;
use ecs_model::{JobStatus, ServerId};
use jiff::Timestamp;

use super::error::JournalError;
use super::outcome::{OutcomeKind, OutcomeRecord};
use super::progress::{RequestProgress, ServerProgress};
use super::record::{Entry, Purpose, Record};
use super::recovered::Recovered;
use crate::event::Event;
use crate::report::{Outcome, ServerReport, Stopped};
use crate::rolling::WaveAction;

/// Turns the records of a run into its events, one record after the other.
///
/// These are the events that the run itself emits, as far as it records them. Its waits between two
/// records, such as for the quota, and the progress of its jobs are not recorded. A run that another
/// process resumes begins again with [`Event::Planned`] and [`Event::Resumed`], as it does there.
///
/// ```
/// use ecs_ops::journal::{JsonlJournal, Replay};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut replay = Replay::default();
/// for entry in JsonlJournal::read("run.jsonl")?.entries {
///     for event in replay.apply(entry)? {
///         println!("{event:?}");
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Replay {
    recovered: Option<Recovered>,
    /// The cause of the last [`Event::Stopping`] since the run was resumed.
    stopping: Option<Stopped>,
    /// Servers with an event about an outcome since then that is not final.
    emitted_open: HashSet<ServerId>,
}

/// The reason of servers whose lost request was certainly not executed, and that are sent again.
pub(crate) const CLEARED: &str = "not executed: shown by its reconciliation";

impl Replay {
    /// Returns the state by the records so far; `None` before the first record.
    pub fn recovered(&self) -> Option<&Recovered> {
        self.recovered.as_ref()
    }

    /// Adds the next record, and returns its events.
    ///
    /// # Errors
    /// As [`Recovered::from_entries`].
    pub fn apply(&mut self, entry: Entry) -> Result<Vec<Event>, JournalError> {
        let Some(recovered) = &mut self.recovered else {
            let recovered = self.recovered.insert(Recovered::from_entries([entry])?);
            return Ok(vec![planned(recovered)]);
        };
        let (at, record) = (entry.at, entry.record.clone());
        let mut events = recovered.before(&record);
        let known = recovered.known_outcomes(&record);
        let (action, underway) = recovered.wave_state();
        recovered.push(entry)?;
        for event in &mut events {
            event.add_ticket(|request| recovered.ticket_of(request));
        }
        events.extend(recovered.after(&record));
        events.extend(recovered.newly_done(at, known, &mut self.emitted_open));
        if let Record::Resumed { .. } = record {
            self.stopping = None;
            self.emitted_open.clear();
            events.extend(recovered.resumed());
        }
        let (action_now, underway_now) = recovered.wave_state();
        if underway_now != underway && !matches!(record, Record::Resumed { .. }) {
            let unsent = |id: &ServerId| recovered.progress(*id) == Some(ServerProgress::Unsent);
            events.extend(recovered.wave_began(|open| open.filter(|id| unsent(id)).count()));
        }
        if action_now != action {
            events.extend(action_now.and_then(event_of_action));
        }
        events.retain(|event| match event {
            Event::Stopping { cause, .. } => {
                let is_news = cause.is_none() || *cause != self.stopping;
                self.stopping.clone_from(cause);
                is_news
            }
            _ => true,
        });
        Ok(events)
    }
}

/// Returns the event of the next action of the waves, if it has one.
fn event_of_action(action: WaveAction) -> Option<Event> {
    match action {
        WaveAction::CheckHealth { wave } => Some(Event::CheckingHealth { wave: wave + 1 }),
        WaveAction::Ask => Some(Event::Asking { wave: 1 }),
        WaveAction::Pause { wave, pause } => {
            let wave = wave + 1;
            Some(Event::Pausing { wave, pause })
        }
        WaveAction::Stop(reason) => Some(Event::stopping(Stopped::Rolling(reason))),
        WaveAction::Recheck { .. }
        | WaveAction::Start { .. }
        | WaveAction::Await { .. }
        | WaveAction::Done => None,
    }
}

/// Returns the event about the planned requests, with the requests that were sent before.
fn planned(recovered: &Recovered) -> Event {
    let (run, size) = (recovered.run(), recovered.run().batch_size.max(1));
    let unsent = |servers: &[ServerId]| {
        let unsent = |id: &&ServerId| recovered.progress(**id) == Some(ServerProgress::Unsent);
        servers.iter().filter(unsent).count().div_ceil(size)
    };
    let requests = match &recovered.rolling {
        Some(rolling) => rolling.remaining().map(|(_, wave)| unsent(wave)).sum(),
        None => unsent(&run.servers),
    };
    Event::Planned {
        run_id: run.run_id.clone(),
        servers: run.servers.len(),
        requests: requests + recovered.next_request() - 1,
    }
}

impl Recovered {
    /// Returns the events of a record by the state before it.
    fn before(&self, record: &Record) -> Vec<Event> {
        match record {
            Record::Intent {
                request,
                attempt: 1,
                purpose,
                servers,
            } => {
                let submitting = Event::Submitting {
                    request: *request,
                    servers: servers.len(),
                };
                let again = match purpose {
                    Purpose::Resubmit => self.resubmitting(servers),
                    _ => Vec::new(),
                };
                again.into_iter().chain([submitting]).collect()
            }
            Record::Accepted {
                request, job_id, ..
            } => {
                let known = self.requests.get(request);
                let servers = known.map_or(0, |known| known.servers.len());
                let (request, job_id) = (*request, job_id.clone());
                vec![match known {
                    Some(known) if known.is_lost => Event::JobFound {
                        request,
                        servers,
                        job_id,
                        ticket: None,
                    },
                    _ => Event::Accepted {
                        request,
                        servers,
                        job_id,
                        ticket: None,
                    },
                }]
            }
            Record::NotExecuted {
                request,
                throttled,
                retry_after_ms: Some(retry_after),
                error,
            } => {
                let (request, error) = (*request, Problem::from(error));
                let retry_after = std::time::Duration::from_millis(*retry_after);
                vec![if *throttled {
                    Event::Throttled {
                        request,
                        error,
                        retry_after,
                    }
                } else {
                    Event::Retrying {
                        request,
                        error,
                        retry_after,
                    }
                }]
            }
            Record::AnswerLost { request, error } if self.run.reconcile => {
                let servers = self.requests.get(request);
                vec![Event::Reconciling {
                    request: *request,
                    servers: servers.map_or(0, |known| known.servers.len()),
                    error: error.into(),
                }]
            }
            Record::Outcomes { servers } => self.requests_ended(servers),
            _ => Vec::new(),
        }
    }

    /// Returns the events of servers that are sent again although their first request may have been executed.
    fn resubmitting(&self, servers: &[ServerId]) -> Vec<Event> {
        let mut first: BTreeMap<usize, usize> = BTreeMap::new();
        for id in servers {
            if let Some(ServerProgress::Unknown { request }) = self.progress(*id) {
                *first.entry(request).or_default() += 1;
            }
        }
        let again = first.into_iter().map(|(request, servers)| {
            let maybe_executed = true;
            Event::Resubmitting {
                request,
                servers,
                maybe_executed,
            }
        });
        again.collect()
    }

    /// Requests that ended without a job, by the outcomes of their servers, and those whose servers
    /// are sent again because that is certain.
    fn requests_ended(&self, outcomes: &[OutcomeRecord]) -> Vec<Event> {
        let mut ended: BTreeMap<usize, (usize, &OutcomeRecord)> = BTreeMap::new();
        for outcome in outcomes {
            if outcome.job_id.is_some() || outcome.outcome == OutcomeKind::Succeeded {
                continue;
            }
            let server = self.servers.get(&outcome.id);
            let request = server.and_then(|server| server.request);
            let has_job = |request| {
                let known = self.requests.get(&request);
                known.is_none_or(|known| matches!(known.state, RequestProgress::Accepted(_)))
            };
            if let Some(request) = request.filter(|request| !has_job(request.get())) {
                ended.entry(request.get()).or_insert((0, outcome)).0 += 1;
            }
        }
        let event = |(request, (servers, first)): (usize, (usize, &OutcomeRecord))| {
            let error = first.error.as_ref().map(Problem::from).unwrap_or_default();
            if is_cleared(first) {
                Event::Resubmitting {
                    request,
                    servers,
                    maybe_executed: false,
                }
            } else {
                Event::RequestEnded {
                    request,
                    servers,
                    outcome: first.outcome,
                    error,
                }
            }
        };
        ended.into_iter().map(event).collect()
    }

    /// Returns the events of a record by the state after it.
    fn after(&self, record: &Record) -> Vec<Event> {
        match record {
            Record::JobFinished {
                job_id,
                status: Some(status),
            } => {
                let job = self.ledger.jobs.iter().rfind(|job| job.job_id == *job_id);
                let request = job.and_then(|job| self.requests.get(&job.request));
                let servers = request.map_or(&[][..], |request| &request.servers);
                let is_done = |id: &&ServerId| self.ledger.outcomes.contains_key(id);
                vec![Event::JobProgress {
                    job_id: job_id.clone(),
                    status: JobStatus::from(status.as_str()),
                    done: servers.iter().filter(is_done).count(),
                    servers: servers.len(),
                }]
            }
            Record::Escalating { servers } => vec![Event::Escalating {
                servers: servers.iter().map(|soft| soft.id).collect(),
            }],
            Record::WaveRechecked {
                message: Some(message),
                ..
            } => vec![Event::ListFailed {
                error: Problem::new(message.clone()),
            }],
            Record::WaveRechecked {
                wave,
                unready,
                skipped,
                ..
            } if !unready.is_empty() => vec![Event::WaveRechecked {
                wave: wave + 1,
                unready: unready.clone(),
                skipped: *skipped,
            }],
            Record::WaveChecked {
                wave,
                healthy,
                message,
            } => vec![Event::HealthChecked {
                wave: wave + 1,
                healthy: *healthy,
                message: message.clone(),
            }],
            Record::Answered { proceed } => vec![Event::Answered { proceed: *proceed }],
            Record::Stopping { reason, cause } => vec![Event::Stopping {
                reason: reason.clone(),
                cause: cause.clone(),
            }],
            _ => Vec::new(),
        }
    }

    /// Returns the outcomes so far of the servers to which a record may give one.
    fn known_outcomes(&self, record: &Record) -> Vec<(ServerId, Option<Outcome>)> {
        let known = |id: ServerId| (id, self.ledger.outcomes.get(&id).cloned());
        match record {
            Record::Outcomes { servers } => {
                let servers = servers.iter().filter(|server| !is_cleared(server));
                servers.map(|server| known(server.id)).collect()
            }
            Record::WaveRechecked { unready, .. } => {
                unready.iter().map(|server| known(server.id)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the events of the servers with a changed outcome, or one that the process emits again.
    fn newly_done(
        &self,
        at: Timestamp,
        before: Vec<(ServerId, Option<Outcome>)>,
        emitted_open: &mut HashSet<ServerId>,
    ) -> impl Iterator<Item = Event> {
        before.into_iter().filter_map(move |(id, before)| {
            let now = self.ledger.outcomes.get(&id)?;
            let is_open = self.ledger.final_outcome(&id).is_none();
            let is_first = is_open && emitted_open.insert(id);
            let is_news = before.as_ref() != Some(now) || is_first;
            is_news.then(|| Event::ServerDone(self.done(id, now, Some(at))))
        })
    }

    fn done(&self, id: ServerId, outcome: &Outcome, at: Option<Timestamp>) -> ServerReport {
        ServerReport {
            name: self.run.names.get(id).map(str::to_owned),
            at,
            ..self.ledger.report_of(id, outcome.clone())
        }
    }
}

/// Returns whether the outcome allows sending the servers again.
fn is_cleared(outcome: &OutcomeRecord) -> bool {
    let message = outcome.error.as_ref().map(|error| error.message.as_str());
    outcome.outcome == OutcomeKind::NotAttempted && message == Some(CLEARED)
}

#[cfg(test)]
mod tests;
