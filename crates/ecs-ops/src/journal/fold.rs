//! One record after the other: what each adds, and what it contradicts.

use ecs_model::{JobId, RebootType, ServerId};

use super::record::{Entry, Purpose, Record};
use super::recovered::{Batch, KnownJob, Recovered, Server, Standing, State};
use super::verdict::{ServerVerdict, Verdict};
use crate::action::PowerAction;
use crate::rolling;

/// What a record contradicts.
type Folded = Result<(), String>;

impl Recovered {
    pub(super) fn fold(&mut self, entry: Entry) -> Folded {
        let at = entry.at;
        match entry.record {
            Record::Run(_) => return Err("the run begins a second time".to_owned()),
            Record::Before { servers } => self.before = servers,
            Record::Intent {
                batch,
                attempt,
                purpose,
                servers,
            } => self.intend(batch, attempt, purpose, servers)?,
            Record::Sending {
                batch,
                attempt,
                theirs,
            } => {
                let known = self.batch(batch, &[State::Intended])?;
                if known.attempt != attempt {
                    return Err(format!(
                        "attempt {attempt} of batch {batch} was not intended"
                    ));
                }
                known.state = State::Sending;
                known.sent = Some((at, theirs));
            }
            Record::Accepted {
                batch,
                job_id,
                request_id,
            } => {
                let job = self.jobs.len();
                let known = self.batch(batch, &[State::Sending])?;
                known.state = State::Accepted(job);
                let servers = known.servers.len();
                self.jobs.push(KnownJob {
                    job_id,
                    batch,
                    servers,
                    request_id,
                    accepted: at,
                    over: false,
                    status: None,
                });
            }
            Record::NotExecuted { batch, error, .. } => {
                let known = self.batch(batch, &[State::Intended, State::Sending])?;
                known.state = State::Free;
                known.error = Some(error);
            }
            Record::Lost { batch, error } => {
                let known = self.batch(batch, &[State::Intended, State::Sending])?;
                known.state = State::Lost;
                known.error = Some(error);
                self.unclear = Some(at);
            }
            Record::Verdicts { servers } => {
                let will_not_tell =
                    |it: &ServerVerdict| it.outcome == Verdict::Unknown && it.job_id.is_some();
                if servers.iter().any(will_not_tell) {
                    self.unclear = Some(at);
                }
                servers
                    .into_iter()
                    .try_for_each(|verdict| self.conclude(verdict))?;
            }
            Record::JobOver { job_id, status } => {
                let jobs = self.jobs.iter_mut();
                let mut found = false;
                for job in jobs.filter(|job| job.job_id == job_id) {
                    (job.over, found) = (true, true);
                    job.status.clone_from(&status);
                }
                if !found {
                    return Err(format!("job {job_id} is over and was never accepted"));
                }
            }
            Record::Escalating { servers } => servers
                .into_iter()
                .try_for_each(|verdict| self.escalate(verdict))?,
            Record::WaveBegan { wave } => self.rolling.push(rolling::Event::Began { wave }),
            Record::WaveChecked { healthy, words, .. } => {
                let words = words.unwrap_or_default();
                self.rolling.push(match healthy {
                    true => rolling::Event::Healthy,
                    false => rolling::Event::Unhealthy(words),
                });
            }
            Record::Answered { go_on } => self.rolling.push(rolling::Event::Answered(go_on)),
            Record::Stopping { .. } => {}
            Record::Resumed { .. } => {
                if self.run.rolling.is_some() {
                    self.rolling.push(self.resumption());
                }
                self.ended = false;
            }
            Record::Ended {} => self.ended = true,
        }
        Ok(())
    }

    /// A batch that must be in one of these states.
    fn batch(&mut self, number: usize, states: &[State]) -> Result<&mut Batch, String> {
        match self.batches.get_mut(&number) {
            Some(batch) if states.contains(&batch.state) => Ok(batch),
            Some(batch) => Err(format!(
                "batch {number} is {:?}, and that does not fit",
                batch.state
            )),
            None => Err(format!("batch {number} was not intended")),
        }
    }

    fn intend(
        &mut self,
        number: usize,
        attempt: u32,
        purpose: Purpose,
        servers: Vec<ServerId>,
    ) -> Folded {
        if servers.is_empty() {
            return Err(format!("batch {number} has no servers"));
        }
        if let Some(batch) = self.batches.get(&number) {
            let again = batch.state == State::Free
                && batch.attempt.checked_add(1) == Some(attempt)
                && (&batch.servers, batch.purpose) == (&servers, purpose);
            // Its servers may be in other batches by now.
            let moved = |id| self.servers.get(id).and_then(|server| server.batch) != Some(number);
            if !again || servers.iter().any(moved) {
                return Err(format!("batch {number} cannot be tried again like this"));
            }
        } else if attempt != 1 {
            return Err(format!("batch {number} begins with attempt {attempt}"));
        } else {
            for id in &servers {
                self.give(*id, number, purpose)?;
            }
        }
        let batch = Batch {
            servers,
            attempt,
            purpose,
            state: State::Intended,
            sent: None,
            error: None,
        };
        self.batches.insert(number, batch);
        Ok(())
    }

    /// Puts a server into a new batch, if it may be sent.
    fn give(&mut self, id: ServerId, number: usize, purpose: Purpose) -> Folded {
        let server = self
            .servers
            .get(&id)
            .ok_or(format!("server {id} is not in the run"))?;
        let standing = self.standing_of(server);
        let last = server.batch.and_then(|batch| self.batches.get(&batch));
        let was_free = last.is_none_or(|last| last.state == State::Free);
        let (mut doubt, mut resubmitted) = (server.doubt, server.resubmitted);
        let may_be_sent = match (purpose, standing) {
            (Purpose::First, Standing::Unsent) => true,
            // It was restarted twice already.
            (Purpose::Resubmit, _) if server.first.is_some() => false,
            // Part of a resubmitted batch that was not executed.
            (Purpose::Resubmit, Standing::Doubtful { .. }) if was_free => true,
            (Purpose::Resubmit, Standing::Doubtful { batch }) => {
                doubt = Some(batch);
                !std::mem::replace(&mut resubmitted, true)
            }
            // Only the first restart of a server can be over without a verdict.
            (Purpose::Escalate, Standing::Done(_)) => server.verdict.is_none(),
            _ => false,
        };
        if !may_be_sent || server.batch == Some(number) {
            return Err(format!(
                "server {id} is sent as part of batch {number}, but it may not be"
            ));
        }
        if let Some(server) = self.servers.get_mut(&id) {
            server.batch = Some(number);
            server.verdict = None;
            (server.doubt, server.resubmitted) = (doubt, resubmitted);
        }
        Ok(())
    }

    fn conclude(&mut self, verdict: ServerVerdict) -> Folded {
        let id = verdict.id;
        self.fits(&verdict)?;
        let unknown = format!("server {id} is not in the run");
        let server = self.servers.get_mut(&id).ok_or(unknown)?;
        match &server.verdict {
            Some(known) if known.is_final() && *known != verdict => {
                return Err(format!("server {id} has two verdicts"));
            }
            _ => {}
        }
        // One that was not acted on has not ended: it comes when the run goes on.
        if self.run.rolling.is_some() && verdict.outcome != Verdict::NotAttempted {
            let good = verdict.outcome == Verdict::Succeeded;
            let event = rolling::Event::Ended { server: id, good };
            self.rolling.push(event);
        }
        if verdict.outcome == Verdict::NotAttempted {
            // Free again.
            (server.batch, server.doubt, server.verdict) = (None, None, None);
        } else {
            server.verdict = Some(verdict);
        }
        Ok(())
    }

    /// Whether a verdict fits to what was done with its server.
    fn fits(&self, verdict: &ServerVerdict) -> Folded {
        let id = verdict.id;
        let server = self.servers.get(&id);
        let server = server.ok_or(format!("server {id} is not in the run"))?;
        let last = server.batch.and_then(|batch| self.batches.get(&batch));
        let state = last.map(|last| last.state);
        let job = match state {
            Some(State::Accepted(job)) => self.jobs.get(job).map(|job| &job.job_id),
            _ => None,
        };
        let in_doubt = state.is_some_and(State::is_doubtful) || server.doubt.is_some();
        let fits = match (verdict.outcome, &verdict.job_id) {
            (Verdict::Succeeded | Verdict::Failed | Verdict::Unknown, Some(of)) => {
                // Or the hard restart was not executed, and what became of the first one stands.
                let not_hard = matches!(state, None | Some(State::Free));
                job == Some(of) || not_hard && server.first.as_ref() == Some(verdict)
            }
            (Verdict::Succeeded | Verdict::Unknown, None) => job.is_none() && in_doubt,
            (Verdict::Failed, None) => job.is_none() && !in_doubt,
            // The hard restart was not: what became of the soft one stands.
            (Verdict::NotAttempted, _) if server.first.is_some() => {
                let hard = last.is_some_and(|last| last.purpose == Purpose::Escalate);
                server.verdict.is_none() && !(hard && job.is_some())
            }
            (Verdict::NotAttempted, _) => job.is_none(),
        };
        match fits {
            true => Ok(()),
            false => Err(format!(
                "server {id} is {:?}, and what was done with it does not allow that",
                verdict.outcome
            )),
        }
    }

    fn escalate(&mut self, verdict: ServerVerdict) -> Folded {
        let id = verdict.id;
        let soft = self.run.action == PowerAction::Reboot(RebootType::Soft);
        let ended = verdict.outcome == Verdict::Failed || self.is_over(verdict.job_id.as_ref());
        let fits = self.fits(&verdict).is_ok() && verdict.job_id.is_some();
        // One restart, and it has ended: not of a second time, and none of unknown fate before.
        let once = |server: &Server| {
            server.verdict.is_none() && server.first.is_none() && server.doubt.is_none()
        };
        match self.servers.get_mut(&id) {
            Some(server) if soft && ended && fits && once(server) => {
                server.first = Some(verdict);
                Ok(())
            }
            _ => Err(format!(
                "server {id} is to be restarted hard, and its first restart has not ended badly"
            )),
        }
    }

    fn is_over(&self, job_id: Option<&JobId>) -> bool {
        let mut jobs = self.jobs.iter();
        job_id.is_some_and(|id| jobs.any(|job| job.over && job.job_id == *id))
    }
}
