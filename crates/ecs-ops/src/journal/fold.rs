//! Applies records one by one, and refuses contradictions.

use ecs_model::{JobId, JobStatus, RebootType, ServerId};
use jiff::Timestamp;

use super::job::{Acceptance, KnownJob};
use super::outcome::{OutcomeKind, OutcomeRecord};
use super::record::{Entry, Purpose, Record};
use super::recovered::{Recovered, RequestHistory, RequestProgress, ServerHistory, ServerProgress};
use crate::action::PowerAction;
use crate::report::{Evidence, Stopped};
use crate::rolling::{WaveAction, WaveEvent};

/// The contradiction, as an error.
type FoldResult = Result<(), String>;

impl Recovered {
    pub(super) fn fold(&mut self, entry: Entry) -> FoldResult {
        let at = entry.at;
        match entry.record {
            Record::Run(_) => return Err("the run begins a second time".to_owned()),
            Record::InitialState { servers } => self.initial_state = servers,
            Record::Intent {
                request,
                attempt,
                purpose,
                servers,
            } => {
                self.record_intent(request, attempt, purpose, servers)?;
                if let Some(known) = self.requests.get_mut(&request) {
                    known.intended = Some(at);
                }
            }
            Record::Sending {
                request,
                attempt,
                remote,
            } => {
                let known = self.request_in(request, &[RequestProgress::Intended])?;
                if known.attempt != attempt {
                    return Err(format!(
                        "attempt {attempt} of request {request} was not intended"
                    ));
                }
                known.state = RequestProgress::Sending;
                known.sent = Some((at, remote));
            }
            Record::Accepted {
                request,
                job_id,
                request_id,
            } => {
                let job = self.jobs.len();
                // The job of a request whose answer was lost can be found later.
                let known = self.request_in(
                    request,
                    &[
                        RequestProgress::Intended,
                        RequestProgress::Sending,
                        RequestProgress::AnswerLost,
                    ],
                )?;
                known.state = RequestProgress::Accepted(job);
                let servers = known.servers.len();
                let acceptance = Acceptance {
                    request,
                    at,
                    job_id,
                    request_id,
                };
                self.jobs.push(KnownJob::new(acceptance, servers));
            }
            Record::NotExecuted { request, error, .. } => {
                let known = self.request_in(
                    request,
                    &[RequestProgress::Intended, RequestProgress::Sending],
                )?;
                known.state = RequestProgress::NotExecuted;
                known.error = Some(error);
            }
            Record::AnswerLost { request, error } => {
                let known = self.request_in(
                    request,
                    &[RequestProgress::Intended, RequestProgress::Sending],
                )?;
                known.state = RequestProgress::AnswerLost;
                known.error = Some(error);
                self.lost_answer_at = Some(at);
            }
            Record::Outcomes { servers } => {
                let will_not_tell = |record: &OutcomeRecord| {
                    record.outcome == OutcomeKind::Unknown && record.job_id.is_some()
                };
                if servers.iter().any(will_not_tell) {
                    self.lost_answer_at = Some(at);
                }
                servers
                    .into_iter()
                    .try_for_each(|outcome_record| self.record_outcome(at, outcome_record))?;
            }
            Record::JobFinished { job_id, status } => {
                let jobs = self.jobs.iter_mut();
                let status = status.as_deref().map(JobStatus::from);
                let mut found = false;
                for job in jobs.filter(|job| job.job_id == job_id) {
                    (job.finished, found) = (true, true);
                    job.status.clone_from(&status);
                }
                if !found {
                    return Err(format!("job {job_id} finished but was never accepted"));
                }
            }
            Record::Escalating { servers } => servers
                .into_iter()
                .try_for_each(|outcome_record| self.escalate(outcome_record))?,
            Record::WaveBegan { wave } => self.advance_waves(at, WaveEvent::Began { wave }),
            Record::WaveChecked {
                healthy, message, ..
            } => {
                let message = message.unwrap_or_default();
                let checked = if healthy {
                    WaveEvent::Healthy
                } else {
                    WaveEvent::Unhealthy(message)
                };
                self.advance_waves(at, checked);
            }
            Record::Answered { proceed } => {
                self.advance_waves(at, WaveEvent::Answered(proceed));
            }
            Record::Stopping { reason, cause } => {
                self.stopped = cause.or_else(|| Stopped::of_reason(&reason));
                if matches!(self.stopped, Some(Stopped::Requested { .. })) {
                    self.stop_request.clone_from(&self.stopped);
                }
            }
            Record::Resumed {
                continues_stopped, ..
            } => {
                if continues_stopped {
                    self.stop_request = None;
                }
                self.stopped.clone_from(&self.stop_request);
                if self.rolling.is_some() {
                    self.advance_waves(at, self.resumption());
                }
                self.ended = false;
            }
            Record::Ended {} => self.ended = true,
        }
        Ok(())
    }

    /// A request that must be in one of these states.
    fn request_in(
        &mut self,
        number: usize,
        states: &[RequestProgress],
    ) -> Result<&mut RequestHistory, String> {
        match self.requests.get_mut(&number) {
            Some(request) if states.contains(&request.state) => Ok(request),
            Some(request) => Err(format!(
                "request {number} is {:?}, and that does not fit",
                request.state
            )),
            None => Err(format!("request {number} was not intended")),
        }
    }

    fn record_intent(
        &mut self,
        number: usize,
        attempt: u32,
        purpose: Purpose,
        servers: Vec<ServerId>,
    ) -> FoldResult {
        if servers.is_empty() {
            return Err(format!("request {number} has no servers"));
        }
        if let Some(request) = self.requests.get(&number) {
            let again = request.state == RequestProgress::NotExecuted
                && request.attempt.checked_add(1) == Some(attempt)
                && (&request.servers, request.purpose) == (&servers, purpose);
            // Its servers may be in other requests now.
            let moved = |id| self.servers.get(id).and_then(|server| server.request) != Some(number);
            if !again || servers.iter().any(moved) {
                return Err(format!("request {number} cannot be tried again like this"));
            }
        } else if attempt != 1 {
            return Err(format!("request {number} begins with attempt {attempt}"));
        } else {
            for id in &servers {
                self.assign(*id, number, purpose)?;
            }
        }
        let request = RequestHistory {
            servers,
            attempt,
            purpose,
            state: RequestProgress::Intended,
            intended: None,
            sent: None,
            error: None,
        };
        self.requests.insert(number, request);
        Ok(())
    }

    /// Assigns a server to a new request, if it may be sent.
    fn assign(&mut self, id: ServerId, number: usize, purpose: Purpose) -> FoldResult {
        let server = self
            .servers
            .get(&id)
            .ok_or(format!("server {id} is not in the run"))?;
        let progress = self.progress_of(server);
        let last = server
            .request
            .and_then(|request| self.requests.get(&request));
        let was_free = last.is_none_or(|last| last.state == RequestProgress::NotExecuted);
        let (mut unknown_request, mut resubmitted) = (server.unknown_request, server.resubmitted);
        let may_be_sent = match (purpose, progress) {
            (Purpose::First, ServerProgress::Unsent) => true,
            // It was already restarted twice.
            (Purpose::Resubmit, _) if server.soft_outcome.is_some() => false,
            // Part of a resubmitted request that was not executed.
            (Purpose::Resubmit, ServerProgress::Unknown { .. }) if was_free => true,
            (Purpose::Resubmit, ServerProgress::Unknown { request }) => {
                unknown_request = Some(request);
                !std::mem::replace(&mut resubmitted, true)
            }
            // Only a soft restart can be finished without a recorded outcome.
            (Purpose::Escalate, ServerProgress::Finished(_)) => server.outcome_record.is_none(),
            _ => false,
        };
        if !may_be_sent || server.request == Some(number) {
            return Err(format!(
                "server {id} is sent as part of request {number}, but it may not be"
            ));
        }
        if let Some(server) = self.servers.get_mut(&id) {
            server.request = Some(number);
            server.outcome_record = None;
            (server.unknown_request, server.resubmitted) = (unknown_request, resubmitted);
        }
        Ok(())
    }

    fn record_outcome(&mut self, at: Timestamp, outcome_record: OutcomeRecord) -> FoldResult {
        let id = outcome_record.id;
        self.fits(&outcome_record)?;
        let unknown = format!("server {id} is not in the run");
        let server = self.servers.get_mut(&id).ok_or(unknown)?;
        match &server.outcome_record {
            Some(known) if known.is_final() && *known != outcome_record => {
                return Err(format!("server {id} has two outcomes"));
            }
            _ => {}
        }
        if outcome_record.outcome == OutcomeKind::NotAttempted {
            // It may be sent again.
            (
                server.request,
                server.unknown_request,
                server.outcome_record,
            ) = (None, None, None);
        } else {
            // Of one that was not acted on the waves learn nothing: it is sent when the run resumes.
            let succeeded = outcome_record.outcome == OutcomeKind::Succeeded;
            server.outcome_record = Some(outcome_record);
            let server = id;
            self.advance_waves(at, WaveEvent::Ended { server, succeeded });
        }
        Ok(())
    }

    /// Applies an event of the waves that was recorded at this time.
    fn advance_waves(&mut self, at: Timestamp, event: WaveEvent) {
        let Some(rolling) = &mut self.rolling else {
            return;
        };
        let before = rolling.action();
        let now = rolling.on(event);
        if now != before {
            self.pause_began = matches!(now, WaveAction::Pause { .. }).then_some(at);
        }
    }

    /// Whether an outcome is consistent with the requests of its server.
    fn fits(&self, outcome_record: &OutcomeRecord) -> FoldResult {
        let id = outcome_record.id;
        let server = self.servers.get(&id);
        let server = server.ok_or(format!("server {id} is not in the run"))?;
        let last = server
            .request
            .and_then(|request| self.requests.get(&request));
        let state = last.map(|last| last.state);
        let job = match state {
            Some(RequestProgress::Accepted(job)) => self.jobs.get(job).map(|job| &job.job_id),
            _ => None,
        };
        let is_unknown =
            state.is_some_and(RequestProgress::is_unknown) || server.unknown_request.is_some();
        let fits = match (outcome_record.outcome, &outcome_record.job_id) {
            (OutcomeKind::Succeeded | OutcomeKind::Failed | OutcomeKind::Unknown, Some(of)) => {
                // Or the hard restart was not executed, so the outcome of the soft one stands.
                let not_hard = matches!(state, None | Some(RequestProgress::NotExecuted));
                job == Some(of)
                    || not_hard && server.soft_outcome.as_deref() == Some(outcome_record)
            }
            // Refused, or its answer lost, and in the wanted state.
            (OutcomeKind::Succeeded, None)
                if outcome_record.evidence == Some(Evidence::WantedState) =>
            {
                job.is_none()
            }
            (OutcomeKind::Succeeded | OutcomeKind::Unknown, None) => job.is_none() && is_unknown,
            (OutcomeKind::Failed, None) => job.is_none() && !is_unknown,
            // The hard restart was not executed: the outcome of the soft one stands.
            (OutcomeKind::NotAttempted, _) if server.soft_outcome.is_some() => {
                let hard = last.is_some_and(|last| last.purpose == Purpose::Escalate);
                server.outcome_record.is_none() && !(hard && job.is_some())
            }
            (OutcomeKind::NotAttempted, _) => job.is_none(),
        };
        match fits {
            true => Ok(()),
            false => Err(format!(
                "server {id} is {:?}, and what was done with it does not allow that",
                outcome_record.outcome
            )),
        }
    }

    fn escalate(&mut self, outcome_record: OutcomeRecord) -> FoldResult {
        let id = outcome_record.id;
        let soft = self.run.action == PowerAction::Reboot(RebootType::Soft);
        let ended = outcome_record.outcome == OutcomeKind::Failed
            || self.is_finished(outcome_record.job_id.as_ref());
        let fits = self.fits(&outcome_record).is_ok() && outcome_record.job_id.is_some();
        // Exactly one restart, which has ended, and no lost answer.
        let once = |server: &ServerHistory| {
            server.outcome_record.is_none()
                && server.soft_outcome.is_none()
                && server.unknown_request.is_none()
        };
        match self.servers.get_mut(&id) {
            Some(server) if soft && ended && fits && once(server) => {
                server.soft_outcome = Some(Box::new(outcome_record));
                Ok(())
            }
            _ => Err(format!(
                "server {id} is escalated, but its soft restart did not fail"
            )),
        }
    }

    fn is_finished(&self, job_id: Option<&JobId>) -> bool {
        let mut jobs = self.jobs.iter();
        job_id.is_some_and(|id| jobs.any(|job| job.finished && job.job_id == *id))
    }
}
