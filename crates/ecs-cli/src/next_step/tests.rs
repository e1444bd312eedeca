use clap::Parser as _;

use super::*;
use crate::args::Cli;

fn place_of(line: &[&str]) -> CommandLine {
    CommandLine::to_place(&Cli::try_parse_from(line).unwrap().global)
}

#[test]
fn the_command_is_a_line_of_its_own_and_secrets_are_named_before_it() {
    let place = place_of(&[
        "ecsctl",
        "--token",
        "T0PSECRET",
        "--region",
        "r",
        "run",
        "list",
    ]);
    let step = NextStep::rerun_failed("to run it again", Path::new("my run.jsonl"), &place);
    assert_eq!(
        step.lines(),
        [
            "to run it again (add --token as before):",
            "  ecsctl rerun 'my run.jsonl' --failed --region r",
        ]
    );
    assert!(!format!("{step:?}").contains("T0PSECRET"));
}

#[test]
fn a_place_is_added_once_and_only_if_it_is_missing() {
    let place = place_of(&["ecsctl", "--endpoint", "https://ecs.example", "run", "list"]);
    let [_, line] = NextStep::check_access("a").at(&place).at(&place).lines();
    assert_eq!(line, "  ecsctl auth check --endpoint https://ecs.example");
    let [_, line] = NextStep::explain("a", "Ecs.0227").at(&place).lines();
    assert_eq!(line, "  ecsctl explain Ecs.0227");
}

#[cfg(unix)]
#[test]
fn unprintable_arguments_are_not_replaced() {
    let step = NextStep::resume("a", Path::new("a\n"), &CommandLine::default());
    assert_eq!(step.lines()[1], format!("  {UNWRITABLE}"));
}

/// Such an address is refused, and the error proposes `auth check` with the same options.
#[test]
fn an_address_with_a_password_is_never_shown() {
    for address in [
        "https://u:T0PSECRET@h",
        "https://T0PSECRET@h/v3",
        "postgres://ops:T0PSECRET@db/fleet",
        "postgres://db/fleet?password=T0PSECRET",
    ] {
        for option in [
            "--endpoint",
            "--iam-endpoint",
            "--as-endpoint",
            "--cts-endpoint",
            "--store",
        ] {
            let place = place_of(&["ecsctl", option, address, "run", "list"]);
            let lines = NextStep::check_access("a").at(&place).lines();
            let expected = [
                format!("a (add {option} as before):"),
                "  ecsctl auth check".to_owned(),
            ];
            assert_eq!(lines, expected, "{address}");
        }
    }
    let place = place_of(&[
        "ecsctl",
        "--store",
        "postgres://ops@db/fleet",
        "run",
        "list",
    ]);
    let [_, line] = NextStep::list_runs("a").at(&place).lines();
    assert_eq!(line, "  ecsctl run list --store postgres://ops@db/fleet");
}
