//! The follower of one run, from any host.

use super::backend::RunLines;
use super::reply::Reply;
use super::summary::{RunStatus, RunSummary};
use super::{Change, Changes, Store, StoreError, StoreErrorKind};
use crate::journal::{Contents, Entry};

/// A run, and its records from a position on, as of one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunUpdate {
    /// The run: its state, its process and its epoch.
    pub run: RunSummary,
    /// The records from the position on.
    pub entries: Vec<Entry>,
}

/// Follows a run: see [`Store::follow`].
#[derive(Debug)]
pub struct Follower {
    store: Store,
    run_id: String,
    /// The number of the next record.
    next: u64,
    changes: Changes,
    /// The state and the epoch at the last read.
    seen: Option<(RunStatus, i64)>,
    /// `true` to read before waiting for a change.
    is_due: bool,
}

impl Store {
    /// Reads a run with its records from this number on, counted from 0, as of one moment. It is tried
    /// once: a follower tries again.
    ///
    /// # Errors
    /// [`NoRun`](StoreErrorKind::NoRun), [`Contradiction`](StoreErrorKind::Contradiction): a record is
    /// damaged, or the store was set back and has fewer records than that; and those of the database.
    pub async fn read_run(&self, run_id: &str, first: u64) -> Result<RunUpdate, StoreError> {
        let silent_after = self.0.times.takeover_after;
        let from = i64::try_from(first).unwrap_or(i64::MAX);
        let found = self.0.backend.read_run(run_id, from, silent_after).await?;
        let Some(RunLines { run, lines }) = found else {
            return Err(Reply::NoRun.into_error(run_id));
        };
        let read = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        if from.saturating_add(read) != run.records {
            let records = run.records;
            return Err(Reply::Lost { records }.into_error(run_id));
        }
        let entries = entries(run_id, &lines, first)?;
        Ok(RunUpdate { run, entries })
    }

    /// Follows a run from its first record on. It takes nothing over and writes nothing.
    pub fn follow(&self, run_id: impl Into<String>) -> Follower {
        Follower {
            store: self.clone(),
            run_id: run_id.into(),
            next: 0,
            changes: self.changes(),
            seen: None,
            is_due: true,
        }
    }
}

impl Follower {
    /// Waits for the next update: the first one at once, with all records so far; further ones when there are
    /// records, or when the state of the run or its epoch changed. It never ends: a run that ended
    /// may be resumed. No record is omitted or comes twice. Cancel-safe.
    ///
    /// # Errors
    /// As [`Store::read_run`]. After a [temporary](StoreError::is_temporary) one it may be called
    /// again, and tries again after a moment.
    pub async fn next(&mut self) -> Result<RunUpdate, StoreError> {
        loop {
            while !self.is_due {
                let change: Change = self.changes.next().await;
                self.is_due = change.concerns(&self.run_id);
            }
            let read = self.store.read_run(&self.run_id, self.next).await;
            self.is_due = false;
            let update = read?;
            let state = Some((update.run.state, update.run.epoch));
            if update.entries.is_empty() && self.seen == state {
                continue;
            }
            self.seen = state;
            self.next += update.entries.len() as u64;
            return Ok(update);
        }
    }
}

/// Reads the records of these lines, the first of which has this number.
pub(super) fn entries(
    run_id: &str,
    lines: &[String],
    first: u64,
) -> Result<Vec<Entry>, StoreError> {
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let damaged = |message: &str| {
        let message = format!("the records of run {run_id} in the store: {message}");
        StoreError::new(StoreErrorKind::Contradiction, message)
    };
    let contents = Contents::parse_from(text.as_bytes(), first);
    let contents = contents.map_err(|error| damaged("unreadable").with_source(error))?;
    match contents.tail {
        // No crash leaves half a record in a database.
        Some(tail) => Err(damaged(&format!("record {} is damaged", tail.line))),
        None => Ok(contents.entries),
    }
}
