//! Tests of the tolerance.

use super::{compare, read};

#[test]
fn small_excess_is_tolerated_and_large_excess_is_not() {
    let baseline = read("encode 1000\nsign 200\n");
    let compared = |counts: &str| compare(&baseline, &read(counts));
    assert!(compared("encode 1000\nsign 200\n").is_empty());
    assert!(compared("encode 1050\nsign 20\n").is_empty());
    let problems = compared("encode 1051\nsign 200\n");
    assert_eq!(
        problems,
        ["encode: 1051 instructions, 1000 before: more than 5 % more"]
    );
    assert_eq!(compared("encode 1000\nsign 200\npoll 1\n").len(), 1);
    assert_eq!(compared("encode 1000\n").len(), 1);
}
