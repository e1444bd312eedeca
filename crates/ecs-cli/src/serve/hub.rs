//! What is known of the runs, for all browsers: one task reads the store, whoever shows something waits for what it publishes.

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

/// So many runs are followed at a time.
const MOST_OPEN: usize = 64;
/// A run that nobody looks at is followed for this long: somebody reloads the page.
const KEPT: Duration = Duration::from_secs(30);

/// What is published.
#[derive(Debug)]
pub(super) struct Hub {
    board: watch::Sender<Option<Arc<Board>>>,
    open: Mutex<HashMap<String, OpenRun>>,
    /// Somebody waits for a run.
    wanted: Notify,
    /// Versions are of this process.
    process: String,
    versions: AtomicU64,
}

/// The list of runs.
#[derive(Clone, Debug)]
pub(super) struct Board {
    /// When the store was last read.
    pub(super) read_at: Timestamp,
    /// Why it cannot be read now.
    pub(super) failure: Option<String>,
    /// The latest first.
    pub(super) runs: Vec<Listed>,
    /// Whether there are more.
    pub(super) is_cut: bool,
    pub(super) view: Arc<View>,
}

/// A run of the list.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) run: Arc<RunSummary>,
    pub(super) progress: Progress,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Progress {
    /// Its records were not read yet.
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
    /// Not read yet.
    Unread,
    /// The store has none of this id.
    Absent,
    /// Too many others are followed.
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
    /// When somebody asked for it.
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

    /// The list, from now on.
    pub(super) fn board(&self) -> watch::Receiver<Option<Arc<Board>>> {
        self.board.subscribe()
    }

    /// A run, from now on.
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

    /// Waits until somebody asks for a run that is not followed.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// The ids of the runs that somebody looks at, with what was published of each. Others are forgotten.
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

    /// Publishes the list. Whoever shows it is woken only if there is something new to see.
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

    /// Says why the store cannot be read: what is shown is of the time before.
    pub(super) fn is_away(&self) -> bool {
        let board = self.board.borrow();
        board.as_ref().is_some_and(|board| board.failure.is_some())
    }

    pub(super) fn fail(&self, message: &str) {
        self.board.send_if_modified(|board| {
            let Some(old) = board.as_deref() else {
                return false;
            };
            // Which of several causes it is changes from try to try.
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

    /// A name for what is shown next.
    pub(super) fn version(&self) -> String {
        let number = self.versions.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.process)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, OpenRun>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
