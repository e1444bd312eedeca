//! The end of a step: what is recorded of it, and then emitted.

use ecs_model::{JobId, JobStatus, ServerId};

use super::RunState;
use crate::event::Event;
use crate::journal::{Acceptance, OutcomeRecord, Record};

/// The decisions of a step. Its records are durable before any of its events is emitted.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    pub(crate) records: Vec<Record>,
    pub(crate) events: Vec<Event>,
    /// Requests with a lost answer whose job was found, which is polled from now on.
    pub(crate) found: Vec<Acceptance>,
}

impl RunState {
    /// Ends a step that caused these events: the records of all that it decided, in the order in
    /// which a journal is replayed. Servers to restart hard are queued from now on; nothing is
    /// submitted before the records are durable.
    pub(crate) fn conclude(&mut self, mut events: Vec<Event>) -> Decided {
        let found = std::mem::take(&mut self.found_jobs);
        let mut records: Vec<_> = found.iter().map(Acceptance::record).collect();
        let ended = events.iter().filter_map(|event| match event {
            Event::ServerDone(server) => Some(server),
            _ => None,
        });
        // The proof that a server was not acted on is recorded before it is sent again.
        let outcomes = self.cleared.iter().chain(ended);
        let servers: Vec<_> = outcomes.filter_map(OutcomeRecord::of).collect();
        if !servers.is_empty() {
            records.push(Record::Outcomes { servers });
        }
        self.cleared.clear();
        records.extend(self.finished_jobs.drain(..).map(job_finished));
        let servers = self.take_escalating();
        if !servers.is_empty() {
            let hard: Vec<ServerId> = servers.iter().map(|soft| soft.id).collect();
            records.push(Record::Escalating { servers });
            events.extend(self.queue_hard_restarts(hard));
        }
        Decided {
            records,
            events,
            found,
        }
    }
}

/// The record that a job is no longer polled.
fn job_finished((job_id, status): (JobId, Option<JobStatus>)) -> Record {
    let status = status.map(|status| status.as_str().to_owned());
    Record::JobFinished { job_id, status }
}
