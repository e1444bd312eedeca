use clap::CommandFactory as _;

use super::sim::{offset, percent, seconds};
use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn durations_are_written_with_units() {
    for (text, seconds) in [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2h", 7200)] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    for text in ["", "0s", "-5s", "90", "1x", "soon", "5m ago"] {
        let error = duration(text).unwrap_err();
        assert!(error.contains("90s, 15m or 1h30m"), "{text:?}: {error}");
    }
}

#[test]
fn numbers_are_checked() {
    assert_eq!(batch_size("1000"), Ok(1000));
    for text in ["0", "1001", "-1", "x", ""] {
        assert!(batch_size(text).is_err(), "{text:?}");
    }
    assert!(at_least_1("0").is_err());
    assert_eq!(percent("2%"), Ok(0.02));
    assert_eq!(percent("100"), Ok(1.0));
    for text in ["-1%", "101%", "NaN", "", "%"] {
        assert!(percent(text).is_err(), "{text:?}");
    }
    let range = Duration::from_secs(15)..=Duration::from_secs(35);
    assert_eq!(seconds("15..35"), Ok(range));
    assert_eq!(
        seconds("0.5"),
        Ok(Duration::from_millis(500)..=Duration::from_millis(500))
    );
    for text in ["35..15", "..", "1..", "a..b", "-1..2", "NaN"] {
        assert!(seconds(text).is_err(), "{text:?}");
    }
}

#[test]
fn an_offset_has_a_sign() {
    assert_eq!(offset("20m"), Ok(jiff::SignedDuration::from_mins(20)));
    assert_eq!(offset("-20m"), Ok(jiff::SignedDuration::from_mins(-20)));
    for text in ["", "20", "x", "9999999h"] {
        assert!(offset(text).is_err(), "{text:?}");
    }
}

#[test]
fn debug_masks_secrets() {
    for option in ["--token", "--secret-key", "--security-token"] {
        let cli = Cli::try_parse_from(["ecsctl", option, "T0PSECRET", "explain", "x"]).unwrap();
        let shown = format!("{cli:?}");
        assert!(!shown.contains("T0PSECRET"), "{shown}");
    }
}

#[test]
fn two_kinds_of_credentials_conflict() {
    for options in [
        &["--cloud", "a", "--profile", "b"][..],
        &["--cloud", "a", "--token", "b"],
        &["--cloud", "a", "--access-key", "b"],
        &["--profile", "a", "--token", "b"],
        &["--profile", "a", "--access-key", "b"],
        &["--token", "a", "--access-key", "b"],
        &["--secret-key", "a", "--secret-key-file", "b"],
    ] {
        let line = [&["ecsctl"], options, &["auth", "check"]].concat();
        let error = Cli::try_parse_from(line).unwrap_err();
        assert!(error.to_string().contains("cannot be used with"), "{error}");
    }
}
