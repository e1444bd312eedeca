//! The runs that are active now, so that no two of them act on the same server.
//!
//! A journal belongs to one run; this is about all runs that share a store: the processes of a
//! machine with a directory, or those of several hosts with a database. Decisions are here, the
//! stores are elsewhere: `ecsctl` has one of files.
//!
//! ```
//! use ecs_ops::active::{ActiveRun, Conflict};
//! use ecs_ops::model::ServerId;
//!
//! let servers: Vec<_> = (1..=3).map(|n| ServerId::from_bytes([n; 16])).collect();
//! let first = ActiveRun::new("a", "https://ecs.example", "p".parse()?, "reboot", servers.clone(), "2026-11-30T01:00:00Z".parse()?);
//! let second = ActiveRun { run_id: "b".to_owned(), servers: servers[2..].to_vec(), ..first.clone() };
//! let conflict = Conflict::between(&second, [first]).expect("they share a server");
//! assert_eq!((conflict.run.run_id.as_str(), conflict.servers), ("a", servers[2..].to_vec()));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::any::Any;
use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt;

use ecs_auth::BoxFuture;
use ecs_model::{ProjectId, ServerId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::Invocation;

/// A run that is active, as others need to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveRun {
    /// The run's id.
    pub run_id: String,
    /// The endpoint.
    pub endpoint: String,
    /// The project.
    pub project: ProjectId,
    /// The name of the action, such as `reboot`.
    pub operation: String,
    /// The person who runs it, if known.
    #[serde(default)]
    pub invocation: Option<Invocation>,
    /// The time at which its process registered it.
    pub since: Timestamp,
    /// The location of its journal, if it has one.
    #[serde(default)]
    pub journal: Option<String>,
    /// The servers that it acts on.
    pub servers: Vec<ServerId>,
}

impl ActiveRun {
    /// A run of an unknown process, without a journal.
    pub fn new(
        run_id: impl Into<String>,
        endpoint: impl Into<String>,
        project: ProjectId,
        operation: impl Into<String>,
        servers: Vec<ServerId>,
        since: Timestamp,
    ) -> Self {
        Self {
            run_id: run_id.into(),
            endpoint: endpoint.into(),
            project,
            operation: operation.into(),
            invocation: None,
            since,
            journal: None,
            servers,
        }
    }
}

/// Another run acts on servers that a run wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The other run.
    pub run: ActiveRun,
    /// The servers that both want, in the order of the run that came second. Empty if both are the
    /// same run.
    pub servers: Vec<ServerId>,
}

impl Conflict {
    /// The first conflict of a run with others. Runs of other projects or endpoints have none, and
    /// the same run twice always has one.
    pub fn between(
        wanted: &ActiveRun,
        others: impl IntoIterator<Item = ActiveRun>,
    ) -> Option<Self> {
        others.into_iter().find_map(|run| {
            if run.endpoint != wanted.endpoint || run.project != wanted.project {
                return None;
            }
            let theirs: HashSet<_> = run.servers.iter().copied().collect();
            let shared = wanted.servers.iter().copied();
            let servers: Vec<_> = shared.filter(|id| theirs.contains(id)).collect();
            let is_same = run.run_id == wanted.run_id;
            (is_same || !servers.is_empty()).then_some(Self { run, servers })
        })
    }
}

/// The reason why a run was not registered.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another active run acts on the same servers.
    Conflict(Box<Conflict>),
    /// The store failed.
    Store {
        /// A lowercase fragment: what happened, to what.
        message: String,
        /// The cause.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => {
                let run = &conflict.run;
                write!(f, "run {} acts on ", run.run_id)?;
                match conflict.servers.len() {
                    0 => f.write_str("its servers already"),
                    1 => f.write_str("1 of the same servers"),
                    many => write!(f, "{many} of the same servers"),
                }
            }
            Self::Store { message, .. } => f.write_str(message),
        }
    }
}

impl StdError for RegisterError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Conflict(_) => None,
            Self::Store { source, .. } => source.as_deref().map(|source| source as _),
        }
    }
}

/// The entry of an active run in a registry: it ends when this is dropped, or its process dies.
pub struct Registration {
    _entry: Box<dyn Any + Send + Sync>,
}

impl Registration {
    /// An entry that lives as long as this value, such as a locked file.
    pub fn new(entry: impl Any + Send + Sync) -> Self {
        Self {
            _entry: Box::new(entry),
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").finish_non_exhaustive()
    }
}

/// A store of the active runs of all that share it.
///
/// Registering is atomic: of two runs that want the same server at once, at most one is registered.
/// The entry of a process that died never blocks anybody.
pub trait RunRegistry: fmt::Debug + Send + Sync + 'static {
    /// Registers a run, unless it has a [`Conflict`] with another one.
    ///
    /// # Errors
    /// [`RegisterError::Conflict`]; [`RegisterError::Store`]: nothing is registered.
    fn register(&self, run: ActiveRun) -> BoxFuture<'_, Result<Registration, RegisterError>>;

    /// The runs that are active.
    ///
    /// # Errors
    /// [`RegisterError::Store`].
    fn active(&self) -> BoxFuture<'_, Result<Vec<ActiveRun>, RegisterError>>;
}

#[cfg(test)]
mod tests;
