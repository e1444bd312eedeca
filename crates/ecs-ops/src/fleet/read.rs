//! Reading a list page by page, with new tries where its pages do not add up.

use std::hash::Hash;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::{Client, Error, ErrorKind, Problem, RequestContext, Stale};
use ecs_model::{ListServersDetails, Server, ServerId};

use super::filter::ListFilter;
use super::listing::{Listing, ListingStep, Page, Query};

/// The number of servers per page: what the vendor advises for large fleets.
pub(super) const PAGE: usize = 200;
/// The number of times that a list is begun.
const TRIES: u32 = 3;
/// The time between two tries, by the service's clock: what shifts the pages should be over.
const PAUSE: Duration = Duration::from_secs(2);

/// A list that has pages.
pub(super) trait Pages: Sync {
    /// The keys that distinguish rows.
    type Key: Clone + Eq + Hash + Send;
    /// A row.
    type Row: Send;

    /// Asks for one page of at most `limit` rows.
    fn read<'a>(
        &'a self,
        client: &'a Client,
        query: Query<Self::Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page<Self::Row>, Error>>;
}

/// All rows of a list.
///
/// # Errors
/// As of the reads; [`ErrorKind::Unreachable`]: the list is not whole, also after new tries.
pub(super) async fn whole<P: Pages>(
    client: &Client,
    pages: &P,
    mut listing: Listing<P::Key, P::Row>,
    purpose: &str,
) -> Result<Vec<P::Row>, Error> {
    let mut tries = 1;
    loop {
        match next(client, pages, &mut listing).await? {
            ListingStep::More => {}
            ListingStep::Whole => return Ok(listing.into_rows()),
            ListingStep::Broken(fault) if fault.is_transient() && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(client.scaled(PAUSE)).await;
                listing = listing.again(fault);
            }
            ListingStep::Broken(fault) => {
                let tried = match tries {
                    1 => String::new(),
                    tries => format!(" (tried {tries} times)"),
                };
                let problem = Problem::new(format!(
                    "the list of {purpose} is not whole: {fault}{tried}"
                ));
                return Err(Error::new(ErrorKind::Unreachable, problem));
            }
        }
    }
}

/// Asks for the next page and takes it.
async fn next<P: Pages>(
    client: &Client,
    pages: &P,
    listing: &mut Listing<P::Key, P::Row>,
) -> Result<ListingStep, Error> {
    let query = listing.query();
    let by_marker = matches!(query, Query::After(_));
    match pages.read(client, query, listing.limit()).await {
        Ok(page) => Ok(listing.take(page)),
        Err(error) if by_marker && refuses_marker(&error) => Ok(listing.refused()),
        Err(error) => Err(error),
    }
}

/// Returns `true` if it may be the marker that was refused.
fn refuses_marker(error: &Error) -> bool {
    matches!(error.problem().status(), Some(400 | 404))
}

/// The servers of a project that pass a filter of the service.
struct ServerList<'f> {
    filter: &'f ListFilter,
    /// `true` if an answer of a cache is an error.
    now: bool,
}

impl Pages for ServerList<'_> {
    type Key = ServerId;
    type Row = Server;

    fn read<'a>(
        &'a self,
        client: &'a Client,
        query: Query<ServerId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page<Server>, Error>> {
        Box::pin(async move {
            let wanted = ListServersDetails::builder().limit(u64::try_from(limit).unwrap_or(1));
            let wanted = match query {
                Query::Page { number, .. } => wanted.offset(number),
                Query::After(id) => wanted.marker(id.to_string()),
            };
            let wanted = self.filter.apply(wanted).build()?;
            let mut context = RequestContext::read();
            let page = client.execute(&wanted, &mut context).await?;
            if self.now && context.stale().is_some() {
                return Err(no_evidence(context.stale()));
            }
            Ok(Page {
                rows: page.servers.unwrap_or_default(),
                count: page.count,
            })
        })
    }
}

/// The error of an answer that comes from a cache.
pub(super) fn no_evidence(stale: Option<&Stale>) -> Error {
    let stale = stale.map(Stale::to_string).unwrap_or_default();
    let problem = Problem::new(format!("the list is no evidence: {stale}"));
    Error::new(ErrorKind::Cached, problem)
}

/// All servers of the project.
pub(crate) async fn servers(client: &crate::Client) -> Result<Vec<Server>, Error> {
    let servers = filtered_servers(&client.0.core, &ListFilter::default()).await?;
    client.0.place.set_project_servers(servers.len());
    Ok(servers)
}

/// The servers of the project that pass the filter of the service.
pub(crate) async fn filtered_servers(
    client: &Client,
    filter: &ListFilter,
) -> Result<Vec<Server>, Error> {
    let listing = Listing::by_marker(PAGE, |server: &Server| server.id);
    let pages = ServerList { filter, now: false };
    whole(client, &pages, listing, "servers").await
}

/// Returns a size of pages that differs from that of the list before.
pub(super) fn varied_size(client: &Client) -> usize {
    /// The number of lists in a row with pages of different sizes.
    const SIZES: u64 = 40;
    usize::try_from(client.next_number() % SIZES).unwrap_or_default()
}

/// The servers of the project as they are now, as far as one try shows them: for polls of servers
/// that are known anyway. An answer of a cache is an error. Each list has another size of page, so
/// that what a cache keeps of one does not answer the next.
pub(super) async fn servers_now(client: &crate::Client) -> Result<Vec<Server>, Error> {
    let core = &client.0.core;
    let listing = Listing::by_number(PAGE - varied_size(core), |server: &Server| server.id);
    let mut listing = listing.trusting_count();
    let pages = ServerList {
        filter: &ListFilter::default(),
        now: true,
    };
    while next(core, &pages, &mut listing).await? == ListingStep::More {}
    let servers = listing.into_rows();
    client.0.place.set_project_servers(servers.len());
    Ok(servers)
}

/// All servers of the project as they are now, with new tries. An answer of a cache is an error. Each
/// list has another size of page, as in [`servers_now`].
pub(super) async fn whole_list_now(client: &crate::Client) -> Result<Vec<Server>, Error> {
    let core = &client.0.core;
    let listing = Listing::by_marker(PAGE - varied_size(core), |server: &Server| server.id);
    let pages = ServerList {
        filter: &ListFilter::default(),
        now: true,
    };
    let servers = whole(core, &pages, listing, "servers").await?;
    client.0.place.set_project_servers(servers.len());
    Ok(servers)
}

#[cfg(test)]
pub(in crate::fleet) mod tests;
