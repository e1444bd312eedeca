//! The service's records of actions that an account can read.

use ecs_client::{Problem, RequestContext, RetryState};
use ecs_model::{ListServerActions, ListServersDetails, ListTraces, Operation};
use serde::{Deserialize, Serialize};

use crate::{Client, Error, ErrorKind};

/// The access to one kind of record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "access", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecordAccess {
    /// It can be read.
    Readable,
    /// It can be read, and there is none: nothing was done within the last hour, or the service that
    /// keeps it is not enabled.
    Empty,
    /// It cannot be read: the right or the service is missing.
    Refused {
        /// The refusal.
        error: Problem,
    },
    /// It could not be found out.
    Unknown {
        /// The reason.
        error: Problem,
    },
}

/// The records of actions that an account can read. A run with
/// [`OnUnknown::Reconcile`](crate::OnUnknown::Reconcile) reads them after a lost answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordsCheck {
    /// The actions on a server (`os-instance-actions`); `None`: the project has no server.
    pub actions: Option<RecordAccess>,
    /// The traces of Cloud Trace Service; `None`: its address is not known.
    pub traces: Option<RecordAccess>,
}

impl Client {
    /// Finds out which records of actions can be read: with one list of one server, one query of its
    /// actions and, with a client of Cloud Trace Service, one query of its traces. Nothing is
    /// repeated.
    ///
    /// ```
    /// # async fn example(client: ecs_ops::Client, traces: ecs_ops::Client) {
    /// let check = client.check_records(Some(&traces)).await;
    /// if let Some(ecs_ops::fleet::RecordAccess::Refused { error }) = &check.traces {
    ///     println!("lost answers cannot be looked up in traces: {error}");
    /// }
    /// # }
    /// ```
    pub async fn check_records(&self, traces: Option<&Client>) -> RecordsCheck {
        let traces = match traces {
            Some(client) => Some(client.trace_access().await),
            None => None,
        };
        let actions = self.action_access().await;
        RecordsCheck { actions, traces }
    }

    async fn action_access(&self) -> Option<RecordAccess> {
        let one = ListServersDetails::builder().limit(1).build();
        let page = match one {
            Ok(one) => self.read_evidence(&one, "servers").await,
            Err(error) => Err(error.into()),
        };
        let server = match page {
            Ok(page) => page.servers.unwrap_or_default().into_iter().next()?.id?,
            Err(error) => return Some(failed(&error)),
        };
        let actions = ListServerActions::new(server);
        Some(match self.read_evidence(&actions, "records").await {
            Ok(_) => RecordAccess::Readable,
            Err(error) => failed(&error),
        })
    }

    async fn trace_access(&self) -> RecordAccess {
        let one = ListTraces::builder().service_type("ECS").limit(1).build();
        let page = match one {
            Ok(one) => self.read_evidence(&one, "traces").await,
            Err(error) => Err(error.into()),
        };
        match page {
            Ok(page) if page.traces.as_ref().is_none_or(Vec::is_empty) => RecordAccess::Empty,
            Ok(_) => RecordAccess::Readable,
            Err(error) => failed(&error),
        }
    }

    /// Reads what a lost answer is decided by, once: there is a next time. An answer of a cache is an
    /// error. `records` are the things that are read, such as "records".
    pub(crate) async fn read_evidence<O: Operation + Sync>(
        &self,
        query: &O,
        records: &str,
    ) -> Result<O::Output, Error> {
        let mut once = RequestContext::poll(RetryState::default());
        let read = self.0.core.execute(query, &mut once).await;
        let read = read.map_err(Error::from)?;
        if let Some(stale) = once.stale() {
            let problem = Problem::new(format!("the {records} are no evidence: {stale}"));
            return Err(Error::new(ErrorKind::Cached, problem));
        }
        Ok(read)
    }
}

fn failed(error: &Error) -> RecordAccess {
    let problem = error.problem().clone();
    match error.kind() {
        ErrorKind::Refused | ErrorKind::Credentials => RecordAccess::Refused { error: problem },
        _ => RecordAccess::Unknown { error: problem },
    }
}

#[cfg(test)]
mod tests;
