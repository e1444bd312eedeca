//! The queries by which some servers of a project are read, and the meaning of an answer to a filter of ids:
//! pure decisions.

use std::collections::HashSet;

use ecs_model::{Server, ServerId};

use crate::fleet::known_place::{PlaceFacts, Support};
use crate::fleet::read::PAGE;

/// The most ids of one `server_id` filter: what the vendor's SDK (huaweicloudsdkecs,
/// `ListServersDetails`) advises, so that the address does not become too long.
pub(crate) const MAX_IDS: usize = 100;

/// The queries by which servers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadPlan {
    /// The list of the whole project.
    WholeList,
    /// One query for each server.
    OneByOne,
    /// The list, filtered by up to [`MAX_IDS`] ids at a time.
    ByIds,
}

/// Returns the number of queries for the list of a project of this size. A page that is not full
/// ends the list.
pub(crate) fn pages(project_servers: usize) -> usize {
    project_servers / PAGE + 1
}

/// The cheapest way of reading `wanted` servers, by its number of queries. A way that was not tried
/// counts one more: the query that may be useless. `pages_if_unknown`: how many pages the list is
/// taken to have if the size of the project is not known.
pub(crate) fn plan(wanted: usize, place: PlaceFacts, pages_if_unknown: usize) -> ReadPlan {
    let pages = place.project_servers.map_or(pages_if_unknown, pages);
    let tried = |support: Support, queries: usize| match support {
        Support::Untried => Some(queries.saturating_add(1)),
        Support::Yes => Some(queries),
        Support::No => None,
    };
    let ways = [
        (Some(pages), ReadPlan::WholeList),
        // Every service documents the query of one server.
        (
            (place.single_queries != Support::No).then_some(wanted),
            ReadPlan::OneByOne,
        ),
        (
            tried(place.id_filter, wanted.div_ceil(MAX_IDS)),
            ReadPlan::ByIds,
        ),
    ];
    // The first of those that cost the same: it needs the least of the service.
    let costs = ways
        .into_iter()
        .filter_map(|(cost, way)| Some((cost?, way)));
    let cheapest = costs.min_by_key(|(cost, _)| *cost);
    cheapest.map_or(ReadPlan::WholeList, |(_, way)| way)
}

/// The result of a list with a filter of ids.
#[derive(Debug)]
pub(crate) struct Filtered {
    /// The requested servers that it shows.
    pub(crate) servers: Vec<Server>,
    /// The service's filter by ids. A service that does not know the filter lists other servers, or
    /// nothing.
    pub(crate) support: Support,
}

/// Reads the rows of an answer to a filter of these ids. What is not among its servers is not
/// absent by that: the answer is no proof of it, whatever it has instead.
pub(crate) fn filtered(asked: &[ServerId], rows: Vec<Server>) -> Filtered {
    let mut open: HashSet<ServerId> = asked.iter().copied().collect();
    let mut as_asked = true;
    let mut servers = Vec::with_capacity(rows.len().min(asked.len()));
    for row in rows {
        let is_open = row.id.is_some_and(|id| open.remove(&id));
        as_asked &= is_open;
        // The row of an id that no server has holds nothing but the id.
        if is_open && row.status.is_some() {
            servers.push(row);
        }
    }
    // A filter that shows few of many takes part of them only, and is not worth another try.
    let is_useful = servers.len().saturating_mul(2) >= asked.len();
    let support = if as_asked && is_useful {
        Support::Yes
    } else {
        Support::No
    };
    Filtered { servers, support }
}

#[cfg(test)]
mod tests;
