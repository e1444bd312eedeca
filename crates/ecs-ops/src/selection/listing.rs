//! The servers of the project, as the service lists them.

use std::collections::HashSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use ecs_model::{ListServersDetails, Server};

use super::{SelectError, Selection, ServerRef};
use crate::{Client, Error, ErrorKind, Problem};

/// How many servers a page has: what the vendor advises for large fleets.
const PAGE: u64 = 200;

/// The servers of a project: all of them when awaited, or [those that are meant](Self::select).
#[derive(Clone, Debug)]
#[must_use = "nothing is listed before it is awaited"]
pub struct Servers {
    client: Client,
}

/// The servers that a selection means, and those that it could be asked about.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selected {
    /// The servers that are meant; each has an id.
    pub servers: Vec<Server>,
    /// Servers that were given by id or name and left out by a condition.
    pub left_out: Vec<Server>,
}

impl Servers {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Lists the servers that are meant. What the service can filter it filters; the rest is done here, and the result is
    /// the same either way. A selection that seems misspelt is looked at once more with the list of all servers.
    ///
    /// # Errors
    /// The servers cannot be listed, or [`Selection::choose`] finds something wrong.
    pub async fn select(self, selection: &Selection) -> Result<Selected, SelectError> {
        let filter = ServiceFilter::of(selection);
        let listed = self.list(&filter).await.map_err(SelectError::List)?;
        match take(selection, listed) {
            Err(_) if !filter.is_empty() => {
                let all = ServiceFilter::default();
                let listed = self.list(&all).await.map_err(SelectError::List)?;
                take(selection, listed)
            }
            taken => taken,
        }
        .map_err(SelectError::Selection)
    }

    async fn list(&self, filter: &ServiceFilter) -> Result<Vec<Server>, Error> {
        let mut found: Vec<Server> = Vec::new();
        let mut seen = HashSet::new();
        for page in 1.. {
            let list = self.client.read(&filter.page(page)?).await?;
            let (all, servers) = (list.count, list.servers.unwrap_or_default());
            let before = found.len();
            let is_short = servers.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for server in servers {
                let Some(id) = server.id else {
                    let problem = Problem::new("the list of servers has one without a readable id");
                    return Err(Error::new(ErrorKind::Unreachable, problem));
                };
                if seen.insert(id) {
                    found.push(server);
                }
            }
            // A short page is not the end, since the service may allow less than we ask for; one with nothing new is.
            let all = all.and_then(|all| usize::try_from(all).ok());
            if found.len() == before || (is_short && all.is_some_and(|all| found.len() >= all)) {
                break;
            }
        }
        Ok(found)
    }
}

impl IntoFuture for Servers {
    type Output = Result<Vec<Server>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.list(&ServiceFilter::default()).await })
    }
}

/// Chooses, and takes the servers out of the list.
fn take(selection: &Selection, listed: Vec<Server>) -> Result<Selected, super::SelectionError> {
    if selection.is_all() && !listed.is_empty() {
        return Ok(Selected {
            servers: listed,
            left_out: Vec::new(),
        });
    }
    let chosen = selection.choose(&listed)?;
    let places = |servers: &[super::ChosenServer<'_>]| -> Vec<usize> {
        servers.iter().map(|server| server.index).collect()
    };
    let (chosen, left_out) = (places(&chosen.servers), places(&chosen.left_out));
    let mut listed: Vec<Option<Server>> = listed.into_iter().map(Some).collect();
    let mut take = |places: Vec<usize>| -> Vec<Server> {
        let taken = places
            .into_iter()
            .filter_map(|place| listed.get_mut(place)?.take());
        taken.collect()
    };
    Ok(Selected {
        servers: take(chosen),
        left_out: take(left_out),
    })
}

/// What the service filters by. Each filter finds at least the servers that the selection means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceFilter {
    /// A text that names contain.
    name: Option<String>,
    status: Option<String>,
    tag: Option<String>,
    flavor: Option<String>,
    address: Option<String>,
}

impl ServiceFilter {
    /// The filters for a selection. `not-tags` is not among them: the vendor's page says that it leaves out tags that
    /// *contain* the value, so it can leave out more servers than are meant. Neither are two values of one kind, for which
    /// the page has no form.
    pub(super) fn of(selection: &Selection) -> Self {
        let name = match (selection.names.as_slice(), selection.servers.as_deref()) {
            ([pattern], _) => pattern.literal(),
            ([], Some([ServerRef::Name(name)])) => Some(name.clone()).filter(|name| is_plain(name)),
            _ => None,
        };
        let tag = selection.tags.iter().find_map(super::TagFilter::exact);
        Self {
            name,
            status: only(&selection.statuses).map(|status| status.as_str().to_owned()),
            tag: tag.filter(|tag| !tag.contains(',')),
            flavor: only(&selection.flavors).cloned(),
            address: only(&selection.addresses).and_then(super::AddressFilter::exact_v4),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The request for a page, counted from 1.
    fn page(&self, page: u64) -> Result<ListServersDetails, Error> {
        let mut query = ListServersDetails::builder().offset(page).limit(PAGE);
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
            .build()
            .map_err(|error| Error::invalid(error.to_string()))
    }
}

fn only<T>(values: &[T]) -> Option<&T> {
    match values {
        [only] => Some(only),
        _ => None,
    }
}

/// Whether the service takes a text for itself: a period stands for any character there, so it finds more.
fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
