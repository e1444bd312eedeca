use ecs_ops::rolling::CountOrPercent;

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_estimate_has_jobs_quota_and_pauses() {
    let rules = Rules {
        pause: secs(60),
        canary: Some(AfterCanary::Pause(secs(300))),
        ..Rules::default()
    };
    assert_eq!(estimate(&[3], 1000, secs(30), &Rules::default()), secs(30));
    assert_eq!(
        estimate(&[1001], 1000, secs(30), &Rules::default()),
        secs(90)
    );
    assert_eq!(
        estimate(&[1, 10, 10], 1000, secs(30), &rules),
        secs(90 + 360)
    );
    // Small waves that the quota holds up.
    assert_eq!(
        estimate(&[10; 10], 10, secs(30), &Rules::default()),
        secs(9 * 60 + 30)
    );
    assert_eq!(estimate(&[], 0, secs(30), &Rules::default()), secs(30));
}

#[test]
fn times_are_rounded_up() {
    for (seconds, text) in [
        (30, "30 s"),
        (99, "99 s"),
        (100, "2 min"),
        (5999, "100 min"),
        (7500, "2 h 5 min"),
    ] {
        assert_eq!(rounded(secs(seconds)), text);
    }
}

#[test]
fn the_brake_is_said_in_numbers() {
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
    assert!(brake(&default, 1, 1200, None).ends_with("in one wave it can hardly stop anything"));
}
