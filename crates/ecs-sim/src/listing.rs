//! How the list of servers can misbehave: what clients of such lists have met.

/// The most ids that a list filters by where it does, by default: what Huawei Cloud's SDK advises, so that the address does not
/// become too long.
pub const FILTERED_IDS: usize = 100;

/// What a list does with `server_id`, which names servers by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdFilter {
    /// It is ignored, as a parameter that is not documented (Open Telekom Cloud).
    #[default]
    Ignored,
    /// It is refused with 400.
    Refused,
    /// Only these servers are listed, and other filters are ignored (Huawei Cloud). An id that no server has gets a row of its id
    /// only. More ids than this are refused with 400.
    Limited(usize),
}

/// A way in which the list of servers misbehaves. Several can be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListQuirk {
    /// `marker` is ignored, as where only numbers of pages are documented.
    IgnoresMarker,
    /// A `marker` is refused with 400, as a parameter that does not exist.
    RefusesMarker,
    /// Every request gets the first page, whatever `offset` or `marker` say.
    IgnoresPages,
    /// Every request gets all servers, whatever `limit`, `offset` and `marker` say.
    IgnoresEverything,
    /// No page has more servers than this, while pages are counted in the size that was asked for: between two pages some
    /// are lost.
    CapsPages(usize),
    /// No page has more servers than this, and pages are counted in this size.
    SmallPages(usize),
    /// After the last page comes the last page again, and again.
    RepeatsLastPage,
    /// `count` is this much more (or less) than there are.
    CountOff(i64),
    /// `count` says how many servers are on the page.
    CountsPage,
    /// There is no `count`.
    NoCount,
    /// After each of so many requests, the first server of the list is gone: what follows moves up by one.
    Shrinks(usize),
    /// After each of so many requests, there is one more server at the beginning: what follows moves down by one.
    Grows(usize),
}

/// The list's misbehaviour, and how often it was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quirks {
    quirks: Vec<ListQuirk>,
    requests: usize,
}

impl Quirks {
    pub(crate) fn new(quirks: &[ListQuirk]) -> Self {
        Self {
            quirks: quirks.to_vec(),
            requests: 0,
        }
    }

    pub(crate) fn has(&self, quirk: ListQuirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Returns the servers that the list knows of at this request, which counts.
    pub(crate) fn visible<'a, T>(&mut self, servers: &'a [T]) -> &'a [T] {
        let before = self.requests;
        self.requests = before.saturating_add(1);
        let hidden = |quirk: &ListQuirk| match quirk {
            ListQuirk::Shrinks(times) => before.min(*times),
            ListQuirk::Grows(times) => times.saturating_sub(before),
            _ => 0,
        };
        let hidden: usize = self.quirks.iter().map(hidden).sum();
        servers.get(hidden..).unwrap_or_default()
    }

    /// Returns the most servers on a page, and the size that pages are counted in.
    pub(crate) fn sizes(&self, limit: usize) -> (usize, usize) {
        let mut sizes = (limit, limit);
        for quirk in &self.quirks {
            match quirk {
                ListQuirk::IgnoresEverything => sizes = (usize::MAX, limit),
                ListQuirk::CapsPages(most) => sizes.0 = sizes.0.min(*most),
                ListQuirk::SmallPages(most) => {
                    sizes = (sizes.0.min(*most), sizes.1.min(*most));
                }
                _ => {}
            }
        }
        sizes
    }

    /// What the list says of how many there are.
    pub(crate) fn count(&self, all: usize, on_page: usize) -> Option<usize> {
        let mut count = Some(all);
        for quirk in &self.quirks {
            count = match quirk {
                ListQuirk::NoCount => None,
                ListQuirk::CountsPage => count.map(|_| on_page),
                ListQuirk::CountOff(off) => count.map(|count| {
                    let off = isize::try_from(*off).unwrap_or(0);
                    count.saturating_add_signed(off)
                }),
                _ => count,
            };
        }
        count
    }
}
