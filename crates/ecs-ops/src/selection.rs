//! The selection of servers: by id, by name, and by what the service shows of them.
//!
//! | module | holds |
//! |---|---|
//! | `server_ref` | [`ServerRef`]: a server as a person names it |
//! | `filter` | [`NamePattern`], [`TagFilter`], [`AddressFilter`]: one condition each |
//! | `choose` | the decision: a list of servers in, those that are meant out; pure |
//! | `error` | [`SelectionError`]: what is wrong with a selection |
//! | `listing` | [`Servers`]: the list from the service, filtered there as far as it can |
//!
//! Several values of one kind widen a selection (`status` ACTIVE or SHUTOFF), several kinds narrow
//! it, and each tag narrows it.
//!
//! ```
//! use ecs_ops::model::Server;
//! use ecs_ops::selection::Selection;
//!
//! let servers: Vec<Server> = serde_json::from_str(r#"[
//!     {"id": "616fb98f-46ca-475e-917e-2563e5a8cd19", "name": "web-1", "status": "ACTIVE", "tags": ["role=web"]},
//!     {"id": "726fb98f-46ca-475e-917e-2563e5a8cd20", "name": "db-1", "status": "ACTIVE", "tags": ["role=db"]}
//! ]"#)?;
//! let selection = Selection::all().tag("role=web".parse()?).status("ACTIVE".into());
//! let chosen = selection.choose(&servers)?;
//! assert_eq!(chosen.ids().map(|id| id.to_string()).collect::<Vec<_>>(), ["616fb98f-46ca-475e-917e-2563e5a8cd19"]);
//!
//! // A key that no server has was misspelt: not taken for "nothing to do".
//! let error = Selection::all().tag("roel=web".parse()?).choose(&servers).unwrap_err();
//! assert_eq!(error.to_string(), "no server has a tag with the key \"roel\" (keys in use: role)");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod choose;
mod error;
mod filter;
mod listing;
mod server_ref;

use ecs_model::{ServerId, ServerStatus};
use jiff::Timestamp;

pub use choose::{Chosen, ChosenServer};
pub use error::{SelectError, SelectionError, SelectionProblem};
pub use filter::{AddressFilter, NamePattern, ParseFilterError, TagFilter};
pub use listing::{Selected, Servers};
pub use server_ref::{ParseServerRefError, ServerRef};

/// The description of the wanted servers. Starts from [all](Self::all) servers of a project or from
/// [some](Self::of), and is narrowed.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Selection {
    /// `None`: all servers of the project.
    servers: Option<Vec<ServerRef>>,
    names: Vec<NamePattern>,
    tags: Vec<TagFilter>,
    not_tags: Vec<TagFilter>,
    statuses: Vec<ServerStatus>,
    zones: Vec<String>,
    flavors: Vec<String>,
    addresses: Vec<AddressFilter>,
    enterprise_projects: Vec<String>,
    server_groups: Vec<String>,
    created_before: Option<Timestamp>,
    unchanged_since: Option<Timestamp>,
    excluded: Vec<ServerRef>,
}

impl Selection {
    /// All servers of the project.
    pub fn all() -> Self {
        Self::default()
    }

    /// These servers, in this order.
    pub fn of(servers: impl IntoIterator<Item = ServerRef>) -> Self {
        Self {
            servers: Some(servers.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Servers whose name fits this pattern, or another one that is given.
    pub fn name(mut self, pattern: NamePattern) -> Self {
        self.names.push(pattern);
        self
    }

    /// Servers with this tag, and every other one that is given.
    pub fn tag(mut self, tag: TagFilter) -> Self {
        self.tags.push(tag);
        self
    }

    /// Servers without this tag.
    pub fn not_tag(mut self, tag: TagFilter) -> Self {
        self.not_tags.push(tag);
        self
    }

    /// Servers that are shown in this status, or in another one that is given. Exactly: a server
    /// that restarts is in `REBOOT`, not in `ACTIVE`.
    pub fn status(mut self, status: ServerStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Servers in this availability zone, or in another one that is given.
    pub fn availability_zone(mut self, zone: impl Into<String>) -> Self {
        self.zones.push(zone.into());
        self
    }

    /// Servers of the flavor with this id, or of another one that is given.
    pub fn flavor(mut self, flavor: impl Into<String>) -> Self {
        self.flavors.push(flavor.into());
        self
    }

    /// Servers with such an address, private or public, or another one that is given.
    pub fn address(mut self, address: AddressFilter) -> Self {
        self.addresses.push(address);
        self
    }

    /// Servers of the enterprise project with this id, or of another one that is given.
    pub fn enterprise_project(mut self, id: impl Into<String>) -> Self {
        self.enterprise_projects.push(id.into());
        self
    }

    /// Members of the server group with this id, or of another one that is given.
    pub fn server_group(mut self, id: impl Into<String>) -> Self {
        self.server_groups.push(id.into());
        self
    }

    /// Servers that were created before this time, and every other one that is given.
    pub fn created_before(mut self, time: Timestamp) -> Self {
        let earlier = self.created_before.filter(|known| *known < time);
        self.created_before = Some(earlier.unwrap_or(time));
        self
    }

    /// Servers that the service shows unchanged since this time, and every other one that is given, so
    /// that none of them can have been restarted since. One that changed later may have been restarted
    /// or not, and is omitted.
    pub fn unchanged_since(mut self, time: Timestamp) -> Self {
        let earlier = self.unchanged_since.filter(|known| *known < time);
        self.unchanged_since = Some(earlier.unwrap_or(time));
        self
    }

    /// Not this server.
    pub fn exclude(mut self, server: ServerRef) -> Self {
        self.excluded.push(server);
        self
    }

    /// The ids, if nothing but ids was given: then nothing has to be listed to know which servers
    /// are meant.
    pub fn plain_ids(&self) -> Option<Vec<ServerId>> {
        if self.has_conditions() || !self.excluded.is_empty() {
            return None;
        }
        let ids = self.servers.as_ref()?.iter().map(ServerRef::id);
        ids.collect()
    }

    /// Returns `true` if every server of the project is meant.
    pub fn is_all(&self) -> bool {
        self.servers.is_none() && !self.has_conditions() && self.excluded.is_empty()
    }

    /// Returns `true` if the servers were [given](Self::of), by id or by name: each of them is meant.
    pub fn is_given(&self) -> bool {
        self.servers.is_some()
    }

    /// Returns `true` if servers are omitted by what the service shows of them.
    pub(crate) fn has_conditions(&self) -> bool {
        !(self.names.is_empty()
            && self.tags.is_empty()
            && self.not_tags.is_empty()
            && self.statuses.is_empty()
            && self.zones.is_empty()
            && self.flavors.is_empty()
            && self.addresses.is_empty()
            && self.enterprise_projects.is_empty()
            && self.server_groups.is_empty()
            && self.created_before.is_none()
            && self.unchanged_since.is_none())
    }
}

#[cfg(test)]
mod tests;
