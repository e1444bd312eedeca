//! The progress of a run as counts. Pure: times are passed in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ecs_ops::{Event, Outcome};

use super::duration::to_seconds;

/// The progress of a run.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    began: Instant,
    pub(crate) servers: usize,
    pub(crate) requests: usize,
    /// Servers with an outcome other than not attempted.
    pub(crate) done: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    pub(crate) unknown: usize,
    pub(crate) not_attempted: usize,
    /// Servers of accepted requests without an outcome.
    pub(crate) running: usize,
    /// Outcomes of an earlier process, which do not count for the rate of this one.
    earlier: usize,
    /// The number of these outcomes whose events are still to come.
    replayed: usize,
    /// Requests that wait for the quota, with the expected end of each wait; and the beginning of the first wait.
    held: HashMap<usize, Option<Instant>>,
    held_since: Option<Instant>,
    /// The wave that began last, and the number of waves.
    pub(crate) wave: Option<(usize, usize)>,
    /// The servers of that wave, and the number of them with an outcome.
    pub(crate) wave_servers: usize,
    pub(crate) wave_done: usize,
    /// The wait of a request that is retried.
    waiting: Option<Wait>,
    /// The wait until jobs are polled again after failed polls.
    blind: Option<Wait>,
    /// The wait between waves.
    between: Option<Wait>,
    /// Servers whose job succeeded and that have not settled.
    settling: usize,
    stopping: bool,
    /// `true` if the question after the canary is open.
    pub(crate) asking: bool,
}

/// A wait.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    label: &'static str,
    until: Option<Instant>,
}

impl Tally {
    /// Returns the tally of a run that begins now.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            began: now,
            servers: 0,
            requests: 0,
            done: 0,
            succeeded: 0,
            failed: 0,
            unknown: 0,
            not_attempted: 0,
            running: 0,
            earlier: 0,
            replayed: 0,
            held: HashMap::new(),
            held_since: None,
            wave: None,
            wave_servers: 0,
            wave_done: 0,
            waiting: None,
            blind: None,
            between: None,
            settling: 0,
            stopping: false,
            asking: false,
        }
    }

    pub(crate) fn count(&mut self, event: &Event, now: Instant) {
        let wait = |label, pause: &Duration| {
            Some(Wait {
                label,
                until: now.checked_add(*pause),
            })
        };
        let open = |label| Some(Wait { label, until: None });
        match event {
            Event::Planned {
                servers, requests, ..
            } => {
                // Another process begins again, where a run is watched.
                *self = Self::new(now);
                (self.servers, self.requests) = (*servers, *requests);
            }
            Event::Resumed { done, watched, .. } => {
                (self.earlier, self.replayed) = (*done, *done);
                self.running += watched;
            }
            Event::WaitingForQuota {
                request,
                retry_after,
                ..
            } => {
                let until = retry_after.and_then(|pause| now.checked_add(pause));
                self.held.insert(*request, until);
                self.held_since.get_or_insert(now);
            }
            Event::WaitingForServers { .. } => self.waiting = open("waiting for another run"),
            Event::Submitting { request, .. } => {
                self.release(*request);
                self.waiting = None;
            }
            Event::Reconciling { request, .. } | Event::RequestEnded { request, .. } => {
                self.release(*request);
                self.waiting = None;
            }
            Event::Accepted { servers, .. } => {
                self.running += servers;
                self.waiting = None;
            }
            Event::JobProgress { .. } => self.blind = None,
            Event::QueryFailed { retry_after, .. } => {
                self.blind = wait("no answer about jobs", retry_after)
            }
            Event::Throttled { retry_after, .. } => self.waiting = wait("throttled", retry_after),
            Event::Retrying { retry_after, .. } => {
                self.waiting = wait("no connection", retry_after)
            }
            Event::ServiceDown { retry_after } => self.waiting = wait("service down", retry_after),
            Event::ServerDone(server) => self.outcome(&server.outcome),
            Event::Verifying { servers } => {
                self.settling = *servers;
                self.blind = None;
            }
            Event::WaveBegan {
                wave,
                waves,
                servers,
            } => {
                self.wave = Some((*wave, *waves));
                (self.wave_servers, self.wave_done) = (*servers, 0);
                self.between = None;
            }
            Event::CheckingHealth { .. } => self.between = open("checking health"),
            Event::Asking { .. } => {
                self.asking = true;
                self.between = open("asking");
            }
            Event::Answered { .. } => {
                self.asking = false;
                self.between = None;
            }
            Event::HealthChecked { .. } => self.between = None,
            Event::Holding { pause } => self.between = wait("waiting for unknown", pause),
            Event::Pausing { pause, .. } => self.between = wait("pausing", pause),
            Event::Stopping { .. } => {
                self.stopping = true;
                self.asking = false;
                self.between = None;
            }
            // Future kinds of events.
            _ => {}
        }
    }

    fn release(&mut self, request: usize) {
        self.held.remove(&request);
        if self.held.is_empty() {
            self.held_since = None;
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Succeeded { .. } => self.succeeded += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Unknown { .. } => self.unknown += 1,
            Outcome::NotAttempted { .. } => self.not_attempted += 1,
            // The server is still running.
            Outcome::Running { .. } => return,
        }
        if !matches!(outcome, Outcome::NotAttempted { .. }) {
            self.done += 1;
        }
        if self.replayed > 0 {
            self.replayed -= 1;
            return;
        }
        self.wave_done += 1;
        if outcome.job_id().is_some() {
            self.running = self.running.saturating_sub(1);
        }
    }

    /// Formats the number of a request, such as `request 2 of 12`. After a split there are more requests than
    /// planned.
    pub(crate) fn request(&self, request: usize) -> String {
        if request <= self.requests {
            format!("request {request} of {}", self.requests)
        } else {
            format!("request {request}")
        }
    }

    /// Returns the time since this process began the run.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// Describes the current wait with a countdown: such as `throttled, retry in 12 s` or `pausing 30 s`.
    pub(crate) fn status(&self, now: Instant) -> Option<String> {
        if self.stopping {
            return Some("stopping".to_owned());
        }
        if let Some(wait) = self.between.as_ref() {
            return Some(match wait.left(now) {
                Some(left) => format!("{} {}", wait.label, to_seconds(left)),
                None => wait.label.to_owned(),
            });
        }
        if let Some(wait) = self.waiting.as_ref().or(self.blind.as_ref()) {
            return Some(match wait.left(now) {
                Some(left) => format!("{}, retry in {}", wait.label, to_seconds(left)),
                None => wait.label.to_owned(),
            });
        }
        if let Some(since) = self.held_since {
            // The next request to be sent. If its time is over or unknown, the time that it has waited is shown.
            let next = self
                .held
                .values()
                .flatten()
                .filter(|until| **until > now)
                .min();
            return Some(match next {
                Some(until) => {
                    let left = whole_seconds(until.saturating_duration_since(now));
                    format!("waiting for quota, {} left", to_seconds(left))
                }
                None => {
                    let waited = now.saturating_duration_since(since);
                    format!("waiting for quota {}", to_seconds(waited))
                }
            });
        }
        (self.settling > 0).then(|| format!("{} settling", self.settling))
    }

    /// Returns the servers with an outcome per minute, once there are enough of them.
    pub(crate) fn per_minute(&self, now: Instant) -> Option<f64> {
        const SETTLED: Duration = Duration::from_secs(5);
        let elapsed = self.elapsed(now);
        let done = self.done.saturating_sub(self.earlier);
        (done > 0 && elapsed >= SETTLED).then(|| done as f64 * 60.0 / elapsed.as_secs_f64())
    }

    /// Returns the time that the rest takes at this rate.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.servers.saturating_sub(self.done + self.not_attempted);
        if left == 0 || self.stopping {
            return None;
        }
        let left = Duration::try_from_secs_f64(left as f64 * 60.0 / self.per_minute(now)?);
        left.ok().map(whole_seconds)
    }
}

impl Wait {
    fn left(&self, now: Instant) -> Option<Duration> {
        Some(whole_seconds(self.until?.saturating_duration_since(now)))
    }
}

/// Rounds up, so that a countdown shows 1 s until it is over.
fn whole_seconds(left: Duration) -> Duration {
    let seconds = left.as_millis().div_ceil(1000);
    Duration::from_secs(seconds.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
