//! Escalation: soft restarts that failed or hang are followed by a hard one. The only way to a
//! second restart.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{ErrorInfo, RebootType, ServerId};

use super::RunState;
use crate::action::{DEFAULT_BATCH_SIZE, PowerAction};
use crate::event::Event;
use crate::journal::{OutcomeRecord, Purpose};
use crate::report::{Outcome, ServerReport};
use crate::rolling::{Escalation, FirstRestart, HangHistory, escalate};

/// Servers whose soft restart failed or hangs.
#[derive(Debug)]
pub(super) struct Escalations {
    /// The time that a server has to come back, from the acceptance of its restart. `None`: no
    /// further server is restarted hard.
    after: Option<Duration>,
    /// The time after which a server hangs. `None`: hangs are not watched.
    pub(super) hang: Option<Duration>,
    /// The reads of servers that may hang.
    pub(super) hangs: HashMap<ServerId, HangHistory>,
    /// Servers with a failed part and a running one, which do not hang for certain.
    contradictory: HashSet<ServerId>,
    /// The most servers in a request.
    batch_size: usize,
    /// Servers to restart hard that are not recorded yet.
    to_record: Vec<ServerId>,
    /// Servers whose soft restart may still be running.
    excluded: HashSet<ServerId>,
}

impl Escalations {
    pub(super) fn new(after: Option<Duration>, hang: Option<Duration>, batch_size: usize) -> Self {
        Self {
            after,
            hang,
            hangs: HashMap::new(),
            contradictory: HashSet::new(),
            batch_size: batch_size.max(1),
            to_record: Vec::new(),
            excluded: HashSet::new(),
        }
    }
}

impl RunState {
    /// The action of a request.
    pub(crate) fn action_of(&self, request: usize) -> PowerAction {
        match self.purpose(request) {
            Purpose::Escalate => PowerAction::Reboot(RebootType::Hard),
            _ => self.action,
        }
    }

    /// Returns `true` if this is the known outcome of the soft restart.
    pub(super) fn is_soft_outcome(&self, id: &ServerId, outcome: &Outcome) -> bool {
        let job_id = self.ledger.soft_outcomes.get(id).map(Outcome::job_id);
        job_id.is_some_and(|job_id| job_id.is_some() && job_id == outcome.job_id())
    }

    /// Decides whether a server is restarted hard.
    fn escalation(
        &self,
        id: &ServerId,
        soft_outcome: FirstRestart,
        elapsed: Duration,
    ) -> Escalation {
        let Some(escalations) = &self.escalations else {
            return Escalation::No;
        };
        let Some(after) = escalations.after else {
            return Escalation::No;
        };
        let already = !self.may_restart_again(id);
        escalate(soft_outcome, elapsed, after, already)
    }

    /// Returns `true` if a second restart of this server is possible: never of one that may already
    /// have been restarted twice, and not when nothing more is sent.
    pub(super) fn may_restart_again(&self, id: &ServerId) -> bool {
        let once = |escalations: &Escalations| !escalations.excluded.contains(id);
        self.escalations.as_ref().is_some_and(once)
            && !self.ledger.soft_outcomes.contains_key(id)
            && !self.resubmitted.contains_key(id)
            && !self.ledger.outcomes.contains_key(id)
            && self.halted.is_none()
            && !self.closing
    }

    /// Notes that a server is to be restarted hard, and how its soft restart ended.
    pub(super) fn restart_hard(&mut self, id: ServerId, soft_outcome: Outcome) {
        if let Some(escalations) = &mut self.escalations {
            escalations.hangs.remove(&id);
            escalations.to_record.push(id);
            self.ledger.soft_outcomes.insert(id, soft_outcome);
        }
    }

    /// Returns `true` if a failed soft restart of this server would be escalated.
    pub(super) fn may_escalate(&self, id: &ServerId) -> bool {
        self.escalation(id, FirstRestart::Failed, Duration::ZERO) == Escalation::Hard
    }

    /// Decides about a server that is not back this long after the acceptance of its soft restart.
    pub(super) fn escalation_if_not_back(&self, id: &ServerId, elapsed: Duration) -> Escalation {
        self.escalation(id, FirstRestart::NotBack, elapsed)
    }

    /// Excludes a server from escalation.
    pub(super) fn exclude_from_escalation(&mut self, id: ServerId) {
        if let Some(escalations) = &mut self.escalations {
            escalations.excluded.insert(id);
        }
    }

    /// Notes that a server has a failed part and a running one.
    pub(super) fn mark_contradictory(&mut self, id: ServerId) {
        if let Some(escalations) = &mut self.escalations {
            escalations.contradictory.insert(id);
        }
    }

    pub(super) fn is_contradictory(&self, id: &ServerId) -> bool {
        let escalations = self.escalations.as_ref();
        escalations.is_some_and(|escalations| escalations.contradictory.contains(id))
    }

    /// Defers an outcome that a hard restart may improve. After a hard restart that was not
    /// executed, the outcome of the soft one is used.
    pub(super) fn defer_for_escalation(
        &mut self,
        id: ServerId,
        outcome: Outcome,
    ) -> Option<Outcome> {
        let executed = match &outcome {
            Outcome::NotAttempted { .. } => false,
            Outcome::Failed { job_id, .. } => job_id.is_some(),
            _ => true,
        };
        if let Some(soft_outcome) = self.ledger.soft_outcomes.get(&id).filter(|_| !executed) {
            return Some(soft_outcome.clone());
        }
        let failed = executed && matches!(outcome, Outcome::Failed { .. });
        let first = match outcome.error() {
            Some(error) if is_denial(error) => FirstRestart::Denied,
            _ => FirstRestart::Failed,
        };
        if !failed || self.escalation(&id, first, Duration::ZERO) != Escalation::Hard {
            return Some(outcome);
        }
        self.restart_hard(id, outcome);
        None
    }

    /// The outcomes of the soft restarts that failed in this step.
    pub(super) fn take_escalating(&mut self) -> Vec<OutcomeRecord> {
        let Some(escalations) = &mut self.escalations else {
            return Vec::new();
        };
        let to_record = std::mem::take(&mut escalations.to_record).into_iter();
        let record = |id| {
            let soft_outcome = self.ledger.soft_outcomes.get(&id)?.clone();
            OutcomeRecord::of(&ServerReport::new(id, soft_outcome))
        };
        to_record.filter_map(record).collect()
    }

    /// Queues servers for a hard restart.
    pub(super) fn queue_hard_restarts(&mut self, servers: Vec<ServerId>) -> Option<Event> {
        let escalations = self.escalations.as_ref();
        let size = escalations.map_or(DEFAULT_BATCH_SIZE, |escalations| escalations.batch_size);
        if servers.is_empty() {
            return None;
        }
        let requests = servers.chunks(size).map(<[ServerId]>::to_vec);
        requests.for_each(|request| self.queue.push_back(request));
        Some(Event::Escalating { servers })
    }

    /// Ends escalation: servers that were not restarted hard keep the outcome of their soft
    /// restart. Returns whether there are any.
    pub(super) fn stop_escalating(&mut self) -> bool {
        let before = self.ledger.outcomes.len();
        for (id, soft_outcome) in &self.ledger.soft_outcomes {
            let outcomes = &mut self.ledger.outcomes;
            outcomes.insert_first(*id, soft_outcome.clone());
        }
        self.ledger.outcomes.len() > before
    }
}

/// Returns `true` if an action failed for lack of a permission, or because of throttling: a hard
/// restart would fail for the same reason.
fn is_denial(error: &Problem) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    let disposition = ErrorInfo::of(code).map(|info| info.disposition);
    disposition.is_some_and(|disposition| disposition.throttling || disposition.credentials)
        || ErrorInfo::is_of_gateway(code)
}
