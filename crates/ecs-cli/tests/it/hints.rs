//! The commands that hints print: each one is run unchanged in a shell and works.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::{Ended, Running, command, wait_until};
use crate::unknown::losing_the_first_answer;

/// A simulator, and a shell that uses it through its variables.
struct World {
    folder: tempfile::TempDir,
    _sim: Running,
}

impl World {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = folder.path().join("sim.env");
        let fixed = [
            "sim",
            "--speed",
            "60",
            "--env-file",
            variables.to_str().unwrap(),
        ];
        let sim = Running::spawn(fixed.iter().chain(options));
        wait_until("the variables are written", || {
            std::fs::read_to_string(&variables).is_ok_and(|text| text.contains("ECSCTL_SIM_SPEED"))
        });
        Self { folder, _sim: sim }
    }

    /// The address of the simulator.
    fn address(&self) -> String {
        let variables = std::fs::read_to_string(self.folder.path().join("sim.env")).unwrap();
        let (_, rest) = variables.split_once("http://").unwrap();
        format!("http://{}", rest.lines().next().unwrap())
    }

    fn run(&self, line: &str) -> Ended {
        let program = Path::new(env!("CARGO_BIN_EXE_ecsctl"));
        let path = format!(
            "{}:{}",
            program.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let variables = command([""; 0]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!(". ./sim.env; {line}")])
            .env_clear()
            .envs(
                variables
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path());
        Ended::with_stdin(&mut shell, "")
    }

    /// Runs a command, and then each command that it prints, after the same settings. All of them work unchanged.
    #[track_caller]
    fn follow(&self, situation: &Situation) -> Vec<(String, Ended)> {
        let Situation {
            before,
            line,
            code,
            works,
        } = situation;
        let ended = self.run(&format!("{before}{line}")).expect(*code);
        let shown = format!("{}\n{}", ended.stdout, ended.stderr);
        let commands: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("  ecsctl "))
            .map(str::trim_start)
            .collect();
        assert!(
            !commands.is_empty(),
            "no command is printed by {line}: {shown}"
        );
        assert!(!shown.contains('…'), "{shown}");
        let followed = commands.into_iter().map(|command| {
            let asks = ["resume", "reboot", "rerun", "apply"]
                .iter()
                .any(|verb| command.starts_with(&format!("ecsctl {verb} ")));
            let yes = if asks && !command.contains("--yes") {
                " --yes"
            } else {
                ""
            };
            let ended = self.run(&format!("{before}{command}{yes}"));
            let code = ended.code.unwrap_or(-1);
            assert!(
                works.contains(&code) && !ended.stderr.contains("unexpected argument"),
                "{command} after {line} ends with {code}: {}{}",
                ended.stdout,
                ended.stderr
            );
            (command.to_owned(), ended)
        });
        followed.collect()
    }
}

/// A command, with the allowed exit codes of its hints.
struct Situation {
    /// Settings as shell code.
    before: &'static str,
    line: String,
    code: i32,
    works: &'static [i32],
}

fn situation(line: &str, code: i32) -> Situation {
    Situation {
        before: "",
        line: line.to_owned(),
        code,
        works: &[0, 1],
    }
}

/// Returns the function of `next_step.rs` that makes a command.
fn step_of(command: &str) -> &'static str {
    let steps = [
        ("ecsctl rerun ", "rerun_failed"),
        ("ecsctl reboot ", "act_again"),
        ("ecsctl job wait ", "wait_for_jobs"),
        ("ecsctl server show ", "show_servers"),
        ("ecsctl server list ", "list_servers"),
        ("ecsctl explain ", "explain"),
        ("ecsctl run list", "list_runs"),
        ("ecsctl run watch ", "watch_run"),
        ("ecsctl auth check", "check_access"),
        ("ecsctl store check", "check_store"),
        ("ecsctl store init", "prepare_store"),
        ("ecsctl store migrate", "prepare_store"),
        ("ecsctl plan show ", "show_plan"),
        ("ecsctl apply ", "apply_plan"),
        ("ecsctl plan approve ", "show_approving"),
    ];
    if command.starts_with("ecsctl resume ") {
        return if command.contains(" --reconcile") {
            "reconcile"
        } else {
            "resume"
        };
    }
    if command.starts_with("ecsctl run show ") {
        return if command.ends_with(" > ids.txt") {
            "write_failed_ids"
        } else {
            "show_run"
        };
    }
    if command.ends_with(" > ids-alone.txt") {
        return "write_listed_ids";
    }
    let step = steps.iter().find(|(begins, _)| command.starts_with(begins));
    step.unwrap_or_else(|| panic!("{command} is of no known kind"))
        .1
}

/// The source files of the program, with their paths, without tests and the texts of the help.
fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !["args", "tests"].contains(&name) {
                    collect(&path, found);
                }
            } else if !["tests.rs", "args.rs"].contains(&name) {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                found.push((path.display().to_string(), text.to_owned()));
            }
        }
    }
    let mut found = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    collect(&folder, &mut found);
    found
}

/// Returns the functions that make commands.
fn steps_in_source() -> BTreeSet<String> {
    let sources = sources();
    let file = sources
        .iter()
        .find(|(path, _)| path.ends_with("next_step.rs"));
    let (_, text) = file.unwrap();
    let end = text.find("fn without_place").unwrap();
    let functions = text[..end].split("pub(crate) fn ").skip(1);
    functions
        .map(|rest| rest.split('(').next().unwrap().to_owned())
        .collect()
}

/// Commands are printed as lines of their own, so that all of them are made in one place and run by the next test.
#[test]
fn no_other_text_contains_a_command() {
    // These texts name a format, or the purpose of a command that follows.
    const ALLOWED: [(&str, &str); 4] = [
        ("server_file.rs", "ecsctl server list -o json"),
        ("plan_file.rs", "const FORMAT"),
        ("messages.rs", "ecsctl resume reports its outcome"),
        ("resumed.rs", "ecsctl resume reports its outcome"),
    ];
    const COMMANDS: [&str; 14] = [
        "reboot", "start", "stop", "resume", "rerun", "apply", "plan", "run ", "job", "server",
        "auth", "explain", "store", "config",
    ];
    for (path, text) in sources() {
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let has = |command: &&str| line.contains(&format!("ecsctl {command}"));
            let is_allowed =
                |(file, expected): &(&str, &str)| path.ends_with(file) && line.contains(expected);
            assert!(
                !COMMANDS.iter().any(has) || ALLOWED.iter().any(is_allowed),
                "{path}: a command to be typed is made in commands/next_step.rs: {line}"
            );
        }
    }
}

/// A watcher of an active run; then the process of the run is killed.
fn watching_that_is_stopped() -> Situation {
    let line = "ecsctl reboot --all --wave 1 --pause 9h --yes --journal live.jsonl & run=$!
        until [ -s live.jsonl ]; do sleep 0.1; done
        ecsctl run watch live.jsonl -o jsonl > seen & watch=$!
        until [ -s seen ]; do sleep 0.1; done
        kill $watch; wait $watch; code=$?; kill -9 $run; exit $code";
    Situation {
        works: &[5],
        ..situation(line, 5)
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_printed_command_works_unchanged() {
    let mut seen = BTreeSet::new();
    let mut note = |followed: Vec<(String, Ended)>| {
        seen.extend(
            followed
                .iter()
                .map(|(command, _)| step_of(command).to_owned()),
        );
        followed
    };
    // The failing actions depend on the number of earlier actions.
    let fresh = || World::new(&["--servers", "40", "--fail", "8%"]);
    let world = fresh();
    let stopped = "ecsctl reboot --all --wave 25% --max-failures 1 --yes";
    let with_journal = format!("{stopped} --journal 'my run.jsonl'");
    let followed = note(world.follow(&situation(&with_journal, 5)));
    let (line, ended) = &followed[0];
    assert!(line.starts_with("ecsctl resume 'my run.jsonl'"), "{line}");
    let all = "40 servers: 35 succeeded, 5 failed";
    assert!(
        ended.stdout.contains(all),
        "{} {}",
        ended.stdout,
        ended.stderr
    );
    let (line, ended) = &followed[2];
    assert!(
        line.starts_with("ecsctl rerun 'my run.jsonl' --failed"),
        "{line}"
    );
    assert!(
        ended.stdout.contains("5 servers: "),
        "{} {}",
        ended.stdout,
        ended.stderr
    );
    for line in [
        // The journal is in the folder for journals, and the run is named by its id.
        stopped.to_owned(),
        format!("{stopped} --no-journal"),
        "ecsctl reboot --all --yes --no-wait --no-journal".to_owned(),
        "ecsctl reboot --all --yes --no-wait".to_owned(),
    ] {
        let code = if line.contains("--no-wait") { 0 } else { 5 };
        note(fresh().follow(&situation(&line, code)));
    }
    let world = fresh();
    world
        .run(&format!("{stopped} --journal shown.jsonl"))
        .expect(5);
    note(world.follow(&situation("ecsctl run show shown.jsonl", 0)));
    note(world.follow(&Situation {
        works: &[0],
        ..situation("ecsctl rerun shown.jsonl --failed -- --type hard", 2)
    }));
    world
        .run("ecsctl reboot --type hard --from-file ids.txt --yes")
        .expect(0);
    world
        .run("ecsctl reboot web-001 --yes --journal good.jsonl")
        .expect(0);
    let sorted = "ecsctl server list web-001 web-002 -o csv --columns id,name | sed 's/web-001/web-009/' > sorted.csv";
    world.run(sorted).expect(0);
    note(world.follow(&situation(
        "ecsctl reboot --from-file sorted.csv --from-format csv --yes",
        2,
    )));
    world
        .run("ecsctl reboot --from-file ids-alone.txt --yes")
        .expect(0);
    for line in [
        "ecsctl rerun good.jsonl --failed",
        "ecsctl run show no-such-run",
        "ecsctl reboot no-such-server --yes",
        "ecsctl reboot --tag no=such --yes",
        "ecsctl reboot --all --yes --journal good.jsonl",
    ] {
        note(world.follow(&situation(line, 2)));
    }
    note(world.follow(&Situation {
        before: "export HUAWEICLOUD_SDK_AK=UNKNOWN; ",
        works: &[4],
        ..situation("ecsctl reboot web-001 --yes", 4)
    }));
    note(world.follow(&situation(
        "ecsctl plan reboot web-001 web-002 --out a.plan",
        0,
    )));
    world.run("touch key");
    note(world.follow(&situation("ecsctl plan approve a.plan --key key", 2)));
    #[cfg(feature = "postgres")]
    note(world.follow(&Situation {
        works: &[1, 2],
        ..situation(
            "ecsctl reboot web-001 --yes --store postgres://nobody@127.0.0.1:1/none",
            2,
        )
    }));
    #[cfg(feature = "sqlite")]
    note(world.follow(&situation(
        "ecsctl reboot web-001 --yes --store sqlite:fleet.db",
        2,
    )));
    // Servers whose request was never answered.
    let lossy = losing_the_first_answer(&world.address());
    let unknown = format!(
        "ecsctl reboot web-001 web-003 --yes --no-preflight --endpoint {lossy} --journal lost.jsonl"
    );
    let unknown = Situation {
        works: &[0, 1, 3],
        ..situation(&unknown, 3)
    };
    note(world.follow(&unknown));
    let embedded = "ecsctl reboot --sim --sim-fail 5% --all --wave 100 --max-failures 2 --yes --journal sim.jsonl";
    let embedded = Situation {
        works: &[0, 1, 5],
        ..situation(embedded, 5)
    };
    note(world.follow(&embedded));
    note(fresh().follow(&watching_that_is_stopped()));
    let mut steps = steps_in_source();
    if cfg!(not(feature = "postgres")) {
        steps.remove("check_store");
    }
    if cfg!(not(feature = "sqlite")) {
        steps.remove("prepare_store");
    }
    assert_eq!(seen, steps);
}
