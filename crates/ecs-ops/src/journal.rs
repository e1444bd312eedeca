//! The journal of a run: each step is recorded before it counts, so that another process can resume
//! the run.
//!
//! | item | is |
//! |---|---|
//! | [`Journal`] | where records go; [`JsonlJournal`] is a file, [`MemoryJournal`] is not |
//! | [`Announcement`], [`Admission`] | an attempt, before it is sent; a shared journal may let it wait |
//! | [`JsonlFollower`] | reads the file of an active run |
//! | [`JournalLease`] | which run a journal is lent to: one at a time |
//! | [`Record`] | something that happened or is about to |
//! | [`Contents`] | the records of a file, and the damaged end if there is one |
//! | [`Recovered`] | what the records add up to: the progress of each server |
//! | [`Replay`] | the events of a run, from its records |
//!
//! Two rules make a resumed run safe:
//!
//! - **Two records announce an attempt**, [`Record::Intent`] and then [`Record::Sending`], both
//!   durable before the first byte. No outcome depends on the second one alone, so a lost last line
//!   never makes a request look unsent.
//! - **Only proof allows sending a server again**: [`Record::NotExecuted`], or the outcome "not
//!   attempted".
//!
//! ```
//! use ecs_ops::journal::{Journal, MemoryJournal, Purpose, Record, Recovered, RunRecord};
//! use ecs_ops::{PowerAction, model::RebootType};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let servers: Vec<ecs_ops::model::ServerId> = vec![
//!     "616fb98f-46ca-475e-917e-2563e5a8cd19".parse()?,
//!     "726fb98f-46ca-475e-917e-2563e5a8cd20".parse()?,
//! ];
//! let run = RunRecord::new(
//!     "a run", &"https://ecs.example".parse()?, "p".parse()?, PowerAction::Reboot(RebootType::Soft), servers.clone(),
//! );
//! let at = "2026-11-24T01:00:00Z".parse()?;
//! let journal = MemoryJournal::default();
//! journal.append(at, Record::Run(Box::new(run))).await?;
//! let request = vec![servers[0]];
//! journal.append(at, Record::Intent { request: 1, attempt: 1, purpose: Purpose::First, servers: request }).await?;
//! journal.append(at, Record::Sending { request: 1, attempt: 1, remote: None }).await?;
//! // … and here the process ends.
//! let recovered = Recovered::from_entries(journal.entries())?;
//! assert_eq!(recovered.unsent(), [servers[1]]);
//! assert_eq!(recovered.unknown_requests()[0].servers, [servers[0]]);
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).expect("nothing waits")?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod admission;
#[cfg(test)]
mod arbitrary_journal;
mod error;
mod fold;
mod invocation;
mod job;
mod jsonl;
mod jsonl_follower;
mod known;
mod lease;
mod ledger;
mod line;
mod log;
mod memory;
mod names;
mod outcome;
mod outcome_map;
mod progress;
mod record;
mod recovered;
mod replay;
mod rolling_record;
mod stop;
mod waves;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use jiff::Timestamp;

pub use admission::{Admission, Announcement, HeldServer, QuotaLimits};
#[cfg(test)]
pub(crate) use arbitrary_journal::arbitrary_entries;
pub use error::{JournalError, JournalErrorKind};
pub use invocation::Invocation;
pub(crate) use job::Acceptance;
pub use job::KnownJob;
// Its `Timestamp` is in the interface: a journal of one's own needs the same version.
#[doc(no_inline)]
pub use jiff;
pub use jsonl::JsonlJournal;
pub use jsonl_follower::JsonlFollower;
pub use lease::JournalLease;
pub(crate) use ledger::Ledger;
pub use line::{Contents, Tail};
pub(crate) use log::{RequestJournal, RunJournal};
pub use memory::MemoryJournal;
pub use names::ServerNames;
pub use outcome::{ErrorRecord, OutcomeKind, OutcomeRecord};
pub use progress::{AcceptedRequest, ServerProgress, UnknownRequest};
pub(crate) use record::PROGRAM;
pub use record::{Entry, Purpose, Record, RunRecord, ServerSnapshot};
pub use recovered::Recovered;
pub(crate) use replay::CLEARED;
pub use replay::Replay;
pub use rolling_record::RollingRecord;
pub(crate) use rolling_record::milliseconds;

/// A destination for the records of a run.
///
/// A journal around another one, which counts or copies its records, passes all four calls on: also
/// [`announce`](Self::announce) and [`admission_lifetime`](Self::admission_lifetime), and the
/// [`lease`](Self::lease) of the journal inside. [`JsonlJournal`] and the journals of a
/// store refuse the runs of one with a lease of its own.
///
/// One with a store of its own holds a [`JournalLease`] beside it:
///
/// ```
/// use ecs_ops::auth::BoxFuture;
/// use ecs_ops::journal::{Entry, Journal, JournalError, JournalErrorKind, JournalLease, Record};
/// use jiff::Timestamp;
/// # #[derive(Debug)] struct Table;
/// # impl Table { async fn insert(&self, _: Timestamp, _: &Record) -> std::io::Result<()> { Ok(()) } }
///
/// #[derive(Debug)]
/// struct TableJournal {
///     table: Table,
///     lease: JournalLease, // new(), or of_entries(..) when a run is to be resumed
/// }
///
/// impl Journal for TableJournal {
///     fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
///         Box::pin(async move {
///             self.table.insert(at, &record).await.map_err(|error| {
///                 JournalError::new(JournalErrorKind::Io, "the table took no record").with_source(error)
///             })
///         })
///     }
///
///     fn lease(&self) -> &JournalLease {
///         &self.lease
///     }
/// }
/// ```
pub trait Journal: fmt::Debug + Send + Sync + 'static {
    /// Appends a record. It is durable when this returns, or, where it
    /// [can be found again](Record::can_be_found_again), when the next one is that cannot; until then
    /// it survives the process. Records keep the order of the first polls.
    ///
    /// A dropped future may or may not have written its record; it never damages the journal.
    ///
    /// # Errors
    /// The record may or may not be written. The journal then takes no further records, and the run
    /// sends nothing more.
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Announces an attempt: nothing of it is sent before this returns [`Admission::Admitted`], and
    /// its records are durable then. With another answer nothing was written.
    ///
    /// A journal of one process appends the records, and admits. One that is shared by processes
    /// also admits by what they share: the quota, and one action on a server at a time.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn announce(
        &self,
        announcement: Announcement,
    ) -> BoxFuture<'_, Result<Admission, JournalError>> {
        Box::pin(async move {
            for record in announcement.records {
                self.append(announcement.at, record).await?;
            }
            Ok(Admission::Admitted)
        })
    }

    /// Returns the time for which an admission of [`announce`](Self::announce) holds after its call. An attempt
    /// whose first byte has not left by then is announced again.
    ///
    /// A journal whose run another process can take over while this one is stopped has a limit: it
    /// bounds how long after the takeover a request of this process can still leave. `None`, the
    /// default: it holds as long as the process lives.
    fn admission_lifetime(&self) -> Option<Duration> {
        None
    }

    /// Returns the lease: the run whose records it holds, and the run that writes to it. It is the
    /// same one each time. Runs take and return it; a run that finds it taken, or a new one that
    /// finds records, sends nothing.
    fn lease(&self) -> &JournalLease;
}

impl<T: Journal + ?Sized> Journal for Arc<T> {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        (**self).append(at, record)
    }

    fn announce(
        &self,
        announcement: Announcement,
    ) -> BoxFuture<'_, Result<Admission, JournalError>> {
        (**self).announce(announcement)
    }

    fn admission_lifetime(&self) -> Option<Duration> {
        (**self).admission_lifetime()
    }

    fn lease(&self) -> &JournalLease {
        (**self).lease()
    }
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
