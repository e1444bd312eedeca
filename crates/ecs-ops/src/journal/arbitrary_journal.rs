//! Generates journals from a list of choices, for tests.

use std::collections::{HashMap, HashSet, VecDeque};

use ecs_model::{RebootType, ServerId};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::PowerAction;

pub(super) fn server(number: usize) -> ServerId {
    ServerId::from_bytes(u128::try_from(number).unwrap().to_be_bytes())
}

pub(super) fn servers(count: usize) -> Vec<ServerId> {
    (0..count).map(server).collect()
}

pub(super) fn run(count: usize) -> RunRecord {
    RunRecord {
        program: "a test".to_owned(),
        ..RunRecord::new(
            "run-1",
            &"https://ecs.example".parse().unwrap(),
            "5dd3c0b24cdc4d31952c49589182a89d".parse().unwrap(),
            PowerAction::Reboot(RebootType::Soft),
            servers(count),
        )
    }
}

pub(super) fn error_record(message: &str) -> ErrorRecord {
    ErrorRecord {
        code: None,
        message: message.to_owned(),
    }
}

pub(super) fn outcome_record(
    id: ServerId,
    outcome: OutcomeKind,
    job: Option<&str>,
) -> OutcomeRecord {
    OutcomeRecord {
        id,
        outcome,
        job_id: job.map(|job| job.parse().unwrap()),
        evidence: (outcome == OutcomeKind::Succeeded).then_some(crate::Evidence::SubJob),
        error: (outcome != OutcomeKind::Succeeded)
            .then(|| error_record("some reason, \"quoted\",\n of two lines")),
    }
}

pub(super) fn intent(request: usize, attempt: u32, purpose: Purpose, servers: &[usize]) -> Record {
    Record::Intent {
        request,
        attempt,
        purpose,
        servers: servers.iter().copied().map(server).collect(),
    }
}

pub(super) fn sending(request: usize, attempt: u32) -> Record {
    Record::Sending {
        request,
        attempt,
        remote: None,
    }
}

pub(super) fn accepted(request: usize) -> Record {
    Record::Accepted {
        request,
        job_id: job(request).parse().unwrap(),
        request_id: None,
    }
}

pub(super) fn not_executed(request: usize) -> Record {
    Record::NotExecuted {
        request,
        throttled: false,
        retry_after_ms: None,
        error: error_record("refused"),
    }
}

pub(super) fn lost(request: usize) -> Record {
    Record::AnswerLost {
        request,
        error: error_record("no answer"),
    }
}

/// The entries of these records, one per second.
pub(super) fn entries(records: impl IntoIterator<Item = Record>) -> Vec<Entry> {
    let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let entry = |(seq, record)| Entry {
        seq,
        at: start + SignedDuration::from_secs(seq.cast_signed()),
        record,
    };
    (0..).zip(records).map(entry).collect()
}

/// The entries of a generated run.
pub(crate) fn arbitrary_entries(count: usize, batch_size: usize, choices: &[u8]) -> Vec<Entry> {
    entries(arbitrary_journal(count, batch_size, choices))
}

pub(super) fn file(entries: &[Entry]) -> Vec<u8> {
    let line = |entry: &Entry| entry.to_line().unwrap();
    entries.iter().flat_map(line).collect()
}

enum GeneratedState {
    Intended(u32),
    Sending(u32),
    Retrying(u32),
    Accepted,
}

struct GeneratedRequest {
    number: usize,
    purpose: Purpose,
    servers: Vec<ServerId>,
    state: GeneratedState,
}

/// Generates a run by the rules of runs, in code that shares nothing with the reading.
struct Generator<'a> {
    choices: std::slice::Iter<'a, u8>,
    records: Vec<Record>,
    queue: VecDeque<(Purpose, Vec<ServerId>)>,
    open: Vec<GeneratedRequest>,
    requests: usize,
    resubmitted: HashSet<ServerId>,
    escalated: HashSet<ServerId>,
}

pub(super) fn arbitrary_journal(count: usize, batch_size: usize, choices: &[u8]) -> Vec<Record> {
    let mut generator = Generator {
        choices: choices.iter(),
        records: vec![Record::Run(Box::new(run(count)))],
        queue: servers(count)
            .chunks(batch_size)
            .map(|chunk| (Purpose::First, chunk.to_vec()))
            .collect(),
        open: Vec::new(),
        requests: 0,
        resubmitted: HashSet::new(),
        escalated: HashSet::new(),
    };
    while let Some(choice) = generator.choices.next() {
        generator.step(usize::from(*choice));
    }
    generator.records
}

impl Generator<'_> {
    fn choose(&mut self, of: usize) -> usize {
        self.choices
            .next()
            .map_or(0, |choice| usize::from(*choice) % of)
    }

    fn record_intent(&mut self, request: &GeneratedRequest, attempt: u32) {
        self.records.push(Record::Intent {
            request: request.number,
            attempt,
            purpose: request.purpose,
            servers: request.servers.clone(),
        });
    }

    fn step(&mut self, choice: usize) {
        if choice == 255 {
            return self.crash();
        }
        if choice.is_multiple_of(3)
            && self.open.len() < 4
            && let Some((purpose, servers)) = self.queue.pop_front()
        {
            self.requests += 1;
            let request = GeneratedRequest {
                number: self.requests,
                purpose,
                servers,
                state: GeneratedState::Intended(1),
            };
            self.record_intent(&request, 1);
            return self.open.push(request);
        }
        if self.open.is_empty() {
            return;
        }
        let mut request = self.open.swap_remove(choice % self.open.len());
        let number = request.number;
        match request.state {
            GeneratedState::Intended(attempt) => {
                self.records.push(Record::Sending {
                    request: number,
                    attempt,
                    remote: None,
                });
                request.state = GeneratedState::Sending(attempt);
                self.open.push(request);
            }
            GeneratedState::Retrying(attempt) => {
                self.record_intent(&request, attempt + 1);
                request.state = GeneratedState::Intended(attempt + 1);
                self.open.push(request);
            }
            GeneratedState::Sending(attempt) => self.answer(request, attempt),
            GeneratedState::Accepted => self.poll(request),
        }
    }

    fn answer(&mut self, mut request: GeneratedRequest, attempt: u32) {
        let number = request.number;
        match self.choose(6) {
            0 | 1 => {
                self.records.push(Record::Accepted {
                    request: number,
                    job_id: job(number).parse().unwrap(),
                    request_id: Some("a-request".to_owned()),
                });
                request.state = GeneratedState::Accepted;
                self.open.push(request);
            }
            2 => self.lost(request),
            choice => {
                let again = choice == 3;
                self.records.push(Record::NotExecuted {
                    request: number,
                    throttled: again,
                    retry_after_ms: again.then_some(2000),
                    error: error_record("not done"),
                });
                if again {
                    request.state = GeneratedState::Retrying(attempt);
                    self.open.push(request);
                } else if choice == 4 && request.servers.len() > 1 {
                    let half = request.servers.split_off(request.servers.len() / 2);
                    self.queue.push_front((request.purpose, half));
                    self.queue.push_front((request.purpose, request.servers));
                } else if request.purpose == Purpose::First {
                    self.record_outcome(&request.servers, OutcomeKind::Failed, None);
                }
            }
        }
    }

    fn lost(&mut self, request: GeneratedRequest) {
        self.records.push(Record::AnswerLost {
            request: request.number,
            error: error_record("no answer"),
        });
        match self.choose(4) {
            0 => self.record_outcome(&request.servers, OutcomeKind::Unknown, None),
            1 => self.record_outcome(&request.servers, OutcomeKind::Succeeded, None),
            2 if request.purpose == Purpose::First => {
                self.record_outcome(&request.servers, OutcomeKind::NotAttempted, None);
                self.queue.push_back((Purpose::First, request.servers));
            }
            _ => {
                let mut servers = request.servers;
                servers.retain(|id| self.resubmitted.insert(*id) && !self.escalated.contains(id));
                if !servers.is_empty() {
                    self.queue.push_back((Purpose::Resubmit, servers));
                }
            }
        }
    }

    /// A poll: one more server has an outcome.
    fn poll(&mut self, mut request: GeneratedRequest) {
        let job = job(request.number);
        let Some(id) = request.servers.pop() else {
            return;
        };
        let bad = outcome_record(id, OutcomeKind::Failed, Some(&job));
        match self.choose(4) {
            0 if !self.resubmitted.contains(&id) && self.escalated.insert(id) => {
                self.records.push(Record::Escalating { servers: vec![bad] });
                self.queue.push_back((Purpose::Escalate, vec![id]));
            }
            1 => self.record_outcome(&[id], OutcomeKind::Failed, Some(&job)),
            _ => self.record_outcome(&[id], OutcomeKind::Succeeded, Some(&job)),
        }
        if request.servers.is_empty() {
            self.records.push(Record::JobFinished {
                job_id: job.parse().unwrap(),
                status: Some("SUCCESS".to_owned()),
            })
        } else {
            self.open.push(request)
        }
    }

    fn record_outcome(&mut self, servers: &[ServerId], outcome: OutcomeKind, job: Option<&str>) {
        let outcome_record = |id: &ServerId| outcome_record(*id, outcome, job);
        let servers = servers.iter().map(outcome_record).collect();
        self.records.push(Record::Outcomes { servers });
    }

    /// The process ends and another one resumes: with the servers that are certainly free, and with
    /// the jobs.
    fn crash(&mut self) {
        self.records.push(Record::Resumed {
            program: "a test".to_owned(),
            continues_stopped: false,
            invocation: None,
        });
        for request in std::mem::take(&mut self.open) {
            match request.state {
                GeneratedState::Intended(_) | GeneratedState::Sending(_) => {}
                GeneratedState::Retrying(_) => {
                    self.queue.push_front((request.purpose, request.servers))
                }
                GeneratedState::Accepted => self.open.push(request),
            }
        }
    }
}

pub(super) fn job(request: usize) -> String {
    format!("job-{request}")
}

/// The servers that may have been acted on according to the records: sent, without proof that they
/// were not executed.
pub(super) fn perhaps_executed(records: &[Record]) -> HashSet<ServerId> {
    let mut requests: HashMap<usize, &[ServerId]> = HashMap::new();
    let mut sent: HashSet<(usize, ServerId)> = HashSet::new();
    for record in records {
        match record {
            Record::Intent {
                request, servers, ..
            } => {
                requests.insert(*request, servers);
            }
            Record::Sending { request, .. } => {
                sent.extend(requests[request].iter().map(|id| (*request, *id)));
            }
            Record::NotExecuted { request, .. } => sent.retain(|(of, _)| of != request),
            Record::Outcomes { servers } => {
                let free = |outcome_record: &&OutcomeRecord| {
                    outcome_record.outcome == OutcomeKind::NotAttempted
                };
                for outcome_record in servers.iter().filter(free) {
                    sent.retain(|(_, id)| *id != outcome_record.id);
                }
            }
            _ => {}
        }
    }
    sent.into_iter().map(|(_, id)| id).collect()
}
