//! What is measured, and the programs that do it.

use std::path::Path;

use serde_json::Value;

use super::table::Row;
use super::{ROUNDS, median, pinned};

/// Something that each program does.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The arguments beside those that all have.
    arguments: &'static [&'static str],
    /// What of a program's answer counts.
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    /// User and system time of a call, in microseconds.
    Cpu,
    /// The most memory of the process, in KiB.
    Memory,
}

const JOB_2: &str = "ff80808288d41e1b0189902609550002";
const JOB_1000: &str = "ff80808288d41e1b0189902609551000";

pub(super) const ALL: &[Case] = &[
    Case {
        name: "job",
        title: "one job query, 2 sub-jobs (µs CPU)",
        arguments: &["--action", "bench-job", "--job-id", JOB_2, "-n", "2000"],
        unit: Unit::Cpu,
    },
    Case {
        name: "large-job",
        title: "one job query, 1,000 sub-jobs (µs CPU)",
        arguments: &["--action", "bench-job", "--job-id", JOB_1000, "-n", "300"],
        unit: Unit::Cpu,
    },
    Case {
        name: "run",
        title: "a run on 1,000 servers, not waiting (baselines: one POST) (µs CPU)",
        arguments: &["--action", "bench-reboot", "--count", "1000", "-n", "500"],
        unit: Unit::Cpu,
    },
    Case {
        name: "encode",
        title: "encode and sign a restart of 1,000 servers (µs CPU)",
        arguments: &["--action", "bench-encode", "--count", "1000", "-n", "1000"],
        unit: Unit::Cpu,
    },
    Case {
        name: "memory",
        title: "peak memory of one job query (KiB)",
        arguments: &["--action", "job", "--job-id", JOB_2, "-n", "1"],
        unit: Unit::Memory,
    },
];

/// A program and the argument that only it has, in the order of the table.
pub(super) const PROGRAMS: &[(&str, &str, Option<&str>)] = &[
    ("hand", "hand", None),
    ("body not parsed", "hand", Some("--skip-body")),
    ("hand, a connection each", "hand", Some("--fresh")),
    ("reqwest", "with-reqwest", None),
    ("here", "client", None),
];

/// Runs all programs in turn, several times; the median of each.
pub(super) fn measure(case: &Case, programs: &Path, url: &str) -> Result<Row, String> {
    let mut found = vec![Vec::new(); PROGRAMS.len()];
    for _ in 0..ROUNDS {
        for ((_, program, argument), found) in PROGRAMS.iter().zip(&mut found) {
            let mut command = pinned("0", &programs.join(program));
            command.args(["--base-url", url]).args(case.arguments);
            command.args(argument);
            let output = command
                .output()
                .map_err(|error| format!("{program} cannot be started: {error}"))?;
            let value = read(&output.stdout, case.unit);
            found.push(value.ok_or_else(|| {
                let answer = String::from_utf8_lossy(&output.stdout);
                format!("{program}: {}", answer.trim())
            })?);
        }
    }
    Ok(Row {
        title: case.title.to_owned(),
        values: found.into_iter().map(median).collect(),
    })
}

fn read(answer: &[u8], unit: Unit) -> Option<f64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    if answer["ok"] != true {
        return None;
    }
    match unit {
        Unit::Cpu => Some(answer["user_us"].as_f64()? + answer["sys_us"].as_f64()?),
        Unit::Memory => answer["max_rss_kb"].as_f64(),
    }
}
