//! Applies records one by one, and refuses contradictions.

mod outcomes;

use std::num::NonZeroUsize;

use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use jiff::Timestamp;

use super::job::Acceptance;
use super::outcome::ErrorRecord;
use super::progress::{RequestHistory, RequestProgress, ServerProgress};
use super::record::{Entry, Purpose, Record};
use super::recovered::Recovered;
use crate::fleet::{UnreadyServer, reasons};
use crate::report::Stopped;
use crate::rolling::{WaveAction, WaveEvent};

/// The contradiction, as an error.
type FoldResult = Result<(), String>;

impl Recovered {
    /// Applies a record.
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
            } => self.fold_intent(at, (request, attempt), purpose, servers)?,
            Record::Sending {
                request,
                attempt,
                remote,
            } => self.fold_sending((request, attempt), (at, remote))?,
            Record::Accepted {
                request,
                job_id,
                request_id,
            } => self.fold_accepted(Acceptance {
                request,
                at,
                job_id,
                request_id,
            })?,
            Record::NotExecuted { request, error, .. } => {
                self.fold_not_executed(request, error)?;
            }
            Record::AnswerLost { request, error } => self.fold_answer_lost(at, request, error)?,
            Record::Outcomes { servers } => self.fold_outcomes(at, &servers)?,
            Record::JobFinished { job_id, status } => {
                self.fold_job_finished(&job_id, status.as_deref())?;
            }
            Record::Escalating { servers } => self.fold_escalating(&servers)?,
            Record::WaveRechecked {
                wave,
                unready,
                skipped,
                message,
            } => self.fold_wave_rechecked(at, wave, (unready, skipped), message)?,
            Record::WaveBegan { wave } => self.fold_wave_began(at, wave)?,
            Record::WaveChecked {
                wave,
                healthy,
                message,
            } => self.fold_wave_checked(at, wave, healthy, message)?,
            Record::Answered { proceed } => {
                self.advance_waves(at, WaveEvent::Answered(proceed));
            }
            Record::Stopping { reason, cause } => self.fold_stopping(&reason, cause),
            Record::Resumed {
                continues_stopped, ..
            } => self.fold_resumed(at, continues_stopped),
            Record::Refused { error } => self.refused = Some(Problem::from(&error)),
            Record::Ended {} => self.ended = true,
        }
        Ok(())
    }

    fn fold_sending(
        &mut self,
        (request, attempt): (usize, u32),
        sent: (Timestamp, Option<Timestamp>),
    ) -> FoldResult {
        let known = self.request_in(request, &[RequestProgress::Intended])?;
        if known.attempt != attempt {
            return Err(format!(
                "attempt {attempt} of request {request} was not intended"
            ));
        }
        known.state = RequestProgress::Sending;
        known.sent = Some(sent);
        Ok(())
    }

    fn fold_accepted(&mut self, acceptance: Acceptance) -> FoldResult {
        let job = self.ledger.jobs.len();
        // The job of a request whose answer was lost can be found later.
        let known = self.request_in(
            acceptance.request,
            &[
                RequestProgress::Intended,
                RequestProgress::Sending,
                RequestProgress::AnswerLost,
            ],
        )?;
        known.state = RequestProgress::Accepted(job);
        let (servers, is_found) = (known.servers.len(), known.is_lost);
        if is_found && let Some(number) = NonZeroUsize::new(acceptance.request) {
            let ids = known.servers.clone();
            ids.iter().for_each(|id| self.return_to(number, id));
        }
        self.ledger.accept(acceptance, servers, is_found);
        Ok(())
    }

    /// The request whose answer was lost is the last one of its server again, if the one that
    /// resubmitted it was not executed.
    fn return_to(&mut self, found: NonZeroUsize, id: &ServerId) {
        let Some(mut server) = self.servers.get(id).copied() else {
            return;
        };
        let was_free = self
            .last_request(&server)
            .is_none_or(|last| last.state == RequestProgress::NotExecuted);
        if was_free && server.unknown_request == Some(found) {
            server.request = Some(found);
            self.servers.insert(*id, server);
        }
    }

    fn fold_not_executed(&mut self, request: usize, error: ErrorRecord) -> FoldResult {
        let known = self.request_in(
            request,
            &[RequestProgress::Intended, RequestProgress::Sending],
        )?;
        known.state = RequestProgress::NotExecuted;
        known.error = Some(error);
        Ok(())
    }

    fn fold_answer_lost(
        &mut self,
        at: Timestamp,
        request: usize,
        error: ErrorRecord,
    ) -> FoldResult {
        let known = self.request_in(
            request,
            &[RequestProgress::Intended, RequestProgress::Sending],
        )?;
        known.state = RequestProgress::AnswerLost;
        known.is_lost = true;
        known.error = Some(error);
        self.lost_answer_at = Some(at);
        Ok(())
    }

    fn fold_job_finished(&mut self, job_id: &JobId, status: Option<&str>) -> FoldResult {
        let status = status.map(JobStatus::from);
        if self.ledger.finish(job_id, status.as_ref()) {
            Ok(())
        } else {
            Err(format!("job {job_id} finished but was never accepted"))
        }
    }

    /// `unready`: the servers that were not ready, and whether they are skipped.
    fn fold_wave_rechecked(
        &mut self,
        at: Timestamp,
        wave: usize,
        (unready, skipped): (Vec<UnreadyServer>, bool),
        message: Option<String>,
    ) -> FoldResult {
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
        Ok(())
    }

    fn fold_wave_began(&mut self, at: Timestamp, wave: usize) -> FoldResult {
        self.has_wave(wave)?;
        self.advance_waves(at, WaveEvent::Began { wave });
        Ok(())
    }

    fn fold_wave_checked(
        &mut self,
        at: Timestamp,
        wave: usize,
        healthy: bool,
        message: Option<String>,
    ) -> FoldResult {
        self.has_wave(wave)?;
        let checked = if healthy {
            WaveEvent::Healthy
        } else {
            WaveEvent::Unhealthy(message.unwrap_or_default())
        };
        self.advance_waves(at, checked);
        Ok(())
    }

    fn fold_stopping(&mut self, reason: &str, cause: Option<Stopped>) {
        self.stopped = cause.or_else(|| Stopped::of_reason(reason));
        if matches!(self.stopped, Some(Stopped::Requested { .. })) {
            self.stop_request.clone_from(&self.stopped);
        }
    }

    fn fold_resumed(&mut self, at: Timestamp, continues_stopped: bool) {
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

    fn fold_intent(
        &mut self,
        at: Timestamp,
        (number, attempt): (usize, u32),
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
            intended: Some(at),
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

    /// Checks that the run has this wave, counted from 0.
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
}
