//! The timeline of a run, computed from the records of its journal. Pure.

mod builder;
mod waves;

use std::collections::HashSet;

use ecs_ops::fleet::Unready;
use ecs_ops::journal::{
    Contents, Entry, ErrorRecord, Invocation, JournalError, Recovered, RunRecord, Tail,
};
use ecs_ops::model::{JobId, ServerId};
use ecs_ops::{Outcome, ServerReport};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use crate::commands::next_steps::RecordedPlace;
use builder::TimelineBuilder;
pub(crate) use waves::{Health, Wave};

/// The timeline of a run. Serializes to the document of `run show -o json`.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    version: u32,
    pub(crate) run_id: String,
    /// The program that wrote the journal.
    pub(crate) program: String,
    pub(crate) endpoint: String,
    pub(crate) project_id: String,
    pub(crate) operation: &'static str,
    #[serde(rename = "type")]
    pub(crate) kind: Option<&'static str>,
    /// The time of the first record.
    pub(crate) began: Timestamp,
    /// The time of the last record.
    pub(crate) last: Timestamp,
    /// The time at which the run ended with a complete report, unless it was resumed later.
    pub(crate) ended: Option<Timestamp>,
    pub(crate) summary: Summary,
    /// Annotations of the run as a whole.
    pub(crate) marks: Vec<Annotation>,
    /// The gaps between the last record of a process and the first one of the process that resumed the run.
    pub(crate) gaps: Vec<Span>,
    /// The waves; empty for a run without waves.
    pub(crate) waves: Vec<Wave>,
    #[serde(rename = "batches")]
    pub(crate) requests: Vec<RequestRow>,
    pub(crate) jobs: Vec<JobRow>,
    pub(crate) problems: Vec<ProblemCount>,
    pub(crate) servers: Vec<Server>,
    /// The last line, if it is incomplete.
    pub(crate) torn: Option<IncompleteLine>,
    /// The last process of the run, as far as this machine knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<Process>,
    /// The options of its place, for the command that resumes it.
    #[serde(skip)]
    pub(crate) place: RecordedPlace,
    /// `true` if the journal is in a store, which `rerun` does not read.
    #[serde(skip)]
    pub(crate) is_stored: bool,
}

/// The process of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Process {
    /// `true` if the process has the journal open.
    pub(crate) active: bool,
    pub(crate) by: Invocation,
}

/// The number of servers of each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) requested: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    pub(crate) running: usize,
    pub(crate) not_attempted: usize,
    pub(crate) unknown: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Annotation {
    pub(crate) at: Timestamp,
    /// `resumed`, `stopping`, `rechecked`, `wave_began`, `wave_checked`, `answered`, `escalating`, `refused`, `ended`.
    #[serde(rename = "what")]
    pub(crate) kind: &'static str,
    #[serde(rename = "words")]
    pub(crate) text: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct RequestRow {
    #[serde(rename = "batch")]
    pub(crate) request: usize,
    /// The wave that was underway, counted from 1.
    pub(crate) wave: Option<usize>,
    /// `first`, `resubmit`, `escalate`.
    pub(crate) purpose: &'static str,
    pub(crate) servers: usize,
    pub(crate) job_id: Option<JobId>,
    pub(crate) attempts: Vec<Attempt>,
}

/// A request, sent or only announced.
#[derive(Debug, Serialize)]
pub(crate) struct Attempt {
    /// The time at which the attempt was announced.
    pub(crate) intended: Timestamp,
    /// The time from which the attempt may have been sent.
    pub(crate) sent: Option<Timestamp>,
    /// The time at which its result was recorded.
    pub(crate) answered: Option<Timestamp>,
    pub(crate) result: AttemptResult,
    /// The time of the planned retry.
    pub(crate) again: Option<Timestamp>,
    pub(crate) error: Option<ErrorRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttemptResult {
    /// No answer is recorded (yet).
    None,
    Accepted,
    /// Not executed: the service throttled the request.
    Throttled,
    NotExecuted,
    /// It is unknown whether the request was executed.
    Lost,
}

#[derive(Debug, Serialize)]
pub(crate) struct JobRow {
    pub(crate) job_id: JobId,
    #[serde(rename = "batch")]
    pub(crate) request: usize,
    pub(crate) servers: usize,
    pub(crate) request_id: Option<String>,
    pub(crate) accepted: Timestamp,
    /// The time of the last poll.
    pub(crate) over: Option<Timestamp>,
    /// The status at its end, if a poll showed the end.
    pub(crate) status: Option<String>,
    /// The servers of the job that failed or stay unknown.
    pub(crate) bad: usize,
}

/// A kind of problem, with the number of its occurrences.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemCount {
    /// `throttled`, `not_executed`, `lost`.
    #[serde(rename = "what")]
    pub(crate) kind: &'static str,
    pub(crate) error: ErrorRecord,
    pub(crate) times: usize,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The first request that it happened to.
    #[serde(rename = "batch")]
    pub(crate) request: Option<usize>,
}

/// A server. A run may have many, so each takes little space.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) report: ServerReport,
    /// The wave of the server, counted from 1.
    pub(crate) wave: Option<u32>,
    /// The last request of the server.
    pub(crate) request: Option<u32>,
    /// The reason that the server was not ready and is not sent.
    pub(crate) unready: Option<Box<Unready>>,
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let ServerReport { id, outcome, .. } = &self.report;
        let mut server = to.serialize_struct("Server", 10)?;
        server.serialize_field("id", id)?;
        server.serialize_field("outcome", outcome.name())?;
        server.serialize_field("job_id", &outcome.job_id())?;
        server.serialize_field("wave", &self.wave)?;
        server.serialize_field("batch", &self.request)?;
        server.serialize_field("error", &outcome.error())?;
        server.serialize_field("note", &self.report.note())?;
        server.serialize_field("name", &self.report.name)?;
        server.serialize_field("at", &self.report.at)?;
        match &self.unready {
            Some(reason) => server.serialize_field("unready", reason)?,
            None => server.skip_field("unready")?,
        }
        server.end()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IncompleteLine {
    pub(crate) line: u64,
    pub(crate) bytes: u64,
}

/// A period of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Timeline {
    /// Computes the timeline from records.
    ///
    /// # Errors
    /// The errors of [`Recovered::from_entries`].
    pub(crate) fn of(contents: Contents) -> Result<Self, JournalError> {
        Self::of_entries(contents.entries, contents.tail)
    }

    fn of_entries(entries: Vec<Entry>, tail: Option<Tail>) -> Result<Self, JournalError> {
        let began = entries.first().map(|entry| entry.at);
        let began = began.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut builder = TimelineBuilder::default();
        // Each entry is dropped after both have processed it.
        let entries = entries.into_iter().inspect(|entry| builder.add(entry));
        let recovered = Recovered::from_entries(entries)?;
        let run = recovered.run();
        let mut servers = builder.servers(&recovered);
        let waves = waves::of(&recovered, &builder, &mut servers);
        let mut jobs: Vec<JobRow> = recovered
            .jobs()
            .iter()
            .map(|job| builder.job(job))
            .collect();
        // The service may reuse the id of a deleted job: the last job with the id counts.
        let mut count = |job_id: Option<&JobId>| {
            if let Some(job) = jobs.iter_mut().rfind(|job| Some(&job.job_id) == job_id) {
                job.bad += 1;
            }
        };
        for ServerReport { outcome, .. } in servers.iter().map(|server| &server.report) {
            if let Outcome::Failed { .. } | Outcome::Unknown { .. } = outcome {
                count(outcome.job_id());
            }
        }
        // Includes servers that failed in it and were restarted hard later.
        let hard: HashSet<ServerId> = servers
            .iter()
            .filter(|value| value.report.escalated.is_some())
            .map(|value| value.report.id)
            .collect();
        for (_, first) in recovered.escalated().filter(|(id, _)| hard.contains(id)) {
            count(first.job_id());
        }
        let RunRecord { action, .. } = run;
        Ok(Self {
            version: 1,
            run_id: run.run_id.clone(),
            program: run.program.clone(),
            endpoint: run.endpoint.clone(),
            project_id: run.project.to_string(),
            operation: action.name(),
            kind: action.type_name(),
            began,
            last: builder.last.unwrap_or(began),
            ended: builder.last.filter(|_| recovered.is_ended()),
            summary: Summary::of(&servers),
            marks: builder.marks,
            gaps: builder.gaps,
            waves,
            requests: builder.requests.into_values().collect(),
            jobs,
            problems: builder.problems,
            servers,
            torn: tail.map(|tail| IncompleteLine {
                line: tail.line,
                bytes: tail.bytes,
            }),
            process: None,
            place: RecordedPlace::default(),
            is_stored: false,
        })
    }

    /// Returns the time since the beginning.
    pub(crate) fn since(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.began)
    }
}

impl Annotation {
    /// Returns whether neither the table of waves nor the last line shows the annotation.
    pub(crate) fn is_listed_separately(&self) -> bool {
        !["wave_began", "wave_checked", "escalating", "ended"].contains(&self.kind)
    }
}

impl RequestRow {
    /// Returns the result of the last attempt.
    pub(crate) fn answer(&self) -> AttemptResult {
        self.attempts
            .last()
            .map_or(AttemptResult::None, |last| last.result)
    }

    /// Returns the time at which the request was sent first.
    pub(crate) fn first_sent(&self) -> Option<Timestamp> {
        self.attempts.iter().find_map(|attempt| attempt.sent)
    }

    /// Returns the throttling pauses. A pause without a later attempt lasts as planned, but no longer than the run.
    pub(crate) fn pauses(&self, ended: Option<Timestamp>) -> Vec<Span> {
        let mut pauses = Vec::new();
        for (index, attempt) in self.attempts.iter().enumerate() {
            if let (AttemptResult::Throttled, Some(from)) = (attempt.result, attempt.answered) {
                let next = self.attempts.get(index + 1);
                let next = next.map(|next| next.sent.unwrap_or(next.intended));
                let planned = attempt
                    .again
                    .map(|again| ended.map_or(again, |end| again.min(end)));
                if let Some(until) = next.or(planned).filter(|until| *until > from) {
                    pauses.push(Span { from, until });
                }
            }
        }
        pauses
    }
}

impl Summary {
    /// Returns the number of servers with the outcome of this name.
    pub(crate) fn of_outcome(&self, name: &str) -> usize {
        match name {
            "succeeded" => self.succeeded,
            "failed" => self.failed,
            "running" => self.running,
            "not_attempted" => self.not_attempted,
            _ => self.unknown,
        }
    }

    /// Formats the counts, such as `2 succeeded, 1 failed`.
    pub(crate) fn counts(&self) -> String {
        let counts = [
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.running, "running"),
            (self.unknown, "unknown"),
            (self.not_attempted, "not attempted"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts
            .map(|(count, text)| format!("{count} {text}"))
            .collect();
        counts.join(", ")
    }

    fn of<'a>(servers: impl IntoIterator<Item = &'a Server>) -> Self {
        let mut summary = Self::default();
        for server in servers {
            summary.requested += 1;
            *match server.report.outcome {
                Outcome::Succeeded { .. } => &mut summary.succeeded,
                Outcome::Failed { .. } => &mut summary.failed,
                Outcome::Running { .. } => &mut summary.running,
                Outcome::NotAttempted { .. } => &mut summary.not_attempted,
                Outcome::Unknown { .. } => &mut summary.unknown,
            } += 1;
        }
        summary
    }
}

#[cfg(test)]
mod tests;
