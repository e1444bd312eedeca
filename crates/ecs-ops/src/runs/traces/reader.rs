//! Reads the traces of Cloud Trace Service.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::ListTraces;
use jiff::{SignedDuration, Timestamp};

use super::ActionTrace;
use crate::{Client, Error, ErrorKind};

/// The most traces on a page.
const PAGE: u64 = ListTraces::MAX_LIMIT;
/// The most pages of one query. What is longer is not whole, and proves no absence.
const MAX_PAGES: usize = 10;
/// The longest read of the traces before each list of servers, by the service's clock.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// The margin around the requests of a run, within which traces are read.
const MARGIN: SignedDuration = SignedDuration::from_secs(120);

/// The traces that were read at one time.
#[derive(Debug, Default)]
pub(super) struct TraceList {
    pub(super) traces: Vec<ActionTrace>,
    /// `true` if these are all.
    pub(super) whole: bool,
    /// The reason why traces cannot be read at all.
    pub(super) refused: Option<Problem>,
}

/// The result of a [`TraceQuery`].
pub(super) type TraceInbox = Arc<Mutex<Option<TraceList>>>;

/// A query of the traces of an action since a time.
#[derive(Debug)]
pub(in crate::runs) struct TraceQuery {
    /// A client of Cloud Trace Service.
    pub(super) client: Client,
    pub(super) name: &'static str,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) inbox: TraceInbox,
}

impl TraceQuery {
    /// Reads the traces, for a limited time: the list of servers waits for them.
    pub(in crate::runs) async fn run(self) {
        let limit = self.client.0.core.scaled(READ_LIMIT);
        let mut list = TraceList::default();
        // The traces that were read until then count.
        let _ = tokio::time::timeout(limit, self.read_into(&mut list)).await;
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = Some(list);
    }

    async fn read_into(&self, list: &mut TraceList) {
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            match self.page(next.as_deref()).await {
                Ok((traces, marker)) => {
                    let is_empty = traces.is_empty();
                    list.traces.extend(traces);
                    next = marker;
                    if next.is_none() || is_empty {
                        list.whole = true;
                        return;
                    }
                }
                Err(error) => {
                    list.refused = is_refused(&error).then(|| error.problem().clone());
                    return;
                }
            }
        }
    }

    /// Reads one page.
    async fn page(&self, next: Option<&str>) -> Result<(Vec<ActionTrace>, Option<String>), Error> {
        let number = |at: Timestamp| u64::try_from(at.as_millisecond()).unwrap_or_default();
        let wanted = ListTraces::builder()
            .trace_type("system")
            .service_type("ECS")
            .trace_name(self.name)
            .from(number(
                self.from.saturating_sub(MARGIN).unwrap_or(self.from),
            ))
            .to(number(self.to.saturating_add(MARGIN).unwrap_or(self.to)))
            .limit(PAGE);
        let wanted = match next {
            Some(next) => wanted.next(next),
            None => wanted,
        };
        let wanted = wanted.build()?;
        let page = self.client.read_evidence(&wanted, "traces").await?;
        let traces = page.traces.unwrap_or_default();
        let marker = page.meta_data.and_then(|meta| meta.marker);
        let read = traces.iter().filter_map(ActionTrace::read).collect();
        Ok((read, marker.filter(|marker| !marker.is_empty())))
    }
}

/// Returns `true` if the rights or the service are missing.
fn is_refused(error: &Error) -> bool {
    matches!(
        error.problem().status(),
        Some(400 | 401 | 403 | 404 | 405 | 501)
    ) || matches!(
        error.kind(),
        ErrorKind::Credentials | ErrorKind::NotTheService
    )
}
