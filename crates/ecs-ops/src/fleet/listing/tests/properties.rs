//! Lists that change, and services with quirks.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Delete(prop::sample::Index),
    Insert(prop::sample::Index),
}

fn service() -> impl Strategy<Value = Service> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let cap = prop_oneof![Just(usize::MAX), 1_usize..12];
    (0_u32..60, cap, flags, -3_i64..4).prop_map(|(rows, cap, flags, off)| Service {
        knows_marker: flags.0,
        cap,
        gaps: flags.1,
        repeats_last: flags.2,
        counts: flags.3,
        off,
        ..Service::of(0..rows)
    })
}

proptest! {
    /// The list does not change while it is read: a whole list has every row, once, unless a count
    /// is too low and nothing else shows that there is more.
    #[test]
    fn a_whole_list_has_every_row(service in service(), limit in 1_usize..25, markers: bool) {
        let mut service = service;
        let honest = service.counts && service.off == 0;
        // A count that is too low hides that a marker is needed.
        let by_marker = markers && service.knows_marker && service.off >= 0;
        let gaps = service.gaps && service.cap < limit && !by_marker;
        let listing = if markers { marker(limit) } else { by_number(limit) };
        let (step, listing, _) = read(listing, &mut service, |_, _| {});
        let rows = listing.into_rows();
        if step == ListingStep::Whole && (honest || !gaps) {
            prop_assert_eq!(&rows, &service.rows);
        }
        if honest && !gaps {
            prop_assert_eq!(step, ListingStep::Whole);
        }
    }

    /// Servers come and go, one between two pages at most: what is called whole has every server
    /// that was there all the time.
    #[test]
    fn a_whole_list_has_lost_no_server(
        rows in 0_u32..60,
        limit in 1_usize..15,
        knows_marker: bool,
        changes in prop::collection::vec(
            prop_oneof![
                4 => Just(Change::Nothing),
                1 => any::<prop::sample::Index>().prop_map(Change::Delete),
                1 => any::<prop::sample::Index>().prop_map(Change::Insert),
            ],
            0..12,
        ),
    ) {
        let mut service = Service { knows_marker, ..Service::of(0..rows) };
        let mut always = service.rows.clone();
        let mut fresh = 1_000;
        let change = |service: &mut Service, requests: usize| {
            match changes.get(requests - 1) {
                Some(Change::Delete(at)) if !service.rows.is_empty() => {
                    let gone = service.rows.remove(at.index(service.rows.len()));
                    always.retain(|row| *row != gone);
                }
                Some(Change::Insert(at)) => {
                    fresh += 1;
                    service.rows.insert(at.index(service.rows.len() + 1), fresh);
                }
                _ => {}
            }
        };
        let (step, listing, _) = read(marker(limit), &mut service, change);
        if step == ListingStep::Whole {
            let found: HashSet<u32> = listing.into_rows().into_iter().collect();
            prop_assert!(always.iter().all(|row| found.contains(row)));
        }
    }
}
