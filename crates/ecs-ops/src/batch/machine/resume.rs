//! Taking the books up where the journal of a run ends.

use std::collections::{HashMap, HashSet};

use ecs_client::Problem;
use ecs_client::clock::ClockReading;
use ecs_model::JobStatus;
use jiff::Timestamp;

use super::{Batch, Machine, Manner, State};
use crate::batch::plan::Plan;
use crate::event::Event;
use crate::journal::{DoubtfulBatch, Recovered};
use crate::report::JobReport;
use crate::ticket::JobTicket;

/// What a run does first that goes on with another one.
#[derive(Debug, Default)]
pub(crate) struct Resumed {
    /// What happened before.
    pub(crate) known: Vec<Event>,
    /// What follows from it.
    pub(crate) news: Vec<Event>,
    /// The jobs to wait for, by their batches.
    pub(crate) jobs: Vec<(usize, JobTicket)>,
    /// When an answer was lost for the last time, or it was found out that a job will not tell what became of its servers.
    pub(crate) unclear: Option<Timestamp>,
}

impl Machine {
    /// The books of a run that goes on; `plan` is of the servers that were never sent.
    pub(crate) fn resumed(plan: Plan, recovered: &Recovered, manner: Manner) -> (Self, Resumed) {
        let run = recovered.run();
        let mut machine = Self::new(run.run_id.clone(), run.servers.clone(), plan, manner);
        let unsent = machine.unsent().len();
        // Batches keep their numbers, and new ones come after them.
        let last = recovered.next_batch().saturating_sub(1);
        machine.batches = (0..last)
            .map(|_| Batch::new(Vec::new(), State::Ended))
            .collect();
        machine.planned = machine.planned.saturating_add(last);
        let again = recovered.resubmitted();
        let again = again.map(|id| {
            (
                id,
                Some(Problem::new("the first request is of unknown fate")),
            )
        });
        machine.resubmitted = again.collect();
        for first in recovered.escalated() {
            machine.knows_first(first.id, first.outcome());
        }

        let escalating = recovered.escalating();
        let hard: HashSet<_> = escalating.iter().copied().collect();
        let mut known = Vec::new();
        for verdict in recovered.verdicts().filter(|done| !hard.contains(&done.id)) {
            let outcome = verdict.outcome();
            machine.outcomes.insert(verdict.id, outcome.clone());
            known.push(Event::ServerDone(machine.report_of(verdict.id, outcome)));
        }
        let done = known.len();
        let mut accepted: HashMap<_, _> = recovered
            .accepted()
            .into_iter()
            .map(|batch| (batch.batch, batch))
            .collect();
        let mut jobs = Vec::new();
        let mut watched = 0;
        for job in recovered.jobs() {
            let batch = accepted.remove(&job.batch);
            let ticket = batch.as_ref().map(|batch| batch.ticket.clone());
            let index = job.batch.saturating_sub(1);
            if let (Some(batch), Some(place)) = (batch, machine.batches.get_mut(index)) {
                watched += batch.servers.len();
                // Those that are done already are among them, and stay so.
                place.servers = batch.ticket.servers().to_vec();
                place.state = State::Watching(machine.jobs.len());
                jobs.push((index, batch.ticket));
            }
            machine.jobs.push(JobReport {
                job_id: job.job_id.clone(),
                status: job.status.as_deref().map(JobStatus::from),
                servers: job.servers,
                request_id: job.request_id.clone(),
                ticket: ticket.unwrap_or_else(|| job.job_id.clone().into()),
            });
        }
        let (mut news, mut doubtful) = (Vec::new(), 0);
        for batch in recovered.doubtful() {
            let index = batch.batch.saturating_sub(1);
            let (error, touched) = (why(&batch), batch.touched);
            doubtful += batch.servers.len();
            if let Some(place) = machine.batches.get_mut(index) {
                place.servers = batch.servers;
            }
            news.extend(machine.unknown(index, error));
            if touched {
                machine.was_touched(index);
            }
        }
        let resumed = Event::Resumed {
            done,
            watched,
            doubtful,
            unsent: unsent + hard.len(),
        };
        known.insert(0, resumed);
        known.extend(machine.wave_underway());
        news.extend(machine.send_hard(escalating));
        let unclear = recovered.unclear();
        let resumed = Resumed {
            known,
            news,
            jobs,
            unclear,
        };
        (machine, resumed)
    }
}

/// Why the fate of a batch is unknown.
fn why(batch: &DoubtfulBatch) -> Problem {
    let words = "the run ended before it learned of an answer";
    let known = batch.error.as_ref().map(Problem::from);
    let sent = batch
        .sent
        .map(|(local, remote)| ClockReading { local, remote });
    match (known, sent) {
        (Some(known), Some(sent)) => known.sent_then(sent),
        (Some(known), None) => known,
        (None, Some(sent)) => Problem::new(words).maybe_executed(sent),
        (None, None) => Problem::new(words).because("may have been executed"),
    }
}
