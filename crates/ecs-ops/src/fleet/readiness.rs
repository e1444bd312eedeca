//! The readiness of a server for an action, by what the service shows of it: a pure decision.

use std::fmt;

use ecs_model::{RebootType, Server, ServerId, ServerStatus, StopType};
use serde::{Deserialize, Serialize};

use crate::PowerAction;

/// The reason why an action on a server cannot succeed now.
///
/// ```
/// use ecs_ops::PowerAction;
/// use ecs_ops::fleet::Unready;
/// use ecs_ops::model::{RebootType, Server};
///
/// let mut server = Server::default();
/// server.locked = Some(true);
/// let why = Unready::of(PowerAction::Reboot(RebootType::Soft), &server);
/// assert_eq!(why, Some(Unready::Locked));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", content = "shown", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unready {
    /// The service does not know it, or it is deleted.
    Absent,
    /// It is locked against actions.
    Locked,
    /// Another action on it is underway: its task state, or its status.
    Busy(String),
    /// It is stopped, and the service refuses a soft restart of a stopped server.
    Stopped,
    /// The service refuses the action in this status.
    Status(String),
    /// It is a physical server, of this flavor, which takes a forced stop or restart only.
    Physical(String),
    /// It changed since the run was planned, at this time, and may have been restarted by another
    /// user.
    Changed(String),
}

impl Unready {
    /// Returns the reason why the action cannot succeed on this server; `None` if nothing speaks against it.
    pub fn of(action: PowerAction, server: &Server) -> Option<Self> {
        let soft = action == PowerAction::Reboot(RebootType::Soft);
        let status = server.status.as_ref();
        if status == Some(&ServerStatus::Deleted) {
            return Some(Self::Absent);
        }
        if server.locked == Some(true) {
            return Some(Self::Locked);
        }
        let task = server.task_state.as_deref().map(str::trim);
        if let Some(task) = task.filter(|task| !matches!(*task, "" | "null" | "none" | "None")) {
            return Some(Self::Busy(task.to_owned()));
        }
        if is_soft(action)
            && let Some(flavor) = physical_flavor(server)
        {
            return Some(Self::Physical(flavor));
        }
        match status? {
            busy if is_busy(busy) => Some(Self::Busy(busy.to_string())),
            ServerStatus::Shutoff if soft => Some(Self::Stopped),
            other if soft && !restarts_softly(other) => Some(Self::Status(other.to_string())),
            _ => None,
        }
    }

    /// Returns `true` if a server that was named by its id is not sent because of this. A stopped
    /// one is: who names it means it, and the service's refusal does no harm.
    pub fn refuses_named(&self) -> bool {
        *self != Self::Stopped
    }
}

fn is_busy(status: &ServerStatus) -> bool {
    matches!(
        status,
        ServerStatus::Build
            | ServerStatus::HardReboot
            | ServerStatus::Migrating
            | ServerStatus::Reboot
            | ServerStatus::Rebuild
            | ServerStatus::Resize
            | ServerStatus::RevertResize
    )
}

/// Returns `true` if the action asks the guest system. A stop without a type is soft.
fn is_soft(action: PowerAction) -> bool {
    matches!(
        action,
        PowerAction::Reboot(RebootType::Soft) | PowerAction::Stop(None | Some(StopType::Soft))
    )
}

/// The flavor of a physical server: its name begins with `physical.`, or the server has the tag that
/// the vendor's page *Listing Details About ECSs* names for them.
fn physical_flavor(server: &Server) -> Option<String> {
    const PREFIX: &str = "physical.";
    const TAG: &str = "__type_baremetal";
    let flavor = server.flavor.as_ref();
    let flavor = flavor.and_then(|flavor| flavor.id.as_deref().or(flavor.name.as_deref()));
    let is_named = flavor.is_some_and(|flavor| {
        let prefix = flavor.get(..PREFIX.len());
        prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX))
    });
    let mut tags = server.tags.iter().flatten();
    let is_tagged = tags.any(|tag| tag.split('=').next() == Some(TAG));
    (is_named || is_tagged).then(|| flavor.unwrap_or(TAG).to_owned())
}

/// Returns `true` if the service may take a soft restart of a server in this status: no page says
/// that it refuses one of a server in `ERROR`, and in a status that is not known here it may.
fn restarts_softly(status: &ServerStatus) -> bool {
    matches!(
        status,
        ServerStatus::Active
            | ServerStatus::Shutoff
            | ServerStatus::Error
            | ServerStatus::Unknown(_)
    )
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("not found in the project"),
            Self::Locked => f.write_str("locked"),
            Self::Busy(state) => write!(f, "busy ({state})"),
            Self::Stopped => f.write_str("stopped (SHUTOFF)"),
            Self::Status(status) => write!(f, "in the status {status}"),
            Self::Physical(flavor) => {
                write!(
                    f,
                    "physical ({flavor}): only a forced (hard) action is possible"
                )
            }
            Self::Changed(at) => write!(
                f,
                "changed since the run was planned (at {at}), perhaps restarted by somebody else"
            ),
        }
    }
}

/// A server of a run that is not sent, because it is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnreadyServer {
    /// The server.
    pub id: ServerId,
    /// Its name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The reason.
    #[serde(rename = "why")]
    pub reason: Unready,
}

impl UnreadyServer {
    /// A server that is not ready.
    pub fn new(id: ServerId, name: Option<String>, reason: Unready) -> Self {
        Self { id, name, reason }
    }
}

#[cfg(test)]
mod tests;
