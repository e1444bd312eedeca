//! Following the pages of a list until it is whole: pure decisions, no I/O.
//!
//! A list of servers decides what a run acts on, so a part of it must not pass for all of it. The
//! pages of the service can shift while they are read, a gateway can ignore parameters, and `count`
//! can disagree with what was listed. This machine says what to ask for next, and ends with
//! [`ListingStep::Whole`] or with the reason why the list cannot be trusted.
//!
//! Pages are followed by `marker`, the last id of the page before, where the service has it (Huawei
//! Cloud's page *Listing Details About ECSs* recommends it and deprecates `offset`), and by their
//! number otherwise (the same page of Open Telekom Cloud knows `offset` only): a service that
//! answers a marker with the first page again, or refuses it, is asked by number from then on.
//!
//! What cannot be seen: a list followed by number, of which a server is deleted and another one
//! made between the same two pages, so that `count` stays as it was; and a `count` that is too low,
//! of a service whose pages are shorter than what was requested and have gaps between them.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

/// The most rows of a list: what is longer never ends.
pub(crate) const MOST_ROWS: usize = 1_000_000;

/// The next query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Query<K> {
    /// The page with this number, counted from 1, with the number of rows before it.
    Page { number: u64, rows: usize },
    /// The page after the row with this key.
    After(K),
}

/// A page that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    /// The number of rows on all pages, as the service reports it.
    pub(crate) count: Option<u64>,
}

/// The consequence of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListingStep {
    /// Ask for [`Listing::query`].
    More,
    /// [`Listing::into_rows`] has all of it.
    Whole,
    /// The pages do not add up: begin anew with [`Listing::again`], if there is a try left.
    Broken(Fault),
}

/// The reason why the pages of a list do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A row without a readable key.
    NoKey,
    /// `count` changed from one page to the next.
    Changed { from: u64, to: u64 },
    /// A page has rows of a page before.
    Shifted,
    /// A page has the rows of a page before and no others, though there should be more.
    Repeated { found: usize, count: Option<u64> },
    /// The list ended before there were as many rows as `count` says.
    Missing { found: usize, count: u64 },
    /// The marker was refused after it had worked.
    MarkerLost,
    /// More rows than [`MOST_ROWS`].
    Endless,
}

impl Fault {
    /// Returns `true` if another try can end better.
    pub(crate) fn is_transient(self) -> bool {
        !matches!(self, Self::NoKey | Self::Endless)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("it has a row without a readable id"),
            Self::Changed { from, to } => {
                write!(f, "its count changed from {from} to {to} between two pages")
            }
            Self::Shifted => f.write_str("a page has rows of the page before it"),
            Self::Repeated {
                found,
                count: Some(count),
            } => write!(
                f,
                "the service repeats pages: {found} of {count} were found"
            ),
            Self::Repeated { found, count: None } => write!(
                f,
                "the service repeats pages and gives no count: {found} were found"
            ),
            Self::Missing { found, count } => {
                write!(f, "it ended after {found}, and its count is {count}")
            }
            Self::MarkerLost => f.write_str("a page's last server is gone from it"),
            Self::Endless => write!(f, "it has more than {MOST_ROWS} rows"),
        }
    }
}

/// The way in which pages are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By marker; whether the service knows it will be seen.
    Marker {
        proven: bool,
    },
    Number,
}

/// A list that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Listing<K, T> {
    key: fn(&T) -> Option<K>,
    way: Way,
    /// The most rows that are requested on a page.
    limit: usize,
    rows: Vec<T>,
    seen: HashSet<K>,
    last: Option<K>,
    pages: u64,
    /// The number of rows of the first page.
    count: Option<u64>,
    /// The number of rows of the first page.
    first: usize,
    /// The number of rows of the last page.
    last_length: usize,
    /// `true` if the list is read to an empty page, whatever `count` says.
    thorough: bool,
}

impl<K: Clone + Eq + Hash, T> Listing<K, T> {
    /// A list whose service may know markers.
    pub(crate) fn by_marker(limit: usize, key: fn(&T) -> Option<K>) -> Self {
        Self::new(Way::Marker { proven: false }, limit, key)
    }

    /// A list whose service knows numbers only.
    pub(crate) fn by_number(limit: usize, key: fn(&T) -> Option<K>) -> Self {
        Self::new(Way::Number, limit, key)
    }

    fn new(way: Way, limit: usize, key: fn(&T) -> Option<K>) -> Self {
        Self {
            key,
            way,
            limit,
            rows: Vec::new(),
            seen: HashSet::new(),
            last: None,
            pages: 0,
            count: None,
            first: 0,
            last_length: 0,
            thorough: true,
        }
    }

    /// Believes a `count` that is reached on a page that is not full, and saves the request for the
    /// page after it. For reads of servers that are known anyway.
    pub(crate) fn trusting_count(mut self) -> Self {
        self.thorough = false;
        self
    }

    /// The most rows that are requested on a page.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The query to make.
    pub(crate) fn query(&self) -> Query<K> {
        match &self.last {
            Some(last) if self.asks_by_marker() => Query::After(last.clone()),
            _ => Query::Page {
                number: self.pages.saturating_add(1),
                rows: self.rows.len(),
            },
        }
    }

    fn asks_by_marker(&self) -> bool {
        match self.way {
            Way::Number => false,
            Way::Marker { proven: true } => true,
            // A number suffices where nothing more is expected, and every service knows it.
            Way::Marker { proven: false } => self.last.is_some() && !self.seems_whole(),
        }
    }

    /// Returns `true` if all that `count` speaks of is there, and the last page had room for more.
    fn seems_whole(&self) -> bool {
        let reached = self
            .count
            .is_some_and(|count| number(count) <= self.rows.len());
        reached && self.last_length < self.limit
    }

    /// The servers found so far.
    pub(crate) fn into_rows(self) -> Vec<T> {
        self.rows
    }

    /// Begins anew, with what was learned of the service.
    pub(crate) fn again(self, fault: Fault) -> Self {
        // Pages that are smaller than requested have gaps between them, if the service counts them in
        // the requested size.
        let shorter = (1..self.limit).contains(&self.first) && self.way == Way::Number;
        let limit = match fault {
            Fault::Missing { .. } if shorter => self.first,
            _ => self.limit,
        };
        Self {
            thorough: self.thorough,
            ..Self::new(self.way, limit, self.key)
        }
    }

    /// The service refused the marker, or the page that it asked for.
    pub(crate) fn refused(&mut self) -> ListingStep {
        match self.way {
            Way::Marker { proven: false } => {
                // Either the service knows no markers, or its server is gone and the pages have
                // shifted: the first page is read again.
                *self = Self {
                    thorough: self.thorough,
                    ..Self::new(Way::Number, self.limit, self.key)
                };
                ListingStep::More
            }
            _ => ListingStep::Broken(Fault::MarkerLost),
        }
    }

    /// Takes a page.
    pub(crate) fn take(&mut self, page: Page<T>) -> ListingStep {
        let keys: Option<Vec<K>> = page.rows.iter().map(self.key).collect();
        let Some(keys) = keys else {
            return ListingStep::Broken(Fault::NoKey);
        };
        let asked_by_marker = self.asks_by_marker();
        if self.pages == 0 {
            self.count = page.count;
            self.first = keys.len();
        } else if let (Some(from), Some(to)) = (self.count, page.count)
            && from != to
            && self.way != (Way::Marker { proven: true })
        {
            // By a marker that the service knows, servers that come and go move nothing; what is
            // missing at the end is noticed there. One that it does not know may have answered
            // with a first page that is all new.
            return ListingStep::Broken(Fault::Changed { from, to });
        }
        let known = keys.iter().filter(|key| self.seen.contains(key)).count();
        if keys.is_empty() {
            return self.ended();
        }
        if known == keys.len() && self.pages > 0 {
            return self.repeated(asked_by_marker);
        }
        let distinct: HashSet<&K> = keys.iter().collect();
        if known > 0 || distinct.len() < keys.len() {
            if asked_by_marker && self.way == (Way::Marker { proven: false }) {
                // The first page again, moved by a server that is new.
                self.way = Way::Number;
            }
            return ListingStep::Broken(Fault::Shifted);
        }
        if asked_by_marker {
            self.way = Way::Marker { proven: true };
        }
        self.last_length = keys.len();
        self.pages = self.pages.saturating_add(1);
        self.last = keys.last().cloned();
        self.seen.extend(keys);
        self.rows.extend(page.rows);
        if self.rows.len() > MOST_ROWS {
            return ListingStep::Broken(Fault::Endless);
        }
        if !self.thorough && self.seems_whole() {
            ListingStep::Whole
        } else {
            ListingStep::More
        }
    }

    /// There was a page without rows.
    fn ended(&self) -> ListingStep {
        let found = self.rows.len();
        match self.count {
            Some(count) if number(count) > found => {
                ListingStep::Broken(Fault::Missing { found, count })
            }
            // Fewer than were found cannot have been missed.
            _ => ListingStep::Whole,
        }
    }

    /// There was a page with known rows only.
    fn repeated(&mut self, asked_by_marker: bool) -> ListingStep {
        let (found, count) = (self.rows.len(), self.count);
        if asked_by_marker && self.way == (Way::Marker { proven: false }) {
            // The service does not know markers.
            self.way = Way::Number;
            return ListingStep::More;
        }
        match count {
            // A service that repeats its last page, or ignores all parameters and gives everything.
            Some(count) if number(count) == found => ListingStep::Whole,
            _ => ListingStep::Broken(Fault::Repeated { found, count }),
        }
    }
}

fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
