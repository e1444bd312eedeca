//! For tests: what runs write, made from a list of choices.

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

pub(super) fn note(words: &str) -> Note {
    Note {
        code: None,
        message: words.to_owned(),
    }
}

pub(super) fn verdict(id: ServerId, outcome: Verdict, job: Option<&str>) -> ServerVerdict {
    ServerVerdict {
        id,
        outcome,
        job_id: job.map(|job| job.parse().unwrap()),
        shown_by: (outcome == Verdict::Succeeded).then_some(Shown::Part),
        error: (outcome != Verdict::Succeeded)
            .then(|| note("some reason, \"quoted\",\n of two lines")),
    }
}

/// Records as the entries that they become: one a second.
pub(super) fn entries(records: impl IntoIterator<Item = Record>) -> Vec<Entry> {
    let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let entry = |(seq, record)| Entry {
        seq,
        at: start + SignedDuration::from_secs(seq.cast_signed()),
        record,
    };
    (0..).zip(records).map(entry).collect()
}

pub(super) fn file(entries: &[Entry]) -> Vec<u8> {
    let line = |entry: &Entry| line::encode(entry.seq, entry.at, &entry.record).unwrap();
    entries.iter().flat_map(line).collect()
}

enum State {
    Intended(u32),
    Sending(u32),
    Retrying(u32),
    Accepted,
}

struct Batch {
    number: usize,
    purpose: Purpose,
    servers: Vec<ServerId>,
    state: State,
}

/// Makes up a run. It keeps the rules that a run has to keep, in code that has nothing in common with the reading.
struct Teller<'a> {
    choices: std::slice::Iter<'a, u8>,
    records: Vec<Record>,
    queue: VecDeque<(Purpose, Vec<ServerId>)>,
    open: Vec<Batch>,
    batches: usize,
    resubmitted: HashSet<ServerId>,
    escalated: HashSet<ServerId>,
}

pub(super) fn story(count: usize, batch_size: usize, choices: &[u8]) -> Vec<Record> {
    let mut teller = Teller {
        choices: choices.iter(),
        records: vec![Record::Run(Box::new(run(count)))],
        queue: servers(count)
            .chunks(batch_size)
            .map(|chunk| (Purpose::First, chunk.to_vec()))
            .collect(),
        open: Vec::new(),
        batches: 0,
        resubmitted: HashSet::new(),
        escalated: HashSet::new(),
    };
    while let Some(choice) = teller.choices.next() {
        teller.step(usize::from(*choice));
    }
    teller.records
}

impl Teller<'_> {
    fn choose(&mut self, of: usize) -> usize {
        self.choices
            .next()
            .map_or(0, |choice| usize::from(*choice) % of)
    }

    fn intend(&mut self, batch: &Batch, attempt: u32) {
        self.records.push(Record::Intent {
            batch: batch.number,
            attempt,
            purpose: batch.purpose,
            servers: batch.servers.clone(),
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
            self.batches += 1;
            let batch = Batch {
                number: self.batches,
                purpose,
                servers,
                state: State::Intended(1),
            };
            self.intend(&batch, 1);
            return self.open.push(batch);
        }
        if self.open.is_empty() {
            return;
        }
        let mut batch = self.open.swap_remove(choice % self.open.len());
        let number = batch.number;
        match batch.state {
            State::Intended(attempt) => {
                self.records.push(Record::Sending {
                    batch: number,
                    attempt,
                    theirs: None,
                });
                batch.state = State::Sending(attempt);
                self.open.push(batch);
            }
            State::Retrying(attempt) => {
                self.intend(&batch, attempt + 1);
                batch.state = State::Intended(attempt + 1);
                self.open.push(batch);
            }
            State::Sending(attempt) => self.answer(batch, attempt),
            State::Accepted => self.look(batch),
        }
    }

    fn answer(&mut self, mut batch: Batch, attempt: u32) {
        let number = batch.number;
        match self.choose(6) {
            0 | 1 => {
                self.records.push(Record::Accepted {
                    batch: number,
                    job_id: job(number).parse().unwrap(),
                    request_id: Some("a-request".to_owned()),
                });
                batch.state = State::Accepted;
                self.open.push(batch);
            }
            2 => self.lost(batch),
            how => {
                let again = how == 3;
                self.records.push(Record::NotExecuted {
                    batch: number,
                    throttled: again,
                    retry_after_ms: again.then_some(2000),
                    error: note("not done"),
                });
                if again {
                    batch.state = State::Retrying(attempt);
                    self.open.push(batch);
                } else if how == 4 && batch.servers.len() > 1 {
                    let half = batch.servers.split_off(batch.servers.len() / 2);
                    self.queue.push_front((batch.purpose, half));
                    self.queue.push_front((batch.purpose, batch.servers));
                } else if batch.purpose == Purpose::First {
                    self.conclude(&batch.servers, Verdict::Failed, None);
                }
            }
        }
    }

    fn lost(&mut self, batch: Batch) {
        self.records.push(Record::Lost {
            batch: batch.number,
            error: note("no answer"),
        });
        match self.choose(4) {
            0 => self.conclude(&batch.servers, Verdict::Unknown, None),
            1 => self.conclude(&batch.servers, Verdict::Succeeded, None),
            2 if batch.purpose == Purpose::First => {
                self.conclude(&batch.servers, Verdict::NotAttempted, None);
                self.queue.push_back((Purpose::First, batch.servers));
            }
            _ => {
                let mut servers = batch.servers;
                servers.retain(|id| self.resubmitted.insert(*id) && !self.escalated.contains(id));
                if !servers.is_empty() {
                    self.queue.push_back((Purpose::Resubmit, servers));
                }
            }
        }
    }

    /// A look at a job: one more server has its verdict.
    fn look(&mut self, mut batch: Batch) {
        let job = job(batch.number);
        let Some(id) = batch.servers.pop() else {
            return;
        };
        let bad = verdict(id, Verdict::Failed, Some(&job));
        match self.choose(4) {
            0 if !self.resubmitted.contains(&id) && self.escalated.insert(id) => {
                self.records.push(Record::Escalating { servers: vec![bad] });
                self.queue.push_back((Purpose::Escalate, vec![id]));
            }
            1 => self.conclude(&[id], Verdict::Failed, Some(&job)),
            _ => self.conclude(&[id], Verdict::Succeeded, Some(&job)),
        }
        match batch.servers.is_empty() {
            true => self.records.push(Record::JobOver {
                job_id: job.parse().unwrap(),
                status: Some("SUCCESS".to_owned()),
            }),
            false => self.open.push(batch),
        }
    }

    fn conclude(&mut self, servers: &[ServerId], outcome: Verdict, job: Option<&str>) {
        let verdict = |id: &ServerId| verdict(*id, outcome, job);
        let servers = servers.iter().map(verdict).collect();
        self.records.push(Record::Verdicts { servers });
    }

    /// The process ends, and another one goes on: with what is certainly free, and with the jobs.
    fn crash(&mut self) {
        self.records.push(Record::Resumed {
            program: "a test".to_owned(),
        });
        for batch in std::mem::take(&mut self.open) {
            match batch.state {
                State::Intended(_) | State::Sending(_) => {}
                State::Retrying(_) => self.queue.push_front((batch.purpose, batch.servers)),
                State::Accepted => self.open.push(batch),
            }
        }
    }
}

pub(super) fn job(batch: usize) -> String {
    format!("job-{batch}")
}

/// The servers that may have been acted on, by what was written: sent, without proof that it was not executed.
pub(super) fn perhaps_executed(records: &[Record]) -> HashSet<ServerId> {
    let mut batches: HashMap<usize, &[ServerId]> = HashMap::new();
    let mut sent: HashSet<(usize, ServerId)> = HashSet::new();
    for record in records {
        match record {
            Record::Intent { batch, servers, .. } => {
                batches.insert(*batch, servers);
            }
            Record::Sending { batch, .. } => {
                sent.extend(batches[batch].iter().map(|id| (*batch, *id)));
            }
            Record::NotExecuted { batch, .. } => sent.retain(|(of, _)| of != batch),
            Record::Verdicts { servers } => {
                let free = |verdict: &&ServerVerdict| verdict.outcome == Verdict::NotAttempted;
                for verdict in servers.iter().filter(free) {
                    sent.retain(|(_, id)| *id != verdict.id);
                }
            }
            _ => {}
        }
    }
    sent.into_iter().map(|(_, id)| id).collect()
}
