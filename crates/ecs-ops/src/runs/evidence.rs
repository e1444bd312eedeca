//! Interprets servers after a lost answer. Pure.
//!
//! An executed action shows: while it is in progress, in the server's status and task; afterwards
//! `updated` is later than the sending. A server that is as it was before the run, to the second,
//! is unchanged. Anything between is inconclusive.

use std::collections::HashMap;

use ecs_model::{Server, ServerId, ServerStatus};
use jiff::Timestamp;

use crate::action::PowerAction;
use crate::report::Evidence;

/// The servers of a project, listed at one time.
pub(crate) type ServerList = HashMap<ServerId, Server>;

/// The latest time at which an action was sent, by the service's clock: as known then, and as known
/// now. They differ if a clock was set in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentTimes {
    pub(crate) then: Option<Timestamp>,
    pub(crate) now: Option<Timestamp>,
}

/// The state of a listed server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    /// The action was done.
    Done,
    /// The action is in progress.
    InProgress,
    /// Unchanged since before the run, although the action would show.
    Unchanged,
    /// Unchanged since before the run, and the action need not show, with a description.
    Unaltered(String),
    /// At rest, and in the wanted state: there is nothing to start or to stop.
    InPlace(String),
    /// Inconclusive, with a description.
    Inconclusive(String),
}

/// Interprets one server. `before`: its initial state. `in_progress`: the action was seen in
/// progress since the sending.
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
        let updated = server.updated.as_deref().unwrap_or("at an unknown time");
        format!("its status is {status}{task}, it was updated {updated}")
    };
    let at_rest = task.is_none() && status == Some(&goal(action));
    // A task from before the run ends some time, which is no evidence.
    let was_in_progress = before.is_some_and(|before| {
        let task = before.task_state.as_deref().filter(|task| !task.is_empty());
        task.is_some() || is_in_progress(action, before.status.as_ref(), None)
    });
    if was_in_progress {
        return Observation::Inconclusive(format!(
            "a task was running on it before the run; {}",
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
    if task.is_some() || in_progress || !before.is_some_and(unchanged) {
        return Observation::Inconclusive(shown());
    }
    let acts_at_rest = matches!(action, PowerAction::Reboot(_));
    match status {
        _ if would_show_change(action, status) => Observation::Unchanged,
        _ if at_rest && !acts_at_rest => Observation::InPlace(shown()),
        _ => Observation::Unaltered(shown()),
    }
}

/// The status of a server when the action is done.
pub(crate) fn goal(action: PowerAction) -> ServerStatus {
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

/// Returns `true` if the action would change a server in this state: one that is already in the
/// wanted state stays as it is.
pub(crate) fn would_show_change(action: PowerAction, status: Option<&ServerStatus>) -> bool {
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

/// Returns `true` if a server changed since before the run, for whatever reason: its request may
/// have been accepted.
pub(crate) fn is_changed(server: Option<&Server>, before: Option<&Server>) -> bool {
    let (Some(server), Some(before)) = (server, before) else {
        return false;
    };
    server.updated != before.updated || server.status != before.status
}

/// The conclusion about a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// It succeeded, or the server was in the wanted state before the run, and is.
    Succeeded(Evidence),
    /// Shown by the server, which is unchanged, or by another one of its request.
    NotAttempted,
    /// Not attempted; shown by the service's records, with a description.
    NotRecorded(String),
    /// Shown by the server, while a record of the action is still to come: a success if the run ends
    /// before.
    AwaitingRecord,
    /// Undecided so far, with a description.
    Undecided(String),
}

/// Concludes about the servers of one request together: it was accepted as a whole or not at all.
/// If one server shows a change, now or earlier (`shows_change`), none is certainly unchanged.
/// Before `limit_reached`, none is either. If one is unchanged for certain, the request was not
/// executed, also on servers that would show no trace of it.
pub(crate) fn conclusions(
    observations: &[Observation],
    shows_change: bool,
    limit_reached: bool,
) -> Vec<Conclusion> {
    let not_executed =
        limit_reached && !shows_change && observations.contains(&Observation::Unchanged);
    let conclusion = |observation: &Observation| match observation {
        Observation::Done => Conclusion::Succeeded(Evidence::Server),
        Observation::InPlace(_) if limit_reached => Conclusion::Succeeded(Evidence::WantedState),
        Observation::Unaltered(_) if not_executed => Conclusion::NotAttempted,
        Observation::Unaltered(message) | Observation::InPlace(message) => {
            Conclusion::Undecided(message.clone())
        }
        Observation::Unchanged if shows_change => Conclusion::Undecided(
            "it is unchanged, but other servers of its request are not".to_owned(),
        ),
        Observation::Unchanged if limit_reached => Conclusion::NotAttempted,
        Observation::Unchanged => Conclusion::Undecided("it is unchanged so far".to_owned()),
        Observation::InProgress => Conclusion::Undecided("the action is in progress".to_owned()),
        Observation::Inconclusive(message) => Conclusion::Undecided(message.clone()),
    };
    observations.iter().map(conclusion).collect()
}

/// The state of rest of a listed server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RestState {
    /// In the wanted state, without a task.
    AtRest,
    /// In an error state that it does not leave by itself.
    Broken(String),
    /// Not at rest yet.
    Unsettled(String),
    /// Not in the list.
    Missing,
}

/// Interprets a listed server. Pure.
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
