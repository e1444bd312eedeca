//! Which servers a list holds, and which of them are on a page.

use std::time::Duration;

use crate::fleet::Server;
use crate::render::tags_of;

const DEFAULT_LIMIT: usize = 25;

/// The filters and the page of a list, as its query string gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListQuery {
    name: Option<String>,
    status: Option<String>,
    tags: Option<String>,
    not_tags: Option<String>,
    ip: Option<String>,
    flavor: Option<String>,
    reservation_id: Option<String>,
    page: Option<usize>,
    limit: Option<usize>,
}

/// One page.
pub(crate) struct Page<'a> {
    pub(crate) servers: Vec<&'a Server>,
    /// How many there are on all pages.
    pub(crate) count: usize,
}

impl ListQuery {
    /// Reads a query string that `ecs-model` has found valid.
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
                "offset" => found.page = value.parse().ok(),
                "limit" => found.limit = value.parse().ok(),
                _ => {}
            }
        }
        found
    }

    /// The page of these servers that is asked for. Its number counts from 1; 0 is the first page too.
    pub(crate) fn page<'a>(&self, servers: &'a [Server], now: Duration) -> Page<'a> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let skipped = self.page.unwrap_or(1).saturating_sub(1);
        let skipped = skipped.saturating_mul(limit);
        if self.takes_all() {
            return Page {
                servers: servers.iter().skip(skipped).take(limit).collect(),
                count: servers.len(),
            };
        }
        let mut page = Page {
            servers: Vec::new(),
            count: 0,
        };
        for server in servers.iter().filter(|server| self.takes(server, now)) {
            if page.count >= skipped && page.servers.len() < limit {
                page.servers.push(server);
            }
            page.count += 1;
        }
        page
    }

    fn takes_all(&self) -> bool {
        let page_only = Self {
            page: self.page,
            limit: self.limit,
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
            && all(&self.reservation_id, &|id| {
                crate::render::reservation_id(server) == id
            })
    }
}

/// Whether a text contains a pattern, in which a period stands for any character but a line break.
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

/// Whether a server in this status is found by a filter: `ACTIVE` also finds what is only passing through another status.
fn has_status(filter: &str, status: &str) -> bool {
    filter == status || (filter == "ACTIVE" && matches!(status, "REBOOT" | "HARD_REBOOT"))
}

/// Whether a server has all of these tags, parted by commas: each as `key=value`, or a key alone for any value.
fn has_tags(server: &Server, wanted: &str) -> bool {
    let tags = tags_of(server);
    let key = |tag: &str| tag.split_once('=').map(|(key, _)| key.to_owned());
    wanted.split(',').all(|wanted| {
        tags.iter()
            .any(|tag| tag == wanted || key(tag).as_deref() == Some(wanted))
    })
}
