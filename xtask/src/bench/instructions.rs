//! Counts instructions by callgrind, and compares them with the committed baseline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const BASELINE: &str = "crates/ecs-bench/instructions.txt";
/// The tolerated excess over the baseline, in per cent.
const TOLERANCE: u64 = 5;
/// The number of repetitions of each case, beyond the first.
const TIMES: u64 = 10;

/// Counts instructions and writes the baseline.
pub(crate) fn update(root: &Path) -> ExitCode {
    end(count(root).and_then(|counted| {
        let lines = counted
            .iter()
            .map(|(name, count)| format!("{name} {count}\n"));
        std::fs::write(root.join(BASELINE), lines.collect::<String>())
            .map_err(|error| format!("cannot write {BASELINE}: {error}"))
    }))
}

/// Counts instructions, and fails if a case clearly exceeds the baseline.
pub(crate) fn check(root: &Path) -> ExitCode {
    end(count(root).and_then(|counted| {
        let baseline = std::fs::read_to_string(root.join(BASELINE))
            .map_err(|error| format!("cannot read {BASELINE}: {error}"))?;
        let problems = compare(&read(&baseline), &counted);
        if problems.is_empty() {
            return Ok(());
        }
        let advice = "if that is meant, run `cargo xtask instructions --update` and give the reason in the commit";
        Err(format!("{}\n{advice}", problems.join("\n")))
    }))
}

fn end(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn read(baseline: &str) -> BTreeMap<String, u64> {
    let lines = baseline.lines().filter_map(|line| line.split_once(' '));
    let counts = lines.filter_map(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
    counts.collect()
}

/// Returns cases beyond the tolerance, or on one side only.
fn compare(baseline: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, count) in counted {
        match baseline.get(name) {
            None => problems.push(format!("{name}: {count} instructions, not in {BASELINE}")),
            Some(before) if *count * 100 > *before * (100 + TOLERANCE) => problems.push(format!(
                "{name}: {count} instructions, {before} before: more than {TOLERANCE} % more"
            )),
            Some(_) => {}
        }
    }
    let gone = baseline.keys().filter(|name| !counted.contains_key(*name));
    problems.extend(gone.map(|name| format!("{name}: in {BASELINE}, but not measured any more")));
    problems
}

/// Returns the instructions of one repetition of each case.
fn count(root: &Path) -> Result<BTreeMap<String, u64>, String> {
    // The other programs are linked with LTO, which takes longer than all the rest. What sends requests over a network is left out.
    let arguments = [
        "-p",
        "ecs-bench",
        "--no-default-features",
        "--bin",
        "instructions",
    ];
    let program = super::build(root, &arguments)?.join("instructions");
    let names = Command::new(&program).output();
    let names = names.map_err(|error| format!("{}: {error}", program.display()))?;
    let mut counted = BTreeMap::new();
    for name in String::from_utf8_lossy(&names.stdout).lines() {
        let (once, often) = (
            callgrind(&program, name, 1)?,
            callgrind(&program, name, 1 + TIMES)?,
        );
        let each = often.saturating_sub(once) / TIMES;
        println!("{name} {each}");
        counted.insert(name.to_owned(), each);
    }
    Ok(counted)
}

fn callgrind(program: &PathBuf, case: &str, times: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([case, &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be started (apt install valgrind): {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let collected = collected.and_then(|(_, count)| count.trim().parse().ok());
    collected
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{case} could not be counted:\n{text}"))
}

#[cfg(test)]
mod tests;
