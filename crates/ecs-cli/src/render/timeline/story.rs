//! What the records of a journal say, one after the other.

use std::collections::{BTreeMap, HashMap};

use ecs_ops::ServerReport;
use ecs_ops::journal::{Entry, ErrorRecord, KnownJob, Purpose, Record, Recovered, ServerProgress};
use ecs_ops::model::{JobId, ServerId};
use jiff::{SignedDuration, Timestamp};

use super::{Answer, Attempt, Health, Job, Mark, RequestRow, Server, Span, Trouble};
use crate::render::unready::by_reason;

/// What is remembered from record to record.
#[derive(Default)]
pub(super) struct Story {
    pub(super) last: Option<Timestamp>,
    pub(super) marks: Vec<Mark>,
    pub(super) requests: BTreeMap<usize, RequestRow>,
    pub(super) problems: Vec<Trouble>,
    /// Between the last record of a process and the first one of the next.
    pub(super) gaps: Vec<Span>,
    /// When each wave began.
    pub(super) began: BTreeMap<usize, Timestamp>,
    /// What the health checks after each wave said, one after the other.
    pub(super) checked: BTreeMap<usize, Vec<Health>>,
    /// When the last verdict on each server was written down.
    pub(super) concluded: HashMap<ServerId, Timestamp>,
    over: HashMap<JobId, Timestamp>,
    /// The batch that each server was in last.
    request_of: HashMap<ServerId, usize>,
}

impl Story {
    pub(super) fn add(&mut self, entry: &Entry) {
        let at = entry.at;
        let before = self.last.replace(at).unwrap_or(at);
        match &entry.record {
            Record::Intent {
                request,
                purpose,
                servers,
                ..
            } => self.intend(at, *request, *purpose, servers),
            Record::Sending { request, .. } => {
                if let Some(attempt) = self.attempt(*request) {
                    attempt.sent = Some(at);
                }
            }
            Record::Accepted {
                request, job_id, ..
            } => {
                self.answer(at, *request, Answer::Accepted, None, None);
                if let Some(request) = self.requests.get_mut(request) {
                    request.job_id = Some(job_id.clone());
                }
            }
            Record::NotExecuted {
                request,
                throttled,
                retry_after_ms,
                error,
            } => {
                let (answer, what) = match *throttled {
                    true => (Answer::Throttled, "throttled"),
                    false => (Answer::NotExecuted, "not_executed"),
                };
                let again = retry_after_ms.and_then(|pause| {
                    at.checked_add(SignedDuration::from_millis(i64::try_from(pause).ok()?))
                        .ok()
                });
                self.trouble(at, what, error, Some(*request));
                self.answer(at, *request, answer, again, Some(error.clone()));
            }
            Record::AnswerLost { request, error } => {
                self.trouble(at, "lost", error, Some(*request));
                self.answer(at, *request, Answer::Lost, None, Some(error.clone()));
            }
            Record::Outcomes { servers } => {
                for outcome_record in servers {
                    self.concluded.insert(outcome_record.id, at);
                }
            }
            Record::JobFinished { job_id, .. } => {
                self.over.insert(job_id.clone(), at);
            }
            Record::Escalating { servers } => {
                let text = match servers.len() {
                    1 => "hard restart of 1 server".to_owned(),
                    servers => format!("hard restart of {servers} servers"),
                };
                self.mark(at, "escalating", text);
            }
            Record::WaveRechecked {
                wave,
                unready,
                skipped,
                message,
            } => {
                let wave = wave + 1;
                let what = match (message, skipped) {
                    (Some(message), _) => format!("servers not read before wave {wave}: {message}"),
                    (None, true) => format!("skipped before wave {wave}: {}", by_reason(unready)),
                    (None, false) => {
                        format!("not ready before wave {wave}: {}", by_reason(unready))
                    }
                };
                self.mark(at, "rechecked", what);
            }
            Record::WaveBegan { wave } => {
                self.began.entry(*wave).or_insert(at);
                self.mark(at, "wave_began", format!("wave {}", wave + 1));
            }
            Record::WaveChecked {
                wave,
                healthy,
                message: text,
            } => {
                let (healthy, text) = (*healthy, text.clone().unwrap_or_default());
                let how = if healthy { "healthy" } else { "not healthy" };
                let line = format!("wave {} is {how}: {text}", wave + 1);
                self.mark(at, "wave_checked", line.trim_end_matches(": ").to_owned());
                let health = Health { at, healthy, text };
                self.checked.entry(*wave).or_default().push(health);
            }
            Record::Answered { proceed } => {
                let text = if *proceed { "continue" } else { "stop" };
                self.mark(at, "answered", text.to_owned());
            }
            Record::Stopping { reason, .. } => self.mark(at, "stopping", reason.clone()),
            Record::Resumed { program, .. } => {
                let (from, until) = (before, at);
                self.gaps.push(Span { from, until });
                self.mark(at, "resumed", format!("by {program}"));
            }
            Record::Refused { error } => {
                self.mark(at, "refused", crate::render::table::reason(&error.into()));
            }
            Record::Ended {} => self.mark(at, "ended", String::new()),
            // The run itself; servers as they were before; records to come, which `Recovered` has refused by now.
            _ => {}
        }
    }

    fn mark(&mut self, at: Timestamp, what: &'static str, text: String) {
        self.marks.push(Mark { at, what, text });
    }

    fn intend(&mut self, at: Timestamp, number: usize, purpose: Purpose, servers: &[ServerId]) {
        for id in servers {
            self.request_of.insert(*id, number);
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
            result: Answer::None,
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
        result: Answer,
        again: Option<Timestamp>,
        error: Option<ErrorRecord>,
    ) {
        if let Some(attempt) = self.attempt(request) {
            attempt.answered = Some(at);
            (attempt.result, attempt.again, attempt.error) = (result, again, error);
        }
    }

    /// The same again is counted: a run may be throttled a thousand times.
    fn trouble(
        &mut self,
        at: Timestamp,
        what: &'static str,
        error: &ErrorRecord,
        request: Option<usize>,
    ) {
        let same = |other: &&mut Trouble| {
            other.what == what
                && other.error.code == error.code
                && (error.code.is_some() || other.error == *error)
        };
        match self.problems.iter_mut().find(same) {
            Some(known) => (known.times, known.last) = (known.times + 1, at),
            None => self.problems.push(Trouble {
                what,
                error: error.clone(),
                times: 1,
                first: at,
                last: at,
                request,
            }),
        }
    }

    pub(super) fn job(&self, job: &KnownJob) -> Job {
        Job {
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

    /// Each server as the report by the journal has it.
    pub(super) fn servers(&self, recovered: &Recovered) -> Vec<Server> {
        let row = |report: ServerReport| {
            let id = report.id;
            let progress = recovered.progress(id);
            let is_final = matches!(progress, Some(ServerProgress::Finished(_)));
            let at = self.concluded.get(&id).copied().filter(|_| is_final);
            let mut row = Server {
                request: self.request_of.get(&id).copied(),
                wave: None,
                report,
                unready: None,
            };
            row.report.at = at;
            row
        };
        let mut servers: Vec<Server> = recovered.server_reports().map(row).collect();
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
            server.unready = Some(unready.why.clone());
        }
        servers
    }
}
