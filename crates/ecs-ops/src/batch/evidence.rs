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
pub(crate) type Snapshot = HashMap<ServerId, Server>;

/// The latest time at which an action was sent, by the service's clock: as it was known then, and as it is known now. The
/// two differ if a clock was set in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) then: Option<Timestamp>,
    pub(crate) now: Option<Timestamp>,
}

/// What one server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It was done.
    Done,
    /// It goes on.
    Busy,
    /// As it was before the run, though the action would have left a trace.
    None,
    /// No evidence, and what there is.
    Unclear(String),
}

/// Reads one server. `before`: as it was before the run. `busy`: it was seen at it since the sending.
pub(crate) fn trace(
    action: PowerAction,
    server: Option<&Server>,
    before: Option<&Server>,
    busy: bool,
    sent: Sent,
) -> Trace {
    let Some(server) = server else {
        return Trace::Unclear("it is not in the list of servers".to_owned());
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
    let was_at_it = before.is_some_and(|before| {
        let task = before.task_state.as_deref().filter(|task| !task.is_empty());
        task.is_some() || is_at_it(action, before.status.as_ref(), None)
    });
    if was_at_it {
        return Trace::Unclear(format!(
            "something was done to it before the run; {}",
            shown()
        ));
    }
    let touched = |before: &Server| before.updated != server.updated;
    if is_at_it(action, status, task) {
        return Trace::Busy;
    }
    if at_rest && before.is_none_or(touched) && (busy || is_later(server, sent)) {
        return Trace::Done;
    }
    let untouched = |before: &Server| {
        server.updated.is_some() && !touched(before) && before.status == server.status
    };
    if task.is_none() && !busy && before.is_some_and(untouched) && leaves_traces(action, status) {
        return Trace::None;
    }
    Trace::Unclear(shown())
}

/// What a server is when the action is done.
pub(super) fn goal(action: PowerAction) -> ServerStatus {
    match action {
        PowerAction::Reboot(_) | PowerAction::Start => ServerStatus::Active,
        PowerAction::Stop(_) => ServerStatus::Shutoff,
    }
}

fn is_at_it(action: PowerAction, status: Option<&ServerStatus>, task: Option<&str>) -> bool {
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
fn leaves_traces(action: PowerAction, status: Option<&ServerStatus>) -> bool {
    let needed = match action {
        PowerAction::Reboot(_) | PowerAction::Stop(_) => ServerStatus::Active,
        PowerAction::Start => ServerStatus::Shutoff,
    };
    status == Some(&needed)
}

fn is_later(server: &Server, sent: Sent) -> bool {
    let updated = server.updated.as_deref();
    let updated = updated.and_then(|updated| updated.parse::<Timestamp>().ok());
    match (updated, sent.then.max(sent.now)) {
        (Some(updated), Some(sent)) => updated > sent,
        _ => false,
    }
}

/// Whether a server is not as it was before the run, whatever the reason: its batch may have been accepted.
pub(crate) fn is_changed(server: Option<&Server>, before: Option<&Server>) -> bool {
    let (Some(server), Some(before)) = (server, before) else {
        return false;
    };
    server.updated != before.updated || server.status != before.status
}

/// What follows for the servers of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Succeeded,
    NotAttempted,
    /// Nothing yet, or nothing at all, and what is known.
    Open(String),
}

/// Reads the servers of one batch together: it was accepted as a whole, or not at all. So one server with a trace means
/// that none is certain to be untouched. Before the `patience` is over, nobody is.
/// `accepted`: one of them has shown a trace, now or at an earlier look.
pub(crate) fn findings(traces: &[Trace], accepted: bool, patience_is_over: bool) -> Vec<Finding> {
    let finding = |trace: &Trace| match trace {
        Trace::Done => Finding::Succeeded,
        Trace::None if accepted => {
            Finding::Open("it shows no trace, but others of its request do".to_owned())
        }
        Trace::None if patience_is_over => Finding::NotAttempted,
        Trace::None => Finding::Open("it shows no trace yet".to_owned()),
        Trace::Busy => Finding::Open("it is at it".to_owned()),
        Trace::Unclear(words) => Finding::Open(words.clone()),
    };
    traces.iter().map(finding).collect()
}

/// What one server shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be, and nothing is being done to it.
    Settled,
    /// It will not come to rest by itself.
    Broken(String),
    /// Not yet.
    NotYet(String),
    /// It is not there to be seen.
    Missing,
}

/// Reads one server. Pure.
pub(crate) fn state(action: PowerAction, server: Option<&Server>) -> State {
    let Some(server) = server else {
        return State::Missing;
    };
    let status = server.status.as_ref();
    let task = server.task_state.as_deref().filter(|task| !task.is_empty());
    let shown = || {
        let status = status.map_or("unknown", ServerStatus::as_str);
        let task = task.map(|task| format!(", its task {task}"));
        format!("its status is {status}{}", task.unwrap_or_default())
    };
    match (status, task) {
        (Some(status), None) if *status == goal(action) => State::Settled,
        (Some(ServerStatus::Error), None) => State::Broken(shown()),
        _ => State::NotYet(shown()),
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
