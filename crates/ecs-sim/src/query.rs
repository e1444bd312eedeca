//! Filters and pages of a list.

use std::collections::HashSet;
use std::time::Duration;

use ecs_model::ServerId;

use crate::attributes::{reservation_id, tags_of};
use crate::fleet::Server;
use crate::listing::{IdFilter, ListQuirk, Quirks};

const DEFAULT_LIMIT: usize = 25;

/// The filters and the page of a list, from its query string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListQuery {
    name: Option<String>,
    status: Option<String>,
    tags: Option<String>,
    not_tags: Option<String>,
    ip: Option<String>,
    flavor: Option<String>,
    reservation_id: Option<String>,
    /// The ids of `server_id`, as given.
    server_ids: Option<Vec<String>>,
    page: Option<usize>,
    /// The last server of the previous page.
    marker: Option<String>,
    limit: Option<usize>,
}

/// A page.
pub(crate) struct Page<'a> {
    pub(crate) servers: Vec<&'a Server>,
    /// Requested ids that no server has.
    pub(crate) absent: Vec<String>,
    /// The number of servers on all pages, if the list states it.
    pub(crate) count: Option<usize>,
}

impl ListQuery {
    /// Parses a query string that `ecs-model` has validated.
    pub(crate) fn parse(query: &str) -> Self {
        let mut found = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "name" => found.name = Some(value),
                "status" => found.status = Some(value),
                "tags" => found.tags = Some(value),
                "not-tags" => found.not_tags = Some(value),
                "ip" => found.ip = Some(value),
                "flavor" => found.flavor = Some(value),
                "reservation_id" => found.reservation_id = Some(value),
                "server_id" => {
                    let ids = value.split(',').map(|id| id.trim().to_owned());
                    found.server_ids.get_or_insert_default().extend(ids);
                }
                "offset" => found.page = value.parse().ok(),
                "marker" => found.marker = Some(value),
                "limit" => found.limit = value.parse().ok(),
                _ => {}
            }
        }
        found
    }

    /// Returns the servers that are requested by id, in the order of the list.
    ///
    /// # Errors
    /// The ids are refused, or are too many.
    pub(crate) fn page_by_ids<'a>(
        &self,
        servers: &'a [Server],
        filter: IdFilter,
        quirks: &Quirks,
    ) -> Option<Result<Page<'a>, String>> {
        let ids = self.server_ids.as_ref()?;
        let limit = match filter {
            IdFilter::Ignored => return None,
            IdFilter::Refused => {
                let message = "server_id is not a parameter of this list";
                return Some(Err(message.to_owned()));
            }
            IdFilter::Limited(limit) => limit,
        };
        if ids.len() > limit {
            let count = ids.len();
            return Some(Err(format!(
                "server_id has {count} ids, and at most {limit} are taken"
            )));
        }
        let mut wanted: HashSet<ServerId> = ids.iter().flat_map(|id| id.parse()).collect();
        let (most, _) = quirks.sizes(self.limit.unwrap_or(DEFAULT_LIMIT));
        let found = servers.iter().filter(|server| wanted.remove(&server.id));
        let found: Vec<&Server> = found.take(most).collect();
        // A text that is not a server id is no server's id.
        let is_absent = |id: &&String| id.parse().map_or(true, |id| wanted.contains(&id));
        let absent = ids.iter().filter(is_absent).take(most - found.len());
        let absent: Vec<String> = absent.cloned().collect();
        let rows = found.len() + absent.len();
        Some(Ok(Page {
            servers: found,
            absent,
            count: quirks.count(rows, rows),
        }))
    }

    /// Returns the requested page of these servers. Page numbers count from 1; 0 is the first page
    /// too. A marker takes precedence over the number.
    ///
    /// # Errors
    /// The marker is not a server of the list, or markers are refused.
    pub(crate) fn page<'a>(
        &self,
        servers: &'a [Server],
        quirks: &Quirks,
        now: Duration,
    ) -> Result<Page<'a>, String> {
        let (most, size) = quirks.sizes(self.limit.unwrap_or(DEFAULT_LIMIT));
        let taken: Vec<&Server> = if self.takes_all() {
            servers.iter().collect()
        } else {
            servers
                .iter()
                .filter(|item| self.takes(item, now))
                .collect()
        };
        let skipped = self.skipped(&taken, size, quirks)?;
        let on_page: Vec<&Server> = taken.iter().skip(skipped).take(most).copied().collect();
        let servers = if on_page.is_empty() && quirks.has(ListQuirk::RepeatsLastPage) {
            let pages = taken.len().div_ceil(size.max(1)).saturating_sub(1);
            let last = taken.iter().skip(pages * size).take(most);
            last.copied().collect()
        } else {
            on_page
        };
        Ok(Page {
            count: quirks.count(taken.len(), servers.len()),
            absent: Vec::new(),
            servers,
        })
    }

    /// Returns the number of servers before the page.
    fn skipped(&self, taken: &[&Server], size: usize, quirks: &Quirks) -> Result<usize, String> {
        let first_only = [ListQuirk::IgnoresPages, ListQuirk::IgnoresEverything];
        if first_only.into_iter().any(|quirk| quirks.has(quirk)) {
            return Ok(0);
        }
        match &self.marker {
            Some(_) if quirks.has(ListQuirk::IgnoresMarker) => {}
            Some(_) if quirks.has(ListQuirk::RefusesMarker) => {
                return Err("marker is not a parameter of this list".to_owned());
            }
            Some(marker) => {
                let place = taken.iter().position(|item| item.id.to_string() == *marker);
                let place = place.ok_or_else(|| format!("marker [{marker}] not found"))?;
                return Ok(place + 1);
            }
            None => {}
        }
        let before = self.page.unwrap_or(1).saturating_sub(1);
        Ok(before.saturating_mul(size))
    }

    fn takes_all(&self) -> bool {
        let page_only = Self {
            page: self.page,
            marker: self.marker.clone(),
            limit: self.limit,
            // Not reached if ids are requested.
            server_ids: self.server_ids.clone(),
            ..Self::default()
        };
        *self == page_only
    }

    fn takes(&self, server: &Server, now: Duration) -> bool {
        let all = |filter: &Option<String>, takes: &dyn Fn(&str) -> bool| {
            filter.as_deref().is_none_or(takes)
        };
        all(&self.name, &|name| fuzzy(name, &server.name))
            && all(&self.status, &|status| {
                has_status(status, server.view(now).status)
            })
            && all(&self.tags, &|tags| has_tags(server, tags))
            && all(&self.not_tags, &|tags| !has_tags(server, tags))
            && all(&self.ip, &|ip| server.ip().to_string().contains(ip))
            && all(&self.flavor, &|flavor| server.flavor().id == flavor)
            && all(&self.reservation_id, &|id| reservation_id(server) == id)
    }
}

/// Returns whether a text contains a pattern, in which a period matches any character but a line
/// break.
pub(crate) fn fuzzy(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let fits = |(wanted, found): (&char, &char)| match wanted {
        '.' => !matches!(found, '\n' | '\r'),
        wanted => wanted == found,
    };
    pattern.is_empty()
        || text
            .windows(pattern.len())
            .any(|part| pattern.iter().zip(part).all(fits))
}

/// Returns whether a filter matches a server in this status: `ACTIVE` also matches servers that are
/// temporarily in another status.
fn has_status(filter: &str, status: &str) -> bool {
    filter == status || (filter == "ACTIVE" && matches!(status, "REBOOT" | "HARD_REBOOT"))
}

/// Returns whether a server has all of these comma-separated tags: each as `key=value`, or a key
/// alone for any value.
fn has_tags(server: &Server, wanted: &str) -> bool {
    let tags = tags_of(server);
    let key = |tag: &str| tag.split_once('=').map(|(key, _)| key.to_owned());
    wanted.split(',').all(|wanted| {
        tags.iter()
            .any(|tag| tag == wanted || key(tag).as_deref() == Some(wanted))
    })
}
