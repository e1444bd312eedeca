//! The writer of a journal.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{JournalError, JournalErrorKind};
use super::record::{Entry, Record};

/// The contents of a [`Journal`](super::Journal), and whether a run writes to it: the journal of one run
/// is lent to one at a time.
///
/// Each journal has one, for as long as it lives. A run takes it when it starts and gives it back
/// when it is over or dropped. What is shared by processes needs a lock of its own besides, as
/// [`JsonlJournal`](super::JsonlJournal) has one on its file.
#[derive(Debug, Default)]
pub struct JournalLease(Mutex<LeaseState>);

#[derive(Debug, Default)]
struct LeaseState {
    /// The run whose records it holds.
    run_id: Option<String>,
    /// The number of records that it certainly holds.
    durable: u64,
    /// The number of records that it holds at most: also those of writes that did not end.
    begun: u64,
    is_lent: bool,
}

impl JournalLease {
    /// Creates the lease of a journal without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the lease of a journal that holds these records.
    pub fn of_entries(entries: &[Entry]) -> Self {
        let lease = Self::new();
        lease.sync(entries);
        lease
    }

    /// Learns what the journal holds, unless a run writes to it, which knows better.
    pub(super) fn sync(&self, entries: &[Entry]) {
        let mut state = self.state();
        if state.is_lent {
            return;
        }
        state.run_id = entries.first().and_then(|entry| match &entry.record {
            Record::Run(run) => Some(run.run_id.clone()),
            _ => None,
        });
        state.durable = entries.len() as u64;
        state.begun = state.durable;
    }

    /// Lends the journal to a new run.
    pub(super) fn lend(&self, run_id: &str) -> Result<(), JournalError> {
        let mut state = self.state();
        state.refuse_if_lent()?;
        if state.begun > 0 {
            let holds = state.run_id.as_deref().unwrap_or("unknown");
            let message = format!(
                "the journal already holds a run ({holds}): resume that one, or begin the new one in a journal of its own"
            );
            return Err(JournalError::new(JournalErrorKind::Begun, message));
        }
        (state.is_lent, state.run_id) = (true, Some(run_id.to_owned()));
        Ok(())
    }

    /// Lends the journal to a run that resumes from this number of its records.
    pub(super) fn lend_to_resume(&self, run_id: &str, records: u64) -> Result<(), JournalError> {
        let mut state = self.state();
        state.refuse_if_lent()?;
        let message = if state.begun == 0 {
            format!(
                "the journal is empty, and run {run_id} is to be resumed: it needs the journal that it was recovered from"
            )
        } else if state.run_id.as_deref() != Some(run_id) {
            let holds = state.run_id.as_deref().unwrap_or("unknown");
            format!(
                "the journal is of run {holds}, and run {run_id} is to be resumed: it needs the journal that it was recovered from"
            )
        } else if state.durable != state.begun {
            // Its record may still come, after what was recovered.
            format!(
                "a record of run {run_id} was not written to its end: open the journal anew, and recover the run from that"
            )
        } else if state.durable != records {
            format!(
                "the journal holds {} records of run {run_id}, and {records} were recovered: recover the run again before it is resumed",
                state.durable
            )
        } else {
            state.is_lent = true;
            return Ok(());
        };
        Err(JournalError::new(JournalErrorKind::Foreign, message))
    }

    /// The run that had it is over.
    pub(super) fn give_back(&self) {
        let mut state = self.state();
        state.is_lent = false;
        if state.begun == 0 {
            state.run_id = None;
        }
    }

    /// Checks that a record, after this number of others, is not of a run that this journal was not
    /// lent to: of one whose journal is around this one and has a lease of its own.
    ///
    /// Two such runs would both write to it, and act on the same servers.
    pub(crate) fn check(&self, records: u64, record: &Record) -> Result<(), JournalError> {
        let kind = match record {
            Record::Run(_) if records > 0 => JournalErrorKind::Begun,
            Record::Resumed { .. } if !self.state().is_lent => JournalErrorKind::Foreign,
            _ => return Ok(()),
        };
        let happened = if kind == JournalErrorKind::Begun {
            "the journal already holds a run, and another one begins in it"
        } else {
            "a run resumes in this journal without its lease"
        };
        let message = format!(
            "{happened}: a journal around another one returns the lease of that one, and a run has a journal of its own"
        );
        Err(JournalError::new(kind, message))
    }

    /// Notes that this number of records is about to be written.
    pub(super) fn write_begun(&self, records: u64) {
        self.state().begun += records;
    }

    /// They are durable.
    pub(super) fn write_ended(&self, records: u64) {
        self.state().durable += records;
    }

    /// They were certainly not written, and never will be.
    pub(super) fn write_refused(&self, records: u64) {
        self.state().begun -= records;
    }

    fn state(&self) -> MutexGuard<'_, LeaseState> {
        // Each change is made at once, so that a panic elsewhere has not harmed it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaseState {
    fn refuse_if_lent(&self) -> Result<(), JournalError> {
        if !self.is_lent {
            return Ok(());
        }
        let run_id = self.run_id.as_deref().unwrap_or("unknown");
        let message = format!(
            "run {run_id} writes to this journal: wait for its end, or give the other run a journal of its own"
        );
        Err(JournalError::new(JournalErrorKind::InUse, message))
    }
}

#[cfg(test)]
mod tests;
