//! Reads the records of the actions on servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{ErrorInfo, ListServerActions, ServerAction, ServerId};
use futures_util::{StreamExt as _, stream};

use crate::{Client, Error, ErrorKind};

/// The most queries of records that are in flight.
const CONCURRENT: usize = 8;

/// The longest read of the records before each list of servers, by the service's clock.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// The records of servers, read at one time.
#[derive(Debug, Default)]
pub(super) struct RecordList {
    /// By server; one whose records could not be read is absent.
    pub(super) actions: HashMap<ServerId, Vec<ServerAction>>,
    /// The reason why records cannot be read at all.
    pub(super) refused: Option<Problem>,
}

/// The result of a [`RecordQuery`].
pub(super) type RecordInbox = Arc<Mutex<Option<RecordList>>>;

/// A query of the records of some servers.
#[derive(Debug)]
pub(in crate::runs) struct RecordQuery {
    pub(super) servers: Vec<ServerId>,
    pub(super) inbox: RecordInbox,
}

impl RecordQuery {
    /// Reads the records, for a limited time: the list of servers waits for them.
    pub(in crate::runs) async fn run(self, client: &Client) {
        let mut list = RecordList::default();
        let limit = client.0.core.scaled(READ_LIMIT);
        // The records that were read until then count.
        let _ = tokio::time::timeout(limit, read_into(&mut list, client, self.servers)).await;
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(list);
    }
}

/// Reads the first records alone: what is refused once would be refused for each server.
async fn read_into(list: &mut RecordList, client: &Client, servers: Vec<ServerId>) {
    let mut servers = servers.into_iter();
    for id in servers.by_ref() {
        match actions_on(client, id).await {
            Ok(actions) => {
                list.actions.insert(id, actions);
                break;
            }
            Err(error) if is_refused(&error) => {
                list.refused = Some(error.problem().clone());
                return;
            }
            Err(_) => {}
        }
    }
    let reads = servers.map(|id| async move { (id, actions_on(client, id).await) });
    let mut reads = stream::iter(reads).buffer_unordered(CONCURRENT);
    while let Some((id, read)) = reads.next().await {
        if let Ok(actions) = read {
            list.actions.insert(id, actions);
        }
    }
}

/// The actions on a server.
async fn actions_on(client: &Client, id: ServerId) -> Result<Vec<ServerAction>, Error> {
    let query = ListServerActions::new(id);
    let shown = client.read_evidence(&query, "records").await?;
    let actions = shown.instance_actions.unwrap_or_default();
    let is_of_other = |action: &ServerAction| action.instance_uuid.is_some_and(|shown| shown != id);
    if actions.iter().any(is_of_other) {
        // A connection or a cache mixed up its answers: this one proves nothing.
        let message = format!("the answer shows the actions on another server than {id}");
        return Err(Error::invalid(message));
    }
    Ok(actions)
}

/// Returns `true` if the rights or the API are missing, for all servers alike.
fn is_refused(error: &Error) -> bool {
    match error.problem().status() {
        Some(401 | 403 | 405 | 501) => true,
        // Without a code of the service's own it is the path that there is not.
        Some(404) => error.code().is_none_or(ErrorInfo::is_of_gateway),
        _ => error.kind() == ErrorKind::Credentials,
    }
}

#[cfg(test)]
mod tests;
