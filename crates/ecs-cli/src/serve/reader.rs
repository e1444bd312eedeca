//! Reads the store for all browsers.

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

/// At least this long between two readings, however much changes.
const PAUSE: Duration = Duration::from_millis(250);
/// After a reading that failed.
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// A store without an answer for this long counts as away, and is waited for.
const ANSWER: Duration = Duration::from_secs(3);
/// Reading the records of runs takes so much of the time between two lists.
const BUDGET: Duration = Duration::from_millis(1500);
/// A run is read again after so many times of what reading it took: long runs leave time to others.
const SHARE: u32 = 5;

/// The task that reads.
#[derive(Debug)]
pub(super) struct Reader {
    store: Store,
    hub: Arc<Hub>,
    /// So many runs are listed.
    limit: u32,
    known: HashMap<String, Known>,
}

/// What was read of a run.
#[derive(Debug)]
struct Known {
    of: Stage,
    progress: Progress,
    /// Its records so far, if it goes on.
    entries: Vec<Entry>,
    /// Not before then it is read again.
    next: Instant,
}

/// What changes of a run when there is something new to see.
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

    /// Reads for as long as it is polled: when the store says that something changed, when somebody wants to see a run, and
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
        // One more shows that there are more.
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
        // After a failure, the pages are current again when everything was read.
        let was_away = self.hub.is_away();
        if !was_away {
            self.publish(&runs, is_cut);
        }
        let mut read = self.read_open(open, &runs).await? || was_away;
        let began = Instant::now();
        let mut failed = None;
        // Those that run first.
        let (running, others): (Vec<_>, Vec<_>) =
            runs.iter().partition(|run| run.state == RunStatus::Running);
        for run in running.into_iter().chain(others) {
            if began.elapsed() > BUDGET {
                break;
            }
            if self.is_due(run) {
                // One run that cannot be read does not keep the others from being read.
                if let Err(error) = self.load(run, false).await {
                    failed = Some(error);
                }
                read = true;
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if read {
            self.publish(&runs, is_cut);
        }
        Ok(())
    }

    /// Reads the runs whose pages are open. Whether any was.
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
            // One that failed is read again when it has changed.
            let is_damaged = matches!(page, RunPage::Damaged(_)) && !self.is_due(&run);
            if shown != Some(Stage::of(&run)) && !(waits && shown.is_some()) && !is_damaged {
                self.load(&run, true).await?;
                read = true;
            }
        }
        Ok(read)
    }

    /// Whether there is something new to read of a run.
    fn is_due(&self, run: &RunSummary) -> bool {
        let known = self.known.get(&run.run_id);
        known.is_none_or(|known| known.of != Stage::of(run) && Instant::now() >= known.next)
    }

    /// Reads the records of a run, and publishes them if somebody looks at it.
    async fn load(&mut self, run: &Arc<RunSummary>, is_open: bool) -> Result<(), StoreError> {
        let began = Instant::now();
        let known = self.known.get_mut(&run.run_id);
        let mut entries = known
            .map(|known| std::mem::take(&mut known.entries))
            .unwrap_or_default();
        let from = entries.len() as u64;
        let update = self.store.read_run(&run.run_id, from);
        let update = match answered(&self.hub, update).await {
            Ok(update) => update,
            Err(error) => match error.kind() {
                // Pruned since the list was read.
                StoreErrorKind::NoRun => return Ok(()),
                StoreErrorKind::Contradiction => {
                    self.damaged(run, &chain(&error));
                    return Ok(());
                }
                _ => {
                    if let Some(known) = self.known.get_mut(&run.run_id) {
                        known.entries = entries;
                        known.next = Instant::now() + LONG_PAUSE;
                    }
                    return Err(error);
                }
            },
        };
        entries.extend(update.entries);
        let run = Arc::new(update.run);
        let active = run.state == RunStatus::Running;
        // A run that goes on is read from there on.
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
        Ok(())
    }

    fn damaged(&mut self, run: &RunSummary, message: &str) {
        let progress = Progress::Damaged(message.to_owned());
        self.learn(run, progress, Vec::new(), Duration::ZERO);
        self.hub
            .publish_run(&run.run_id, RunPage::Damaged(message.to_owned()));
    }

    fn learn(&mut self, run: &RunSummary, progress: Progress, entries: Vec<Entry>, took: Duration) {
        let known = Known {
            of: Stage::of(run),
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

/// Waits for the store, and says so to those who look on when it takes long.
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
