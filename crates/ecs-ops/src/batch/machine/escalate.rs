//! The part of the books about soft restarts that ended badly, and that are tried hard. The only way to a second restart.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{RebootType, ServerId};

use super::Machine;
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
    first: HashMap<ServerId, Outcome>,
    /// Those of them of which that is not written down yet.
    news: Vec<ServerId>,
    /// Servers of which nobody can say that their soft restart has ended.
    spared: HashSet<ServerId>,
}

impl Escalations {
    pub(super) fn new(after: Option<Duration>, batch_size: usize) -> Self {
        Self {
            after,
            batch_size: batch_size.max(1),
            first: HashMap::new(),
            news: Vec::new(),
            spared: HashSet::new(),
        }
    }
}

impl Machine {
    /// What is done to the servers of a batch.
    pub(crate) fn action_of(&self, batch: usize) -> PowerAction {
        match self.purpose(batch) {
            Purpose::Escalate => PowerAction::Reboot(RebootType::Hard),
            _ => self.action,
        }
    }

    /// How the soft restart of a server ended, if it was to be restarted hard.
    pub(super) fn first(&self, id: &ServerId) -> Option<&Outcome> {
        self.escalations.as_ref()?.first.get(id)
    }

    /// Whether this is what is known already of the soft restart.
    pub(super) fn is_first(&self, id: &ServerId, outcome: &Outcome) -> bool {
        let job_id = self.first(id).map(Outcome::job_id);
        job_id.is_some_and(|job_id| job_id.is_some() && job_id == outcome.job_id())
    }

    /// Whether a server whose soft restart is this far is restarted hard.
    fn escalation(&self, id: &ServerId, first: FirstRestart, elapsed: Duration) -> Escalation {
        let Some(escalations) = &self.escalations else {
            return Escalation::No;
        };
        let Some(after) = escalations.after else {
            return Escalation::No;
        };
        // Nor one that may have been restarted twice already, or when nothing more is sent.
        let already = escalations.first.contains_key(id)
            || escalations.spared.contains(id)
            || self.resubmitted.contains_key(id);
        let may = self.halted.is_none() && !self.closing && !self.outcomes.contains_key(id);
        match may {
            true => escalate(first, elapsed, after, already),
            false => Escalation::No,
        }
    }

    /// Whether a server would be restarted hard if its soft restart had failed.
    pub(super) fn may_be_hard(&self, id: &ServerId) -> bool {
        self.escalation(id, FirstRestart::Failed, Duration::ZERO) == Escalation::Hard
    }

    /// What becomes of a server that is not back so long after the acceptance of its soft restart.
    pub(super) fn if_not_back(&self, id: &ServerId, elapsed: Duration) -> Escalation {
        self.escalation(id, FirstRestart::NotBack, elapsed)
    }

    /// Does not restart a server hard, however its soft restart ends.
    pub(super) fn spare(&mut self, id: ServerId) {
        if let Some(escalations) = &mut self.escalations {
            escalations.spared.insert(id);
        }
    }

    /// Keeps back an outcome that a hard restart may mend. What a hard restart that was not executed leaves is the outcome
    /// of the soft one.
    pub(super) fn unless_hard(&mut self, id: ServerId, outcome: Outcome) -> Option<Outcome> {
        let executed = match &outcome {
            Outcome::NotAttempted { .. } => false,
            Outcome::Failed { job_id, .. } => job_id.is_some(),
            _ => true,
        };
        if let Some(first) = self.first(&id).filter(|_| !executed) {
            return Some(first.clone());
        }
        let failed = executed && matches!(outcome, Outcome::Failed { .. });
        if !failed || !self.may_be_hard(&id) {
            return Some(outcome);
        }
        if let Some(escalations) = &mut self.escalations {
            escalations.first.insert(id, outcome);
            escalations.news.push(id);
        }
        None
    }

    /// Servers whose soft restart ended badly, which is to be written down before they are [sent](Self::send_hard).
    pub(crate) fn take_escalating(&mut self) -> Vec<ServerReport> {
        let Some(escalations) = &mut self.escalations else {
            return Vec::new();
        };
        let news = std::mem::take(&mut escalations.news).into_iter();
        let report = |id| Some(ServerReport::new(id, escalations.first.get(&id)?.clone()));
        news.filter_map(report).collect()
    }

    /// Queues these for a hard restart.
    pub(crate) fn send_hard(&mut self, servers: Vec<ServerId>) -> Option<Event> {
        let size = self.escalations.as_ref()?.batch_size;
        if servers.is_empty() {
            return None;
        }
        let batches = servers.chunks(size).map(<[ServerId]>::to_vec);
        batches.for_each(|batch| self.queue.again(batch));
        Some(Event::Escalating { servers })
    }

    /// What the journal says of the soft restart of a server that was to be restarted hard.
    pub(super) fn knows_first(&mut self, id: ServerId, outcome: Outcome) {
        let size = DEFAULT_BATCH_SIZE;
        let escalations = &mut self.escalations;
        let escalations = escalations.get_or_insert_with(|| Escalations::new(None, size));
        escalations.first.insert(id, outcome);
    }

    /// Nothing more is sent: what is not restarted hard by now has ended as its soft restart did. Says whether there is any.
    pub(super) fn stop_escalating(&mut self) -> bool {
        let first = self.escalations.iter().flat_map(|them| &them.first);
        let first: Vec<_> = first.map(|(id, first)| (*id, first.clone())).collect();
        let before = self.outcomes.len();
        for (id, first) in first {
            self.outcomes.entry(id).or_insert(first);
        }
        self.outcomes.len() > before
    }

    /// What became of a server.
    pub(super) fn report_of(&self, id: ServerId, outcome: Outcome) -> ServerReport {
        let first = self.first(&id).filter(|first| **first != outcome);
        let words = || Problem::new("the server did not come back");
        let error = first.map(|first| first.error().cloned().unwrap_or_else(words));
        ServerReport {
            escalated: error,
            ..ServerReport::new(id, outcome)
        }
    }
}
