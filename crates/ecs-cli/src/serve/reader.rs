//! The reader of the store, for all browsers.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::chain;
use ecs_ops::journal::{Contents, Entry};
use ecs_ops::store::{RunStatus, RunSummary, Store, StoreError, StoreErrorKind};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::hub::{Hub, Listed, Progress, RunPage};
use super::pages;
use crate::commands::show::timeline;
use crate::render::timeline::Timeline;

/// The shortest pause between two reads of the list.
const PAUSE: Duration = Duration::from_millis(250);
/// The pause after a failed read.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// The time after which a store without an answer counts as away.
const ANSWER: Duration = Duration::from_secs(3);
/// The time for reading records between two reads of the list.
const BUDGET: Duration = Duration::from_millis(1500);
/// The wait after a read of a run, in multiples of the read's duration, so that long runs leave time to others.
const SHARE: u32 = 5;

/// The reading task.
#[derive(Debug)]
pub(super) struct Reader {
    store: Store,
    hub: Arc<Hub>,
    /// The most runs in the list.
    limit: u32,
    known: HashMap<String, Known>,
}

/// The result of the last read of a run.
#[derive(Debug)]
struct Known {
    /// `None` if it was never read.
    of: Option<Stage>,
    progress: Progress,
    /// Its records so far, if it is active.
    entries: Vec<Entry>,
    /// The earliest time of the next read.
    next: Instant,
}

/// The part of a run's summary that changes with its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stage {
    records: i64,
    epoch: i64,
    state: RunStatus,
}

impl Stage {
    fn of(run: &RunSummary) -> Self {
        Self {
            records: run.records,
            epoch: run.epoch,
            state: run.state,
        }
    }
}

impl Reader {
    pub(super) fn new(store: Store, hub: Arc<Hub>, limit: u32) -> Self {
        Self {
            store,
            hub,
            limit,
            known: HashMap::new(),
        }
    }

    /// Reads for as long as it is polled: when the store notifies of a change, when a page asks for a run, and
    /// from time to time.
    pub(super) async fn run(mut self) {
        let mut changes = self.store.changes();
        loop {
            let pause = match self.read().await {
                Ok(()) => PAUSE,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "the store cannot be read");
                    self.hub.fail(&chain(&error));
                    LONG_PAUSE
                }
            };
            sleep(pause).await;
            tokio::select! {
                () = self.hub.wanted() => {}
                _ = changes.next() => {}
            }
        }
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        // A run beyond the limit shows that there are more.
        let runs = self.store.runs(self.limit.saturating_add(1));
        let mut runs = answered(&self.hub, runs).await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_cut = runs.len() > limit;
        runs.truncate(limit);
        let runs: Vec<_> = runs.into_iter().map(Arc::new).collect();
        let open = self.hub.open_runs();
        let wanted: HashSet<&str> = runs
            .iter()
            .map(|run| run.run_id.as_str())
            .chain(open.iter().map(|(id, _)| id.as_str()))
            .collect();
        self.known.retain(|id, _| wanted.contains(id.as_str()));
        self.publish(&runs, is_cut);
        let mut read = self.read_open(open, &runs).await?;
        let began = Instant::now();
        // Active runs come first.
        let (running, others): (Vec<_>, Vec<_>) =
            runs.iter().partition(|run| run.state == RunStatus::Running);
        for run in running.into_iter().chain(others) {
            if began.elapsed() > BUDGET {
                break;
            }
            if self.is_due(run) {
                self.load(run, false).await;
                read = true;
            }
        }
        if read {
            self.publish(&runs, is_cut);
        }
        Ok(())
    }

    /// Reads the runs with open pages. Returns whether there was one to read.
    async fn read_open(
        &mut self,
        open: Vec<(String, RunPage)>,
        runs: &[Arc<RunSummary>],
    ) -> Result<bool, StoreError> {
        let mut read = false;
        for (id, page) in open {
            let listed = runs.iter().find(|run| run.run_id == id);
            let run = match listed {
                Some(run) => Some(Arc::clone(run)),
                None => answered(&self.hub, self.store.run(&id))
                    .await?
                    .map(Arc::new),
            };
            let Some(run) = run else {
                self.hub.publish_run(&id, RunPage::Absent);
                continue;
            };
            let shown = match &page {
                RunPage::Shown(shown) => Some(Stage::of(&shown.run)),
                _ => None,
            };
            let known = self.known.get(&id);
            let waits = known.is_some_and(|known| Instant::now() < known.next);
            // A run that could not be read is read again when it has changed.
            let is_damaged = matches!(page, RunPage::Damaged(_)) && !self.is_due(&run);
            if shown != Some(Stage::of(&run)) && !(waits && shown.is_some()) && !is_damaged {
                self.load(&run, true).await;
                read = true;
            }
        }
        Ok(read)
    }

    /// Returns whether a run has new records to read now.
    fn is_due(&self, run: &RunSummary) -> bool {
        let known = self.known.get(&run.run_id);
        known.is_none_or(|known| known.of != Some(Stage::of(run)) && Instant::now() >= known.next)
    }

    /// Reads the records of a run, and publishes them if its page is open. A run that cannot be read does not hold up the
    /// others.
    async fn load(&mut self, run: &Arc<RunSummary>, is_open: bool) {
        let began = Instant::now();
        let known = self.known.get_mut(&run.run_id);
        let mut entries = known
            .map(|known| std::mem::take(&mut known.entries))
            .unwrap_or_default();
        let update = self.store.read_run(&run.run_id, entries.len() as u64);
        let update = match update.await {
            Ok(update) => update,
            Err(error) => match error.kind() {
                // Pruned since the list was read.
                StoreErrorKind::NoRun => return,
                StoreErrorKind::Contradiction => return self.damaged(run, &chain(&error)),
                _ => return self.failed(run, entries, &chain(&error)),
            },
        };
        entries.extend(update.entries);
        let run = Arc::new(update.run);
        let active = run.state == RunStatus::Running;
        // An active run is read from that record on.
        let kept = if active { entries.clone() } else { Vec::new() };
        let (of, version) = (Arc::clone(&run), self.hub.version());
        let add_up = move || {
            let timeline = timeline(Contents::of(entries), true, active);
            let timeline = timeline.map_err(|error| chain(&error))?;
            let progress = progress(&timeline);
            let shown = is_open.then(|| pages::shown(&of, timeline, version));
            Ok::<_, String>((progress, shown))
        };
        // Adding up takes a while for long runs.
        match tokio::task::spawn_blocking(add_up).await {
            Ok(Ok((progress, shown))) => {
                self.learn(&run, progress, kept, began.elapsed());
                if let Some(shown) = shown {
                    self.hub
                        .publish_run(&run.run_id, RunPage::Shown(Arc::new(shown)));
                }
            }
            Ok(Err(message)) => self.damaged(&run, &message),
            Err(error) => self.damaged(&run, &error.to_string()),
        }
    }

    /// Keeps what is known of a run that cannot be read now. It is tried again after a pause.
    fn failed(&mut self, run: &RunSummary, entries: Vec<Entry>, message: &str) {
        tracing::warn!(run_id = run.run_id, error = message, "a run cannot be read");
        let next = Instant::now() + LONG_PAUSE;
        if let Some(known) = self.known.get_mut(&run.run_id) {
            (known.entries, known.next) = (entries, next);
            return;
        }
        let known = Known {
            of: None,
            progress: Progress::Damaged(message.to_owned()),
            entries,
            next,
        };
        self.known.insert(run.run_id.clone(), known);
        self.hub
            .publish_run(&run.run_id, RunPage::Damaged(message.to_owned()));
    }

    fn damaged(&mut self, run: &RunSummary, message: &str) {
        let progress = Progress::Damaged(message.to_owned());
        self.learn(run, progress, Vec::new(), Duration::ZERO);
        self.hub
            .publish_run(&run.run_id, RunPage::Damaged(message.to_owned()));
    }

    fn learn(&mut self, run: &RunSummary, progress: Progress, entries: Vec<Entry>, took: Duration) {
        let known = Known {
            of: Some(Stage::of(run)),
            progress,
            entries,
            next: Instant::now() + took * SHARE,
        };
        self.known.insert(run.run_id.clone(), known);
    }

    fn publish(&self, runs: &[Arc<RunSummary>], is_cut: bool) {
        let listed = |run: &Arc<RunSummary>| {
            let known = self.known.get(&run.run_id);
            Listed {
                run: Arc::clone(run),
                progress: known.map_or(Progress::Unread, |known| known.progress.clone()),
            }
        };
        let runs: Vec<_> = runs.iter().map(listed).collect();
        let view = pages::list_view(&runs, is_cut);
        self.hub.publish(runs, is_cut, view, Timestamp::now());
    }
}

fn progress(timeline: &Timeline) -> Progress {
    Progress::Known {
        summary: timeline.summary,
        kind: timeline.kind,
    }
}

/// Waits for the store. After [`ANSWER`] the pages show that it gives no answer.
async fn answered<T>(hub: &Hub, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        answer = &mut answer => return answer,
        () = sleep(ANSWER) => hub.fail("the store gives no answer"),
    }
    answer.await
}

#[cfg(test)]
mod tests;
