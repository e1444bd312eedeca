//! What servers tell of an action whose fate is unknown. Pure.
//!
//! A power action that was executed leaves traces: while it goes on, the server's status and task say so; afterwards
//! `updated` is later than the sending. A server that is as it was before the run, to the second, has none. What lies
//! between is no evidence.

use std::collections::HashMap;

use ecs_model::{Server, ServerId, ServerStatus};
use jiff::Timestamp;

use crate::action::PowerAction;

/// Servers as they were at some time.
pub(crate) type ServerList = HashMap<ServerId, Server>;

/// The latest time at which an action was sent, by the service's clock: as it was known then, and as it is known now. The
/// two differ if a clock was set in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentTimes {
    pub(crate) then: Option<Timestamp>,
    pub(crate) now: Option<Timestamp>,
}

/// What one server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// It was done.
    Done,
    /// It goes on.
    InProgress,
    /// As it was before the run, though the action would have left a trace.
    Unchanged,
    /// No evidence, and what there is.
    Inconclusive(String),
}

/// Reads one server. `before`: as it was before the run. `in_progress`: it was seen at it since the sending.
pub(crate) fn observe(
    action: PowerAction,
    server: Option<&Server>,
    before: Option<&Server>,
    in_progress: bool,
    sent: SentTimes,
) -> Observation {
    let Some(server) = server else {
        return Observation::Inconclusive("it is not in the list of servers".to_owned());
    };
    let status = server.status.as_ref();
    let task = server.task_state.as_deref().filter(|task| !task.is_empty());
    let shown = || {
        let task = task
            .map(|task| format!(", task {task}"))
            .unwrap_or_default();
        let status = status.map_or("unknown", ServerStatus::as_str);
        let updated = server.updated.as_deref().unwrap_or("nobody knows when");
        format!("its status is {status}{task}, it was updated {updated}")
    };
    let at_rest = task.is_none() && status == Some(&goal(action));
    // What was underway before the run ends some time: that is no trace of ours.
    let was_in_progress = before.is_some_and(|before| {
        let task = before.task_state.as_deref().filter(|task| !task.is_empty());
        task.is_some() || is_in_progress(action, before.status.as_ref(), None)
    });
    if was_in_progress {
        return Observation::Inconclusive(format!(
            "something was done to it before the run; {}",
            shown()
        ));
    }
    let changed = |before: &Server| before.updated != server.updated;
    if is_in_progress(action, status, task) {
        return Observation::InProgress;
    }
    if at_rest && before.is_none_or(changed) && (in_progress || is_later(server, sent)) {
        return Observation::Done;
    }
    let unchanged = |before: &Server| {
        server.updated.is_some() && !changed(before) && before.status == server.status
    };
    if task.is_none()
        && !in_progress
        && before.is_some_and(unchanged)
        && would_show_change(action, status)
    {
        return Observation::Unchanged;
    }
    Observation::Inconclusive(shown())
}

/// What a server is when the action is done.
pub(super) fn goal(action: PowerAction) -> ServerStatus {
    match action {
        PowerAction::Reboot(_) | PowerAction::Start => ServerStatus::Active,
        PowerAction::Stop(_) => ServerStatus::Shutoff,
    }
}

fn is_in_progress(action: PowerAction, status: Option<&ServerStatus>, task: Option<&str>) -> bool {
    let task = task.unwrap_or_default();
    match action {
        PowerAction::Reboot(_) => {
            let rebooting = [ServerStatus::Reboot, ServerStatus::HardReboot];
            task.starts_with("reboot") || status.is_some_and(|status| rebooting.contains(status))
        }
        PowerAction::Start => task == "powering-on",
        PowerAction::Stop(_) => task == "powering-off",
    }
}

/// Whether the action changes a server in this state: nothing happens to one that is as it should be already.
fn would_show_change(action: PowerAction, status: Option<&ServerStatus>) -> bool {
    let needed = match action {
        PowerAction::Reboot(_) | PowerAction::Stop(_) => ServerStatus::Active,
        PowerAction::Start => ServerStatus::Shutoff,
    };
    status == Some(&needed)
}

fn is_later(server: &Server, sent: SentTimes) -> bool {
    let updated = server.updated.as_deref();
    let updated = updated.and_then(|updated| updated.parse::<Timestamp>().ok());
    match (updated, sent.then.max(sent.now)) {
        (Some(updated), Some(sent)) => updated > sent,
        _ => false,
    }
}

/// Whether a server is not as it was before the run, whatever the reason: its request may have been accepted.
pub(crate) fn is_changed(server: Option<&Server>, before: Option<&Server>) -> bool {
    let (Some(server), Some(before)) = (server, before) else {
        return false;
    };
    server.updated != before.updated || server.status != before.status
}

/// What follows for the servers of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conclusion {
    Succeeded,
    NotAttempted,
    /// Nothing yet, or nothing at all, and what is known.
    Undecided(String),
}

/// Reads the servers of one request together: it was accepted as a whole, or not at all. So one server with a trace means
/// that none is certain to be untouched. Before the `limit` is over, nobody is.
/// `shows_change`: one of them has shown a trace, now or at an earlier look.
pub(crate) fn conclusions(
    observations: &[Observation],
    shows_change: bool,
    limit_reached: bool,
) -> Vec<Conclusion> {
    let conclusion = |observation: &Observation| match observation {
        Observation::Done => Conclusion::Succeeded,
        Observation::Unchanged if shows_change => {
            Conclusion::Undecided("it shows no trace, but others of its request do".to_owned())
        }
        Observation::Unchanged if limit_reached => Conclusion::NotAttempted,
        Observation::Unchanged => Conclusion::Undecided("it shows no trace yet".to_owned()),
        Observation::InProgress => Conclusion::Undecided("it is at it".to_owned()),
        Observation::Inconclusive(message) => Conclusion::Undecided(message.clone()),
    };
    observations.iter().map(conclusion).collect()
}

/// What one server shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RestState {
    /// As it should be, and nothing is being done to it.
    AtRest,
    /// It will not come to rest by itself.
    Broken(String),
    /// Not yet.
    Unsettled(String),
    /// It is not there to be seen.
    Missing,
}

/// Reads one server. Pure.
pub(crate) fn rest_state(action: PowerAction, server: Option<&Server>) -> RestState {
    let Some(server) = server else {
        return RestState::Missing;
    };
    let status = server.status.as_ref();
    let task = server.task_state.as_deref().filter(|task| !task.is_empty());
    let shown = || {
        let status = status.map_or("unknown", ServerStatus::as_str);
        let task = task.map(|task| format!(", its task {task}"));
        format!("its status is {status}{}", task.unwrap_or_default())
    };
    match (status, task) {
        (Some(status), None) if *status == goal(action) => RestState::AtRest,
        (Some(ServerStatus::Error), None) => RestState::Broken(shown()),
        _ => RestState::Unsettled(shown()),
    }
}

#[cfg(test)]
mod tests;
