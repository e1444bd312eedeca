use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn slower_after_the_first_and_none_after_the_third() {
    let mut outage = Outage::default();
    assert_eq!(outage.permit(), Permit::Many);
    for permit in [Permit::One, Permit::One, Permit::Nothing] {
        outage.unknown(SECOND);
        assert_eq!(outage.permit(), permit);
    }
    assert_eq!(outage.next_read(), Some(SECOND));
    assert_eq!(outage.next_read(), None, "one read at a time");
    outage.read(false);
    assert_eq!(outage.permit(), Permit::Nothing);
    assert_eq!(outage.next_read(), Some(2 * SECOND), "pauses grow");
    outage.read(true);
    assert_eq!(outage.permit(), Permit::Trial);
    outage.sent();
    assert_eq!(outage.permit(), Permit::Nothing, "one trial");
    outage.unknown(4 * SECOND);
    assert_eq!(outage.next_read(), Some(4 * SECOND));
    outage.read(true);
    outage.sent();
    outage.answered();
    assert_eq!(outage.permit(), Permit::Many);
}

#[test]
fn an_answer_in_between_counts_anew() {
    let mut outage = Outage::default();
    outage.unknown(SECOND);
    outage.unknown(SECOND);
    outage.answered();
    outage.unknown(SECOND);
    assert_eq!(outage.permit(), Permit::One);
}

#[test]
fn requests_underway_when_the_outage_began_do_not_make_reads() {
    let mut outage = Outage::default();
    (0..3).for_each(|_| outage.unknown(SECOND));
    assert!(outage.next_read().is_some());
    outage.unknown(SECOND);
    assert_eq!(outage.next_read(), None);
    outage.read(true);
    assert_eq!(outage.permit(), Permit::Trial);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A service that never answers a request that acts, with whatever reads: the run gives up, and
    /// few requests are spent.
    #[test]
    fn ends(reads in prop::collection::vec(any::<bool>(), 1..100)) {
        let mut outage = Outage::default();
        let (mut now, mut trials) = (SECOND, 0);
        (0..3).for_each(|_| outage.unknown(now));
        for answers in reads.iter().cycle() {
            if let Some(count) = outage.gives_up(now, OUTAGE_LIMIT) {
                prop_assert_eq!(count, 3 + trials);
                break;
            }
            now += outage.next_read().unwrap();
            outage.read(*answers);
            if outage.permit() == Permit::Trial {
                outage.sent();
                outage.unknown(now);
                trials += 1;
            }
        }
        prop_assert!(now <= SECOND + OUTAGE_LIMIT + LONGEST);
        prop_assert!(trials <= 11, "{} trials", trials);
    }
}
