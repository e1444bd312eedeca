//! Jobs, with a sub-job for each server.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ecs_model::ServerId;

use crate::Action;
use crate::settings::JOB_RETENTION;

/// The progress of a job or sub-job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Init,
    Running,
    Success,
    Fail,
}

impl Progress {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
        }
    }

    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Fail)
    }
}

/// The reason why an action on a server failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) reason: &'static str,
    /// `true` if the reason is only in `entities.errorcode_message`, as it sometimes is at the
    /// service.
    pub(crate) hidden: bool,
}

impl Failure {
    pub(crate) fn of(action: Action, hidden: bool) -> Self {
        let (code, reason) = match action {
            Action::Reboot(_) => ("Ecs.0227", "the server could not be restarted"),
            Action::Start => ("Ecs.0226", "the server could not be started"),
            // No page documents a code for a failed stop.
            Action::Stop(_) => ("Common.0021", "the server could not be stopped"),
        };
        Self {
            code,
            reason,
            hidden,
        }
    }
}

/// The part of a job that acts on one server.
#[derive(Clone, Debug)]
pub(crate) struct SubJob {
    pub(crate) id: u128,
    pub(crate) server: ServerId,
    pub(crate) end: Duration,
    pub(crate) failure: Option<Failure>,
}

/// A job. Its state is a function of the time, so it progresses without any event.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: u128,
    pub(crate) action: Action,
    pub(crate) accepted: Duration,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
    pub(crate) subs: Vec<SubJob>,
}

impl Job {
    pub(crate) fn progress(&self, now: Duration) -> Progress {
        progress(
            now,
            self.begin,
            self.end,
            self.subs.iter().any(|sub| sub.failure.is_some()),
        )
    }

    pub(crate) fn sub_progress(&self, sub: &SubJob, now: Duration) -> Progress {
        progress(now, self.begin, sub.end, sub.failure.is_some())
    }
}

fn progress(now: Duration, begin: Duration, end: Duration, fails: bool) -> Progress {
    if now < begin {
        Progress::Init
    } else if now < end {
        Progress::Running
    } else if fails {
        Progress::Fail
    } else {
        Progress::Success
    }
}

/// All jobs that can still be queried.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    jobs: HashMap<u128, Job>,
    expiries: BTreeSet<(Duration, u128)>,
}

impl Jobs {
    pub(crate) fn insert(&mut self, job: Job) {
        self.expiries
            .insert((job.end.saturating_add(JOB_RETENTION), job.id));
        self.jobs.insert(job.id, job);
    }

    /// Removes the jobs that finished too long ago.
    pub(crate) fn expire(&mut self, now: Duration) {
        while let Some(&(expiry, id)) = self.expiries.first() {
            if now < expiry {
                break;
            }
            self.expiries.pop_first();
            self.jobs.remove(&id);
        }
    }

    /// Returns the job with this id, which is 32 hex digits in lower case.
    pub(crate) fn find(&self, id: &str) -> Option<&Job> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if id.len() != 32 || !id.bytes().all(lower_hex) {
            return None;
        }
        self.jobs.get(&u128::from_str_radix(id, 16).ok()?)
    }
}
