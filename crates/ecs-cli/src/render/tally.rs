//! How far a run has come. Pure.

use std::collections::HashSet;
use std::time::Duration;

use ecs_ops::{Event, Outcome};

/// What happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) servers: usize,
    pub(crate) requests: usize,
    /// Batches that wait for the quota.
    held: HashSet<usize>,
    pub(crate) accepted: usize,
    pub(crate) done: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    /// Not attempted or unknown.
    other: usize,
    /// What the service, or the way to it, last said to a batch that is sent again.
    pub(super) waiting: Option<String>,
    /// Why nothing is heard of the jobs.
    blind: Option<String>,
    /// Servers whose job succeeded and that have not settled.
    settling: usize,
    stopping: bool,
    /// The wave that began last, and how many there are.
    pub(crate) wave: Option<(usize, usize)>,
    /// Somebody is asked whether to go on.
    pub(crate) asking: bool,
    /// What is waited for between waves.
    between: Option<String>,
}

impl Tally {
    pub(crate) fn count(&mut self, event: &Event) {
        match event {
            Event::Planned {
                servers, requests, ..
            } => (self.servers, self.requests) = (*servers, *requests),
            Event::WaitingForQuota { request, .. } => {
                self.held.insert(*request);
            }
            Event::Submitting { request, .. } => {
                self.held.remove(request);
            }
            Event::Reconciling { request, .. } => {
                self.held.remove(request);
                self.waiting = None;
            }
            Event::Accepted { servers, .. } => {
                self.accepted += servers;
                self.waiting = None;
            }
            Event::RequestEnded { request, .. } => {
                self.held.remove(request);
                self.waiting = None;
            }
            Event::JobProgress { .. } => self.blind = None,
            Event::QueryFailed { retry_after, .. } => {
                self.blind = Some(format!(
                    "cannot query jobs, retry in {}",
                    rounded(*retry_after)
                ));
            }
            Event::Throttled { retry_after, .. } => {
                self.waiting = Some(format!("throttled, retry in {}", rounded(*retry_after)));
            }
            Event::Retrying { retry_after, .. } => {
                self.waiting = Some(format!("no connection, retry in {}", rounded(*retry_after)));
            }
            Event::ServerDone(server) => {
                self.done += 1;
                match server.outcome {
                    Outcome::Succeeded { .. } => self.succeeded += 1,
                    Outcome::Running { .. } => {}
                    Outcome::Failed { .. } => self.failed += 1,
                    Outcome::NotAttempted { .. } | Outcome::Unknown { .. } => self.other += 1,
                }
            }
            Event::Verifying { servers } => {
                self.settling = *servers;
                self.blind = None;
            }
            Event::WaveBegan { wave, waves, .. } => {
                self.wave = Some((*wave, *waves));
                self.between = None;
            }
            Event::CheckingHealth { .. } => self.between = Some("checking health".to_owned()),
            Event::Asking { .. } => {
                self.asking = true;
                self.between = Some("asking".to_owned());
            }
            Event::Answered { .. } => {
                self.asking = false;
                self.between = None;
            }
            Event::HealthChecked { .. } => self.between = None,
            Event::Holding { pause } => {
                self.between = Some(format!(
                    "waiting {} because some results are unknown",
                    rounded(*pause)
                ));
            }
            Event::Pausing { pause, .. } => {
                self.between = Some(format!("pausing {}", rounded(*pause)));
            }
            Event::Stopping { .. } => {
                self.stopping = true;
                self.asking = false;
                self.between = None;
            }
            // Events to come.
            _ => {}
        }
    }

    /// Such as `request 2 of 12`. A request that is split is followed by more of them than were planned.
    pub(crate) fn request(&self, request: usize) -> String {
        match request <= self.requests {
            true => format!("request {request} of {}", self.requests),
            false => format!("request {request}"),
        }
    }

    /// Such as `waiting for the quota; wave 1 of 3: 1000 accepted, 12 failed`: what is waited for comes first, since the end
    /// may be cut off.
    pub(crate) fn words(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        if self.stopping {
            parts.push("stopping".to_owned());
        } else if let Some(what) = self.between.as_ref().or(self.waiting.as_ref()) {
            parts.push(what.clone());
        } else if !self.held.is_empty() {
            parts.push("waiting for the quota".to_owned());
        }
        parts.extend(self.blind.clone());
        if self.settling > 0 {
            parts.push(format!("{} still settling", self.settling));
        }
        let wave = self
            .wave
            .map(|(wave, waves)| format!("wave {wave} of {waves}: "));
        let mut counts = format!("{}{} accepted", wave.unwrap_or_default(), self.accepted);
        for (count, what) in [(self.failed, "failed"), (self.other, "not done or unknown")] {
            if count > 0 {
                counts.push_str(&format!(", {count} {what}"));
            }
        }
        parts.push(counts);
        parts.join("; ")
    }
}

pub(super) fn rounded(pause: Duration) -> String {
    match pause.as_secs() {
        0 => format!("{} ms", pause.as_millis()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_follow_the_events() {
        let mut tally = Tally::default();
        let planned = Event::Planned {
            run_id: "r".to_owned(),
            servers: 4,
            requests: 2,
        };
        tally.count(&planned);
        assert_eq!(tally.words(), "0 accepted");
        tally.count(&Event::Submitting {
            request: 1,
            servers: 2,
        });
        tally.count(&Event::WaitingForQuota {
            request: 2,
            servers: 2,
        });
        assert_eq!(tally.words(), "waiting for the quota; 0 accepted");
        let job_id = "j".parse().unwrap();
        tally.count(&Event::Accepted {
            request: 1,
            servers: 2,
            job_id,
        });
        assert_eq!(tally.words(), "waiting for the quota; 2 accepted");
        tally.count(&Event::Submitting {
            request: 2,
            servers: 2,
        });
        tally.count(&Event::Stopping {
            reason: "asked".to_owned(),
            cause: None,
        });
        assert_eq!(tally.words(), "stopping; 2 accepted");
        assert_eq!((tally.servers, tally.requests, tally.done), (4, 2, 0));
        assert_eq!(tally.request(2), "request 2 of 2");
        assert_eq!(tally.request(3), "request 3");
    }

    #[test]
    fn the_words_say_where_a_rolling_run_is() {
        let mut tally = Tally::default();
        let after = |tally: &mut Tally, event: Event| {
            tally.count(&event);
            tally.words()
        };
        let began = Event::WaveBegan {
            wave: 1,
            waves: 3,
            servers: 5,
        };
        assert_eq!(after(&mut tally, began), "wave 1 of 3: 0 accepted");
        let checking = Event::CheckingHealth { wave: 1 };
        let words = "checking health; wave 1 of 3: 0 accepted";
        assert_eq!(after(&mut tally, checking), words);
        let words = "asking; wave 1 of 3: 0 accepted";
        assert_eq!(after(&mut tally, Event::Asking { wave: 1 }), words);
        assert!(tally.asking);
        let stopping = Event::Stopping {
            reason: "asked".to_owned(),
            cause: None,
        };
        let words = "stopping; wave 1 of 3: 0 accepted";
        assert_eq!(after(&mut tally, stopping), words);
        assert!(!tally.asking);
        tally = Tally::default();
        let pausing = Event::Pausing {
            wave: 1,
            pause: Duration::from_secs(30),
        };
        assert_eq!(after(&mut tally, pausing), "pausing 30 s; 0 accepted");
        let began = Event::WaveBegan {
            wave: 2,
            waves: 3,
            servers: 5,
        };
        assert_eq!(after(&mut tally, began), "wave 2 of 3: 0 accepted");
    }
    #[test]
    fn what_is_waited_for_comes_before_the_counts() {
        let mut tally = Tally::default();
        let began = Event::WaveBegan {
            wave: 2,
            waves: 10,
            servers: 500,
        };
        tally.count(&began);
        (tally.accepted, tally.failed, tally.settling) = (1000, 12, 3);
        (tally.waiting, tally.blind) = (Some("throttled".to_owned()), Some("no look".to_owned()));
        let counts = "wave 2 of 10: 1000 accepted, 12 failed";
        let words = format!("throttled; no look; 3 still settling; {counts}");
        assert_eq!(tally.words(), words);
    }
}
