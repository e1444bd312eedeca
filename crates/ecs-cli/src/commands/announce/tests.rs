use ecs_ops::rolling::CountOrPercent;

use super::*;

#[test]
fn the_brake_is_described_in_numbers() {
    let default = Rules::default().with_default_brake(1200);
    assert_eq!(
        brake(&default, 2, 1200, None),
        "stops when more than 120 servers failed, or no server of a wave succeeded (--max-failures changes it)"
    );
    let given = CountOrPercent::Percent(2);
    let rules = Rules {
        max_failures: Some(given),
        ..Rules::default()
    };
    assert_eq!(
        brake(&rules, 10, 60, Some(FailureLimit::AtMost(given))),
        "stops when more than 1 server failed (--max-failures 2%)"
    );
    assert_eq!(
        brake(&rules, 1, 1, Some(FailureLimit::AtMost(given))),
        "stops when more than 0 servers failed (--max-failures 2%)"
    );
    let given = CountOrPercent::Count(6);
    let rules = Rules {
        max_failures: Some(given),
        ..Rules::default()
    };
    assert_eq!(
        brake(&rules, 1, 4, Some(FailureLimit::AtMost(given))),
        "none: all 4 servers may fail (--max-failures 6)"
    );
    assert!(brake(&default, 1, 1200, None).ends_with("in one wave it can hardly stop anything"));
}
