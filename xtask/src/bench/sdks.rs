//! The official SDKs for Python and Node as baselines, if their pinned packages are available.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the programs and their pins.
const FILES: &str = "crates/ecs-bench/sdks";

/// The scripts of each SDK; `None` if it is not available.
pub(super) struct Sdks {
    pub(super) python: Option<Script>,
    pub(super) node: Option<Script>,
}

/// A script and its interpreter.
pub(super) struct Script {
    pub(super) interpreter: PathBuf,
    pub(super) script: PathBuf,
}

impl Sdks {
    /// Installs missing packages into a separate folder.
    pub(super) fn install(root: &Path, programs: &Path) -> Self {
        let folder = programs.join("sdks");
        let wanted = |result: Result<Script, String>, name: &str| {
            let problem = |error: &String| eprintln!("no SDK for {name}: {error}");
            result.inspect_err(problem).ok()
        };
        Self {
            python: wanted(python(root, &folder), "Python"),
            node: wanted(node(root, &folder), "Node"),
        }
    }
}

fn python(root: &Path, folder: &Path) -> Result<Script, String> {
    let place = folder.join("python");
    let interpreter = place.join("bin").join("python");
    let pins = root.join(FILES).join("requirements.txt");
    if !is_done(&place, &pins) {
        let mut make = Command::new("python3");
        succeed(make.args(["-m", "venv", "--clear"]).arg(&place))?;
        let mut install = Command::new(&interpreter);
        install
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--requirement"])
            .arg(&pins);
        succeed(&mut install)?;
        done(&place, &pins)?;
    }
    let script = root.join(FILES).join("python.py");
    Ok(Script {
        interpreter,
        script,
    })
}

fn node(root: &Path, folder: &Path) -> Result<Script, String> {
    let place = folder.join("node");
    let (pins, script) = (root.join(FILES).join("package.json"), place.join("node.js"));
    if !is_done(&place, &pins) {
        std::fs::create_dir_all(&place).map_err(|error| error.to_string())?;
        copy(&pins, &place.join("package.json"))?;
        let mut install = Command::new("npm");
        install
            .current_dir(&place)
            .args(["install", "--silent", "--no-audit", "--no-fund"]);
        succeed(&mut install)?;
        done(&place, &pins)?;
    }
    // Beside its packages, where Node searches them.
    copy(&root.join(FILES).join("node.js"), &script)?;
    Ok(Script {
        interpreter: PathBuf::from("node"),
        script,
    })
}

/// Returns whether these pins are installed there.
fn is_done(place: &Path, pins: &Path) -> bool {
    let wanted = std::fs::read(pins).ok();
    wanted.is_some() && std::fs::read(place.join("installed")).ok() == wanted
}

fn done(place: &Path, pins: &Path) -> Result<(), String> {
    copy(pins, &place.join("installed"))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copied = std::fs::copy(from, to);
    copied
        .map(drop)
        .map_err(|error| format!("{}: {error}", from.display()))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
