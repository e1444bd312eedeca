//! The part of the books about servers whose job succeeded and that are to be seen at rest.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, ServerId};
use jiff::Timestamp;

use super::Machine;
use crate::batch::evidence::{Snapshot, State, state};
use crate::event::Event;
use crate::report::{JobReport, Outcome, ShownBy};
use crate::rolling::Escalation;

/// Servers whose job succeeded, by what they get when they are at rest.
pub(super) type Settling = BTreeMap<ServerId, (JobId, ShownBy)>;

impl Machine {
    /// Looks at each server whose job succeeded before it counts as succeeded.
    pub(crate) fn verify(&mut self) {
        self.settling = Some(Settling::new());
    }

    /// The servers that are to be seen at rest.
    pub(crate) fn settling(&self) -> impl Iterator<Item = &ServerId> {
        self.settling.iter().flat_map(|settling| settling.keys())
    }

    pub(crate) fn is_settling(&self, id: &ServerId) -> bool {
        let settling = self.settling.as_ref();
        settling.is_some_and(|settling| settling.contains_key(id))
    }

    /// Keeps back a success of which the server itself has yet to be asked. Gives it back, if that is not wanted.
    pub(super) fn keep_back(&mut self, id: ServerId, outcome: Outcome) -> Option<Outcome> {
        let Some(settling) = &mut self.settling else {
            return Some(outcome);
        };
        match outcome {
            _ if settling.contains_key(&id) => None,
            Outcome::Succeeded {
                job_id: Some(job_id),
                shown_by,
            } if !self.outcomes.contains_key(&id) => {
                settling.insert(id, (job_id, shown_by));
                None
            }
            outcome => Some(outcome),
        }
    }

    /// The servers were listed; `age`: how long after the end of a server's job, unless that came later. Nobody waits for
    /// those for which it was at least `within`. `since`: how long ago a time was.
    pub(crate) fn settle(
        &mut self,
        listed: Result<&Snapshot, &Problem>,
        age: impl Fn(&ServerId) -> Option<Duration>,
        within: Duration,
        since: impl Fn(Timestamp) -> Duration,
    ) -> Vec<Event> {
        let action = self.action;
        let Some(settling) = self.settling.take() else {
            return Vec::new();
        };
        let accepted = self.accepted_for_hard();
        let (mut left, mut ended) = (Settling::new(), Vec::new());
        for (id, (job_id, shown_by)) in settling {
            let Some(age) = age(&id) else {
                left.insert(id, (job_id, shown_by));
                continue;
            };
            let job = Some(job_id.clone());
            let words = |what: &str| Problem::new(format!("its job succeeded, but {what}"));
            let seen = match listed {
                Ok(listed) => state(action, listed.get(&id)),
                Err(_) => State::Missing,
            };
            let hard = match accepted.get(&job_id) {
                Some(at) => self.if_not_back(&id, since(*at)),
                None => Escalation::No,
            };
            let outcome = match seen {
                State::Settled => Outcome::Succeeded {
                    job_id: job,
                    shown_by,
                },
                State::Broken(shown) => Outcome::Failed {
                    job_id: job,
                    error: words(&shown),
                },
                State::NotYet(shown) if hard == Escalation::Hard => Outcome::Failed {
                    job_id: job,
                    error: words(&shown),
                },
                // It has its time, however short the looking was meant to be.
                State::NotYet(_) if hard == Escalation::NotYet => {
                    left.insert(id, (job_id, shown_by));
                    continue;
                }
                State::NotYet(_) | State::Missing if age < within => {
                    left.insert(id, (job_id, shown_by));
                    continue;
                }
                State::NotYet(shown) => Outcome::Failed {
                    job_id: job,
                    error: words(&format!("{within:?} later {shown}")),
                },
                State::Missing => Outcome::Unknown {
                    job_id: job,
                    error: match listed {
                        Ok(_) => words("it is not in the list of servers"),
                        Err(error) => error
                            .clone()
                            .because("its job succeeded, but the servers could not be listed"),
                    },
                },
            };
            ended.push((id, outcome));
        }
        let mut events = vec![Event::Settling {
            servers: left.len(),
        }];
        // What has ended is not kept back again.
        for (id, outcome) in ended {
            events.extend(self.end_one(id, outcome));
        }
        self.settling = Some(left);
        events
    }

    /// When the jobs were accepted, if servers that are not back are restarted hard.
    fn accepted_for_hard(&self) -> HashMap<JobId, Timestamp> {
        let jobs = self.jobs.iter().filter(|_| self.escalations.is_some());
        let accepted = |job: &JobReport| Some((job.job_id.clone(), job.ticket.accepted_at()?));
        jobs.filter_map(accepted).collect()
    }

    /// Nobody waits any longer. Says whether somebody had to.
    pub(super) fn stop_settling(&mut self) -> bool {
        let settling = self.settling.take().unwrap_or_default();
        let some = !settling.is_empty();
        for (id, (job_id, _)) in settling {
            self.end_one(id, Outcome::Running { job_id });
        }
        some
    }
}
