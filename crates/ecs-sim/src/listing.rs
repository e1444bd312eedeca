//! Misbehaviour of the list of servers, as met by clients of such lists.

/// The default limit of ids in a filter, where the list supports one: the advice of Huawei Cloud's
/// SDK, which keeps the address short enough.
pub const FILTERED_IDS: usize = 100;

/// The handling of `server_id`, which names servers by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdFilter {
    /// Ignored, as an undocumented parameter (Open Telekom Cloud).
    #[default]
    Ignored,
    /// Refused with 400.
    Refused,
    /// Lists only these servers and ignores other filters (Huawei Cloud). An unknown id gets a row
    /// with only its id. More ids than this are refused with 400.
    Limited(usize),
}

/// A misbehaviour of the list of servers. Several can be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListQuirk {
    /// `marker` is ignored, as where only page numbers are documented.
    IgnoresMarker,
    /// A `marker` is refused with 400, as an unknown parameter.
    RefusesMarker,
    /// Every request gets the first page, whatever `offset` or `marker` say.
    IgnoresPages,
    /// Every request gets all servers, whatever `limit`, `offset` and `marker` say.
    IgnoresEverything,
    /// No page has more servers than this, while pages are counted in the requested size: some
    /// servers between two pages are lost.
    CapsPages(usize),
    /// No page has more servers than this, and pages are counted in this size.
    SmallPages(usize),
    /// After the last page comes the last page again, forever.
    RepeatsLastPage,
    /// `count` is off by this much.
    CountOff(i64),
    /// `count` is the number of servers on the page.
    CountsPage,
    /// `count` is missing.
    NoCount,
    /// Each time after this number of requests, the first server of the list is gone, and the others move up
    /// by one.
    Shrinks(usize),
    /// Each time after this number of requests, a server is added at the beginning, and the others move down
    /// by one.
    Grows(usize),
}

/// The misbehaviour of the list, and the number of requests for it.
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

    /// Returns the servers of the list at this request, and counts the request.
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

    /// Returns the largest number of servers on a page, and the size in which pages are counted.
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

    /// Returns the `count` of the list.
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
