//! The servers of the project, as the service lists them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use ecs_model::Server;

use super::{SelectError, Selection, ServerRef};
use crate::fleet::{ListFilter, filtered_servers};
use crate::{Client, Error};

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
    pub skipped: Vec<Server>,
    /// The number of servers that were given again, by id or by name; each is there once.
    pub repeated: usize,
}

impl Client {
    /// The servers of the project: awaited, all of them, page by page; or [those that are
    /// meant](Servers::select).
    ///
    /// # Errors
    /// When awaited: refused, or no readable answer after a few attempts.
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable): the list is not whole, after two
    /// new tries, because its pages shift or repeat, disagree with its count, or have a server
    /// without a readable id.
    ///
    /// ```
    /// # use ecs_ops::{Client, model::Server};
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use ecs_ops::selection::{NamePattern, Selection};
    ///
    /// let all: Vec<Server> = client.servers().await?;
    /// let web = Selection::all().name(NamePattern::glob("web-*")?).tag("env=prod".parse()?);
    /// let selected = client.servers().select(&web).await?;
    /// # let _ = (all, selected); Ok(()) }
    /// ```
    pub fn servers(&self) -> Servers {
        Servers {
            client: self.clone(),
        }
    }
}

impl Servers {
    /// Lists the servers that are meant. What the service can filter it filters; the rest is done
    /// here, and the result is the same either way. A selection that seems misspelt is checked
    /// once more with the list of all servers.
    ///
    /// # Errors
    /// The servers cannot be listed, or [`Selection::choose`] finds something wrong.
    pub async fn select(self, selection: &Selection) -> Result<Selected, SelectError> {
        let filter = filter_of(selection);
        let listed = filtered_servers(&self.client.0.core, &filter)
            .await
            .map_err(SelectError::List)?;
        match take(selection, listed) {
            Err(_) if !filter.is_empty() => {
                let all = ListFilter::default();
                let listed = filtered_servers(&self.client.0.core, &all)
                    .await
                    .map_err(SelectError::List)?;
                take(selection, listed)
            }
            taken => taken,
        }
        .map_err(SelectError::Selection)
    }
}

impl IntoFuture for Servers {
    type Output = Result<Vec<Server>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { crate::fleet::servers(&self.client).await })
    }
}

/// Chooses, and takes the servers out of the list.
fn take(selection: &Selection, listed: Vec<Server>) -> Result<Selected, super::SelectionError> {
    if selection.is_all() && !listed.is_empty() {
        return Ok(Selected {
            servers: listed,
            ..Selected::default()
        });
    }
    let chosen = selection.choose(&listed)?;
    let places = |servers: &[super::ChosenServer<'_>]| -> Vec<usize> {
        servers.iter().map(|server| server.index).collect()
    };
    let repeated = chosen.repeated;
    let (chosen, skipped) = (places(&chosen.servers), places(&chosen.skipped));
    let mut listed: Vec<Option<Server>> = listed.into_iter().map(Some).collect();
    let mut take = |places: Vec<usize>| -> Vec<Server> {
        let taken = places
            .into_iter()
            .filter_map(|place| listed.get_mut(place)?.take());
        taken.collect()
    };
    Ok(Selected {
        servers: take(chosen),
        skipped: take(skipped),
        repeated,
    })
}

/// The filters of the service for a selection; each finds at least the servers that are meant.
/// `not-tags` is not among them: the vendor's page says that it omits tags that *contain* the
/// value, so it can omit more servers than are meant. Neither are two values of one kind, for
/// which the page has no form.
pub(super) fn filter_of(selection: &Selection) -> ListFilter {
    let name = match (selection.names.as_slice(), selection.servers.as_deref()) {
        ([pattern], _) => pattern.literal(),
        ([], Some([ServerRef::Name(name)])) => Some(name.clone()).filter(|name| is_plain(name)),
        _ => None,
    };
    let tag = selection.tags.iter().find_map(super::TagFilter::exact);
    ListFilter {
        name,
        status: only(&selection.statuses).map(|status| status.as_str().to_owned()),
        tag: tag.filter(|tag| !tag.contains(',')),
        flavor: only(&selection.flavors).cloned(),
        address: only(&selection.addresses).and_then(super::AddressFilter::exact_v4),
    }
}

fn only<T>(values: &[T]) -> Option<&T> {
    match values {
        [only] => Some(only),
        _ => None,
    }
}

/// Returns `true` if the service takes a text for itself: a period stands for any character there,
/// so it finds more.
fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
