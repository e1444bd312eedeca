//! How a run goes, on stderr.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::time::Duration;

use ecs_ops::model::JobStatus;
use ecs_ops::{Event, Outcome};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::confirm::counted;
use crate::term::{Notes, stderr_is_lively};

/// What happened so far. Pure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) servers: usize,
    pub(crate) batches: usize,
    /// Batches that wait for the quota.
    held: HashSet<usize>,
    pub(crate) accepted: usize,
    pub(crate) done: usize,
    failed: usize,
    /// Not attempted or unknown.
    other: usize,
    /// What the service, or the way to it, last said to a batch that is sent again.
    waiting: Option<String>,
    /// Why nothing is heard of the jobs.
    blind: Option<String>,
    /// Servers whose job succeeded and that have not settled.
    settling: usize,
    stopping: bool,
}

impl Tally {
    pub(crate) fn count(&mut self, event: &Event) {
        match event {
            Event::Planned {
                servers, batches, ..
            } => (self.servers, self.batches) = (*servers, *batches),
            Event::WaitingForQuota { batch, .. } => {
                self.held.insert(*batch);
            }
            Event::Submitting { batch, .. } => {
                self.held.remove(batch);
            }
            Event::Reconciling { batch, .. } => {
                self.held.remove(batch);
                self.waiting = None;
            }
            Event::Accepted { servers, .. } => {
                self.accepted += servers;
                self.waiting = None;
            }
            Event::BatchEnded { batch, .. } => {
                self.held.remove(batch);
                self.waiting = None;
            }
            Event::JobProgress { .. } => self.blind = None,
            Event::QueryFailed { retry_after, .. } => {
                self.blind = Some(format!(
                    "no look at the jobs, again in {}",
                    rounded(*retry_after)
                ));
            }
            Event::Throttled { retry_after, .. } => {
                self.waiting = Some(format!("throttled, again in {}", rounded(*retry_after)));
            }
            Event::Retrying { retry_after, .. } => {
                self.waiting = Some(format!("no connection, again in {}", rounded(*retry_after)));
            }
            Event::ServerDone(server) => {
                self.done += 1;
                match server.outcome {
                    Outcome::Succeeded { .. } | Outcome::Running { .. } => {}
                    Outcome::Failed { .. } => self.failed += 1,
                    Outcome::NotAttempted { .. } | Outcome::Unknown { .. } => self.other += 1,
                }
            }
            Event::Settling { servers } => {
                self.settling = *servers;
                self.blind = None;
            }
            Event::Stopping { .. } => self.stopping = true,
            // Events to come.
            _ => {}
        }
    }

    /// Such as `request 2 of 12`. A request that is split is followed by more of them than were planned.
    pub(crate) fn request(&self, batch: usize) -> String {
        match batch <= self.batches {
            true => format!("request {batch} of {}", self.batches),
            false => format!("request {batch}"),
        }
    }

    /// Such as `1000 accepted, 12 failed; waiting for the quota`.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("{} accepted", self.accepted);
        for (count, what) in [(self.failed, "failed"), (self.other, "not done or unknown")] {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        }
        if self.stopping {
            words.push_str("; nothing more is sent");
        } else if let Some(waiting) = &self.waiting {
            words.push_str("; ");
            words.push_str(waiting);
        } else if !self.held.is_empty() {
            words.push_str("; waiting for the quota");
        }
        if self.settling > 0 {
            words.push_str(&format!("; {} still settling", self.settling));
        }
        if let Some(blind) = &self.blind {
            words.push_str("; ");
            words.push_str(blind);
        }
        words
    }
}

fn rounded(pause: Duration) -> String {
    match pause.as_secs() {
        0 => format!("{} ms", pause.as_millis()),
        seconds => format!("{seconds} s"),
    }
}

/// Shows events: as a bar on a terminal, as a few lines elsewhere.
pub(crate) struct Progress {
    tally: Tally,
    notes: Notes,
    style: Style,
}

enum Style {
    Silent,
    Lines {
        tenths: usize,
        throttled: bool,
        blind: bool,
    },
    Bar(ProgressBar),
}

impl Progress {
    /// `silent`: the events are shown elsewhere.
    pub(crate) fn new(notes: &Notes, silent: bool) -> Self {
        let style = if notes.is_quiet() || silent {
            Style::Silent
        } else if stderr_is_lively() {
            Style::Bar(bar())
        } else {
            Style::Lines {
                tenths: 0,
                throttled: false,
                blind: false,
            }
        };
        let notes = match &style {
            Style::Bar(bar) => notes.past(bar.clone()),
            _ => notes.clone(),
        };
        Self {
            tally: Tally::default(),
            notes,
            style,
        }
    }

    /// Where to say things while there is a bar.
    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(crate) fn show(&mut self, event: &Event) {
        self.tally.count(event);
        let tally = &self.tally;
        match &mut self.style {
            Style::Silent => {}
            Style::Bar(bar) => {
                bar.set_length(tally.servers as u64);
                bar.set_position(tally.done as u64);
                bar.set_message(crate::term::clean(&tally.words()));
                if let Some(line) = trouble(event, tally) {
                    self.notes.note(&line);
                }
            }
            Style::Lines {
                tenths,
                throttled,
                blind,
            } => {
                let line = trouble(event, tally).or_else(|| match event {
                    Event::Accepted {
                        batch,
                        servers,
                        job_id,
                    } => {
                        *throttled = false;
                        let request = tally.request(*batch);
                        Some(format!(
                            "{request} accepted: {}, job {job_id}",
                            counted(*servers)
                        ))
                    }
                    // Said once until a request goes through again.
                    Event::Throttled { error, .. } | Event::Retrying { error, .. }
                        if !*throttled =>
                    {
                        *throttled = true;
                        Some(format!(
                            "{}: {error}",
                            tally.waiting.as_deref().unwrap_or("waiting")
                        ))
                    }
                    // Said once until a job can be looked at again.
                    Event::QueryFailed { job_id, error, .. } if !*blind => {
                        *blind = true;
                        Some(format!("no look at job {job_id}: {error}; still trying"))
                    }
                    Event::JobProgress { .. } => {
                        *blind = false;
                        None
                    }
                    Event::ServerDone(_) => {
                        let now = tally.done.saturating_mul(10) / tally.servers.max(1);
                        let news = now > *tenths;
                        *tenths = now;
                        news.then(|| format!("{} of {} servers done", tally.done, tally.servers))
                    }
                    _ => None,
                });
                if let Some(line) = line {
                    self.notes.note(&line);
                }
            }
        }
    }

    /// The last state stays to be read.
    pub(crate) fn finish(&self) {
        if let Style::Bar(bar) = &self.style {
            bar.abandon();
            // The bar leaves the cursor at the end of its line, which what follows must not continue.
            drop(writeln!(io::stderr()));
        }
    }
}

/// What is worth a line of its own on a terminal, too.
fn trouble(event: &Event, tally: &Tally) -> Option<String> {
    match event {
        Event::BatchEnded {
            batch,
            servers,
            outcome,
            error,
        } => {
            let outcome = outcome.replace('_', " ");
            let request = tally.request(*batch);
            Some(format!(
                "{request}: {} {outcome}: {error}",
                counted(*servers)
            ))
        }
        Event::Stopping { reason } => Some(format!("nothing more is sent: {reason}")),
        Event::Reconciling {
            batch,
            servers,
            error,
        } => Some(format!(
            "{}: {} {error}; looking at them for up to 3 min",
            tally.request(*batch),
            counted(*servers)
        )),
        Event::Resubmitting {
            batch,
            servers,
            maybe_executed,
        } => Some(format!(
            "{}: {} sent again, which {}",
            tally.request(*batch),
            counted(*servers),
            match maybe_executed {
                true => "may have been done already",
                false => "were not acted on, as they show",
            }
        )),
        Event::UndocumentedStatus { job_id, status } => Some(format!(
            "job {job_id} has the status {}, which no page of the service explains: still waiting",
            status.as_str()
        )),
        Event::UnrequestedServers { job_id, servers } => Some(format!(
            "warning: job {job_id} tells of {} that it was not given, such as {}: not counted",
            counted(servers.len()),
            servers.first().map(ToString::to_string).unwrap_or_default()
        )),
        Event::JobStalled { job_id, status } => Some(format!(
            "job {job_id} is {} and makes no progress: not waited for any longer",
            status.as_ref().map_or("not seen", JobStatus::as_str)
        )),
        Event::ListFailed { error } => Some(format!(
            "the servers could not be listed, so they show nothing: {error}"
        )),
        _ => None,
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // A constant, checked by a test.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

const TEMPLATE: &str = "{elapsed:>4} [{bar:20}] {pos}/{len} done, {wide_msg}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        ProgressStyle::with_template(TEMPLATE).unwrap();
    }

    #[test]
    fn the_words_follow_the_events() {
        let mut tally = Tally::default();
        let planned = Event::Planned {
            run_id: "r".to_owned(),
            servers: 4,
            batches: 2,
        };
        tally.count(&planned);
        assert_eq!(tally.words(), "0 accepted");
        tally.count(&Event::Submitting {
            batch: 1,
            servers: 2,
        });
        tally.count(&Event::WaitingForQuota {
            batch: 2,
            servers: 2,
        });
        assert_eq!(tally.words(), "0 accepted; waiting for the quota");
        let job_id = "j".parse().unwrap();
        tally.count(&Event::Accepted {
            batch: 1,
            servers: 2,
            job_id,
        });
        assert_eq!(tally.words(), "2 accepted; waiting for the quota");
        tally.count(&Event::Submitting {
            batch: 2,
            servers: 2,
        });
        tally.count(&Event::Stopping {
            reason: "asked".to_owned(),
        });
        assert_eq!(tally.words(), "2 accepted; nothing more is sent");
        assert_eq!((tally.servers, tally.batches, tally.done), (4, 2, 0));
        assert_eq!(tally.request(2), "request 2 of 2");
        assert_eq!(tally.request(3), "request 3");
    }
}
