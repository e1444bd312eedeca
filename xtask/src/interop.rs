//! `interop-credentials`: the official tools, `ecsctl` and the rows of `official_clients.json` on
//! the same inputs.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const ROWS: &str = "crates/ecs-auth/tests/data/official_clients.json";
const DRIVER: &str = "xtask/interop/credentials.py";
const REQUIREMENTS: &str = "xtask/interop/requirements.txt";

/// The exit code if the packages are not available: nothing was compared.
const NOT_COMPARED: u8 = 3;

/// Compares; `ecsctl` is the program, which is built if none is given.
pub(crate) fn credentials(root: &Path, ecsctl: Option<&str>, arguments: &[&str]) -> ExitCode {
    match run(root, ecsctl.map(Path::new), arguments) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("interop-credentials: {problem}");
            eprintln!("nothing was compared");
            ExitCode::from(NOT_COMPARED)
        }
    }
}

fn run(root: &Path, ecsctl: Option<&Path>, arguments: &[&str]) -> Result<ExitCode, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| root.join("target"));
    let python = environment(root, &target)?;
    let program = match ecsctl {
        Some(program) => root.join(program),
        None => build(root, &target)?,
    };
    let mut compare = Command::new(python);
    compare
        .current_dir(root)
        .args([DRIVER, ROWS])
        .arg(program)
        .args(arguments);
    let status = compare.status().map_err(|error| error.to_string())?;
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn build(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .current_dir(root)
        .args(["build", "--quiet", "--package", "ecs-cli"]);
    succeed(&mut build, "ecsctl cannot be built")?;
    Ok(target.join("debug").join("ecsctl"))
}

/// Returns the interpreter of a virtual environment with the pinned packages. It is made once, and anew when the pins change.
fn environment(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let directory = target.join("interop-credentials");
    let python = directory.join("bin").join("python");
    let stamp = directory.join("requirements.txt");
    let wanted = std::fs::read_to_string(root.join(REQUIREMENTS));
    let wanted = wanted.map_err(|error| format!("{REQUIREMENTS} cannot be read: {error}"))?;
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&directory);
    succeed(
        &mut make,
        "python3 with its venv module is needed, and cannot be run",
    )?;
    let mut install = Command::new(&python);
    install
        .current_dir(root)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            // Compiling all modules takes longer than the comparison, which loads few of them.
            "--no-compile",
            "--disable-pip-version-check",
        ])
        .args(["--requirement", REQUIREMENTS])
        .stdout(Stdio::null());
    succeed(
        &mut install,
        "the packages of xtask/interop/requirements.txt cannot be had (is there a way to PyPI?)",
    )?;
    let written = std::fs::write(&stamp, wanted);
    written.map_err(|error| format!("{} cannot be written: {error}", stamp.display()))?;
    Ok(python)
}

fn succeed(command: &mut Command, problem: &str) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{problem}: {status}")),
        Err(error) => Err(format!("{problem}: {error}")),
    }
}
