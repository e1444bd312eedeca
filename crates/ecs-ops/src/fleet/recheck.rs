//! The decision about servers of the next wave that are no longer ready. Pure.

mod decide;

use std::collections::BTreeMap;

use ecs_model::{RebootType, Server, ServerStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Unready, UnreadyServer};
use crate::PowerAction;

/// The check of a wave's servers before the wave begins.
///
/// ```
/// # fn example(run: ecs_ops::RunBuilder) -> ecs_ops::RunBuilder {
/// use ecs_ops::fleet::WaveRecheck;
///
/// run.recheck_waves(WaveRecheck::skip()) // or WaveRecheck::stop()
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct WaveRecheck {
    when_unready: WhenUnready,
    /// The time at which the servers were read for the plan, by the service's clock; `None`:
    /// unknown, and no change is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// The same time by the clock of the client, until the run is planned.
    #[serde(skip)]
    read_from: Option<Timestamp>,
    /// `true` if a server that is busy is ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ignores_busy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhenUnready {
    Stop,
    Skip,
}

impl WaveRecheck {
    /// If a server of the next wave is not ready, the run stops before that wave.
    pub fn stop() -> Self {
        Self::new(WhenUnready::Stop)
    }

    /// Servers that are not ready are skipped: not attempted, also if the run is resumed.
    pub fn skip() -> Self {
        Self::new(WhenUnready::Skip)
    }

    fn new(when_unready: WhenUnready) -> Self {
        Self {
            when_unready,
            since: None,
            read_from: None,
            ignores_busy: false,
        }
    }

    /// Sets the time at which the servers were read for the plan, by the service's clock. Default:
    /// when the option is given to the run, as far as the client knows the service's clock.
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Sets the time at which the read of the servers for the plan began, by [the clock of the
    /// client](crate::Client::now): what changes while a large list is read counts as changed.
    /// Without effect beside [`since`](Self::since).
    pub fn read_from(mut self, began: Timestamp) -> Self {
        self.read_from = Some(began);
        self
    }

    /// A server on which another action is underway is ready: for a run that waits for servers on
    /// which other runs act.
    pub fn ignore_busy(mut self) -> Self {
        self.ignores_busy = true;
        self
    }

    /// Returns `true` if servers that are not ready are skipped; otherwise the run stops.
    pub fn skips(&self) -> bool {
        self.when_unready == WhenUnready::Skip
    }

    /// These settings, with the time of another if it has one.
    pub(crate) fn since_of(mut self, earlier: Option<Self>) -> Self {
        self.since = earlier.and_then(|earlier| earlier.since).or(self.since);
        self
    }

    /// These settings, with this time of the service's clock unless there is one: of when reading
    /// began, or of now.
    pub(crate) fn since_or(
        mut self,
        now: Timestamp,
        remote_at: impl Fn(Timestamp) -> Option<Timestamp>,
    ) -> Self {
        let read_from = self.read_from.take().unwrap_or(now);
        self.since = self.since.or_else(|| remote_at(read_from));
        self
    }

    /// Returns the reason why this server is not ready.
    ///
    /// | shown | soft restart | hard restart | start, stop |
    /// |---|---|---|---|
    /// | absent, locked, busy, a refused status | not ready | not ready, but for the status | the same |
    /// | stopped, changed since the plan | not ready | not ready: it would be started | ready |
    /// | stopped as in the plan | ready, unless such servers are skipped | ready | ready |
    /// | running, changed since the plan | not ready: perhaps restarted | not ready | ready |
    fn reason(self, action: PowerAction, server: &Server) -> Option<Unready> {
        let changed = self.changed(server);
        match Unready::of(action, server) {
            Some(Unready::Busy(_)) if self.ignores_busy => None,
            Some(Unready::Stopped) => {
                (self.skips() || changed.is_some()).then_some(Unready::Stopped)
            }
            Some(reason) => Some(reason),
            None if !is_restart(action) => None,
            None => changed.map(|at| match server.status {
                Some(ServerStatus::Shutoff) => Unready::Stopped,
                _ => Unready::Changed(at),
            }),
        }
    }

    /// Returns the time of the server's last change, if that was after the plan.
    fn changed(self, server: &Server) -> Option<String> {
        let updated = server.updated.as_deref()?;
        let at = updated.parse::<Timestamp>().ok()?;
        (at > self.since?).then(|| updated.to_owned())
    }
}

fn is_restart(action: PowerAction) -> bool {
    matches!(
        action,
        PowerAction::Reboot(RebootType::Soft | RebootType::Hard)
    )
}

/// Returns the reasons why servers are not ready, each with its number of servers, for people;
/// `None`: there are none.
pub(crate) fn reasons(unready: &[UnreadyServer]) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for server in unready {
        let reason = match &server.reason {
            // Each server has a time of its own.
            Unready::Changed(_) => CHANGED.to_owned(),
            reason => reason.to_string(),
        };
        *counts.entry(reason).or_default() += 1;
    }
    let is_one = counts.len() == 1;
    let reason = |(reason, count)| match (is_one, count) {
        (true, _) => reason,
        (false, 1) => format!("1 server {reason}"),
        (false, count) => format!("{count} servers {reason}"),
    };
    let reasons: Vec<String> = counts.into_iter().map(reason).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

const CHANGED: &str = "changed since the run was planned, perhaps restarted by somebody else";

#[cfg(test)]
mod tests;
