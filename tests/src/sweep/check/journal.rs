//! Checks that a journal is truthful at each death.

use std::collections::HashMap;
use std::time::Duration;

use ecs_ops::journal::{OutcomeKind, OutcomeRecord, Record};
use ecs_ops::model::{JobId, ServerId};

use super::super::Played;
use super::super::lives::Life;
use super::{Checker, ManyLives};

impl<'a> ManyLives<'a> {
    /// Returns whether this is one of its processes.
    pub(super) fn is(self, run: &Played) -> bool {
        let mut lives = self.lived.lives.iter();
        lives.any(|life| std::ptr::eq(&life.played, run))
    }

    /// Returns the records that a process wrote.
    pub(super) fn records(self, life: &Life) -> impl Iterator<Item = &'a Record> {
        let entries = self.lived.entries.get(life.wrote.clone());
        entries
            .unwrap_or_default()
            .iter()
            .map(|entry| &entry.record)
    }

    /// Returns whether a process that died before this time had announced a request for this server
    /// without recording its outcome.
    pub(super) fn died_sending(self, id: &ServerId, until: Duration) -> bool {
        let lives = self.lived.lives.iter();
        let mut dead = lives.filter(|life| life.played.died && life.played.ended < until);
        dead.any(|life| self.left_open(life, id))
    }

    fn left_open(self, life: &Life, id: &ServerId) -> bool {
        let mut open = self.open(life);
        open.any(|servers| servers.contains(id))
    }

    /// Returns the requests that a process had announced without recording their outcome.
    pub(super) fn open(self, life: &Life) -> impl Iterator<Item = &'a [ServerId]> {
        let mut open: HashMap<usize, &[ServerId]> = HashMap::new();
        for record in self.records(life) {
            match record {
                Record::Intent {
                    request, servers, ..
                } => {
                    open.insert(*request, servers);
                }
                Record::Accepted { request, .. } | Record::NotExecuted { request, .. } => {
                    open.remove(request);
                }
                // Requests that were cut off before anything was sent.
                Record::Outcomes { servers: ended } => {
                    let free = ended
                        .iter()
                        .filter(|value| value.outcome == OutcomeKind::NotAttempted);
                    for one in free {
                        open.retain(|_, servers| !servers.contains(&one.id));
                    }
                }
                _ => {}
            }
        }
        open.into_values()
    }

    /// Returns the servers that were acted on, may have been, or were refused, and that failed by
    /// the records of a process.
    pub(super) fn failed(self, life: &Life) -> impl Iterator<Item = ServerId> {
        let records = self.records(life).filter_map(|record| match record {
            Record::Outcomes { servers } => Some(servers),
            _ => None,
        });
        let failed = |value: &&OutcomeRecord| {
            matches!(value.outcome, OutcomeKind::Failed | OutcomeKind::Unknown)
        };
        records.flatten().filter(failed).map(|outcome| outcome.id)
    }

    /// Returns whether a process noticed a job: if it died, only its records count.
    pub(super) fn noticed(self, life: usize, job: &JobId) -> bool {
        let Some(life) = self.lived.lives.get(life) else {
            return false;
        };
        !(self.extras.journal && life.played.died) || self.wrote(life, job)
    }

    fn wrote(self, life: &Life, job: &JobId) -> bool {
        let mut records = self.records(life);
        records.any(|record| matches!(record, Record::Accepted { job_id, .. } if job_id == job))
    }
}

impl Checker<'_> {
    /// Checks that the journal is readable at each death and at the end, and has each job.
    pub(super) fn keeps_a_journal(&mut self, lived: ManyLives<'_>) {
        let unreadable = lived.lived.unreadable.as_ref();
        self.hold(unreadable.is_none(), || {
            format!("the journal cannot be read back: {unreadable:?}")
        });
        if !lived.extras.journal {
            return;
        }
        let mut missing = Vec::new();
        for exchange in &self.trace.exchanges {
            let life = self.life_of(exchange);
            let life = life.and_then(|life| lived.lived.lives.get(life));
            if let (Some(life), Some(job)) = (life, self.reported_job(exchange))
                && !lived.wrote(life, job)
            {
                missing.push(format!(
                    "{job:?} was accepted, and the journal does not say so"
                ));
            }
        }
        self.violations.extend(missing);
    }
}
