//! The state from which a timeline is computed, record by record.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use ecs_ops::ServerReport;
use ecs_ops::journal::{
    Entry, ErrorRecord, KnownJob, OutcomeRecord, Purpose, Record, Recovered, ServerProgress,
};
use ecs_ops::model::{JobId, ServerId};
use jiff::{SignedDuration, Timestamp};

use super::{
    Annotation, Attempt, AttemptResult, Health, JobRow, ProblemCount, RequestRow, Server, Span,
};
use crate::render::unready::by_reason;

/// The state after some records.
#[derive(Default)]
pub(super) struct TimelineBuilder {
    pub(super) last: Option<Timestamp>,
    pub(super) marks: Vec<Annotation>,
    pub(super) requests: BTreeMap<usize, RequestRow>,
    pub(super) problems: Vec<ProblemCount>,
    /// The gaps between the last record of a process and the first one of the next.
    pub(super) gaps: Vec<Span>,
    /// The time at which each wave began.
    pub(super) began: BTreeMap<usize, Timestamp>,
    /// The health checks after each wave, in their order.
    pub(super) checked: BTreeMap<usize, Vec<Health>>,
    over: HashMap<JobId, Timestamp>,
    servers: HashMap<ServerId, Latest>,
    /// The times of the records with outcomes. Each is the time of many servers.
    concluded: Vec<Timestamp>,
}

/// The latest records of a server. Both numbers are counted from 1, so that their absence takes no space.
#[derive(Clone, Copy, Default)]
struct Latest {
    /// Its last request.
    request: Option<NonZeroU32>,
    /// The place of the time at which its last outcome was recorded.
    concluded: Option<NonZeroU32>,
}

/// Counts an index from 1.
fn from_one(index: usize) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(index).ok()?.checked_add(1)?)
}

impl TimelineBuilder {
    /// Returns the time at which the last outcome of a server was recorded.
    pub(super) fn concluded(&self, id: ServerId) -> Option<Timestamp> {
        let place = self.servers.get(&id)?.concluded?;
        let index = usize::try_from(place.get() - 1).ok()?;
        self.concluded.get(index).copied()
    }

    /// Returns the last request of a server.
    fn last_request(&self, id: ServerId) -> Option<u32> {
        Some(self.servers.get(&id)?.request?.get() - 1)
    }

    pub(super) fn add(&mut self, entry: &Entry) {
        let at = entry.at;
        let before = self.last.replace(at).unwrap_or(at);
        match &entry.record {
            Record::Intent {
                request,
                purpose,
                servers,
                ..
            } => self.announce(at, *request, *purpose, servers),
            Record::Sending { request, .. } => {
                if let Some(attempt) = self.attempt(*request) {
                    attempt.sent = Some(at);
                }
            }
            Record::Accepted {
                request, job_id, ..
            } => {
                self.answer(at, *request, AttemptResult::Accepted, None, None);
                if let Some(request) = self.requests.get_mut(request) {
                    request.job_id = Some(job_id.clone());
                }
            }
            Record::NotExecuted {
                request,
                throttled,
                retry_after_ms,
                error,
            } => self.not_executed(at, *request, (*throttled, *retry_after_ms), error),
            Record::AnswerLost { request, error } => {
                self.count_problem(at, "lost", error, Some(*request));
                self.answer(at, *request, AttemptResult::Lost, None, Some(error.clone()));
            }
            Record::Outcomes { servers } => self.conclude(at, servers),
            Record::JobFinished { job_id, .. } => {
                self.over.insert(job_id.clone(), at);
            }
            Record::Escalating { servers } => {
                let text = match servers.len() {
                    1 => "hard restart of 1 server".to_owned(),
                    servers => format!("hard restart of {servers} servers"),
                };
                self.annotate(at, "escalating", text);
            }
            Record::WaveRechecked {
                wave,
                unready,
                skipped,
                message,
            } => {
                let wave = wave + 1;
                let kind = match (message, skipped) {
                    (Some(message), _) => format!("servers not read before wave {wave}: {message}"),
                    (None, true) => format!("skipped before wave {wave}: {}", by_reason(unready)),
                    (None, false) => {
                        format!("not ready before wave {wave}: {}", by_reason(unready))
                    }
                };
                self.annotate(at, "rechecked", kind);
            }
            Record::WaveBegan { wave } => {
                self.began.entry(*wave).or_insert(at);
                self.annotate(at, "wave_began", format!("wave {}", wave + 1));
            }
            Record::WaveChecked {
                wave,
                healthy,
                message,
            } => self.wave_checked(at, *wave, *healthy, message.clone().unwrap_or_default()),
            Record::Answered { proceed } => {
                let text = if *proceed { "continue" } else { "stop" };
                self.annotate(at, "answered", text.to_owned());
            }
            Record::Stopping { reason, .. } => self.annotate(at, "stopping", reason.clone()),
            Record::Resumed { program, .. } => {
                let (from, until) = (before, at);
                self.gaps.push(Span { from, until });
                self.annotate(at, "resumed", format!("by {program}"));
            }
            Record::Refused { error } => {
                self.annotate(at, "refused", crate::render::table::reason(&error.into()));
            }
            Record::Ended {} => self.annotate(at, "ended", String::new()),
            Record::Run(run) => self.servers.reserve(run.servers.len()),
            // The initial state, and future records, which `Recovered` has refused before.
            _ => {}
        }
    }

    fn conclude(&mut self, at: Timestamp, servers: &[OutcomeRecord]) {
        let place = from_one(self.concluded.len());
        self.concluded.push(at);
        for server in servers {
            self.servers.entry(server.id).or_default().concluded = place;
        }
    }

    /// `throttled`: whether it was, and the pause of the request in milliseconds.
    fn not_executed(
        &mut self,
        at: Timestamp,
        request: usize,
        (throttled, retry_after): (bool, Option<u64>),
        error: &ErrorRecord,
    ) {
        let (answer, kind) = if throttled {
            (AttemptResult::Throttled, "throttled")
        } else {
            (AttemptResult::NotExecuted, "not_executed")
        };
        let again = retry_after.and_then(|pause| {
            let pause = SignedDuration::from_millis(i64::try_from(pause).ok()?);
            at.checked_add(pause).ok()
        });
        self.count_problem(at, kind, error, Some(request));
        self.answer(at, request, answer, again, Some(error.clone()));
    }

    fn wave_checked(&mut self, at: Timestamp, wave: usize, healthy: bool, text: String) {
        let health = if healthy { "healthy" } else { "not healthy" };
        let line = format!("wave {} is {health}: {text}", wave + 1);
        self.annotate(at, "wave_checked", line.trim_end_matches(": ").to_owned());
        let health = Health { at, healthy, text };
        self.checked.entry(wave).or_default().push(health);
    }

    fn annotate(&mut self, at: Timestamp, kind: &'static str, text: String) {
        self.marks.push(Annotation { at, kind, text });
    }

    fn announce(&mut self, at: Timestamp, number: usize, purpose: Purpose, servers: &[ServerId]) {
        for id in servers {
            self.servers.entry(*id).or_default().request = from_one(number);
        }
        let request = self.requests.entry(number).or_insert_with(|| RequestRow {
            request: number,
            wave: self.began.keys().next_back().map(|wave| wave + 1),
            purpose: match purpose {
                Purpose::Resubmit => "resubmit",
                Purpose::Escalate => "escalate",
                _ => "first",
            },
            servers: servers.len(),
            job_id: None,
            attempts: Vec::new(),
        });
        request.attempts.push(Attempt {
            intended: at,
            sent: None,
            answered: None,
            result: AttemptResult::None,
            again: None,
            error: None,
        });
    }

    fn attempt(&mut self, request: usize) -> Option<&mut Attempt> {
        self.requests.get_mut(&request)?.attempts.last_mut()
    }

    fn answer(
        &mut self,
        at: Timestamp,
        request: usize,
        result: AttemptResult,
        again: Option<Timestamp>,
        error: Option<ErrorRecord>,
    ) {
        if let Some(attempt) = self.attempt(request) {
            attempt.answered = Some(at);
            (attempt.result, attempt.again, attempt.error) = (result, again, error);
        }
    }

    /// Counts a problem that occurred before: a run may be throttled a thousand times.
    fn count_problem(
        &mut self,
        at: Timestamp,
        kind: &'static str,
        error: &ErrorRecord,
        request: Option<usize>,
    ) {
        let same = |other: &&mut ProblemCount| {
            other.kind == kind
                && other.error.code == error.code
                && (error.code.is_some() || other.error == *error)
        };
        match self.problems.iter_mut().find(same) {
            Some(known) => (known.times, known.last) = (known.times + 1, at),
            None => self.problems.push(ProblemCount {
                kind,
                error: error.clone(),
                times: 1,
                first: at,
                last: at,
                request,
            }),
        }
    }

    pub(super) fn job(&self, job: &KnownJob) -> JobRow {
        JobRow {
            job_id: job.job_id.clone(),
            request: job.request,
            servers: job.servers,
            request_id: job.request_id.clone(),
            accepted: job.accepted,
            over: self.over.get(&job.job_id).copied(),
            status: job.status.as_ref().map(|status| status.as_str().to_owned()),
            bad: 0,
        }
    }

    /// Returns the servers as in the report of the journal.
    pub(super) fn servers(&self, recovered: &Recovered) -> Vec<Server> {
        let row = |report: ServerReport| {
            let id = report.id;
            let progress = recovered.progress(id);
            let is_final = matches!(progress, Some(ServerProgress::Finished(_)));
            let at = self.concluded(id).filter(|_| is_final);
            let mut row = Server {
                request: self.last_request(id),
                wave: None,
                report,
                unready: None,
            };
            row.report.at = at;
            row
        };
        let run = recovered.run();
        let mut servers = Vec::with_capacity(run.servers.len() + run.unready.len());
        servers.extend(recovered.server_reports().map(row));
        let unready: HashMap<_, _> = recovered
            .unready()
            .map(|unready| (unready.id, unready))
            .collect();
        for server in &mut servers {
            let Some(unready) = unready.get(&server.report.id) else {
                continue;
            };
            if server.report.name.is_none() {
                server.report.name.clone_from(&unready.name);
            }
            server.unready = Some(Box::new(unready.reason.clone()));
        }
        servers
    }
}
