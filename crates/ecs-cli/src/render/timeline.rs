//! What a journal says happened, and when: the records added up for people. Pure.

mod story;
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

use crate::commands::go_on::RecordedPlace;
use story::Story;
pub(crate) use waves::{Health, Wave};

/// A run by its journal. Serializes to the document of `run show -o json`.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    version: u32,
    pub(crate) run_id: String,
    /// What wrote the journal.
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
    /// When the run ended with a complete report, if it did and nobody has gone on since.
    pub(crate) ended: Option<Timestamp>,
    pub(crate) summary: Summary,
    /// What concerns the run as a whole.
    pub(crate) marks: Vec<Mark>,
    /// Between the last record of a process and the first one of the next, which went on.
    pub(crate) gaps: Vec<Span>,
    /// Empty for a run without waves.
    pub(crate) waves: Vec<Wave>,
    #[serde(rename = "batches")]
    pub(crate) requests: Vec<RequestRow>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) problems: Vec<Trouble>,
    pub(crate) servers: Vec<Server>,
    /// The last line, if it is not whole.
    pub(crate) torn: Option<Torn>,
    /// The process that ran it last, as far as this machine knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<Process>,
    /// The options that led to its place, for the command that resumes it.
    #[serde(skip)]
    pub(crate) place: RecordedPlace,
    /// Whether the journal is in a store, which a rerun does not read.
    #[serde(skip)]
    pub(crate) is_stored: bool,
}

/// The process of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Process {
    /// Whether it has the journal open.
    pub(crate) active: bool,
    pub(crate) by: Invocation,
}

/// How many servers there are of each outcome.
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
pub(crate) struct Mark {
    pub(crate) at: Timestamp,
    /// `resumed`, `stopping`, `rechecked`, `wave_began`, `wave_checked`, `answered`, `escalating`, `refused`, `ended`.
    pub(crate) what: &'static str,
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

/// One request, or what was to become one.
#[derive(Debug, Serialize)]
pub(crate) struct Attempt {
    /// When it was announced.
    pub(crate) intended: Timestamp,
    /// From when on it may have left.
    pub(crate) sent: Option<Timestamp>,
    /// When its result was written down.
    pub(crate) answered: Option<Timestamp>,
    pub(crate) result: Answer,
    /// When it was to be tried again.
    pub(crate) again: Option<Timestamp>,
    pub(crate) error: Option<ErrorRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Nothing is written down (yet).
    None,
    Accepted,
    /// Not executed: the service asked for less speed.
    Throttled,
    NotExecuted,
    /// Nobody knows whether it was executed.
    Lost,
}

#[derive(Debug, Serialize)]
pub(crate) struct Job {
    pub(crate) job_id: JobId,
    #[serde(rename = "batch")]
    pub(crate) request: usize,
    pub(crate) servers: usize,
    pub(crate) request_id: Option<String>,
    pub(crate) accepted: Timestamp,
    /// When it was not looked at any more.
    pub(crate) over: Option<Timestamp>,
    /// How it ended, if it was seen to.
    pub(crate) status: Option<String>,
    /// Servers of it that are known to have failed, or to stay unknown.
    pub(crate) bad: usize,
}

/// Something that went wrong, as often as it did.
#[derive(Debug, Serialize)]
pub(crate) struct Trouble {
    /// `throttled`, `not_executed`, `lost`.
    pub(crate) what: &'static str,
    pub(crate) error: ErrorRecord,
    pub(crate) times: usize,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The first batch that it happened to.
    #[serde(rename = "batch")]
    pub(crate) request: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) report: ServerReport,
    /// The wave that it is in, counted from 1.
    pub(crate) wave: Option<usize>,
    /// The batch that it was in last.
    pub(crate) request: Option<usize>,
    /// Why it was not ready, and is not sent.
    pub(crate) unready: Option<Unready>,
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
            Some(why) => server.serialize_field("unready", why)?,
            None => server.skip_field("unready")?,
        }
        server.end()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Torn {
    pub(crate) line: u64,
    pub(crate) bytes: u64,
}

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Timeline {
    /// Adds up the records.
    ///
    /// # Errors
    /// Those of [`Recovered::from_entries`].
    pub(crate) fn of(contents: Contents) -> Result<Self, JournalError> {
        Self::of_entries(contents.entries, contents.tail)
    }

    fn of_entries(entries: Vec<Entry>, tail: Option<Tail>) -> Result<Self, JournalError> {
        let began = entries.first().map(|entry| entry.at);
        let began = began.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut story = Story::default();
        // Each is let go of when both have seen it.
        let entries = entries.into_iter().inspect(|entry| story.add(entry));
        let recovered = Recovered::from_entries(entries)?;
        let run = recovered.run();
        let mut servers = story.servers(&recovered);
        let waves = waves::of(&recovered, &story, &mut servers);
        let mut jobs: Vec<Job> = recovered.jobs().iter().map(|job| story.job(job)).collect();
        // A job may have the id of another one that was forgotten: the last one is meant.
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
        // Those that were restarted hard after it failed there, too.
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
            last: story.last.unwrap_or(began),
            ended: story.last.filter(|_| recovered.is_ended()),
            summary: Summary::of(&servers),
            marks: story.marks,
            gaps: story.gaps,
            waves,
            requests: story.requests.into_values().collect(),
            jobs,
            problems: story.problems,
            servers,
            torn: tail.map(|tail| Torn {
                line: tail.line,
                bytes: tail.bytes,
            }),
            process: None,
            place: RecordedPlace::default(),
            is_stored: false,
        })
    }

    /// How long after the beginning.
    pub(crate) fn since(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.began)
    }
}

impl Mark {
    /// Whether no table of waves, and no last line, says it.
    pub(crate) fn is_apart(&self) -> bool {
        !["wave_began", "wave_checked", "escalating", "ended"].contains(&self.what)
    }
}

impl RequestRow {
    /// The result of its last attempt.
    pub(crate) fn answer(&self) -> Answer {
        self.attempts
            .last()
            .map_or(Answer::None, |last| last.result)
    }

    /// When it was sent for the first time.
    pub(crate) fn first_sent(&self) -> Option<Timestamp> {
        self.attempts.iter().find_map(|attempt| attempt.sent)
    }

    /// Its throttling pauses; one that nothing was sent after lasts as long as was planned, and no longer than the run.
    pub(crate) fn pauses(&self, ended: Option<Timestamp>) -> Vec<Span> {
        let mut pauses = Vec::new();
        for (index, attempt) in self.attempts.iter().enumerate() {
            if let (Answer::Throttled, Some(from)) = (attempt.result, attempt.answered) {
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
    /// By the name of the outcome.
    pub(crate) fn of_outcome(&self, name: &str) -> usize {
        match name {
            "succeeded" => self.succeeded,
            "failed" => self.failed,
            "running" => self.running,
            "not_attempted" => self.not_attempted,
            _ => self.unknown,
        }
    }

    /// Such as `2 succeeded, 1 failed`.
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
