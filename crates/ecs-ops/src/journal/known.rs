//! The report of a run, as its journal knows it.

use std::collections::HashMap;

use ecs_client::clock::ClockReading;
use ecs_client::{NEVER_SENT, Problem};
use ecs_model::{JobId, ServerId};

use super::progress::{ServerProgress, UnknownRequest};
use super::recovered::Recovered;
use crate::fleet::UnreadyServer;
use crate::report::{Outcome, Report, ServerReport};

impl Recovered {
    /// Returns the outcome of each server as far as the journal knows, without any query: of a run
    /// that ended its report, and of any other what resuming it begins from. What was accepted is
    /// running, what was never sent was not attempted.
    ///
    /// It lacks what no journal holds: the servers that a selection left out.
    ///
    /// ```
    /// use ecs_ops::journal::{JsonlJournal, Recovered};
    ///
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let contents = JsonlJournal::read("run.jsonl")?; // also while its run goes on
    /// let report = Recovered::from_entries(contents.entries)?.report();
    /// println!("{} of {} succeeded", report.summary().succeeded, report.servers.len());
    /// # Ok(()) }
    /// ```
    pub fn report(&self) -> Report {
        let run = self.run();
        let jobs = self.jobs().iter();
        let jobs = jobs.map(|job| job.clone().report(self.ticket(job)));
        Report {
            run_id: run.run_id.clone(),
            action: run.action,
            jobs: jobs.collect(),
            servers: self.server_reports().collect(),
            stopped: self.stopped().cloned(),
            refused: self.refused.clone(),
            target: run.target.clone(),
            skipped: Vec::new(),
            unready: self.unready().cloned().collect(),
        }
    }

    /// The servers of the [report](Self::report), one after the other.
    pub fn server_reports(&self) -> impl Iterator<Item = ServerReport> {
        let unknown = self.unknown_requests();
        let unknown = unknown
            .iter()
            .map(|request| (request.request, request.problem()));
        let known = Known {
            unknown: unknown.collect(),
            jobs: self
                .jobs()
                .iter()
                .map(|job| (job.request, &job.job_id))
                .collect(),
            not_sent: match self.stopped() {
                Some(stopped) => Problem::new(stopped.to_string()).because("not sent"),
                None => Problem::new(NEVER_SENT),
            },
        };
        let servers = self.run.servers.iter().filter_map(move |id| {
            let name = self.run.names.get(*id).map(str::to_owned);
            let report = self.server_report(*id, &known)?;
            Some(ServerReport { name, ..report })
        });
        servers.chain(self.run.unready.iter().map(UnreadyServer::report))
    }

    fn server_report(&self, id: ServerId, known: &Known<'_>) -> Option<ServerReport> {
        let outcome = match (self.progress(id)?, self.ledger.outcomes.get(&id)) {
            (ServerProgress::Finished(outcome), _) => outcome.clone(),
            // Neither the job nor the last read of the server decides.
            (ServerProgress::Unknown { .. }, Some(outcome)) => outcome.clone(),
            (ServerProgress::Unknown { request }, None) => Outcome::Unknown {
                job_id: None,
                error: known.unknown.get(&request).cloned().unwrap_or_default(),
            },
            (ServerProgress::Accepted { request }, _) => match known.jobs.get(&request) {
                Some(job_id) => Outcome::Running {
                    job_id: (*job_id).clone(),
                },
                None => Outcome::Unknown {
                    job_id: None,
                    error: Problem::new("the journal does not name its job"),
                },
            },
            (ServerProgress::Unsent, Some(outcome)) => outcome.clone(),
            (ServerProgress::Unsent, None) => {
                let request = self.last_request(self.servers.get(&id)?);
                let error = request.and_then(|request| request.error.as_ref());
                let error = error.map_or_else(|| known.not_sent.clone(), Problem::from);
                Outcome::NotAttempted { error }
            }
        };
        Some(self.ledger.report_of(id, outcome))
    }
}

/// The parts that many servers share.
struct Known<'a> {
    /// The reasons why the outcome of requests is unknown.
    unknown: HashMap<usize, Problem>,
    jobs: HashMap<usize, &'a JobId>,
    /// The reason why servers were not attempted of which nothing else is known.
    not_sent: Problem,
}

impl UnknownRequest {
    /// Returns the reason why the outcome of the request is unknown.
    pub(crate) fn problem(&self) -> Problem {
        let message = "no answer is recorded";
        let known = self.error.as_ref().map(Problem::from);
        let sent = self
            .sent
            .map(|(local, remote)| ClockReading { local, remote });
        match (known, sent) {
            (Some(known), Some(sent)) => known.sent_then(sent),
            (Some(known), None) => known,
            (None, Some(sent)) => Problem::new(message).maybe_executed(sent),
            (None, None) => Problem::new(message).because("may have been executed"),
        }
    }
}
