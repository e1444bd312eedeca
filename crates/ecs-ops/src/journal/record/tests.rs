use super::super::arbitrary_journal::{server, servers};
use super::*;

#[test]
fn the_rules_of_a_rolling_run_are_kept() {
    let pause = Duration::from_millis(1500);
    for (canary, max_failures) in [
        (None, None),
        (Some(AfterCanary::Ask), Some(CountOrPercent::Count(0))),
        (
            Some(AfterCanary::Pause(pause)),
            Some(CountOrPercent::Percent(50)),
        ),
    ] {
        let rules = Rules {
            max_failures,
            pause,
            canary,
            check_health: false,
        };
        let record = RollingRecord::new(vec![servers(3), vec![server(3)]], &rules);
        let max_failures =
            max_failures.map(|count_or_percent| CountOrPercent::Count(count_or_percent.of(4)));
        assert_eq!(
            record.rules(),
            Rules {
                max_failures,
                ..rules
            }
        );
    }
}
