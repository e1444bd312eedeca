//! The servers that a run skips, and the one that it acts on last: pure decisions.

use ecs_model::{RebootType, Server, ServerId, ServerStatus};
use serde::{Deserialize, Serialize};

use crate::PowerAction;
use crate::rolling::Waves;

/// The way in which the servers of a run were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Each was named by its id, and is acted on.
    Named,
    /// All of a project, or those that fit a description.
    Selected,
}

/// The reason why a selection skips a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// It is stopped: a soft restart of it is refused, a hard one would start it.
    Stopped,
    /// This process runs on it.
    ThisMachine,
    /// Another run acts on it.
    HeldByOtherRun,
}

/// A server that a selection skips. It is no part of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SkippedServer {
    /// The server.
    pub id: ServerId,
    /// Its name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The reason.
    pub reason: SkipReason,
}

impl SkippedServer {
    /// A server of unknown name that is skipped for this reason.
    pub fn new(id: ServerId, reason: SkipReason) -> Self {
        Self {
            id,
            name: None,
            reason,
        }
    }
}

/// The conditions by which servers are skipped.
///
/// ```
/// use ecs_ops::PowerAction;
/// use ecs_ops::fleet::{Choice, SkipReason, Screen};
/// use ecs_ops::model::{RebootType, Server, ServerStatus};
///
/// let mut parked = Server::default();
/// parked.id = Some("616fb98f-46ca-475e-917e-2563e5a8cd19".parse()?);
/// parked.status = Some(ServerStatus::Shutoff);
///
/// let screened = Screen::new(PowerAction::Reboot(RebootType::Hard), Choice::Selected)
///     .screen([(parked.id.unwrap(), Some(&parked))]);
/// assert!(screened.servers.is_empty());
/// assert_eq!(screened.skipped[0].reason, SkipReason::Stopped);
/// # Ok::<_, ecs_ops::model::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Screen {
    action: PowerAction,
    choice: Choice,
    include_stopped: bool,
    own: Option<ServerId>,
}

/// The servers of a run, after screening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Screened {
    /// The servers to act on, in their order. [`last`](Self::last) is at the end.
    pub servers: Vec<ServerId>,
    /// The server that this process runs on, if it is among them: the run acts on it alone, after
    /// all others.
    pub last: Option<ServerId>,
    /// The servers that are skipped, in their order.
    pub skipped: Vec<SkippedServer>,
    /// The servers among [`servers`](Self::servers) that are known to be stopped, of a restart.
    pub stopped: Vec<ServerId>,
}

impl Screen {
    /// Creates the screen for this action on servers chosen in this way.
    pub fn new(action: PowerAction, choice: Choice) -> Self {
        Self {
            action,
            choice,
            include_stopped: false,
            own: None,
        }
    }

    /// `true` if a selection includes stopped servers. Default: no.
    pub fn include_stopped(mut self, include: bool) -> Self {
        self.include_stopped = include;
        self
    }

    /// The server that this process runs on, if that is known.
    pub fn own_server(mut self, own: Option<ServerId>) -> Self {
        self.own = own;
        self
    }

    /// Decides about servers, each with what is known of it.
    pub fn screen<'a>(
        &self,
        servers: impl IntoIterator<Item = (ServerId, Option<&'a Server>)>,
    ) -> Screened {
        let mut screened = Screened::default();
        for (id, server) in servers {
            let is_own = self.own == Some(id);
            let is_stopped = self.is_restart() && server.is_some_and(is_stopped);
            let reason = match self.choice {
                Choice::Selected if is_own => Some(SkipReason::ThisMachine),
                Choice::Selected if is_stopped && !self.include_stopped => {
                    Some(SkipReason::Stopped)
                }
                _ => None,
            };
            if let Some(reason) = reason {
                let name = server.and_then(|server| server.name.clone());
                screened.skipped.push(SkippedServer { id, name, reason });
                continue;
            }
            if is_stopped {
                screened.stopped.push(id);
            }
            if is_own {
                screened.last = Some(id)
            } else {
                screened.servers.push(id)
            }
        }
        screened.servers.extend(screened.last);
        screened
    }

    fn is_restart(&self) -> bool {
        matches!(
            self.action,
            PowerAction::Reboot(RebootType::Soft | RebootType::Hard)
        )
    }
}

impl Waves {
    /// These waves, and then one of this server alone: for the server that this process runs on,
    /// which must not be acted on before everything else is over.
    #[must_use]
    pub fn then_alone(mut self, server: ServerId) -> Self {
        self.waves.push(vec![server]);
        self
    }
}

/// Returns `true` if a server is off. Other states may be transitions.
fn is_stopped(server: &Server) -> bool {
    server.status == Some(ServerStatus::Shutoff)
}

#[cfg(test)]
mod tests;
