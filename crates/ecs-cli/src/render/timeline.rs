//! What a journal says happened, and when: the records added up for people. Pure.

use std::collections::{BTreeMap, HashMap};

use ecs_ops::Outcome;
use ecs_ops::Problem;
use ecs_ops::journal::{
    Contents, Entry, JournalError, Note, Purpose, Record, Recovered, RunRecord, Standing, Verdict,
};
use ecs_ops::model::{JobId, ServerId};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

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
    pub(crate) batches: Vec<Batch>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) problems: Vec<Trouble>,
    pub(crate) servers: Vec<Server>,
    /// The last line, if it is not whole.
    pub(crate) torn: Option<Torn>,
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
    /// `resumed`, `stopping`, `wave_began`, `wave_checked`, `answered`, `escalating`, `ended`.
    pub(crate) what: &'static str,
    pub(crate) words: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Batch {
    pub(crate) batch: usize,
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
    pub(crate) error: Option<Note>,
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
    pub(crate) batch: usize,
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
    /// `throttled`, `not_executed`, `lost`, `stopping`, `unhealthy`.
    pub(crate) what: &'static str,
    pub(crate) error: Note,
    pub(crate) times: usize,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The first batch that it happened to.
    pub(crate) batch: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Server {
    pub(crate) id: ServerId,
    #[serde(serialize_with = "name")]
    pub(crate) outcome: Outcome,
    pub(crate) job_id: Option<JobId>,
    /// The batch that it was in last.
    pub(crate) batch: Option<usize>,
    pub(crate) error: Option<Problem>,
}

fn name<S: serde::Serializer>(outcome: &Outcome, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(outcome.name())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Torn {
    pub(crate) line: u64,
    pub(crate) bytes: u64,
}

/// A time in which a batch waited because the service had asked for less speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Timeline {
    /// Adds up the records.
    ///
    /// # Errors
    /// Those of [`Recovered::from_entries`].
    pub(crate) fn of(contents: Contents) -> Result<Self, JournalError> {
        let recovered = Recovered::from_entries(contents.entries.iter().cloned())?;
        let run = recovered.run();
        let began = contents.entries.first().map(|entry| entry.at);
        let began = began.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut story = Story::default();
        for entry in contents.entries {
            story.add(entry);
        }
        let servers = story.servers(&recovered);
        let mut jobs: Vec<Job> = recovered.jobs().iter().map(|job| story.job(job)).collect();
        for server in &servers {
            let bad = matches!(
                server.outcome,
                Outcome::Failed { .. } | Outcome::Unknown { .. }
            );
            let of = |job: &&mut Job| bad && Some(&job.job_id) == server.job_id.as_ref();
            // A server's last job is the one that its verdict names.
            if let Some(job) = jobs.iter_mut().rfind(of) {
                job.bad += 1;
            }
        }
        let RunRecord { action, .. } = run;
        Ok(Self {
            version: 1,
            run_id: run.run_id.clone(),
            program: run.program.clone(),
            endpoint: run.endpoint.clone(),
            project_id: run.project.to_string(),
            operation: action.name(),
            kind: action.kind(),
            began,
            last: story.last.unwrap_or(began),
            ended: story.last.filter(|_| recovered.is_ended()),
            summary: Summary::of(&servers),
            marks: story.marks,
            batches: story.batches.into_values().collect(),
            jobs,
            problems: story.problems,
            servers,
            torn: contents.tail.map(|tail| Torn {
                line: tail.line,
                bytes: tail.bytes,
            }),
        })
    }

    /// How long after the beginning.
    pub(crate) fn since(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.began)
    }
}

impl Batch {
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
    pub(crate) fn pauses(&self, ended: Option<Timestamp>) -> Vec<Pause> {
        let mut pauses = Vec::new();
        for (index, attempt) in self.attempts.iter().enumerate() {
            if let (Answer::Throttled, Some(from)) = (attempt.result, attempt.answered) {
                let next = self.attempts.get(index + 1);
                let next = next.map(|next| next.sent.unwrap_or(next.intended));
                let planned = attempt
                    .again
                    .map(|again| ended.map_or(again, |end| again.min(end)));
                if let Some(until) = next.or(planned).filter(|until| *until > from) {
                    pauses.push(Pause { from, until });
                }
            }
        }
        pauses
    }
}

impl Summary {
    fn of(servers: &[Server]) -> Self {
        let mut summary = Self {
            requested: servers.len(),
            ..Self::default()
        };
        for server in servers {
            *match server.outcome {
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

/// What is remembered from record to record.
#[derive(Default)]
struct Story {
    last: Option<Timestamp>,
    marks: Vec<Mark>,
    batches: BTreeMap<usize, Batch>,
    problems: Vec<Trouble>,
    over: HashMap<JobId, Timestamp>,
    /// The batch that each server was in last.
    batch_of: HashMap<ServerId, usize>,
    /// What was said of a server without deciding about it.
    told: HashMap<ServerId, Note>,
}

impl Story {
    fn add(&mut self, entry: Entry) {
        let at = entry.at;
        self.last = Some(at);
        match entry.record {
            Record::Intent {
                batch,
                purpose,
                servers,
                ..
            } => self.intend(at, batch, purpose, &servers),
            Record::Sending { batch, .. } => {
                if let Some(attempt) = self.attempt(batch) {
                    attempt.sent = Some(at);
                }
            }
            Record::Accepted { batch, job_id, .. } => {
                self.answer(at, batch, Answer::Accepted, None, None);
                if let Some(batch) = self.batches.get_mut(&batch) {
                    batch.job_id = Some(job_id);
                }
            }
            Record::NotExecuted {
                batch,
                throttled,
                retry_after_ms,
                error,
            } => {
                let (answer, what) = match throttled {
                    true => (Answer::Throttled, "throttled"),
                    false => (Answer::NotExecuted, "not_executed"),
                };
                let again = retry_after_ms.and_then(|pause| {
                    at.checked_add(SignedDuration::from_millis(i64::try_from(pause).ok()?))
                        .ok()
                });
                self.trouble(at, what, &error, Some(batch));
                self.answer(at, batch, answer, again, Some(error));
            }
            Record::Lost { batch, error } => {
                self.trouble(at, "lost", &error, Some(batch));
                self.answer(at, batch, Answer::Lost, None, Some(error));
            }
            Record::Verdicts { servers } => {
                for verdict in servers {
                    let open = matches!(verdict.outcome, Verdict::NotAttempted | Verdict::Unknown);
                    if let Some(error) = verdict.error.filter(|_| open) {
                        self.told.insert(verdict.id, error);
                    }
                }
            }
            Record::JobOver { job_id, .. } => {
                self.over.insert(job_id, at);
            }
            Record::Escalating { servers } => {
                let words = format!("{} servers are restarted hard", servers.len());
                self.mark(at, "escalating", words);
            }
            Record::WaveBegan { wave } => self.mark(at, "wave_began", format!("wave {}", wave + 1)),
            Record::WaveChecked {
                wave,
                healthy,
                words,
            } => {
                let words = words.unwrap_or_default();
                let healthy = if healthy { "healthy" } else { "not healthy" };
                let said = format!("wave {} is {healthy}: {words}", wave + 1);
                self.mark(at, "wave_checked", said.trim_end_matches(": ").to_owned());
            }
            Record::Answered { go_on } => {
                let words = if go_on {
                    "told to go on"
                } else {
                    "told to stop"
                };
                self.mark(at, "answered", words.to_owned());
            }
            Record::Stopping { reason } => self.mark(at, "stopping", reason),
            Record::Resumed { program } => self.mark(at, "resumed", format!("by {program}")),
            Record::Ended {} => self.mark(at, "ended", String::new()),
            // The run itself; servers as they were before; records to come, which `Recovered` has refused by now.
            _ => {}
        }
    }

    fn mark(&mut self, at: Timestamp, what: &'static str, words: String) {
        self.marks.push(Mark { at, what, words });
    }

    fn intend(&mut self, at: Timestamp, number: usize, purpose: Purpose, servers: &[ServerId]) {
        for id in servers {
            self.batch_of.insert(*id, number);
            self.told.remove(id);
        }
        let batch = self.batches.entry(number).or_insert_with(|| Batch {
            batch: number,
            purpose: match purpose {
                Purpose::Resubmit => "resubmit",
                Purpose::Escalate => "escalate",
                _ => "first",
            },
            servers: servers.len(),
            job_id: None,
            attempts: Vec::new(),
        });
        batch.attempts.push(Attempt {
            intended: at,
            sent: None,
            answered: None,
            result: Answer::None,
            again: None,
            error: None,
        });
    }

    fn attempt(&mut self, batch: usize) -> Option<&mut Attempt> {
        self.batches.get_mut(&batch)?.attempts.last_mut()
    }

    fn answer(
        &mut self,
        at: Timestamp,
        batch: usize,
        result: Answer,
        again: Option<Timestamp>,
        error: Option<Note>,
    ) {
        if let Some(attempt) = self.attempt(batch) {
            attempt.answered = Some(at);
            (attempt.result, attempt.again, attempt.error) = (result, again, error);
        }
    }

    /// The same again is counted: a run may be throttled a thousand times.
    fn trouble(&mut self, at: Timestamp, what: &'static str, error: &Note, batch: Option<usize>) {
        let same = |it: &&mut Trouble| {
            it.what == what
                && it.error.code == error.code
                && (error.code.is_some() || it.error == *error)
        };
        match self.problems.iter_mut().find(same) {
            Some(known) => (known.times, known.last) = (known.times + 1, at),
            None => self.problems.push(Trouble {
                what,
                error: error.clone(),
                times: 1,
                first: at,
                last: at,
                batch,
            }),
        }
    }

    fn job(&self, job: &ecs_ops::journal::KnownJob) -> Job {
        Job {
            job_id: job.job_id.clone(),
            batch: job.batch,
            servers: job.servers,
            request_id: job.request_id.clone(),
            accepted: job.accepted,
            over: self.over.get(&job.job_id).copied(),
            status: job.status.clone(),
            bad: 0,
        }
    }

    /// Where each server stands, in the words of a report.
    fn servers(&self, recovered: &Recovered) -> Vec<Server> {
        let job_of: HashMap<usize, &JobId> = recovered
            .jobs()
            .iter()
            .map(|job| (job.batch, &job.job_id))
            .collect();
        let row = |id: &ServerId| {
            let outcome = match recovered.standing(*id)? {
                Standing::Done(verdict) => verdict.outcome(),
                Standing::Accepted { batch } => Outcome::Running {
                    job_id: (*job_of.get(&batch)?).clone(),
                },
                Standing::Doubtful { batch } => Outcome::Unknown {
                    job_id: None,
                    error: self.why_doubtful(*id, batch),
                },
                Standing::Unsent => Outcome::NotAttempted {
                    error: self.why_unsent(*id),
                },
            };
            Some(Server {
                id: *id,
                job_id: outcome.job_id().cloned(),
                batch: self.batch_of.get(id).copied(),
                error: outcome.error().cloned(),
                outcome,
            })
        };
        recovered.run().servers.iter().filter_map(row).collect()
    }

    fn why_doubtful(&self, id: ServerId, batch: usize) -> Problem {
        let attempt = self
            .batches
            .get(&batch)
            .and_then(|batch| batch.attempts.last());
        let noted = self.told.get(&id).or_else(|| attempt?.error.as_ref());
        noted.map_or_else(
            || {
                words(match attempt.and_then(|attempt| attempt.sent) {
                    Some(sent) => format!("sent at {sent:.0}, and no answer is written down"),
                    None => "announced, and perhaps sent: nothing more is written down".to_owned(),
                })
            },
            Problem::from,
        )
    }

    fn why_unsent(&self, id: ServerId) -> Problem {
        let batch = self
            .batch_of
            .get(&id)
            .and_then(|batch| self.batches.get(batch));
        let error = batch.and_then(|batch| batch.attempts.last()?.error.as_ref());
        let noted = self.told.get(&id).or(error);
        noted.map_or_else(|| words("never sent".to_owned()), Problem::from)
    }
}

fn words(message: String) -> Problem {
    Problem::from(&Note {
        code: None,
        message,
    })
}
