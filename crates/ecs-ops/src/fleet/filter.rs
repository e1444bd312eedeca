//! The filters of the service for a list of servers.

use ecs_model::ListServersDetailsBuilder;

/// The filters of a list, by the vendor's page *Listing Details About ECSs*; a server must pass all
/// of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListFilter {
    /// A text that names contain; a period stands for any character.
    pub(crate) name: Option<String>,
    /// Finds servers on their way out of it, too.
    pub(crate) status: Option<String>,
    /// `key=value`.
    pub(crate) tag: Option<String>,
    /// A flavor's id.
    pub(crate) flavor: Option<String>,
    /// A text that a private IPv4 address contains.
    pub(crate) address: Option<String>,
}

impl ListFilter {
    /// Returns `true` if every server passes.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the filters to a request.
    pub(super) fn apply(&self, mut query: ListServersDetailsBuilder) -> ListServersDetailsBuilder {
        if let Some(name) = &self.name {
            query = query.name(name);
        }
        if let Some(status) = &self.status {
            query = query.status(status);
        }
        if let Some(tag) = &self.tag {
            query = query.tags(tag);
        }
        if let Some(flavor) = &self.flavor {
            query = query.flavor(flavor);
        }
        if let Some(address) = &self.address {
            query = query.ip(address);
        }
        query
    }
}
