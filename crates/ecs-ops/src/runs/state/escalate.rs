//! The part of the books about soft restarts that ended badly, and that are tried hard. The only way to a second restart.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{RebootType, ServerId};

use super::RunState;
use crate::action::{DEFAULT_BATCH_SIZE, PowerAction};
use crate::event::Event;
use crate::journal::Purpose;
use crate::report::{Outcome, ServerReport};
use crate::rolling::{Escalation, FirstRestart, escalate};

/// Servers whose soft restart ended badly.
#[derive(Debug)]
pub(super) struct Escalations {
    /// The time that a server has for coming back, from the acceptance of its restart. Nothing: no further one is
    /// restarted hard.
    after: Option<Duration>,
    /// The most servers in a request.
    batch_size: usize,
    /// How the soft restart of each ended.
    soft_outcome: HashMap<ServerId, Outcome>,
    /// Those of them of which that is not written down yet.
    to_record: Vec<ServerId>,
    /// Servers of which nobody can say that their soft restart has ended.
    excluded: HashSet<ServerId>,
}

impl Escalations {
    pub(super) fn new(after: Option<Duration>, batch_size: usize) -> Self {
        Self {
            after,
            batch_size: batch_size.max(1),
            soft_outcome: HashMap::new(),
            to_record: Vec::new(),
            excluded: HashSet::new(),
        }
    }
}

impl RunState {
    /// What is done to the servers of a request.
    pub(crate) fn action_of(&self, request: usize) -> PowerAction {
        match self.purpose(request) {
            Purpose::Escalate => PowerAction::Reboot(RebootType::Hard),
            _ => self.action,
        }
    }

    /// How the soft restart of a server ended, if it was to be restarted hard.
    pub(super) fn soft_outcome(&self, id: &ServerId) -> Option<&Outcome> {
        self.escalations.as_ref()?.soft_outcome.get(id)
    }

    /// Whether this is what is known already of the soft restart.
    pub(super) fn is_soft_outcome(&self, id: &ServerId, outcome: &Outcome) -> bool {
        let job_id = self.soft_outcome(id).map(Outcome::job_id);
        job_id.is_some_and(|job_id| job_id.is_some() && job_id == outcome.job_id())
    }

    /// Whether a server whose soft restart is this far is restarted hard.
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
        // Nor one that may have been restarted twice already, or when nothing more is sent.
        let already = escalations.soft_outcome.contains_key(id)
            || escalations.excluded.contains(id)
            || self.resubmitted.contains_key(id);
        let may = self.halted.is_none() && !self.closing && !self.outcomes.contains_key(id);
        match may {
            true => escalate(soft_outcome, elapsed, after, already),
            false => Escalation::No,
        }
    }

    /// Whether a server would be restarted hard if its soft restart had failed.
    pub(super) fn may_escalate(&self, id: &ServerId) -> bool {
        self.escalation(id, FirstRestart::Failed, Duration::ZERO) == Escalation::Hard
    }

    /// What becomes of a server that is not back so long after the acceptance of its soft restart.
    pub(super) fn escalation_if_not_back(&self, id: &ServerId, elapsed: Duration) -> Escalation {
        self.escalation(id, FirstRestart::NotBack, elapsed)
    }

    /// Does not restart a server hard, however its soft restart ends.
    pub(super) fn exclude_from_escalation(&mut self, id: ServerId) {
        if let Some(escalations) = &mut self.escalations {
            escalations.excluded.insert(id);
        }
    }

    /// Keeps back an outcome that a hard restart may mend. What a hard restart that was not executed leaves is the outcome
    /// of the soft one.
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
        if let Some(soft_outcome) = self.soft_outcome(&id).filter(|_| !executed) {
            return Some(soft_outcome.clone());
        }
        let failed = executed && matches!(outcome, Outcome::Failed { .. });
        if !failed || !self.may_escalate(&id) {
            return Some(outcome);
        }
        if let Some(escalations) = &mut self.escalations {
            escalations.soft_outcome.insert(id, outcome);
            escalations.to_record.push(id);
        }
        None
    }

    /// Servers whose soft restart ended badly, which is to be written down before they are [sent](Self::submit_hard_restarts).
    pub(crate) fn take_escalating(&mut self) -> Vec<ServerReport> {
        let Some(escalations) = &mut self.escalations else {
            return Vec::new();
        };
        let to_record = std::mem::take(&mut escalations.to_record).into_iter();
        let report = |id| {
            Some(ServerReport::new(
                id,
                escalations.soft_outcome.get(&id)?.clone(),
            ))
        };
        to_record.filter_map(report).collect()
    }

    /// Queues these for a hard restart.
    pub(crate) fn submit_hard_restarts(&mut self, servers: Vec<ServerId>) -> Option<Event> {
        let size = self.escalations.as_ref()?.batch_size;
        if servers.is_empty() {
            return None;
        }
        let requests = servers.chunks(size).map(<[ServerId]>::to_vec);
        requests.for_each(|request| self.queue.push_back(request));
        Some(Event::Escalating { servers })
    }

    /// What the journal says of the soft restart of a server that was to be restarted hard.
    pub(super) fn record_soft_outcome(&mut self, id: ServerId, outcome: Outcome) {
        let size = DEFAULT_BATCH_SIZE;
        let escalations = &mut self.escalations;
        let escalations = escalations.get_or_insert_with(|| Escalations::new(None, size));
        escalations.soft_outcome.insert(id, outcome);
    }

    /// Nothing more is sent: what is not restarted hard by now has ended as its soft restart did. Says whether there is any.
    pub(super) fn stop_escalating(&mut self) -> bool {
        let soft_outcome = self.escalations.iter().flat_map(|them| &them.soft_outcome);
        let soft_outcome: Vec<_> = soft_outcome
            .map(|(id, soft_outcome)| (*id, soft_outcome.clone()))
            .collect();
        let before = self.outcomes.len();
        for (id, soft_outcome) in soft_outcome {
            self.outcomes.entry(id).or_insert(soft_outcome);
        }
        self.outcomes.len() > before
    }

    /// What became of a server.
    pub(super) fn report_of(&self, id: ServerId, outcome: Outcome) -> ServerReport {
        let soft_outcome = self
            .soft_outcome(&id)
            .filter(|soft_outcome| **soft_outcome != outcome);
        let message = || Problem::new("the server did not come back");
        let error =
            soft_outcome.map(|soft_outcome| soft_outcome.error().cloned().unwrap_or_else(message));
        ServerReport {
            escalated: error,
            ..ServerReport::new(id, outcome)
        }
    }
}
