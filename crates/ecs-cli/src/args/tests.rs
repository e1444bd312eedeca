use clap::CommandFactory as _;

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
fn debug_masks_the_token() {
    let cli = Cli::try_parse_from(["ecsctl", "--token", "T0PSECRET", "explain", "x"]).unwrap();
    let shown = format!("{cli:?}");
    assert!(!shown.contains("T0PSECRET"), "{shown}");
}
