//! Runs the programs of `ecs-bench` side by side, and counts instructions.
//!
//! - `cases`: the measured calls, and the programs that make them; `sdks`: the official SDKs among
//!   them
//! - `start`: the time of a process from its start to its first byte
//! - `figures`: the cost of `ecsctl` as a process; `process`, `simulator`: how it is measured
//! - `table`: the tables of `docs/performance.md`
//! - `instructions`: the instructions of single operations, by callgrind, compared with the
//!   baseline

mod cases;
mod figures;
pub(crate) mod instructions;
mod process;
mod sdks;
mod simulator;
mod start;
mod table;

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

/// The number of runs of each program.
const ROUNDS: usize = 5;

/// Measures the cases whose names begin with `only`, and writes the table into the docs if `write`
/// is set.
pub(crate) fn run(root: &Path, only: &str, write: bool) -> ExitCode {
    match measure(root, only, write) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn measure(root: &Path, only: &str, write: bool) -> Result<(), String> {
    let folder = build(
        root,
        &[
            "-p",
            "ecs-bench",
            "-p",
            "ecs-cli",
            "--features",
            "ecs-bench/reqwest",
        ],
    )?;
    let calls = measure_calls(root, &folder, only)?;
    println!("{calls}");
    let mut found = Vec::new();
    for (name, measurement) in figures::ALL {
        if name.starts_with(only) && (*name != figures::BUILD || only == *name) {
            eprintln!("{name}");
            found.extend(measurement(root, &folder)?);
        }
    }
    let found = table::figures(&found);
    println!("{found}");
    if write {
        table::write(root, &calls, &found)?;
    }
    Ok(())
}

/// Measures the cases of one call with all programs.
fn measure_calls(root: &Path, folder: &Path, only: &str) -> Result<String, String> {
    let mut cases = cases::ALL
        .iter()
        .filter(|case| case.name.starts_with(only))
        .peekable();
    let starts = "start".starts_with(only);
    if cases.peek().is_none() && !starts {
        return Ok(String::new());
    }
    let programs = cases::Program::all(folder, sdks::Sdks::install(root, folder));
    let server = Server::start(folder)?;
    let mut rows = Vec::new();
    for case in cases {
        eprintln!("{}: {}", case.name, case.title);
        rows.push(cases::measure(case, &programs, &server.url)?);
    }
    if starts {
        eprintln!("start: from the start of the process to the first byte");
        rows.push(start::measure(&programs)?);
    }
    Ok(table::calls(&rows, &programs))
}

/// Builds the programs that these arguments of cargo name, optimized, and returns their folder.
pub(crate) fn build(root: &Path, arguments: &[&str]) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--release"])
        .args(arguments)
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !status.success() {
        return Err("the programs cannot be built".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    Ok(root.join(target).join("release"))
}

/// Returns a command that runs on one core only, if `taskset` is available.
fn pinned(core: &str, program: &Path) -> Command {
    let taskset = Command::new("taskset")
        .args(["-c", core, "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if taskset.is_ok_and(|status| status.success()) {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// The service that all programs call.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(programs: &Path) -> Result<Self, String> {
        let mut process = pinned("1", &programs.join("server"))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the server cannot be started: {error}"))?;
        let mut url = String::new();
        let read = process
            .stdout
            .take()
            .map(|out| BufReader::new(out).read_line(&mut url));
        let url = url.trim().to_owned();
        match read {
            Some(Ok(_)) if !url.is_empty() => Ok(Self { process, url }),
            _ => Err("the server does not say where it listens".to_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
