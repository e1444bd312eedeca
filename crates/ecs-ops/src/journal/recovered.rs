//! The state of a run according to its journal.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use ecs_client::Problem;
use ecs_model::{ProjectId, RebootType, ServerId};
use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::error::{JournalError, JournalErrorKind};
use super::job::KnownJob;
use super::ledger::Ledger;
use super::progress::{
    AcceptedRequest, RequestHistory, RequestProgress, ServerHistory, ServerProgress, UnknownRequest,
};
use super::record::{Entry, Purpose, Record, RunRecord, ServerSnapshot};
use crate::action::PowerAction;
use crate::fleet::UnreadyServer;
use crate::report::{Outcome, Stopped};
use crate::rolling::Rolling;
use crate::ticket::JobOrigin;
use crate::{Endpoint, JobTicket};

/// The progress of each server of a run according to its journal, and what resuming has to do.
#[derive(Clone, Debug)]
pub struct Recovered {
    pub(super) run: RunRecord,
    pub(super) initial_state: Vec<ServerSnapshot>,
    pub(super) requests: BTreeMap<usize, RequestHistory>,
    pub(super) servers: FxHashMap<ServerId, ServerHistory>,
    pub(super) ledger: Ledger,
    /// The waves; `None` for a run without.
    pub(super) rolling: Option<Rolling>,
    /// The time at which the pause began that the waves are in.
    pub(super) pause_began: Option<Timestamp>,
    pub(super) ended: bool,
    /// The number of records.
    pub(super) records: u64,
    /// The reason why the run stopped, if it did and was not resumed since.
    pub(super) stopped: Option<Stopped>,
    /// The requested stop, while it binds.
    pub(super) stop_request: Option<Stopped>,
    pub(super) lost_answer_at: Option<Timestamp>,
    /// The refusal of the credentials or the permissions, if there was one since it began or was resumed.
    pub(super) refused: Option<Problem>,
}

impl Recovered {
    /// Adds up the records of a journal.
    ///
    /// # Errors
    /// [`Contradiction`](JournalErrorKind::Contradiction): they cannot all be true. [`Empty`](JournalErrorKind::Empty).
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Result<Self, JournalError> {
        let mut entries = entries.into_iter();
        let Some(first) = entries.next() else {
            let message = "it holds no record, so its run sent nothing";
            return Err(JournalError::new(JournalErrorKind::Empty, message));
        };
        let Record::Run(run) = first.record else {
            let message = "the first record is not the run";
            return Err(JournalError::contradiction(first.seq, message));
        };
        let recovered = Self::new(*run);
        let mut recovered =
            recovered.map_err(|message| JournalError::contradiction(first.seq, &message))?;
        for entry in entries {
            recovered.push(entry)?;
        }
        Ok(recovered)
    }

    /// Adds the next record.
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), JournalError> {
        let seq = entry.seq;
        self.fold(entry)
            .map_err(|message| JournalError::contradiction(seq, &message))?;
        self.records += 1;
        Ok(())
    }

    fn new(run: RunRecord) -> Result<Self, String> {
        let mut servers = FxHashMap::default();
        servers.reserve(run.servers.len());
        for id in &run.servers {
            if servers.insert(*id, ServerHistory::default()).is_some() {
                return Err(format!("server {id} is in the run twice"));
            }
        }
        if let Some(rolling) = &run.rolling {
            let mut planned = BTreeSet::new();
            for id in rolling.waves.iter().flatten() {
                if !servers.contains_key(id) || !planned.insert(id) {
                    return Err(format!("server {id} of a wave is in another, or in none"));
                }
            }
            if planned.len() != servers.len() {
                return Err("a server is in no wave".to_owned());
            }
        }
        let rolling = run.rolling.as_ref();
        let rolling = rolling.map(|planned| Rolling::new(planned.waves.clone(), planned.rules()));
        Ok(Self {
            run,
            initial_state: Vec::new(),
            requests: BTreeMap::new(),
            servers,
            ledger: Ledger::default(),
            rolling,
            pause_began: None,
            ended: false,
            records: 1,
            stopped: None,
            stop_request: None,
            lost_answer_at: None,
            refused: None,
        })
    }

    /// The settings of the run.
    pub fn run(&self) -> &RunRecord {
        &self.run
    }

    /// Checks that the run belongs to this endpoint and project.
    ///
    /// # Errors
    /// [`Foreign`](JournalErrorKind::Foreign).
    pub fn belongs_to(&self, endpoint: &Endpoint, project: &ProjectId) -> Result<(), JournalError> {
        let run = &self.run;
        // Compared as parsed: the case of a host does not matter.
        if run.endpoint.parse().ok().as_ref() == Some(endpoint) && run.project == *project {
            return Ok(());
        }
        let message = format!(
            "the journal belongs to project {} at {}, not to project {project} at {endpoint}",
            run.project, run.endpoint
        );
        Err(JournalError::new(JournalErrorKind::Foreign, message))
    }

    /// The progress of a server; `None` if it is not in the run.
    pub fn progress(&self, id: ServerId) -> Option<ServerProgress<'_>> {
        let server = self.servers.get(&id)?;
        if let Some(outcome) = self.ledger.final_outcome(&id) {
            return Some(ServerProgress::Finished(outcome));
        }
        let soft_outcome = self.ledger.soft_outcomes.get(&id);
        let request = server.request.map(NonZeroUsize::get);
        let request = request.and_then(|number| Some((number, self.requests.get(&number)?)));
        Some(match (request, server.unknown_request, soft_outcome) {
            (Some((request, known)), _, _) if known.state.is_unknown() => {
                ServerProgress::Unknown { request }
            }
            // The soft restart of a server that is about to be restarted hard.
            (Some((_, known)), _, Some(soft_outcome)) if known.purpose != Purpose::Escalate => {
                ServerProgress::Finished(soft_outcome)
            }
            (Some((request, known)), _, _) if known.state != RequestProgress::NotExecuted => {
                ServerProgress::Accepted { request }
            }
            // The last request was not executed, so the one before counts.
            (_, Some(request), _) => ServerProgress::Unknown {
                request: request.get(),
            },
            (_, None, Some(soft_outcome)) => ServerProgress::Finished(soft_outcome),
            (_, None, None) => ServerProgress::Unsent,
        })
    }

    /// Returns the outcome of a server, unless it may be sent again.
    pub(super) fn concluded(&self, id: &ServerId) -> Option<&Outcome> {
        let outcome = self.ledger.outcomes.get(id)?;
        let may_be_sent = matches!(outcome, Outcome::NotAttempted { .. })
            && !self.ledger.left_out.contains_key(id);
        (!may_be_sent).then_some(outcome)
    }

    /// The last request of a server.
    pub(super) fn last_request(&self, server: &ServerHistory) -> Option<&RequestHistory> {
        self.requests.get(&server.request?.get())
    }

    /// The servers that may be sent, in the order of the run.
    pub fn unsent(&self) -> Vec<ServerId> {
        let unsent = |id: &ServerId| self.progress(*id) == Some(ServerProgress::Unsent);
        self.run.servers.iter().copied().filter(unsent).collect()
    }

    /// Servers that are not sent because they were not ready: those that were skipped
    /// before it began, and those that were skipped before their wave.
    pub fn unready(&self) -> impl Iterator<Item = &UnreadyServer> {
        self.run.unready.iter().chain(self.ledger.left_out.values())
    }

    /// The requests whose jobs must be polled.
    pub fn accepted_requests(&self) -> Vec<AcceptedRequest> {
        let mut servers = self.by_request(|progress| match progress {
            ServerProgress::Accepted { request } => Some(request),
            _ => None,
        });
        let request = |job: &KnownJob| {
            Some(AcceptedRequest {
                servers: servers.remove(&job.request)?,
                request: job.request,
                ticket: self.ticket(job),
            })
        };
        self.ledger.jobs.iter().filter_map(request).collect()
    }

    /// The ticket of the job of a request.
    pub(super) fn ticket_of(&self, request: usize) -> Option<JobTicket> {
        let mut jobs = self.ledger.jobs.iter().rev();
        let job = jobs.find(|job| job.request == request)?;
        Some(self.ticket(job))
    }

    /// The ticket of a job of the run.
    pub(super) fn ticket(&self, job: &KnownJob) -> JobTicket {
        let Some(request) = self.requests.get(&job.request) else {
            return job.job_id.clone().into();
        };
        let origin = Arc::new(JobOrigin {
            endpoint: Some(self.run.endpoint.clone()),
            project_id: self.run.project.clone(),
        });
        let action = match request.purpose {
            Purpose::Escalate => PowerAction::Reboot(RebootType::Hard),
            Purpose::First | Purpose::Resubmit => self.run.action,
        };
        job.ticket(Some(origin), action, request.servers.clone())
    }

    /// The requests whose answer was lost.
    pub fn unknown_requests(&self) -> Vec<UnknownRequest> {
        let servers = self.by_request(|progress| match progress {
            ServerProgress::Unknown { request } => Some(request),
            _ => None,
        });
        let request = |(number, servers): (usize, Vec<ServerId>)| {
            let known = self.requests.get(&number)?;
            Some(UnknownRequest {
                request: number,
                sent: known.sent,
                error: known.error.clone(),
                is_partial: servers.len() < known.servers.len(),
                servers,
                shows_change: known.servers.iter().any(|id| self.shows_change_of(id)),
            })
        };
        servers.into_iter().filter_map(request).collect()
    }

    /// Returns `true` if the server itself shows that the action was executed.
    fn shows_change_of(&self, id: &ServerId) -> bool {
        let outcome = self.ledger.outcomes.get(id);
        matches!(outcome, Some(Outcome::Succeeded { job_id: None, .. }))
    }

    /// The final outcomes, in the order of the run.
    pub fn final_outcomes(&self) -> impl Iterator<Item = (ServerId, &Outcome)> {
        self.run
            .servers
            .iter()
            .filter_map(|id| match self.progress(*id)? {
                ServerProgress::Finished(outcome) => Some((*id, outcome)),
                _ => None,
            })
    }

    /// Servers whose soft restart failed and whose hard one was announced and not executed, in the
    /// order of the run.
    pub fn escalating(&self) -> Vec<ServerId> {
        let due = |id: &&ServerId| {
            self.ledger.soft_outcomes.contains_key(id)
                && self.concluded(id).is_none()
                && matches!(self.progress(**id), Some(ServerProgress::Finished(_)))
        };
        self.run.servers.iter().filter(due).copied().collect()
    }

    /// The outcomes of soft restarts that a hard one was to follow, in the order of the run.
    pub fn escalated(&self) -> impl Iterator<Item = (ServerId, &Outcome)> {
        let servers = self.run.servers.iter();
        servers.filter_map(|id| Some((*id, self.ledger.soft_outcomes.get(id)?)))
    }

    /// Servers that were sent a second time after a lost answer, with the problem of the first
    /// request.
    pub(crate) fn resubmitted(&self) -> impl Iterator<Item = (ServerId, Problem)> {
        let first = |(id, server): (&ServerId, &ServerHistory)| {
            let first = self.requests.get(&server.unknown_request?.get())?;
            let error = first.error.as_ref().map(Problem::from);
            let error = error.unwrap_or_else(|| Problem::new("no answer to it is recorded"));
            Some((*id, error))
        };
        self.servers.iter().filter_map(first)
    }

    /// All jobs, in the order of their acceptance.
    pub fn jobs(&self) -> &[KnownJob] {
        &self.ledger.jobs
    }

    /// The servers as they were before the run.
    pub fn initial_state(&self) -> &[ServerSnapshot] {
        &self.initial_state
    }

    /// Returns the outcomes of its servers and jobs.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A request, counted from 1.
    pub(crate) fn request(&self, number: usize) -> Option<&RequestHistory> {
        self.requests.get(&number)
    }

    /// The number of the next request.
    pub fn next_request(&self) -> usize {
        let last = self.requests.keys().next_back().copied().unwrap_or(0);
        last.saturating_add(1)
    }

    /// Returns the time at which the last lost answer was recorded, or the last job that will not
    /// report all of its servers.
    pub(crate) fn lost_answer_at(&self) -> Option<Timestamp> {
        self.lost_answer_at
    }

    /// Returns `true` if the run ended with a report and was not resumed since.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    fn by_request(
        &self,
        request: impl Fn(ServerProgress<'_>) -> Option<usize>,
    ) -> BTreeMap<usize, Vec<ServerId>> {
        let mut requests: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for id in &self.run.servers {
            if let Some(request) = self.progress(*id).and_then(&request) {
                requests.entry(request).or_default().push(*id);
            }
        }
        requests
    }
}
