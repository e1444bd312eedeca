use clap::Parser as _;

use super::*;
use crate::args::{Cli, Command};

fn of(options: &str, servers: usize, waves: usize) -> Vec<String> {
    let line = format!("ecsctl reboot --all {options}");
    let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
    let Command::Reboot(reboot) = cli.command else {
        panic!("{line}");
    };
    warnings(&reboot.split().unwrap().1, servers, waves, false)
}

#[test]
fn options_without_an_effect_are_named() {
    for (options, servers, waves, expected) in [
        (
            "--no-wait --stalled-after 5m",
            9,
            0,
            "--stalled-after has no effect with --no-wait",
        ),
        (
            "--canary 9",
            9,
            1,
            "--canary 9 includes all of the 9 servers",
        ),
        (
            "--servers-per-minute 1001",
            9,
            0,
            "the service accepts 1000 in a minute",
        ),
        (
            "--deadline 1h --pause 1h --wave 3",
            9,
            3,
            "--deadline 1h ends the run within the first pause (--pause 1h)",
        ),
    ] {
        let shown = of(options, servers, waves);
        assert!(
            matches!(&shown[..], [one] if one.contains(expected)),
            "{options}: {shown:?}"
        );
    }
}

#[test]
fn effective_options_are_not_named() {
    for (options, waves) in [
        ("--stalled-after 5m", 0),
        ("--canary 8", 2),
        ("--servers-per-minute 1000", 0),
        ("--deadline 61m --pause 1h --wave 3", 3),
        ("--deadline 1m --pause 1h --wave 9", 1),
    ] {
        assert_eq!(of(options, 9, waves), [""; 0], "{options}");
    }
}
