//! The measured cases, and the programs that run them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::sdks::{Script, Sdks};
use super::table::Row;
use super::{ROUNDS, median, pinned};

/// A case that each program runs.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The arguments in addition to the common ones.
    arguments: &'static [&'static str],
    /// The number of calls.
    calls: u32,
    /// `true` if nothing is sent.
    encodes_only: bool,
    /// The measured unit of a program's answer.
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    /// User and system time of a call, in microseconds.
    Cpu,
    /// The peak memory of the process, in KiB.
    Memory,
}

const JOB_2: &str = "ff80808288d41e1b0189902609550002";
const JOB_1000: &str = "ff80808288d41e1b0189902609551000";

pub(super) const ALL: &[Case] = &[
    Case {
        name: "job",
        title: "one job query, 2 sub-jobs (µs CPU)",
        arguments: &["--action", "bench-job", "--job-id", JOB_2],
        calls: 2000,
        encodes_only: false,
        unit: Unit::Cpu,
    },
    Case {
        name: "large-job",
        title: "one job query, 1,000 sub-jobs (µs CPU)",
        arguments: &["--action", "bench-job", "--job-id", JOB_1000],
        calls: 300,
        encodes_only: false,
        unit: Unit::Cpu,
    },
    Case {
        name: "run",
        title: "a run on 1,000 servers, not waiting (baselines: one POST) (µs CPU)",
        arguments: &["--action", "bench-reboot", "--count", "1000"],
        calls: 500,
        encodes_only: false,
        unit: Unit::Cpu,
    },
    Case {
        name: "encode",
        title: "encode and sign a restart of 1,000 servers (µs CPU)",
        arguments: &["--action", "bench-encode", "--count", "1000"],
        calls: 1000,
        encodes_only: true,
        unit: Unit::Cpu,
    },
    Case {
        name: "memory",
        title: "peak memory of one job query (KiB)",
        arguments: &["--action", "job", "--job-id", JOB_2],
        calls: 1,
        encodes_only: false,
        unit: Unit::Memory,
    },
];

/// A column of the table.
pub(super) struct Program {
    pub(super) name: &'static str,
    command: PathBuf,
    /// The script that precedes the common arguments.
    script: Option<PathBuf>,
    /// An argument of this program only.
    argument: Option<&'static str>,
    /// `true` if it is an SDK: slow, so that it makes fewer calls, and unable to encode without
    /// sending.
    is_sdk: bool,
}

/// The divisor of the number of calls for SDKs.
const SDK_CALLS: u32 = 20;

impl Program {
    /// Returns all columns: the first is the baseline, the last is ours.
    pub(super) fn all(programs: &Path, sdks: Sdks) -> Vec<Self> {
        let own = |name, program: &str, argument| Self {
            name,
            command: programs.join(program),
            script: None,
            argument,
            is_sdk: false,
        };
        let sdk = |name, script: Script| Self {
            name,
            command: script.interpreter,
            script: Some(script.script),
            argument: None,
            is_sdk: true,
        };
        let mut all = vec![
            own("hand", "hand", None),
            own("body not parsed", "hand", Some("--skip-body")),
            own("hand, a connection each", "hand", Some("--fresh")),
            own("reqwest", "with-reqwest", None),
        ];
        all.extend(sdks.python.map(|script| sdk("Python SDK", script)));
        all.extend(sdks.node.map(|script| sdk("Node SDK", script)));
        all.push(own("here", "client", None));
        all
    }

    /// Returns the command on one core, with the program's own argument.
    pub(super) fn pinned(&self) -> Command {
        let mut command = pinned("0", &self.command);
        command.args(&self.script);
        command
    }

    fn measure(&self, case: &Case, url: &str) -> Result<f64, String> {
        let calls = if self.is_sdk {
            (case.calls / SDK_CALLS).max(1)
        } else {
            case.calls
        };
        let output = self
            .pinned()
            .args(["--base-url", url, "-n", &calls.to_string()])
            .args(case.arguments)
            .args(self.argument)
            .output()
            .map_err(|error| format!("{} cannot be started: {error}", self.name))?;
        let value = read(&output.stdout, case.unit);
        value.ok_or_else(|| {
            let answer = String::from_utf8_lossy(&output.stdout);
            format!("{}: {}", self.name, answer.trim())
        })
    }
}

/// Runs all programs in turn, several times, and returns the median of each.
pub(super) fn measure(case: &Case, programs: &[Program], url: &str) -> Result<Row, String> {
    let mut found = vec![Vec::new(); programs.len()];
    for _ in 0..ROUNDS {
        for (program, found) in programs.iter().zip(&mut found) {
            if !(program.is_sdk && case.encodes_only) {
                found.push(program.measure(case, url)?);
            }
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
        Unit::Memory => answer["peak_kb"].as_f64(),
    }
}
