//! The help texts of `ecsctl`, and its explanations of codes.

mod generated;

use crate::common::{ecsctl, snapshot};

const NONE: [&str; 0] = [];

/// The options in a help text.
fn options(arguments: &[&str]) -> Vec<String> {
    let help = ecsctl(arguments, &NONE).expect(0).stdout;
    let begins = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'));
    let mut found: Vec<String> = begins
        .filter_map(|line| {
            line.split([' ', ',', ':', '.'])
                .find(|word| word.starts_with("--"))
        })
        .map(str::to_owned)
        .collect();
    found.sort();
    // The text below the options names some of them again.
    found.dedup();
    found
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_command_offers_the_documented_options() {
    const GLOBAL: [&str; 25] = [
        "--access-key",
        "--as-endpoint",
        "--ca-file",
        "--cloud",
        "--cts-endpoint",
        "--context",
        "--endpoint",
        "--help",
        "--iam-endpoint",
        "--log-file",
        "--log-format",
        "--operator",
        "--profile",
        "--project-id",
        "--quiet",
        "--region",
        "--secret-key",
        "--secret-key-file",
        "--security-token",
        "--sim",
        "--sim-fail",
        "--store",
        "--store-password-file",
        "--token",
        "--verbose",
    ];
    const SELECT: [&str; 15] = [
        "--az",
        "--enterprise-project",
        "--exclude",
        "--flavor",
        "--from-file",
        "--from-format",
        "--ip",
        "--name",
        "--name-regex",
        "--not-restarted-since",
        "--not-tag",
        "--older-than",
        "--server-group",
        "--status",
        "--tag",
    ];
    const RUN: [&str; 32] = [
        "--all",
        "--attempt-timeout",
        "--batch-size",
        "--canary",
        "--canary-pause",
        "--deadline",
        "--dry-run",
        "--health-cmd",
        "--health-timeout",
        "--held",
        "--journal",
        "--max-failures",
        "--no-journal",
        "--no-preflight",
        "--no-recheck",
        "--no-wait",
        "--order",
        "--order-seed",
        "--output",
        "--pause",
        "--reconcile",
        "--reconcile-after",
        "--resubmit-unknown",
        "--servers-per-minute",
        "--show",
        "--skip-unready",
        "--spread-by",
        "--stalled-after",
        "--verify",
        "--verify-timeout",
        "--wave",
        "--yes",
    ];
    let sim = [
        "--listen",
        "--servers",
        "--seed",
        "--speed",
        "--fail",
        "--hang",
        "--stopped",
        "--scaling-group",
        "--own-server",
        "--queries-per-minute",
        "--server-id-filter",
        "--job-seconds",
        "--quota",
        "--read-only",
        "--deny",
        "--token-life",
        "--key-life",
        "--clock-offset",
        "--passcode",
        "--metadata",
        "--tls",
        "--ca-out",
        "--env-file",
        "--tls-cert",
        "--tls-key",
    ];
    let resume = [
        "--allow-autoscaling-members",
        "--attempt-timeout",
        "--deadline",
        "--dry-run",
        "--health-cmd",
        "--health-timeout",
        "--no-recheck",
        "--output",
        "--reconcile",
        "--reconcile-after",
        "--servers-per-minute",
        "--show",
        "--skip-unready",
        "--take-over",
        "--yes",
    ];
    let run = [&RUN[..], &SELECT].concat();
    let typed = [&run[..], &["--type", "--allow-autoscaling-members"]].concat();
    let reboot = [&typed[..], &["--escalate", "--include-stopped"]].concat();
    let list = [&SELECT[..], &["--columns", "--output", "--sort"]].concat();
    for (command, own) in [
        (&["reboot"][..], &reboot[..]),
        (&["stop"], &typed),
        (&["start"], &run),
        (&["resume"], &resume),
        (
            &["run", "show"],
            &["--html", "--outcome", "--output", "--show"],
        ),
        (&["run", "list"], &["--limit", "--output"]),
        (&["config", "show"], &["--output"]),
        (&["server", "list"], &list),
        (&["server", "show"], &["--journal", "--output"]),
        (&["server", "actions"], &["--output"]),
        (&["plan", "reboot"], &[&reboot[..], &["--out"]].concat()),
        (&["plan", "show"], &["--html", "--output"]),
        (&["plan", "approve"], &["--key", "--signature"]),
        (
            &["apply"],
            &[
                "--accept-drift",
                "--allow-autoscaling-members",
                "--dry-run",
                "--four-eyes",
                "--max-age",
                "--output",
                "--require-approval",
                "--show",
                "--yes",
            ],
        ),
        (
            &["rerun"],
            &[
                "--dry-run",
                "--failed",
                "--journal",
                "--no-journal",
                "--not-attempted",
                "--output",
                "--show",
                "--unknown",
                "--yes",
            ],
        ),
        (&["job", "show"], &["--output"]),
        (
            &["job", "wait"],
            &["--deadline", "--output", "--stalled-after"],
        ),
        (&["explain"], &["--output"]),
        (&["auth", "check"], &["--output"]),
        (&["store", "init"], &["--grant-to"]),
        (&["store", "migrate"], &["--grant-to"]),
        (&["store", "check"], &["--output"]),
        (&["store", "prune"], &["--older-than"]),
        (&["sim"], &sim),
    ] {
        let mut expected = [&GLOBAL[..], own].concat();
        expected.sort_unstable();
        assert_eq!(
            options(&[command, &["--help"]].concat()),
            expected,
            "{command:?}"
        );
    }
}

/// Every text as a whole.
#[test]
fn help_and_explanations_match_their_snapshots() {
    let commands: [&[&str]; 25] = [
        &[],
        &["server"],
        &["server", "list"],
        &["server", "show"],
        &["plan"],
        &["plan", "approve"],
        &["apply"],
        &["rerun"],
        &["reboot"],
        &["start"],
        &["stop"],
        &["resume"],
        &["run"],
        &["run", "show"],
        &["run", "list"],
        &["config", "show"],
        &["job"],
        &["job", "show"],
        &["job", "wait"],
        &["explain"],
        &["store"],
        &["store", "init"],
        &["auth"],
        &["auth", "check"],
        &["sim"],
    ];
    for command in commands {
        let name = [&["help"], command].concat().join("-");
        let help = ecsctl(&[command, &["--help"]].concat(), &NONE).expect(0);
        snapshot(&name, &help.stdout);
    }
    for code in ["Ecs.0114", "Common.0024", "APIGW.0301"] {
        let explained = ecsctl(&["explain", code], &NONE).expect(0);
        snapshot(&format!("explain-{code}"), &explained.stdout);
    }
}

#[test]
fn examples_and_exit_codes_fit_a_narrow_terminal() {
    // Lines that are wrapped here would break on a narrow terminal: examples are copied, tables are read.
    for arguments in [
        &[][..],
        &["reboot"],
        &["resume"],
        &["run", "show"],
        &["job", "show"],
        &["job", "wait"],
        &["explain"],
        &["auth", "check"],
        &["sim"],
    ] {
        let help = ecsctl(&[arguments, &["--help"]].concat(), &NONE)
            .expect(0)
            .stdout;
        let (_, after) = help
            .split_once("\nExamples")
            .or_else(|| help.split_once("\nExit codes"))
            .unwrap();
        let listed = after.lines().filter(|line| line.starts_with("  "));
        for line in listed {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
    let version = ecsctl(&["--version"], &NONE).expect(0).stdout;
    assert_eq!(version, format!("ecsctl {}\n", env!("CARGO_PKG_VERSION")));
    let nothing = ecsctl(&NONE, &NONE).expect(2);
    assert!(
        nothing.stderr.contains("Usage: ecsctl"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn explain_describes_each_code() {
    let text = ecsctl(&["explain", "eCS.0114"], &NONE).expect(0).stdout;
    assert!(
        text.starts_with("Ecs.0114 (HTTP 404): the server does not exist\n"),
        "{text}"
    );
    let json = ecsctl(&["explain", "Common.0024", "-o", "json"], &NONE)
        .expect(0)
        .json();
    assert_eq!(
        (&json["version"], &json["code"]),
        (&1.into(), &"Common.0024".into())
    );
    assert_eq!(
        (&json["throttling"], &json["executed"]),
        (&true.into(), &false.into())
    );
    let unknown = ecsctl(&["explain", "Ecs.0114\u{1b}[2J"], &NONE);
    let unknown = unknown.refuses(2, &["documents the code", "Ecs.0114"]);
    assert!(!unknown.stderr.contains('\u{1b}'));
}
