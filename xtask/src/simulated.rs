//! Runs the programs of the package `ecs-tests`, optimized: `tests/src/bin` has them, and their
//! arguments.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Exits with the code of the program.
pub(crate) fn run(root: &Path, program: &str, arguments: &[&str]) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .current_dir(root)
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "ecs-tests",
            "--bin",
            program,
            "--",
        ])
        .args(arguments)
        .status();
    match status {
        Ok(status) => {
            // Ended by a signal: there is no code, and nothing was proven.
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(1))
        }
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
