//! Checks that nothing is sent again without proof.

use std::time::Duration;

use ecs_ops::PowerAction;
use ecs_ops::model::{JobId, JobStatus, RebootType, ServerId};
use ecs_sim::{Action, Exchange};

use super::super::extras::Extras;
use super::reasons::{is_not_sent, is_unresolved};
use super::{Checker, ManyLives};

impl Extras {
    /// Returns whether servers may be acted on a second time, each for a reason.
    pub(super) fn may_act_twice(&self) -> bool {
        self.escalate_after.is_some() || self.lives.iter().any(|life| life.resubmit)
    }
}

/// The requests for a server that were known when it was sent once more.
#[derive(Default)]
struct Known<'a> {
    /// Accepted, and the client knew.
    jobs: Vec<&'a JobId>,
    /// Of unknown outcome to the client.
    unresolved: Vec<&'a Exchange>,
}

impl Checker<'_> {
    /// Checks that servers that were acted on, or may have been, are sent again only if the caller
    /// wanted it, even if the region refuses them as busy.
    pub(super) fn sends_nothing_again(&mut self) {
        let mut wrong = Vec::new();
        for id in self.truth.sent.keys() {
            let mut known = Known::default();
            for exchange in self.sendings(id, Duration::MAX) {
                if let Some(reason) = self.wrong_to_send(id, &known, exchange) {
                    let at = exchange.begun;
                    wrong.push(format!("{id} was sent again at {at:.3?}: {reason}"));
                }
                match self.reported_job(exchange) {
                    Some(job) => known.jobs.push(job),
                    None if self.was_cut(exchange) => known.unresolved.push(exchange),
                    None if is_unresolved(exchange) && !is_not_sent(exchange) => {
                        known.unresolved.push(exchange);
                    }
                    None => {}
                }
            }
            wrong.extend(self.wrong_actions(id));
        }
        wrong.sort_unstable();
        self.violations.extend(wrong);
    }

    fn wrong_to_send(&self, id: &ServerId, known: &Known<'_>, now: &Exchange) -> Option<String> {
        let lived = self.lived.zip(self.life_of(now));
        // Listing the servers shows that a request was not executed; the next process sends them.
        let is_free = |exchange: &&&Exchange| {
            let Some(((lived, life), first)) = lived.zip(self.life_of(exchange)) else {
                return false;
            };
            let mut lives = lived.extras.lives.iter().take(life).skip(first);
            exchange.accepted.is_none() && lives.any(|life| life.plan.reconcile)
        };
        let unresolved = known.unresolved.len() - known.unresolved.iter().filter(is_free).count();
        match (&known.jobs[..], unresolved) {
            ([], 0) => None,
            ([], _) => {
                let plan = lived.and_then(|(lived, life)| lived.extras.lives.get(life));
                let consent = plan.is_some_and(|life| life.resubmit);
                (!consent || unresolved > 1)
                    .then(|| format!("its outcome was unknown {unresolved} times"))
            }
            ([job], 0) => {
                let escalates = lived.is_some_and(|(lived, _)| self.is_due(id, job, now, lived));
                (!escalates).then(|| "its restart had not ended badly".to_owned())
            }
            (jobs, _) => {
                let jobs = jobs.len();
                Some(format!(
                    "accepted {jobs} times, and {unresolved} times unknown"
                ))
            }
        }
    }

    /// Returns whether a server may be restarted hard by then: its soft restart had failed, and the
    /// client had been informed.
    fn is_due(&self, id: &ServerId, job: &JobId, now: &Exchange, lived: ManyLives<'_>) -> bool {
        let first = lived.extras.lives.first();
        let soft = PowerAction::Reboot(RebootType::Soft);
        let escalates = first.is_some_and(|life| life.plan.action == soft)
            && lived.extras.escalate_after.is_some();
        let reported = self.truth.shown.get(job).into_iter().flatten();
        let reported = reported.take_while(|(at, _)| *at <= now.begun);
        let end = self.truth.end(job, id);
        let bad = |status: &JobStatus| {
            let verified = lived.extras.verify.is_some() && *status == JobStatus::Success;
            *status == JobStatus::Fail || verified
        };
        let mut ends = reported.filter_map(|(_, message)| match message.of(id) {
            Some(part) => Some(&part.status),
            None => Some(&message.status).filter(|status| **status == JobStatus::Success),
        });
        escalates && end.is_some_and(bad) && ends.any(|message| Some(message) == end)
    }

    /// Returns a wrong second action on a server: it must be a hard restart after a soft one, or
    /// the same action if it was sent again.
    fn wrong_actions(&self, id: &ServerId) -> Option<String> {
        let mut jobs = self.truth.jobs_until(id, Duration::MAX);
        // A late arrival was still sent first.
        jobs.sort_by_key(|job| self.truth.made.get(*job));
        let (first, second) = match jobs[..] {
            [first, second] => (first, second),
            [_] | [] => return None,
            _ => return Some(format!("{id} was accepted {} times", jobs.len())),
        };
        let action = |job: &JobId| self.truth.actions.get(job);
        let soft = Action::Reboot(RebootType::Soft);
        let hard = Action::Reboot(RebootType::Hard);
        let knew = self
            .reported_jobs_of(id, Duration::MAX)
            .any(|reported| reported == first);
        let right = if knew {
            action(first) == Some(&soft) && action(second) == Some(&hard)
        } else {
            action(first) == action(second)
        };
        (!right).then(|| format!("{id}: {:?}, then {:?}", action(first), action(second)))
    }
}
