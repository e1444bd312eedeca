//! The cost of `ecsctl` and its simulator as processes, each figure beside its target.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::process::{self, Taken};
use super::simulator::Simulator;
use super::{median, pinned};

/// A figure of the second table.
pub(super) struct Figure {
    pub(super) title: &'static str,
    pub(super) target: &'static str,
    pub(super) value: String,
}

/// A measurement: its name and function.
pub(super) type Measurement = (
    &'static str,
    fn(root: &Path, programs: &Path) -> Result<Vec<Figure>, String>,
);

/// In the order of the table. `build` takes minutes, and runs only if it is named.
pub(super) const ALL: &[Measurement] = &[
    ("waiting", waiting),
    ("fleet", fleet),
    ("pages", pages),
    ("size", size),
    (BUILD, build),
];

/// The measurement that runs only if it is named.
pub(super) const BUILD: &str = "build";

/// The number of servers of a large run; another has half as many.
const FLEET: usize = 100_000;
const HALF: usize = FLEET / 2;
/// The number of large runs.
const RUNS: usize = 3;
/// The largest number of servers in one request of the large run: the service's own limit.
const REQUEST: usize = 1000;

/// (e): the heap of a watched job, from the test that bounds it.
fn waiting(root: &Path, _: &Path) -> Result<Vec<Figure>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["test", "--quiet", "--package", "ecs-tests"])
        .args(["--test", "waiting_memory", "--", "--nocapture"])
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    let message = String::from_utf8_lossy(&output.stderr);
    let line = message
        .lines()
        .find(|line| line.contains("bytes for each job"));
    let line = line.filter(|_| output.status.success());
    let line = line.ok_or_else(|| format!("the test of the memory says nothing:\n{message}"))?;
    let numbers = line.split(|character: char| !character.is_ascii_digit());
    let numbers: Vec<&str> = numbers.filter(|number| !number.is_empty()).collect();
    let [by_id, by_ticket, by_events, in_a_run] = numbers[..] else {
        return Err(format!("no four numbers: {line}"));
    };
    Ok(vec![
        Figure {
            title: "(e) a waiting job: by its id, by a ticket, by events (bytes of heap)",
            target: "≤ 600",
            value: format!("{by_id}, {by_ticket}, {by_events}"),
        },
        Figure {
            title: "(e) a request of a run with its one server (bytes of heap)",
            target: "≤ 1,000",
            value: in_a_run.to_owned(),
        },
    ])
}

/// A folder that is removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("ecs-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    fn create(&self, name: &str) -> Result<File, String> {
        File::create(self.0.join(name)).map_err(|error| format!("{name}: {error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in a temporary place.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Optional work of a large run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// Reads the states of its servers first, as it does by default.
    Reads,
    /// Keeps a journal.
    Journal,
}

/// Runs `ecsctl` once on all servers of a simulator.
fn run(
    programs: &Path,
    simulator: &Simulator,
    folder: &Folder,
    beside: Beside,
) -> Result<Taken, String> {
    let ids = folder.0.join("ids");
    std::fs::write(&ids, simulator.ids()).map_err(|error| format!("ids: {error}"))?;
    let mut command = pinned("0", &programs.join("ecsctl"));
    command
        .args(["reboot", "--yes", "--from-file"])
        .arg(&ids)
        .args(simulator.arguments())
        .args(["--batch-size", &REQUEST.to_string()])
        .args(["--servers-per-minute", "1000000"])
        .env("ECSCTL_SIM_SPEED", Simulator::speed())
        .env("XDG_STATE_HOME", folder.0.join("state"))
        .stdout(folder.create("out")?)
        .stderr(folder.create("err")?);
    if beside != Beside::Reads {
        command.arg("--no-preflight");
    }
    if beside == Beside::Journal {
        let path = folder.0.join("journal");
        // There is none before the first run.
        let _ = std::fs::remove_file(&path);
        command.arg("--journal").arg(path);
    } else {
        command.arg("--no-journal");
    }
    process::run(&mut command).map_err(|error| {
        let message = std::fs::read_to_string(folder.0.join("err")).unwrap_or_default();
        format!("{error}\n{message}")
    })
}

/// Returns the medians of several runs.
fn runs(programs: &Path, servers: usize, folder: &Folder, beside: Beside) -> Result<Taken, String> {
    let mut all = Vec::new();
    for _ in 0..RUNS {
        let simulator = Simulator::start(programs, servers)?;
        all.push(run(programs, &simulator, folder, beside)?);
    }
    Ok(Taken {
        cpu: median(all.iter().map(|taken| taken.cpu).collect()),
        peak_kb: median(all.iter().map(|taken| taken.peak_kb).collect()),
    })
}

/// (f), (i), (j): a run on a large fleet, with and without reads before it and a journal, and the
/// command that shows that journal.
fn fleet(_: &Path, programs: &Path) -> Result<Vec<Figure>, String> {
    let folder = Folder::new()?;
    let half = runs(programs, HALF, &folder, Beside::Nothing)?;
    let plain = runs(programs, FLEET, &folder, Beside::Nothing)?;
    let reads = runs(programs, FLEET, &folder, Beside::Reads)?;
    let kept = runs(programs, FLEET, &folder, Beside::Journal)?;
    let journal = std::fs::read(folder.0.join("journal")).map_err(|error| error.to_string())?;
    let journal = String::from_utf8_lossy(&journal);
    let mut show = pinned("0", &programs.join("ecsctl"));
    show.args(["run", "show"])
        .arg(folder.0.join("journal"))
        .stdout(folder.create("out")?)
        .stderr(Stdio::null());
    let begin = Instant::now();
    let shown = process::run(&mut show)?;
    let took = begin.elapsed().as_secs_f64();
    let (servers, requests) = (FLEET as f64, (FLEET / REQUEST) as f64);
    let each = (plain.peak_kb - half.peak_kb) * 1024.0 / (servers - HALF as f64);
    let journal_cpu = (kept.cpu - plain.cpu).max(0.0) * 1e6 / servers;
    Ok(vec![
        Figure {
            title: "(f) `ecsctl reboot --no-preflight` of 100,000 servers: CPU (s)",
            target: "≤ 0.8",
            value: format!("{:.2} (half of them: {:.2})", plain.cpu, half.cpu),
        },
        Figure {
            title: "(f) … peak memory (MB); each server above 50,000 (bytes)",
            target: "≤ 48; ≤ 300",
            value: format!("{:.0}; {each:.0}", plain.peak_kb / 1000.0),
        },
        Figure {
            title: "(f) … with the reads of all servers before it: CPU (s); peak memory (MB)",
            target: "–",
            value: format!("{:.2}; {:.0}", reads.cpu, reads.peak_kb / 1000.0),
        },
        Figure {
            title: "(f) … with a journal: CPU (s); peak memory (MB)",
            target: "–",
            value: format!("{:.2}; {:.0}", kept.cpu, kept.peak_kb / 1000.0),
        },
        Figure {
            title: "(i) `run show` of its journal (s of CPU, s in all; MB)",
            target: "≤ 1; ≤ 64",
            value: format!("{:.2}, {took:.2}; {:.0}", shown.cpu, shown.peak_kb / 1000.0),
        },
        Figure {
            title: "(j) journal: CPU (µs), bytes for each server",
            target: "–",
            value: format!("{journal_cpu:.1}, {:.0}", journal.len() as f64 / servers),
        },
        Figure {
            title: "(j) … syncs for each request, by its records",
            target: "≤ 2",
            value: format!("{:.1}", syncs(&journal) as f64 / requests),
        },
    ])
}

/// Returns the number of syncs of a journal: one per record, except that an attempt is one of two
/// records, and the results of a job wait for the next sync.
fn syncs(journal: &str) -> usize {
    const WITHOUT: [&str; 3] = ["sending", "verdicts", "job_over"];
    let is_without = |line: &str| {
        let is_kind = |kind| line.contains(&format!(r#""kind":"{kind}""#));
        WITHOUT.into_iter().any(is_kind)
    };
    journal.lines().filter(|line| !is_without(line)).count()
}

/// (g): queries of the simulator, by the time of its process.
fn pages(_: &Path, programs: &Path) -> Result<Vec<Figure>, String> {
    const QUERIES: usize = 10_000;
    const PAGES: usize = 2000;
    let simulator = Simulator::start(programs, 1000)?;
    let project = simulator.info("project_id").to_owned();
    let first = simulator.ids();
    let first = first.lines().next().unwrap_or_default();
    let rate = |path: &str, times: usize| {
        simulator.read(path, times / 10)?;
        let before = process::cpu_so_far(&simulator.process);
        simulator.read(path, times)?;
        let after = process::cpu_so_far(&simulator.process);
        let cpu = after.zip(before).map(|(after, before)| after - before);
        cpu.map(|cpu| times as f64 / cpu)
            .ok_or_else(|| "the time of ecsctl sim cannot be read".to_owned())
    };
    let base = format!("/v1/{project}/cloudservers");
    let queries = rate(&format!("{base}/{first}"), QUERIES)?;
    let pages = rate(&format!("{base}/detail?offset=2&limit=100"), PAGES)?;
    let large = Simulator::start(programs, FLEET)?;
    let peak = process::peak_memory(&large.process).unwrap_or(f64::NAN);
    Ok(vec![
        Figure {
            title: "(g) simulator: queries of a server; pages of 100 servers (in a second of a core)",
            target: "–; ≥ 3,000",
            value: format!("{queries:.0}; {pages:.0}"),
        },
        Figure {
            title: "(g) `sim --servers 100000`: peak memory when it listens (MB)",
            target: "≤ 30",
            value: format!("{:.0}", peak / 1000.0),
        },
    ])
}

/// (h): the size of the program.
fn size(_: &Path, programs: &Path) -> Result<Vec<Figure>, String> {
    let path = programs.join("ecsctl");
    let file = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(vec![Figure {
        title: "(h) `ecsctl`, stripped (MB)",
        target: "≤ 8",
        value: format!("{:.1}", file.len() as f64 / 1e6),
    }])
}

/// (h): the duration of an optimized build from scratch.
fn build(root: &Path, _: &Path) -> Result<Vec<Figure>, String> {
    let folder = Folder::new()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root)
        .args(["build", "--release", "--package", "ecs-cli"])
        .env("CARGO_TARGET_DIR", folder.0.join("target"));
    let begin = Instant::now();
    let taken = process::run(&mut command)?;
    let took = begin.elapsed().as_secs_f64();
    Ok(vec![Figure {
        title: "(h) `cargo build --release -p ecs-cli` from nothing (s; s of CPU)",
        target: "≤ 120 on two cores",
        value: format!("{took:.0}; {:.0}", taken.cpu),
    }])
}
