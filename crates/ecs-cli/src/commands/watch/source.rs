//! The source of a watched run: a store, or the file of its journal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ecs_ops::journal::{Entry, JsonlFollower, JsonlJournal};
use ecs_ops::store::{Follower, RunStatus, RunSummary};
use tokio::time::sleep;

use crate::args::{Global, RunWatch};
use crate::fail::{CliError, chain};
use crate::journals;
use crate::store::{self, Store};

/// The interval at which a file is read, and the number of reads without new records after which its process is
/// checked.
const FILE_INTERVAL: Duration = Duration::from_millis(200);
const READS_PER_CHECK: u32 = 5;

/// The source of a run.
pub(super) enum Source {
    Store {
        follower: Box<Follower>,
        run_id: PathBuf,
    },
    File {
        follower: JsonlFollower,
        named: PathBuf,
        /// `true` if its process was alive at the last poll; `None` before the first one.
        was_active: Option<bool>,
        quiet_reads: u32,
    },
}

/// A change of a run.
pub(super) enum Change {
    Update(Update),
    /// The store cannot be read at the moment, for this reason.
    Away(String),
}

/// New records, and the state of the run's process.
pub(super) struct Update {
    pub(super) entries: Vec<Entry>,
    pub(super) process: ProcessState,
}

/// The state of a run's process, as far as the source shows it.
pub(super) enum ProcessState {
    Alive,
    /// The process is gone, so another one can resume the run; a description of it.
    Gone(String),
}

impl Source {
    /// Opens the source of a run; fails if there is no such run.
    pub(super) async fn open(args: &RunWatch, global: &Global) -> Result<Self, CliError> {
        if store::has_run(global, &args.run) {
            let store = Store::open_to_read(global).await?;
            let store = store.ok_or_else(store::not_named)?;
            let run_id = store.named_run(&args.run.to_string_lossy()).await?;
            return Ok(Self::Store {
                follower: Box::new(store.follow(&run_id)),
                run_id: run_id.into(),
            });
        }
        let path = journals::resolve(&args.run, global)?;
        // The id, because `last` may name another run later.
        let named = if args.run == Path::new(journals::LAST) {
            path.clone()
        } else {
            args.run.clone()
        };
        Ok(Self::File {
            follower: JsonlFollower::new(path),
            named,
            was_active: None,
            quiet_reads: 0,
        })
    }

    /// Returns the run as other commands name it.
    pub(super) fn named(&self) -> &Path {
        match self {
            Self::Store { run_id, .. } => run_id,
            Self::File { named, .. } => named,
        }
    }

    /// Returns whether the run is in a store.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self, Self::Store { .. })
    }

    /// Waits for the next change. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Change, CliError> {
        match self {
            Self::Store { follower, .. } => match follower.next().await {
                Ok(update) => Ok(Change::Update(Update {
                    entries: update.entries,
                    process: process_of(&update.run),
                })),
                Err(error) if error.is_temporary() => Ok(Change::Away(chain(&error))),
                Err(error) => Err(store::fail(&error)),
            },
            Self::File {
                follower,
                was_active,
                quiet_reads,
                ..
            } => loop {
                if let Some(update) = read_file(follower, was_active, quiet_reads)? {
                    return Ok(Change::Update(update));
                }
                sleep(FILE_INTERVAL).await;
            },
        }
    }
}

/// Reads the new records of a file; `None` if there are none.
fn read_file(
    follower: &mut JsonlFollower,
    was_active: &mut Option<bool>,
    quiet_reads: &mut u32,
) -> Result<Option<Update>, CliError> {
    let is_due = was_active.is_none() || *quiet_reads >= READS_PER_CHECK;
    // Checked before the records are read, so that records written before the end of the process are not missed.
    let is_active = match *was_active {
        Some(was_active) if !is_due => was_active,
        // After an error the process counts as it did before.
        _ => JsonlJournal::is_in_use(follower.path()).unwrap_or(was_active.unwrap_or(true)),
    };
    let entries = follower
        .read_new()
        .map_err(|error| CliError::usage(chain(&error)))?;
    *quiet_reads = if entries.is_empty() && !is_due {
        *quiet_reads + 1
    } else {
        0
    };
    let is_news = was_active.replace(is_active) != Some(is_active);
    if entries.is_empty() && !is_news {
        return Ok(None);
    }
    let process = if is_active {
        ProcessState::Alive
    } else {
        ProcessState::Gone("its process has ended".to_owned())
    };
    Ok(Some(Update { entries, process }))
}

fn process_of(run: &RunSummary) -> ProcessState {
    let RunSummary {
        user, host, pid, ..
    } = run;
    match run.state {
        RunStatus::Running | RunStatus::Ended => ProcessState::Alive,
        RunStatus::Released => {
            ProcessState::Gone(format!("{user} on {host} (process {pid}) released it"))
        }
        RunStatus::Silent => ProcessState::Gone(format!(
            "its process ({user} on {host}, process {pid}) has shown no sign of life since {:.0}",
            run.seen_at
        )),
    }
}
