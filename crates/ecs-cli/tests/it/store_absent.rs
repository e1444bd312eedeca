//! Builds without the features for stores.

use std::io::Write as _;

use crate::common::{command, ecsctl};

#[test]
fn a_build_without_a_feature_names_it_and_sends_nothing() {
    let line =
        "LEFT OUT: tests of ecsctl with a store (cargo test -p ecs-cli --features postgres,sqlite)";
    let _ = writeln!(std::io::stderr(), "{line}");
    let refused = |store: &str, feature: &str| {
        let expected = ["reboot", "web-1", "--yes", "--sim", "--store", store];
        let advice = format!("--features {feature}");
        let named = format!("without the feature `{feature}`");
        let ended = ecsctl(&expected, &[""; 0]).refuses(2, &["--store names", &named, &advice]);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        let mut check = command(["store", "check"]);
        let ended = crate::common::Ended::of(check.env("ECSCTL_STORE", store));
        ended.refuses(2, &["ECSCTL_STORE names", &named]);
    };
    if cfg!(not(feature = "postgres")) {
        refused("postgres://ops:hunter2@127.0.0.1:9/d", "postgres");
    }
    if cfg!(not(feature = "sqlite")) {
        refused("sqlite:fleet.db", "sqlite");
    }
}
