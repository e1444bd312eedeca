//! Commands that hints print: each is run as it stands, in a shell, and works.

use std::path::Path;
use std::process::Command;

use crate::common::{Ended, Running, command, wait_until};

/// A simulator, and a shell that uses it by the variables that it wrote.
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

    /// Runs it, and then each command that it prints.
    #[track_caller]
    fn follow(&self, line: &str, code: i32) -> Vec<(String, Ended)> {
        let ended = self.run(line).expect(code);
        let shown = format!("{}\n{}", ended.stdout, ended.stderr);
        let commands: Vec<&str> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("  ecsctl "))
            .collect();
        assert!(!commands.is_empty(), "no command is printed: {shown}");
        assert!(!shown.contains('…'), "{shown}");
        commands
            .into_iter()
            .map(|rest| {
                let line = format!("ecsctl {rest}");
                let asks = ["resume ", "reboot ", "rerun "]
                    .iter()
                    .any(|verb| rest.starts_with(verb));
                let yes = if asks && !rest.contains("--yes") {
                    " --yes"
                } else {
                    ""
                };
                (line.clone(), self.run(&format!("{line}{yes}")))
            })
            .collect()
    }
}

#[test]
fn a_run_that_stopped_is_resumed_as_printed() {
    let world = World::new(&["--servers", "40", "--fail", "8%"]);
    let run = "ecsctl reboot --all --wave 25% --max-failures 1 --yes --journal 'my run.jsonl'";
    let followed = world.follow(run, 5);
    let (line, ended) = &followed[0];
    assert!(line.starts_with("ecsctl resume 'my run.jsonl'"), "{line}");
    assert!(
        ended.stdout.contains("40 servers: 35 succeeded, 5 failed"),
        "{} {}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn run_show_prints_what_works() {
    let world = World::new(&["--servers", "40", "--fail", "8%"]);
    world
        .run("ecsctl reboot --all --wave 25% --max-failures 1 --yes --journal run.jsonl")
        .expect(5);
    for (line, ended) in world.follow("ecsctl run show run.jsonl", 0) {
        assert!(
            matches!(ended.code, Some(0 | 1)),
            "{line}: {}",
            ended.stderr
        );
    }
}
