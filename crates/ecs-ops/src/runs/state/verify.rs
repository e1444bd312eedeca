//! Servers whose job succeeded and that are verified.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, ServerId};
use jiff::Timestamp;

use super::RunState;
use crate::event::Event;
use crate::report::{Evidence, Outcome};
use crate::rolling::Escalation;
use crate::runs::evidence::{RestState, ServerList, rest_state};

/// Servers to verify, with the job and evidence of their success.
pub(super) type Unverified = BTreeMap<ServerId, (JobId, Evidence)>;

impl RunState {
    /// Turns verification on: each server is verified before it counts as succeeded.
    pub(crate) fn enable_verification(&mut self) {
        self.unverified = Some(Unverified::new());
    }

    /// The servers to verify.
    pub(crate) fn unverified(&self) -> impl Iterator<Item = &ServerId> {
        self.unverified
            .iter()
            .flat_map(|unverified| unverified.keys())
    }

    pub(crate) fn is_unverified(&self, id: &ServerId) -> bool {
        let unverified = self.unverified.as_ref();
        unverified.is_some_and(|unverified| unverified.contains_key(id))
    }

    /// Holds a success back until the server is verified. Returns it if verification is off.
    pub(super) fn hold_for_verification(
        &mut self,
        id: ServerId,
        outcome: Outcome,
    ) -> Option<Outcome> {
        let Some(unverified) = &mut self.unverified else {
            return Some(outcome);
        };
        match outcome {
            _ if unverified.contains_key(&id) => None,
            Outcome::Succeeded {
                job_id: Some(job_id),
                evidence,
            } if !self.ledger.outcomes.contains_key(&id) => {
                unverified.insert(id, (job_id, evidence));
                None
            }
            outcome => Some(outcome),
        }
    }

    /// Applies a list of servers. `age`: how long after the end of a server's job it was made;
    /// `None`: before. A server has `within` to come to rest. `since`: how long ago a time was.
    pub(crate) fn verify(
        &mut self,
        listed: Result<&ServerList, &Problem>,
        age: impl Fn(&ServerId) -> Option<Duration>,
        within: Duration,
        since: impl Fn(Timestamp) -> Duration,
    ) -> Vec<Event> {
        let action = self.action;
        let Some(unverified) = self.unverified.take() else {
            return Vec::new();
        };
        let accepted = self.accepted_for_hard();
        let (mut left, mut ended) = (Unverified::new(), Vec::new());
        for (id, (job_id, evidence)) in unverified {
            let Some(age) = age(&id) else {
                left.insert(id, (job_id, evidence));
                continue;
            };
            let job = Some(job_id.clone());
            let message = |what: &str| Problem::new(format!("its job succeeded, but {what}"));
            let shown = match listed {
                Ok(listed) => rest_state(action, listed.get(&id)),
                Err(_) => RestState::Missing,
            };
            let escalation = match accepted.get(&job_id) {
                Some(at) => self.escalation_if_not_back(&id, since(*at)),
                None => Escalation::No,
            };
            let outcome = match shown {
                RestState::AtRest => Outcome::Succeeded {
                    job_id: job,
                    evidence,
                },
                RestState::Broken(shown) => Outcome::Failed {
                    job_id: job,
                    error: message(&shown),
                },
                RestState::Unsettled(shown) if escalation == Escalation::Hard => Outcome::Failed {
                    job_id: job,
                    error: message(&shown),
                },
                // It has the time to come back, even if that to verify is shorter.
                RestState::Unsettled(_) if escalation == Escalation::NotYet => {
                    left.insert(id, (job_id, evidence));
                    continue;
                }
                RestState::Unsettled(_) | RestState::Missing if age < within => {
                    left.insert(id, (job_id, evidence));
                    continue;
                }
                RestState::Unsettled(shown) => Outcome::Failed {
                    job_id: job,
                    error: message(&format!("{within:?} later {shown}")),
                },
                RestState::Missing => Outcome::Unknown {
                    job_id: job,
                    error: match listed {
                        Ok(_) => message("it is not in the list of servers"),
                        Err(error) => error
                            .clone()
                            .because("its job succeeded, but the servers could not be listed"),
                    },
                },
            };
            ended.push((id, outcome));
        }
        let mut events = vec![Event::Verifying {
            servers: left.len(),
        }];
        // Verified outcomes are not held back again.
        for (id, outcome) in ended {
            events.extend(self.end_server(id, outcome));
        }
        self.unverified = Some(left);
        events
    }

    /// Returns the times at which jobs were accepted; empty if escalation is off.
    fn accepted_for_hard(&self) -> HashMap<JobId, Timestamp> {
        let jobs = self
            .ledger
            .jobs
            .iter()
            .filter(|_| self.escalations.is_some());
        jobs.map(|job| (job.job_id.clone(), job.accepted)).collect()
    }

    /// Ends verification. Returns whether servers were left.
    pub(super) fn stop_verifying(&mut self) -> bool {
        let unverified = self.unverified.take().unwrap_or_default();
        let some = !unverified.is_empty();
        for (id, (job_id, _)) in unverified {
            self.end_server(id, Outcome::Running { job_id });
        }
        some
    }
}
