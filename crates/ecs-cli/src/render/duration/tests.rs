use super::*;

#[test]
fn each_precision() {
    let tenths = |ms| to_tenths(SignedDuration::from_millis(ms));
    assert_eq!(
        [-5, 0, 1549, 99_999, 100_000, 5_999_999, 6_000_000].map(tenths),
        [
            "0.0 s",
            "0.0 s",
            "1.5 s",
            "99.9 s",
            "1 min 40 s",
            "99 min 59 s",
            "1 h 40 min"
        ]
    );
    let seconds = |ms| to_seconds(Duration::from_millis(ms));
    assert_eq!(
        [0, 40, 1000, 99_999, 100_000, 6_000_000].map(seconds),
        ["0 s", "40 ms", "1 s", "99 s", "1 min 40 s", "1 h 40 min"]
    );
    assert_eq!(
        [0, 99, 100, 5941, 6000, 6001].map(to_minutes_up),
        [
            "0 s",
            "99 s",
            "2 min",
            "100 min",
            "1 h 40 min",
            "1 h 41 min"
        ]
    );
    assert_eq!(
        [-5, 59, 60, 3599, 3600, 7320].map(to_minutes),
        [
            "0 min",
            "0 min",
            "1 min",
            "59 min",
            "1 h 0 min",
            "2 h 2 min"
        ]
    );
}

#[test]
fn one_unit() {
    assert_eq!(
        [-5, 0, 119, 120, 7199, 7200, 172_800].map(in_one_unit),
        ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]
    );
    assert_eq!(
        [119, 120, 7200, 172_800].map(in_one_unit_in_full),
        ["119 seconds", "2 minutes", "2 hours", "2 days"]
    );
}
