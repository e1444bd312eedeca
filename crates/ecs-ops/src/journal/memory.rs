//! A journal in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ecs_auth::BoxFuture;
use jiff::Timestamp;

use super::{Entry, Journal, JournalError, JournalLease, Record};

/// A journal in memory, for tests and for callers that store the entries themselves.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    entries: Mutex<Vec<Entry>>,
    lease: JournalLease,
}

impl MemoryJournal {
    /// A journal that continues after these entries.
    pub fn new(entries: Vec<Entry>) -> Self {
        Self {
            entries: Mutex::new(entries),
            lease: JournalLease::new(),
        }
    }

    /// The entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            let mut entries = self.lock();
            // One that resumes may come from another lease: of a store that keeps its entries here.
            if matches!(record, Record::Run(_)) {
                self.lease.check(entries.len() as u64, &record)?;
            }
            let seq = entries.last().map_or(0, |last| last.seq.saturating_add(1));
            entries.push(Entry { seq, at, record });
            Ok(())
        })
    }

    fn lease(&self) -> &JournalLease {
        // A caller may also append records without a run.
        self.lease.sync(&self.lock());
        &self.lease
    }
}
