//! The reading of one server's records.

use ecs_model::ServerAction;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::super::evidence::SentTimes;
use crate::action::PowerAction;

/// Two readings of the service's clock that differ by more than this show that it was set, so that
/// records cannot be placed in time.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(5);

/// The longest time by which an action can have started before the latest time of sending: the
/// reading is the latest possible one, and records can have whole seconds.
const START_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// An action like ours that started less than this before the sending leaves its absence unproven.
const INCONCLUSIVE_MARGIN: SignedDuration = SignedDuration::from_secs(900);

/// The identity by which an action of this run is recognized.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnIdentity {
    /// The id of the user; `None` if it is not known.
    pub(crate) user: Option<String>,
    /// `true` if records of accepted requests show this user. Otherwise the service may record
    /// another one, and another user's action cannot be distinguished.
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
        /// A later action of another user, with a description.
        superseded: Option<String>,
    },
    /// Only other actions since the sending, with a description of the last one.
    Others(String),
    /// An action that may or may not be of this run.
    Inconclusive,
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
    let inconclusive_from = earliest
        .checked_sub(INCONCLUSIVE_MARGIN)
        .unwrap_or(earliest);
    let mut ours: Option<(Timestamp, bool)> = None;
    let mut others: Option<(Timestamp, String)> = None;
    let mut is_inconclusive = false;
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
                is_inconclusive |= alike;
            } else if others.as_ref().is_none_or(|(latest, _)| *latest <= at) {
                others = Some((at, describe(record)));
            }
        } else {
            // Too early or without a readable time.
            let recent = start.is_none_or(|start| start >= inconclusive_from);
            is_inconclusive |=
                alike && recent && (same_user || start.is_none() || own.user.is_none());
        }
    }
    match (ours, others) {
        (Some((at, failed)), others) => Reading::Ours {
            failed,
            superseded: others
                .filter(|(other, _)| *other >= at)
                .map(|(_, message)| message),
        },
        (None, _) if is_inconclusive || own.user.is_none() => Reading::Inconclusive,
        (None, Some(_)) if !own.confirmed => Reading::Inconclusive,
        (None, Some((_, message))) => Reading::Others(message),
        (None, None) => Reading::Nothing,
    }
}
