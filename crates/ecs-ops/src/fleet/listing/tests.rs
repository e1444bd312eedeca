//! Lists of a service that behaves, and of services that don't, without any I/O.

mod properties;

use std::ops::Range;

use super::*;

/// A service with a list of numbers.
#[derive(Clone, Debug)]
struct Service {
    rows: Vec<u32>,
    knows_marker: bool,
    /// The most rows on a page.
    cap: usize,
    /// Pages are counted in the size that was requested, though they are capped.
    gaps: bool,
    ignores_pages: bool,
    repeats_last: bool,
    counts: bool,
    /// Added to the count.
    off: i64,
}

impl Service {
    fn of(rows: Range<u32>) -> Self {
        Self {
            rows: rows.collect(),
            knows_marker: true,
            cap: usize::MAX,
            gaps: false,
            ignores_pages: false,
            repeats_last: false,
            counts: true,
            off: 0,
        }
    }

    /// The page; nothing if the marker is refused.
    fn page(&self, query: &Query<u32>, limit: usize) -> Option<Page<u32>> {
        let length = limit.min(self.cap);
        let size = if self.gaps { limit } else { length };
        let start = match query {
            _ if self.ignores_pages => 0,
            Query::After(key) if self.knows_marker => {
                1 + self.rows.iter().position(|row| row == key)?
            }
            Query::After(_) => 0,
            Query::Page { number, .. } => (usize::try_from(*number).unwrap() - 1) * size,
        };
        let part = |start: usize| -> Vec<u32> {
            self.rows.iter().skip(start).take(length).copied().collect()
        };
        let mut rows = part(start);
        if rows.is_empty() && self.repeats_last {
            rows = part(self.rows.len().saturating_sub(1) / size * size);
        }
        let count = i64::try_from(self.rows.len()).unwrap() + self.off;
        let count = self.counts.then(|| u64::try_from(count).unwrap_or(0));
        Some(Page { rows, count })
    }
}

/// Reads to the end of one try; `between` may change the service after each request.
fn read(
    mut listing: Listing<u32, u32>,
    service: &mut Service,
    mut between: impl FnMut(&mut Service, usize),
) -> (ListingStep, Listing<u32, u32>, usize) {
    for requests in 1.. {
        let query = listing.query();
        let step = match service.page(&query, listing.limit()) {
            Some(page) => listing.take(page),
            None => listing.refused(),
        };
        if step != ListingStep::More {
            return (step, listing, requests);
        }
        assert!(requests < 5_000, "the list never ends");
        between(service, requests);
    }
    unreachable!()
}

fn marker(limit: usize) -> Listing<u32, u32> {
    Listing::by_marker(limit, |row| Some(*row))
}

fn by_number(limit: usize) -> Listing<u32, u32> {
    Listing::by_number(limit, |row| Some(*row))
}

/// The rows of a list that is whole, and how many requests it took.
#[track_caller]
fn whole(listing: Listing<u32, u32>, mut service: Service) -> (Vec<u32>, usize) {
    let (step, listing, requests) = read(listing, &mut service, |_, _| {});
    assert_eq!(step, ListingStep::Whole);
    (listing.into_rows(), requests)
}

#[track_caller]
fn broken(listing: Listing<u32, u32>, mut service: Service) -> (Fault, Listing<u32, u32>) {
    match read(listing, &mut service, |_, _| {}) {
        (ListingStep::Broken(fault), listing, _) => (fault, listing),
        (step, ..) => panic!("{step:?}"),
    }
}

#[test]
fn a_list_ends_with_an_empty_page() {
    let all: Vec<u32> = (0..25).collect();
    for (limit, requests) in [(10, 4), (25, 2), (30, 2), (5, 6)] {
        assert_eq!(
            whole(marker(limit), Service::of(0..25)),
            (all.clone(), requests)
        );
        assert_eq!(whole(by_number(limit), Service::of(0..25)).0, all);
    }
    assert_eq!(whole(marker(10), Service::of(0..0)), (Vec::new(), 1));
}

#[test]
fn a_count_that_is_reached_can_be_trusted() {
    let listing = || by_number(10).trusting_count();
    assert_eq!(whole(listing(), Service::of(0..9)).1, 1);
    assert_eq!(whole(listing(), Service::of(0..25)).1, 3);
    // A full page may not be the last one.
    assert_eq!(whole(listing(), Service::of(0..10)).1, 2);
}

#[test]
fn a_service_without_markers_is_asked_by_number() {
    let deaf = Service {
        knows_marker: false,
        ..Service::of(0..25)
    };
    let (rows, requests) = whole(marker(10), deaf.clone());
    // The first page twice, two more, and the empty one.
    assert_eq!((rows.len(), requests), (25, 5));
    // A list of one page costs nothing more.
    assert_eq!(whole(marker(30), deaf).1, 2);
}

#[test]
fn a_marker_that_is_refused_is_not_used_again() {
    let mut listing = marker(2);
    let page = |rows: &[u32]| Page {
        rows: rows.to_vec(),
        count: Some(3),
    };
    assert_eq!(listing.take(page(&[0, 1])), ListingStep::More);
    assert_eq!(listing.query(), Query::After(1));
    assert_eq!(listing.refused(), ListingStep::More);
    // From the beginning: the server of the marker may be gone, and all pages have shifted.
    assert_eq!(listing.query(), Query::Page { number: 1, rows: 0 });
    assert_eq!(listing.take(page(&[0, 1])), ListingStep::More);
    assert_eq!(listing.query(), Query::Page { number: 2, rows: 2 });
    assert_eq!(listing.take(page(&[2])), ListingStep::More);
    assert_eq!(listing.take(page(&[])), ListingStep::Whole);
}

#[test]
fn a_marker_that_worked_and_is_refused_breaks_the_list() {
    let mut service = Service::of(0..30);
    let gone = |service: &mut Service, requests: usize| {
        if requests == 2 {
            service.rows.retain(|row| *row != 19);
        }
    };
    let (step, ..) = read(marker(10), &mut service, gone);
    assert_eq!(step, ListingStep::Broken(Fault::MarkerLost));
}

#[test]
fn a_service_that_ignores_its_parameters_is_found_out() {
    let stuck = Service {
        ignores_pages: true,
        cap: 25,
        ..Service::of(0..60)
    };
    let (fault, listing) = broken(marker(200), stuck.clone());
    assert_eq!(
        fault,
        Fault::Repeated {
            found: 25,
            count: Some(60)
        }
    );
    assert_eq!(broken(listing.again(fault), stuck.clone()).0, fault);
    let uncounted = Service {
        counts: false,
        ..stuck
    };
    let (fault, _) = broken(marker(200), uncounted);
    assert_eq!(
        fault,
        Fault::Repeated {
            found: 25,
            count: None
        }
    );
    // All there are, again and again.
    let all_at_once = Service {
        ignores_pages: true,
        ..Service::of(0..60)
    };
    assert_eq!(whole(marker(200), all_at_once.clone()).0.len(), 60);
    let full = Service {
        cap: 60,
        ..all_at_once
    };
    assert_eq!(whole(marker(60), full).0.len(), 60);
}

#[test]
fn gaps_between_capped_pages_are_closed_by_the_next_try() {
    let gaps = Service {
        knows_marker: false,
        cap: 10,
        gaps: true,
        ..Service::of(0..45)
    };
    let (fault, listing) = broken(marker(20), gaps.clone());
    assert_eq!(
        fault,
        Fault::Missing {
            found: 25,
            count: 45
        }
    );
    let listing = listing.again(fault);
    assert_eq!(listing.limit(), 10);
    assert_eq!(whole(listing, gaps).0.len(), 45);
}

#[test]
fn shifts_are_noticed() {
    // A server is deleted from the pages that were read: the first one of the next page would be lost.
    let deleted = |service: &mut Service, requests: usize| {
        if requests == 2 {
            service.rows.remove(0);
        }
    };
    let mut service = Service::of(0..30);
    let (step, ..) = read(by_number(10), &mut service, deleted);
    assert_eq!(
        step,
        ListingStep::Broken(Fault::Changed { from: 30, to: 29 })
    );
    // By marker nothing is lost.
    let mut service = Service::of(0..30);
    let (step, listing, _) = read(marker(10), &mut service, deleted);
    assert_eq!((step, listing.into_rows().len()), (ListingStep::Whole, 30));
    // A server is made in front, and the service gives no count: a row comes twice.
    let mut service = Service {
        counts: false,
        ..Service::of(0..30)
    };
    let made = |service: &mut Service, requests: usize| {
        if requests == 2 {
            service.rows.insert(0, 99);
        }
    };
    let (step, ..) = read(by_number(10), &mut service, made);
    assert_eq!(step, ListingStep::Broken(Fault::Shifted));
}

#[test]
fn a_count_that_is_too_high_is_refused_and_one_too_low_is_not_believed() {
    let off = |off| Service {
        off,
        ..Service::of(0..25)
    };
    let (fault, _) = broken(marker(10), off(5));
    assert_eq!(
        fault,
        Fault::Missing {
            found: 25,
            count: 30
        }
    );
    for listing in [marker(10), by_number(10), marker(30)] {
        assert_eq!(whole(listing, off(-5)).0.len(), 25);
    }
}

#[test]
fn a_row_without_a_key_is_an_error_at_once() {
    let mut listing: Listing<u32, Option<u32>> = Listing::by_marker(10, |row| *row);
    let page = Page {
        rows: vec![Some(1), None],
        count: None,
    };
    assert_eq!(listing.take(page), ListingStep::Broken(Fault::NoKey));
    assert!(
        !Fault::NoKey.is_transient()
            && !Fault::Endless.is_transient()
            && Fault::Shifted.is_transient()
    );
}

/// A service that does not know markers answers one with the first page. Its count is compared all
/// the same: otherwise a change that is undone before the next page would go unnoticed.
#[test]
fn a_count_that_changes_while_markers_are_tried_is_noticed() {
    let mut listing = marker(2);
    let page = |rows: &[u32], count| Page {
        rows: rows.to_vec(),
        count: Some(count),
    };
    assert_eq!(listing.take(page(&[0, 1], 5)), ListingStep::More);
    let changed = Fault::Changed { from: 5, to: 6 };
    assert_eq!(listing.take(page(&[0, 1], 6)), ListingStep::Broken(changed));
}

#[test]
fn a_list_without_end_is_left() {
    let mut listing = marker(200_000);
    let mut next = 0;
    let step = loop {
        let rows: Vec<u32> = (next..next + 200_000).collect();
        next += 200_000;
        match listing.take(Page { rows, count: None }) {
            ListingStep::More => {}
            step => break step,
        }
    };
    assert_eq!(step, ListingStep::Broken(Fault::Endless));
    assert_eq!(next, 1_200_000);
}
