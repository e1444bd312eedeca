//! Applies records one by one, and refuses contradictions.

use std::num::NonZeroUsize;

use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, RebootType, ServerId};
use jiff::Timestamp;

use super::job::Acceptance;
use super::ledger::is_final;
use super::outcome::{ErrorRecord, OutcomeKind, OutcomeRecord};
use super::record::{Entry, Purpose, Record};
use super::recovered::{Recovered, RequestHistory, RequestProgress, ServerProgress};
use crate::action::PowerAction;
use crate::fleet::{UnreadyServer, reasons};
use crate::report::{Evidence, Outcome, Stopped};
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
                let job = self.ledger.jobs.len();
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
                let (servers, is_found) = (known.servers.len(), known.is_lost);
                let acceptance = Acceptance {
                    request,
                    at,
                    job_id,
                    request_id,
                };
                self.ledger.accept(acceptance, servers, is_found);
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
                known.is_lost = true;
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
                for (id, outcome) in outcomes(&servers) {
                    self.record_outcome(at, id, outcome)?;
                }
            }
            Record::JobFinished { job_id, status } => {
                let status = status.as_deref().map(JobStatus::from);
                if !self.ledger.finish(&job_id, status.as_ref()) {
                    return Err(format!("job {job_id} finished but was never accepted"));
                }
            }
            Record::Escalating { servers } => {
                for (id, outcome) in outcomes(&servers) {
                    self.escalate(id, outcome)?;
                }
            }
            Record::WaveRechecked {
                wave,
                unready,
                skipped,
                message,
            } => {
                self.has_wave(wave)?;
                let recheck = WaveEvent::Rechecked {
                    wave,
                    unready: unready.iter().map(|server| server.id).collect(),
                    skipped,
                    message: message.or_else(|| reasons(&unready)),
                };
                if skipped {
                    unready
                        .into_iter()
                        .try_for_each(|server| self.leave_out(wave, server))?;
                }
                self.advance_waves(at, recheck);
            }
            Record::WaveBegan { wave } => {
                self.has_wave(wave)?;
                self.advance_waves(at, WaveEvent::Began { wave });
            }
            Record::WaveChecked {
                wave,
                healthy,
                message,
            } => {
                self.has_wave(wave)?;
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
                for request in self.requests.values_mut() {
                    request.is_lost |= request.state.is_unknown();
                }
                if self.rolling.is_some() {
                    self.advance_waves(at, self.resumption());
                }
                (self.ended, self.refused) = (false, None);
            }
            Record::Refused { error } => self.refused = Some(Problem::from(&error)),
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
        let Some(counted) = NonZeroUsize::new(number) else {
            return Err("a request has the number 0, and they are counted from 1".to_owned());
        };
        if servers.is_empty() {
            return Err(format!("request {number} has no servers"));
        }
        if let Some(request) = self.requests.get(&number) {
            let again = request.state == RequestProgress::NotExecuted
                && request.attempt.checked_add(1) == Some(attempt)
                && (&request.servers, request.purpose) == (&servers, purpose);
            // Its servers may be in other requests now.
            let moved =
                |id| self.servers.get(id).and_then(|server| server.request) != Some(counted);
            if !again || servers.iter().any(moved) {
                return Err(format!("request {number} cannot be tried again like this"));
            }
        } else if attempt != 1 {
            return Err(format!("request {number} begins with attempt {attempt}"));
        } else {
            for id in &servers {
                self.assign(*id, counted, purpose)?;
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
            is_lost: false,
        };
        self.requests.insert(number, request);
        Ok(())
    }

    /// Assigns a server to a new request, if it may be sent.
    fn assign(&mut self, id: ServerId, number: NonZeroUsize, purpose: Purpose) -> FoldResult {
        let (Some(mut server), Some(progress)) =
            (self.servers.get(&id).copied(), self.progress(id))
        else {
            return Err(format!("server {id} is not in the run"));
        };
        let last = self.last_request(&server);
        let was_free = last.is_none_or(|last| last.state == RequestProgress::NotExecuted);
        let may_be_sent = match (purpose, progress) {
            (Purpose::First, ServerProgress::Unsent) => true,
            // It was already restarted twice.
            (Purpose::Resubmit, _) if self.ledger.soft_outcomes.contains_key(&id) => false,
            // Part of a resubmitted request that was not executed.
            (Purpose::Resubmit, ServerProgress::Unknown { .. }) if was_free => true,
            (Purpose::Resubmit, ServerProgress::Unknown { request }) => {
                server.unknown_request = NonZeroUsize::new(request);
                !std::mem::replace(&mut server.resubmitted, true)
            }
            // Only a soft restart can be finished without a recorded outcome.
            (Purpose::Escalate, ServerProgress::Finished(_)) => self.concluded(&id).is_none(),
            _ => false,
        };
        if !may_be_sent || server.request == Some(number) {
            return Err(format!(
                "server {id} is sent as part of request {number}, but it may not be"
            ));
        }
        server.request = Some(number);
        self.servers.insert(id, server);
        self.ledger.outcomes.remove(&id);
        Ok(())
    }

    /// Whether the run has this wave, counted from 0.
    fn has_wave(&self, wave: usize) -> FoldResult {
        let rolling = self.rolling.as_ref();
        let waves = rolling.map_or(usize::MAX, |rolling| rolling.waves().len());
        if wave < waves {
            return Ok(());
        }
        let number = wave.saturating_add(1);
        Err(format!("the run has no wave {number}"))
    }

    /// A server is skipped, because it was not ready when its wave was to begin.
    fn leave_out(&mut self, wave: usize, unready: UnreadyServer) -> FoldResult {
        let id = unready.id;
        match self.progress(id) {
            Some(ServerProgress::Unsent) => {
                self.ledger.leave_out(wave, unready);
                Ok(())
            }
            Some(_) => Err(format!(
                "server {id} is skipped before wave {}, after it was sent",
                wave + 1
            )),
            None => Err(format!("server {id} is not in the run")),
        }
    }

    fn record_outcome(&mut self, at: Timestamp, id: ServerId, outcome: Outcome) -> FoldResult {
        self.fits(id, &outcome)?;
        let not_attempted = matches!(outcome, Outcome::NotAttempted { .. });
        if not_attempted && self.ledger.left_out.contains_key(&id) {
            // It is not sent again.
            return Ok(());
        }
        let known = self.ledger.outcomes.get(&id);
        if known.is_some_and(|known| is_final(known) && *known != outcome) {
            return Err(format!("server {id} has two outcomes"));
        }
        if not_attempted {
            // It may be sent again, when the run resumes: the waves learn nothing of it.
            if let Some(server) = self.servers.get_mut(&id) {
                (server.request, server.unknown_request) = (None, None);
            }
        } else {
            let succeeded = matches!(outcome, Outcome::Succeeded { .. });
            let server = id;
            self.advance_waves(at, WaveEvent::Ended { server, succeeded });
        }
        self.ledger.outcomes.insert(id, outcome);
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
    fn fits(&self, id: ServerId, outcome: &Outcome) -> FoldResult {
        let server = self.servers.get(&id);
        let server = server.ok_or(format!("server {id} is not in the run"))?;
        let last = self.last_request(server);
        let state = last.map(|last| last.state);
        let job = match state {
            Some(RequestProgress::Accepted(job)) => self.ledger.jobs.get(job),
            _ => None,
        };
        let job = job.map(|job| &job.job_id);
        let soft_outcome = self.ledger.soft_outcomes.get(&id);
        let is_unknown =
            state.is_some_and(RequestProgress::is_unknown) || server.unknown_request.is_some();
        let fits = match outcome {
            // Refused, or its answer lost, and in the wanted state.
            Outcome::Succeeded {
                job_id: None,
                evidence: Evidence::WantedState,
            } => job.is_none(),
            Outcome::Succeeded { job_id: None, .. } | Outcome::Unknown { job_id: None, .. } => {
                job.is_none() && is_unknown
            }
            Outcome::Failed { job_id: None, .. } => job.is_none() && !is_unknown,
            Outcome::Succeeded { job_id: of, .. }
            | Outcome::Failed { job_id: of, .. }
            | Outcome::Unknown { job_id: of, .. } => {
                // Or the hard restart was not executed, so the outcome of the soft one stands.
                let not_hard = matches!(state, None | Some(RequestProgress::NotExecuted));
                job == of.as_ref() || not_hard && soft_outcome == Some(outcome)
            }
            // The hard restart was not executed: the outcome of the soft one stands.
            Outcome::NotAttempted { .. } if soft_outcome.is_some() => {
                let hard = last.is_some_and(|last| last.purpose == Purpose::Escalate);
                self.concluded(&id).is_none() && !(hard && job.is_some())
            }
            Outcome::NotAttempted { .. } => job.is_none(),
            // No record says that.
            Outcome::Running { .. } => false,
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "server {id} is {}, and what was done with it does not allow that",
            outcome.name()
        ))
    }

    fn escalate(&mut self, id: ServerId, outcome: Outcome) -> FoldResult {
        let soft = self.run.action == PowerAction::Reboot(RebootType::Soft);
        let ended = matches!(outcome, Outcome::Failed { .. }) || self.is_finished(outcome.job_id());
        let fits = self.fits(id, &outcome).is_ok() && outcome.job_id().is_some();
        // Exactly one restart, which has ended, and no lost answer.
        let server = self.servers.get(&id);
        let once = server.is_some_and(|server| server.unknown_request.is_none())
            && self.concluded(&id).is_none()
            && !self.ledger.soft_outcomes.contains_key(&id);
        if soft && ended && fits && once {
            self.ledger.soft_outcomes.insert(id, outcome);
            return Ok(());
        }
        Err(format!(
            "server {id} is escalated, but its soft restart did not fail"
        ))
    }

    fn is_finished(&self, job_id: Option<&JobId>) -> bool {
        let mut jobs = self.ledger.jobs.iter();
        job_id.is_some_and(|id| jobs.any(|job| job.finished && job.job_id == *id))
    }
}

/// The outcomes of a record. Those that share an error share its text.
fn outcomes(records: &[OutcomeRecord]) -> impl Iterator<Item = (ServerId, Outcome)> {
    let mut last: Option<(&ErrorRecord, Problem)> = None;
    records.iter().map(move |record| {
        let problem = record.error.as_ref().map(|error| match &last {
            Some((same, problem)) if *same == error => problem.clone(),
            _ => last.insert((error, Problem::from(error))).1.clone(),
        });
        (record.id, record.outcome_with(problem))
    })
}
