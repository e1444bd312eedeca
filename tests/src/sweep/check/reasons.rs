//! Reasons for the claims of a report.

use std::time::Duration;

use ecs_ops::fleet::Unready;
use ecs_ops::journal::Record;
use ecs_ops::model::{JobId, JobStatus, ServerId};
use ecs_ops::transport::Delivery;
use ecs_ops::{Event, Outcome, Stopped};
use ecs_sim::{Asked, Exchange, Fault, Part, Received, ShownJob};

use super::super::lives::Life;
use super::super::{Played, scenario::RunPlan};
use super::Checker;

/// Returns whether the request left, and its answer does not show whether it was executed.
pub(super) fn is_unresolved(exchange: &Exchange) -> bool {
    let answered = matches!(exchange.ended, Some((_, Received::Answer(_))));
    let clear = matches!(
        exchange.fault,
        None | Some(Fault::Throttled | Fault::Denied)
    );
    exchange.left.is_some() && !(answered && clear)
}

/// Returns whether the transport itself reported that nothing was sent.
pub(super) fn is_not_sent(exchange: &Exchange) -> bool {
    matches!(
        exchange.ended,
        Some((_, Received::Failure(_, Delivery::NotSent)))
    )
}

impl Checker<'_> {
    /// Returns whether the job was shown as over without an end for this server.
    pub(super) fn does_not_tell(&self, job: &JobId, id: &ServerId) -> bool {
        self.truth.shown(job).any(|message| {
            message.status.is_over()
                && match message.of(id) {
                    Some(part) => !part.status.is_over(),
                    // With servers of another request it may be the job of that one.
                    None => message.status == JobStatus::Fail || self.has_strangers(job, message),
                }
        })
    }

    /// Returns whether a job was shown with servers that are not its own.
    fn has_strangers(&self, job: &JobId, shown: &ShownJob) -> bool {
        let is_own = |part: &Part| self.truth.end(job, &part.server).is_some();
        !shown.parts.iter().all(is_own)
    }

    /// Returns the requests for this server that were sent before this time, in order.
    pub(super) fn sendings<'a>(
        &'a self,
        id: &ServerId,
        until: Duration,
    ) -> impl Iterator<Item = &'a Exchange> {
        let indices = self.truth.sent.get(id).map_or(&[][..], Vec::as_slice);
        indices
            .iter()
            .filter_map(|&index| self.trace.exchanges.get(index))
            .filter(move |exchange| exchange.begun < until)
    }

    /// Returns whether a request left whose answer does not show whether it was executed, or
    /// whether the process died that sent it or was about to.
    pub(super) fn may_be_unknown(&self, id: &ServerId, run: &Played) -> bool {
        let mut sendings = self.sendings(id, run.until);
        let lived = self.lived.filter(|lived| lived.is(run));
        sendings.any(is_unresolved) || lived.is_some_and(|lived| lived.died_sending(id, run.until))
    }

    /// Returns the jobs that were reported to the client explicitly, in a process that lived long enough
    /// to notice.
    pub(super) fn reported_jobs_of(
        &self,
        id: &ServerId,
        until: Duration,
    ) -> impl Iterator<Item = &JobId> {
        let sendings = self.sendings(id, until);
        sendings.filter_map(|exchange| self.reported_job(exchange))
    }

    /// Returns the job that this answer reported to the client.
    pub(super) fn reported_job<'a>(&self, exchange: &'a Exchange) -> Option<&'a JobId> {
        let answered = matches!(exchange.ended, Some((_, Received::Answer(_))));
        let accepted = exchange.accepted.as_ref();
        let job = accepted.filter(|_| answered && exchange.fault.is_none())?;
        let known = match (self.lived, self.life_of(exchange)) {
            (Some(lived), Some(life)) => lived.noticed(life, job),
            _ => true,
        };
        known.then_some(job)
    }

    /// Returns the last job that was reported to the client. The unknown outcome of a hard restart
    /// takes precedence over the end of the soft one.
    pub(super) fn last_reported_job(&self, id: &ServerId, run: &Played) -> Option<&JobId> {
        let escalates = self
            .lived
            .is_some_and(|lived| lived.is(run) && lived.extras.escalate_after.is_some());
        let (mut reported, mut later) = (None, false);
        for exchange in self.sendings(id, run.until) {
            match self.reported_job(exchange) {
                Some(job) => (reported, later) = (Some(job), false),
                None => later |= is_unresolved(exchange) || self.was_cut(exchange),
            }
        }
        let cut = || {
            self.lived
                .is_some_and(|lived| lived.died_sending(id, run.until))
        };
        reported.filter(|_| !(escalates && (later || cut())))
    }

    /// Returns the process that sent this, of the run with several.
    pub(super) fn life_of(&self, exchange: &Exchange) -> Option<usize> {
        let lived = self.lived?;
        let Asked::Action(servers) = &exchange.asked else {
            return None;
        };
        let first = lived.lived.lives.first()?;
        let mine = servers
            .first()
            .is_some_and(|id| first.played.servers.contains(id));
        let began = |life: &Life| life.played.began <= exchange.begun;
        let lives = lived.lived.lives.iter();
        mine.then(|| {
            lives
                .take_while(|life| began(life))
                .count()
                .saturating_sub(1)
        })
    }

    /// Returns whether the process died before it noticed how this ended.
    pub(super) fn was_cut(&self, exchange: &Exchange) -> bool {
        let (Some(lived), Some(life)) = (self.lived, self.life_of(exchange)) else {
            return false;
        };
        let Some(life) = lived.lived.lives.get(life) else {
            return false;
        };
        let over = exchange.ended.is_some_and(|(at, _)| at < life.played.ended);
        let Asked::Action(servers) = &exchange.asked else {
            return false;
        };
        // It may have recorded it at the instant of its death.
        life.played.died && !over && lived.open(life).any(|open| open == servers)
    }

    /// Checks an undisturbed run: not attempting needs a service that is unreachable or denies, or
    /// evidence about an unknown outcome; failing without a job needs a request that the region
    /// refused.
    pub(super) fn not_attempted_without_reason(
        &self,
        plan: &RunPlan,
        run: &Played,
        id: &ServerId,
        outcome: &Outcome,
    ) -> Option<String> {
        // Servers that remain when it stops by its own rules, or when a wave does not end.
        let report = run.report.as_ref();
        let stopped = report.and_then(|report| report.stopped.as_ref());
        let waves = self.lived.is_some_and(|lived| lived.is(run));
        let stopped = match stopped {
            Some(Stopped::Rolling(_) | Stopped::Stalled) => waves,
            _ => false,
        };
        let reason = match outcome {
            Outcome::NotAttempted { .. } => {
                self.denied()
                    || self.had_an_outage(run)
                    || self.could_not_list(plan)
                    || (self.reconciled(plan) && self.may_be_unknown(id, run))
                    || stopped
                    || self.was_not_ready(id, run)
                    || self.trace.exchanges.iter().any(|exchange| {
                        let given_back = exchange.fault == Some(Fault::GivenBack);
                        matches!(exchange.asked, Asked::Action(_))
                            && (exchange.left.is_none() || given_back)
                    })
            }
            Outcome::Failed { job_id: None, .. } => self.was_refused_alone(id, run),
            _ => true,
        };
        (!reason).then(|| format!("without a reason {id} is said to be {outcome:?}"))
    }

    /// Returns whether a server was skipped before its wave with a reason: it was locked from the
    /// beginning, others acted on it, or an earlier process may have.
    fn was_not_ready(&self, id: &ServerId, run: &Played) -> bool {
        // A process that died has no report.
        let lives = self.lived.iter().flat_map(|lived| &lived.lived.lives);
        let events = lives.flat_map(|life| &life.events);
        let emitted = events.filter_map(|(_, event)| match event {
            Event::WaveRechecked { unready, .. } => Some(unready),
            _ => None,
        });
        // A process that died between its record and its event has only the record.
        let entries = self.lived.iter().flat_map(|lived| &lived.lived.entries);
        let recorded = entries.filter_map(|entry| match &entry.record {
            Record::WaveRechecked { unready, .. } => Some(unready),
            _ => None,
        });
        let mut unready = emitted.chain(recorded).flatten();
        let Some(unready) = unready.find(|server| server.id == *id) else {
            return false;
        };
        match unready.reason {
            // A soft restart of it would be refused; it was stopped before the run.
            Unready::Locked | Unready::Stopped => true,
            Unready::Absent => self.scenario.absent > 0,
            _ => self.others.contains(id) || self.may_be_unknown(id, run),
        }
    }

    /// Returns whether the region refused a request of this server alone.
    pub(super) fn was_refused_alone(&self, id: &ServerId, run: &Played) -> bool {
        self.sendings(id, run.until).any(|exchange| {
            exchange.arrived.is_some()
                && exchange.accepted.is_none()
                && matches!(&exchange.asked, Asked::Action(servers) if servers.len() == 1)
        })
    }

    /// Returns whether a run with reconciliation may have been unable to list the servers at its
    /// beginning.
    fn could_not_list(&self, plan: &RunPlan) -> bool {
        plan.reconcile
            && self
                .trace
                .exchanges
                .iter()
                .any(|exchange| match exchange.ended {
                    // Throttling of any request delays the list, too.
                    Some((_, Received::Answer(status))) => {
                        exchange.fault.is_some() || !status.is_success()
                    }
                    _ => true,
                })
    }

    /// Returns whether a server whose job had succeeded could not be verified.
    pub(super) fn was_not_seen(&self, message_part: &str) -> bool {
        let mut lists = self.trace.exchanges.iter();
        self.is_not_back(message_part)
            && lists.any(|exchange| {
                let answered = matches!(exchange.ended, Some((_, Received::Answer(_))));
                exchange.asked == Asked::Other && !answered
            })
    }
}
