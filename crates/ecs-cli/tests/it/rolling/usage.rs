//! Contradictory options: refused before anything is sent, with a hint.

use super::*;

#[test]
fn contradictory_options_send_nothing() {
    let sim = region(20);
    // The arguments, and texts of the error.
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--pause=1m"],
            &[
                "--pause is the time between two waves",
                "hint: add --wave N|P%",
            ],
        ),
        (
            &["--canary=1", "--canary-pause=1s", "--pause=1m"],
            &[
                "there is only one after the canary",
                "hint: --canary-pause is",
            ],
        ),
        (
            &["--no-wait", "--wave=2"],
            &["'--no-wait' cannot be used with '--wave", "Usage: "],
        ),
        (
            &["--no-wait", "--max-failures=2"],
            &["cannot be used with '--max-failures"],
        ),
        (
            &["--no-wait", "--escalate", "hard-after", "5m"],
            &["cannot be used with '--escalate"],
        ),
        (
            &["--wave=0"],
            &["a wave needs at least one server", "--wave <N|P%>"],
        ),
        (&["--wave=0%"], &["a wave needs at least one server"]),
        (
            &["--max-failures=101%"],
            &["\"101%\" is neither", "from 0% to 100%"],
        ),
        (
            &["--type=hard", "--escalate", "hard-after", "5m"],
            &["cannot be used with --type hard"],
        ),
        (
            &["--escalate", "hard-after"],
            &["--escalate <FORM> <DURATION>", "2 values"],
        ),
        (
            &["--escalate", "soft-after", "5m"],
            &[
                "\"soft-after\" is not supported",
                "hint: write it as two arguments",
            ],
        ),
        (
            &["--wave=5", "--canary=6", "--canary-pause=1s"],
            &[
                "a canary of 6 servers is larger than the waves of 5 servers",
                "hint: ",
            ],
        ),
        (
            &["--wave=5%", "--canary=2", "--canary-pause=1s"],
            &["larger than the waves of 1 server"],
        ),
        (&["--order-seed=7"], &["--order <ORDER>"]),
        (
            &["--order=by-name", "--order-seed=7"],
            &["--order-seed needs --order random"],
        ),
        (&["--canary-pause=1s"], &["--canary <N>"]),
        (&["--canary=0", "--canary-pause=1s"], &["of at least 1"]),
        (&["--health-timeout=5s"], &["--health-cmd <COMMAND>"]),
        (&["--health-cmd= "], &["expected a command"]),
        (&["--spread-by=zone"], &["expected az, host or tag:KEY"]),
    ];
    for (arguments, expected) in cases {
        let arguments = [&["reboot", "--all", "--yes"], *arguments].concat();
        let ended = run(&sim, &arguments).refuses(2, expected);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    // Only `reboot` can escalate.
    for verb in ["start", "stop"] {
        let arguments = [verb, "--all", "--yes", "--escalate", "hard-after", "5m"];
        run(&sim, &arguments).refuses(2, &["--escalate"]);
    }
    assert_eq!(sim.accepted(), 0);
}
