//! Interprets the service's records of the actions on servers after a lost answer. Pure.
//!
//! A record names the action, its start, the user and the request. It proves that a server was
//! acted on, and by whom. The absence of a record proves something only after the time that records
//! take, which is measured: by other requests of the same run.

mod reader;
mod reading;
mod tracker;

use std::collections::HashMap;
use std::time::Duration;

use ecs_model::ServerId;

use super::evidence::{
    Conclusion, Observation, ServerList, conclusions, goal, is_changed, would_show_change,
};
use super::traces::TraceFinding;
use crate::action::PowerAction;
use crate::report::Evidence;

pub(super) use reader::RecordQuery;
pub(crate) use reading::{OwnIdentity, Reading, earliest_start, is_alike, read, start_of};
pub(super) use tracker::{RecordTracker, recently_accepted};

/// A record that is absent is conclusive after this many times the longest time that a record of
/// another request took.
const DELAY_FACTOR: u32 = 3;

/// The conclusion about a server that shows the action.
const SHOWN: Conclusion = Conclusion::Succeeded(Evidence::Server);

/// Returns `true` if records that are absent at this age of a request are conclusive. `delays`: the
/// time after which the record of each other request was seen; `None`: not seen yet.
pub(crate) fn is_delay_bounded(
    delays: impl IntoIterator<Item = Option<Duration>>,
    age: Duration,
) -> bool {
    let longest = delays.into_iter().try_fold(None, |longest, delay| {
        let delay: Duration = delay?;
        Some(Some(
            longest.map_or(delay, |longest: Duration| longest.max(delay)),
        ))
    });
    let longest = longest.flatten();
    longest.is_some_and(|longest| age >= longest.saturating_mul(DELAY_FACTOR))
}

/// The evidence of the records about the servers of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestRecords {
    /// By server; one whose records could not be read is absent.
    pub(crate) readings: HashMap<ServerId, Reading>,
    /// `true` if the absence of a record is conclusive by now.
    pub(crate) delay_bounded: bool,
    /// The evidence of the traces about the request, and whether their absence is conclusive by now.
    pub(crate) trace: Option<(TraceFinding, bool)>,
    /// `true` if traces of other requests of this run were seen: one of this request may still come.
    pub(crate) traces_come: bool,
}

/// The state of the servers of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerStates<'a> {
    pub(crate) action: PowerAction,
    pub(crate) servers: &'a [ServerId],
    pub(crate) before: &'a ServerList,
    pub(crate) now: &'a ServerList,
    pub(crate) observations: &'a [Observation],
}

impl ServerStates<'_> {
    /// Returns `true` if the action would not change the server, so that it leaves no record.
    fn is_in_place(&self, id: &ServerId) -> bool {
        let needs_change = !matches!(self.action, PowerAction::Reboot(_));
        let status = |server: &ecs_model::Server| server.status.clone();
        let before = self.before.get(id).and_then(status);
        needs_change && before.is_some_and(|status| status == goal(self.action))
    }

    /// Returns `true` if the action, if it was executed, certainly left a record on this server.
    fn is_recorded(&self, id: &ServerId) -> bool {
        if matches!(self.action, PowerAction::Reboot(_)) {
            return true;
        }
        let before = self.before.get(id);
        before.is_some_and(|before| would_show_change(self.action, before.status.as_ref()))
    }

    fn is_at_rest(&self, id: &ServerId) -> bool {
        self.now.get(id).is_some_and(|server| {
            let task = server.task_state.as_deref().unwrap_or_default();
            task.is_empty() && server.status == Some(goal(self.action))
        })
    }
}

impl RequestRecords {
    /// Returns `true` if one of the servers has a record of this run, or a trace shows the request as accepted.
    pub(crate) fn shows_ours(&self) -> bool {
        let finding = self.trace.as_ref().map(|(finding, _)| finding);
        let accepted = matches!(
            finding,
            Some(TraceFinding::Accepted(_) | TraceFinding::Executed)
        );
        accepted || self.has_readings_of_ours()
    }

    /// Returns `true` if one of the servers has a record of this run.
    fn has_readings_of_ours(&self) -> bool {
        let mut readings = self.readings.values();
        readings.any(|reading| matches!(reading, Reading::Ours { .. }))
    }

    /// Returns `true` if the traces prove that the request was not executed: it was refused, or there
    /// is no trace of it and nothing else that shows it.
    fn traces_prove_no_execution(&self, states: &ServerStates<'_>) -> bool {
        match &self.trace {
            Some(_) if self.shows_ours() => false,
            Some((TraceFinding::Refused(_), true)) => true,
            Some((TraceFinding::Nothing(others), true)) => {
                // A change that no trace explains contradicts the traces.
                let explained = |(id, observation): (&ServerId, &Observation)| {
                    let changed = is_changed(states.now.get(id), states.before.get(id));
                    let shows = changed || *observation == Observation::InProgress;
                    !shows || others.contains_key(id)
                };
                let mut servers = states.servers.iter().zip(states.observations);
                servers.all(explained)
            }
            _ => false,
        }
    }

    /// Returns the reason why a server was not acted on, as the traces prove.
    fn traced_reason(&self, id: &ServerId) -> String {
        let untraced = "the service has no trace of it";
        match self.trace_note(id) {
            Some(note) if !matches!(self.trace, Some((TraceFinding::Nothing(_), _))) => note,
            Some(others) => format!("{untraced}; {others}"),
            None => untraced.to_owned(),
        }
    }

    /// Returns the evidence of the traces about a server that is undecided.
    fn trace_note(&self, id: &ServerId) -> Option<String> {
        match &self.trace.as_ref()?.0 {
            TraceFinding::Accepted(_) => None,
            TraceFinding::Executed => {
                Some("the service's trace shows the request as accepted".to_owned())
            }
            TraceFinding::Refused(reason) => Some(format!(
                "the service's trace shows that it was refused: {reason}"
            )),
            TraceFinding::Inconclusive(message) => Some(message.clone()),
            TraceFinding::Nothing(others) => others.get(id).cloned(),
        }
    }

    /// Returns `true` if each server that can have a record of this run has one: the request was executed.
    fn proves_executed(&self, states: &ServerStates<'_>) -> bool {
        self.has_readings_of_ours()
            && states.servers.iter().all(|id| match self.readings.get(id) {
                Some(Reading::Ours { .. }) => true,
                Some(Reading::Nothing) => states.is_in_place(id),
                _ => false,
            })
    }

    /// Returns `true` if the absence of records proves that the request was not executed: it is
    /// accepted with all of its servers or not at all.
    fn proves_not_executed(&self, states: &ServerStates<'_>) -> bool {
        let mut recorded = false;
        let servers = states.servers.iter().zip(states.observations);
        let all_absent = servers.into_iter().all(|(id, observation)| {
            match self.readings.get(id) {
                Some(Reading::Nothing) => {
                    recorded |= states.is_recorded(id);
                    // A change without a record contradicts the records.
                    let changed = is_changed(states.now.get(id), states.before.get(id));
                    !changed && *observation != Observation::InProgress
                }
                Some(Reading::Others(_)) => {
                    // A start or stop leaves no record if another user was faster.
                    recorded |= matches!(states.action, PowerAction::Reboot(_));
                    true
                }
                _ => false,
            }
        });
        self.delay_bounded && all_absent && recorded
    }

    /// Returns the objection of the traces to a success that only the server shows: another user did it, or the
    /// trace of the request is still to come, or it should be there and is not.
    fn contradicting_trace(&self, id: &ServerId, limit_reached: bool) -> Option<Conclusion> {
        let Some((TraceFinding::Nothing(others), bounded)) = &self.trace else {
            return None;
        };
        match others.get(id) {
            _ if matches!(self.readings.get(id), Some(Reading::Ours { .. })) => None,
            Some(message) => Some(Conclusion::Undecided(message.clone())),
            None if !limit_reached => self.traces_come.then_some(Conclusion::AwaitingRecord),
            None => bounded.then(|| {
                let message = "it changed, but the service has no trace of the action";
                Conclusion::Undecided(message.to_owned())
            }),
        }
    }

    /// Concludes about the servers of one request together; see [`conclusions`] for the servers
    /// about which the records say nothing.
    pub(crate) fn conclusions(
        &self,
        states: ServerStates<'_>,
        shows_change: bool,
        limit_reached: bool,
    ) -> Vec<Conclusion> {
        let shows_change = shows_change || self.shows_ours();
        let fallback = conclusions(states.observations, shows_change, limit_reached);
        let executed = self.proves_executed(&states);
        let absent = limit_reached && self.proves_not_executed(&states);
        let undecided = |message: String| Conclusion::Undecided(message);
        let shown = |fallback: Conclusion| match fallback {
            Conclusion::Undecided(message) => format!("; {message}"),
            _ => String::new(),
        };
        let traced = limit_reached && self.traces_prove_no_execution(&states);
        let noted = |id: &ServerId, conclusion: Conclusion| match (conclusion, self.trace_note(id))
        {
            (Conclusion::Undecided(message), Some(note)) => undecided(format!("{message}; {note}")),
            (conclusion, _) => conclusion,
        };
        let conclude = |(id, fallback): (&ServerId, Conclusion)| match self.readings.get(id) {
            // The server itself shows as much.
            _ if matches!(
                fallback,
                Conclusion::NotAttempted | Conclusion::Succeeded(Evidence::WantedState)
            ) =>
            {
                fallback
            }
            Some(Reading::Nothing | Reading::Others(_) | Reading::Inconclusive) | None
                if traced =>
            {
                Conclusion::NotRecorded(self.traced_reason(id))
            }
            Some(Reading::Nothing | Reading::Others(_)) if absent => {
                Conclusion::NotRecorded(match self.readings.get(id) {
                    Some(Reading::Others(message)) => {
                        format!("the service has no record of it; {message}")
                    }
                    _ => "the service has no record of it".to_owned(),
                })
            }
            Some(Reading::Ours { failed: true, .. }) => {
                let shown = shown(fallback);
                undecided(format!(
                    "the service's record says that the action failed{shown}"
                ))
            }
            Some(Reading::Ours {
                superseded: Some(message),
                ..
            }) => undecided(format!("another action followed: {message}")),
            Some(Reading::Ours { .. }) if executed && states.is_at_rest(id) => {
                Conclusion::Succeeded(Evidence::Record)
            }
            Some(Reading::Others(message)) => undecided(message.clone()),
            Some(Reading::Nothing) if fallback == SHOWN && !limit_reached => {
                Conclusion::AwaitingRecord
            }
            Some(Reading::Nothing) if fallback == SHOWN && self.delay_bounded => {
                undecided("it changed, but the service has no record of the action".to_owned())
            }
            _ if fallback == SHOWN => self
                .contradicting_trace(id, limit_reached)
                .unwrap_or(fallback),
            _ => fallback,
        };
        let concluded = states.servers.iter().zip(fallback);
        concluded
            .map(|(id, fallback)| noted(id, conclude((id, fallback))))
            .collect()
    }
}

#[cfg(test)]
mod tests;
