//! Interprets the service's records of the actions on servers after a lost answer. Pure.
//!
//! A record names the action, its start, the user and the request. It proves that a server was
//! acted on, and by whom. The absence of a record proves something only after the time that records
//! take, which is measured: by other requests of the same run.

mod reader;
mod tracker;

use std::collections::HashMap;
use std::time::Duration;

use ecs_model::{ServerAction, ServerId};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::evidence::{
    Conclusion, Observation, SentTimes, ServerList, conclusions, goal, is_changed,
    would_show_change,
};
use super::traces::TraceFinding;
use crate::action::PowerAction;
use crate::report::Evidence;

pub(super) use reader::RecordQuery;
pub(super) use tracker::{RecordTracker, recently_accepted};

/// Two readings of the service's clock that differ by more than this show that it was set, so that
/// records cannot be placed in time.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(5);
/// The longest time by which an action can have started before the latest time of sending: the
/// reading is the latest possible one, and records can have whole seconds.
const START_MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// An action like ours that started less than this before the sending leaves its absence unproven.
const UNCLEAR_MARGIN: SignedDuration = SignedDuration::from_secs(900);
/// A record that is absent is conclusive after this many times the longest time that a record of
/// another request took.
const DELAY_FACTOR: u32 = 3;

/// The conclusion about a server that shows the action.
const SHOWN: Conclusion = Conclusion::Succeeded(Evidence::Server);

/// By what an action of this run is recognized.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnIdentity {
    /// The id of the user; `None` if it is not known.
    pub(crate) user: Option<String>,
    /// `true` if records of accepted requests show this user. Otherwise the service may record
    /// another one, and somebody else's action cannot be told apart.
    pub(crate) confirmed: bool,
    /// The service's id of the exchange whose answer was lost, if it was seen.
    pub(crate) request_id: Option<String>,
}

/// The evidence of one server's records about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// An action of this run.
    Ours {
        /// `true` if the record says that it failed.
        failed: bool,
        /// A later action of somebody else, with a description.
        superseded: Option<String>,
    },
    /// Only other actions since the sending, with a description of the last one.
    Others(String),
    /// An action that may or may not be of this run.
    Unclear,
    /// No action since the sending.
    Nothing,
}

/// The earliest start of an action that was sent at this time; `None` if the service's clock is not
/// known well enough.
pub(crate) fn earliest_start(sent: SentTimes) -> Option<Timestamp> {
    let (then, now) = (sent.then?, sent.now?);
    let difference = then.duration_since(now).abs();
    (difference <= CLOCK_STEP)
        .then(|| then.min(now).checked_sub(START_MARGIN).ok())
        .flatten()
}

/// Reads the time of a record: UTC, mostly without saying so.
pub(crate) fn start_of(record: &ServerAction) -> Option<Timestamp> {
    let text = record.start_time.as_deref()?;
    let zoned = || text.parse::<Timestamp>().ok();
    let plain = || {
        TimeZone::UTC
            .to_timestamp(text.parse::<DateTime>().ok()?)
            .ok()
    };
    zoned().or_else(plain)
}

/// Returns `true` if a record is of an action like this one.
pub(crate) fn is_alike(action: PowerAction, record: &ServerAction) -> bool {
    record.action.as_deref() == Some(action.name())
}

fn describe(record: &ServerAction) -> String {
    let action = record.action.as_deref().unwrap_or("an action");
    let time = record.start_time.as_deref().unwrap_or("at an unknown time");
    let user = record.user_id.as_deref().unwrap_or("unknown");
    format!("{action} at {time} by user {user}, not by this run")
}

/// Interprets the records of one server.
pub(crate) fn read(
    action: PowerAction,
    records: &[ServerAction],
    own: &OwnIdentity,
    earliest: Timestamp,
) -> Reading {
    let unclear_from = earliest.checked_sub(UNCLEAR_MARGIN).unwrap_or(earliest);
    let mut ours: Option<(Timestamp, bool)> = None;
    let mut others: Option<(Timestamp, String)> = None;
    let mut unclear = false;
    for record in records {
        let alike = is_alike(action, record);
        let start = start_of(record);
        let same_request = own.request_id.is_some() && own.request_id == record.request_id;
        let same_user = own.user.is_some() && own.user == record.user_id;
        let since = start.filter(|start| *start >= earliest);
        if alike && (same_request || (same_user && since.is_some())) {
            let failed = record.message.as_deref();
            let failed = failed.is_some_and(|message| message.eq_ignore_ascii_case("error"));
            let at = start.unwrap_or(earliest);
            if ours.is_none_or(|(latest, _)| latest <= at) {
                ours = Some((at, failed));
            }
        } else if let Some(at) = since {
            if own.user.is_none() || record.user_id.is_none() {
                unclear |= alike;
            } else if others.as_ref().is_none_or(|(latest, _)| *latest <= at) {
                others = Some((at, describe(record)));
            }
        } else {
            // Too early or without a readable time.
            let recent = start.is_none_or(|start| start >= unclear_from);
            unclear |= alike && recent && (same_user || start.is_none() || own.user.is_none());
        }
    }
    match (ours, others) {
        (Some((at, failed)), others) => Reading::Ours {
            failed,
            superseded: others
                .filter(|(other, _)| *other >= at)
                .map(|(_, what)| what),
        },
        (None, _) if unclear || own.user.is_none() => Reading::Unclear,
        (None, Some(_)) if !own.confirmed => Reading::Unclear,
        (None, Some((_, what))) => Reading::Others(what),
        (None, None) => Reading::Nothing,
    }
}

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
                // A change that nobody's trace explains contradicts the traces.
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
            TraceFinding::Unclear(message) => Some(message.clone()),
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
                    // A start or stop leaves no record if somebody else was faster.
                    recorded |= matches!(states.action, PowerAction::Reboot(_));
                    true
                }
                _ => false,
            }
        });
        self.delay_bounded && all_absent && recorded
    }

    /// Returns the objection of the traces to a success that only the server shows: somebody else did it, or the
    /// trace of the request is still to come, or it should be there and is not.
    fn traced_doubt(&self, id: &ServerId, limit_reached: bool) -> Option<Conclusion> {
        let Some((TraceFinding::Nothing(others), bounded)) = &self.trace else {
            return None;
        };
        match others.get(id) {
            _ if matches!(self.readings.get(id), Some(Reading::Ours { .. })) => None,
            Some(what) => Some(Conclusion::Undecided(what.clone())),
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
            Some(Reading::Nothing | Reading::Others(_) | Reading::Unclear) | None if traced => {
                Conclusion::NotRecorded(self.traced_reason(id))
            }
            Some(Reading::Nothing | Reading::Others(_)) if absent => {
                Conclusion::NotRecorded(match self.readings.get(id) {
                    Some(Reading::Others(what)) => {
                        format!("the service has no record of it; {what}")
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
                superseded: Some(what),
                ..
            }) => undecided(format!("another action followed: {what}")),
            Some(Reading::Ours { .. }) if executed && states.is_at_rest(id) => {
                Conclusion::Succeeded(Evidence::Record)
            }
            Some(Reading::Others(what)) => undecided(what.clone()),
            Some(Reading::Nothing) if fallback == SHOWN && !limit_reached => {
                Conclusion::AwaitingRecord
            }
            Some(Reading::Nothing) if fallback == SHOWN && self.delay_bounded => {
                undecided("it changed, but the service has no record of the action".to_owned())
            }
            _ if fallback == SHOWN => self.traced_doubt(id, limit_reached).unwrap_or(fallback),
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
