//! The published state of the runs, for all browsers: one task reads the store, and pages wait for its updates.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_ops::store::RunSummary;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::access;
use super::view::View;
use crate::render::timeline::{Summary, Timeline};

/// The most runs that are followed at a time.
const MOST_OPEN: usize = 64;
/// The time for which a run is followed after its last page was closed, such as for a reload.
const KEPT: Duration = Duration::from_secs(30);

/// The published state.
#[derive(Debug)]
pub(super) struct Hub {
    board: watch::Sender<Option<Arc<Board>>>,
    open: Mutex<HashMap<String, OpenRun>>,
    /// Notified when a page waits for a run.
    wanted: Notify,
    /// A random text, so that versions of another process differ.
    process: String,
    versions: AtomicU64,
}

/// The list of runs.
#[derive(Clone, Debug)]
pub(super) struct Board {
    /// The time of the last read of the store.
    pub(super) read_at: Timestamp,
    /// The reason for which the store cannot be read now; `None` if it can.
    pub(super) failure: Option<String>,
    /// The runs, the latest first.
    pub(super) runs: Vec<Listed>,
    /// `true` if the store has further runs.
    pub(super) is_cut: bool,
    pub(super) view: Arc<View>,
}

/// A run of the list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) run: Arc<RunSummary>,
    pub(super) progress: Progress,
}

/// The progress of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Progress {
    /// Its records have not been read yet.
    Unread,
    Known {
        summary: Summary,
        kind: Option<&'static str>,
    },
    /// Its records cannot be read.
    Damaged(String),
}

/// A run with its records.
#[derive(Clone, Debug)]
pub(super) enum RunPage {
    /// It has not been read yet.
    Unread,
    /// The store has no run with this id.
    Absent,
    /// Too many other runs are followed.
    Crowded,
    Damaged(String),
    Shown(Arc<Shown>),
}

/// A run as its page shows it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) run: Arc<RunSummary>,
    pub(super) timeline: Timeline,
    pub(super) title: String,
    pub(super) view: Arc<View>,
}

#[derive(Debug)]
struct OpenRun {
    page: watch::Sender<RunPage>,
    /// The time of the last request for it.
    wanted_at: Instant,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self {
            board: watch::Sender::new(None),
            open: Mutex::default(),
            wanted: Notify::new(),
            process: access::random().split_off(48),
            versions: AtomicU64::new(1),
        }
    }

    /// Subscribes to the list.
    pub(super) fn board(&self) -> watch::Receiver<Option<Arc<Board>>> {
        self.board.subscribe()
    }

    /// Subscribes to a run.
    pub(super) fn run(&self, run_id: &str) -> watch::Receiver<RunPage> {
        let mut open = self.open();
        if let Some(run) = open.get_mut(run_id) {
            run.wanted_at = Instant::now();
            return run.page.subscribe();
        }
        if open.len() >= MOST_OPEN {
            return watch::Sender::new(RunPage::Crowded).subscribe();
        }
        let page = watch::Sender::new(RunPage::Unread);
        let receiver = page.subscribe();
        let wanted_at = Instant::now();
        open.insert(run_id.to_owned(), OpenRun { page, wanted_at });
        self.wanted.notify_one();
        receiver
    }

    /// Waits until a page asks for a run that is not followed.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Returns the runs with open pages, with the published state of each. Others are forgotten.
    pub(super) fn open_runs(&self) -> Vec<(String, RunPage)> {
        let mut open = self.open();
        open.retain(|_, run| run.page.receiver_count() > 0 || run.wanted_at.elapsed() < KEPT);
        let page = |(id, run): (&String, &OpenRun)| (id.clone(), run.page.borrow().clone());
        open.iter().map(page).collect()
    }

    /// Publishes a run.
    pub(super) fn publish_run(&self, run_id: &str, page: RunPage) {
        let mut open = self.open();
        if let Some(run) = open.get(run_id) {
            run.page.send_replace(page);
        }
        // Ids that do not exist take no room.
        if let Some(run) = open.get(run_id)
            && matches!(*run.page.borrow(), RunPage::Absent)
        {
            open.remove(run_id);
        }
    }

    /// Publishes the list. Subscribers are woken only if the shown list changed.
    pub(super) fn publish(&self, runs: Vec<Listed>, is_cut: bool, mut view: View, now: Timestamp) {
        self.board.send_if_modified(|board| {
            let old = board.as_deref();
            let is_same = old.is_some_and(|old| old.failure.is_none() && old.view.is_like(&view));
            let view = match old {
                Some(old) if old.view.is_like(&view) => Arc::clone(&old.view),
                _ => {
                    view.version = self.version();
                    Arc::new(std::mem::take(&mut view))
                }
            };
            *board = Some(Arc::new(Board {
                read_at: now,
                failure: None,
                runs,
                is_cut,
                view,
            }));
            !is_same
        });
    }

    /// Publishes that the store cannot be read. The runs stay as they were read last.
    pub(super) fn fail(&self, message: &str) {
        self.board.send_if_modified(|board| {
            let Some(old) = board.as_deref() else {
                return false;
            };
            // The cause, one of several, changes between tries.
            if old.failure.is_some() {
                return false;
            }
            *board = Some(Arc::new(Board {
                failure: Some(message.to_owned()),
                ..old.clone()
            }));
            true
        });
    }

    /// Returns the version of the next state.
    pub(super) fn version(&self) -> String {
        let number = self.versions.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.process)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, OpenRun>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
