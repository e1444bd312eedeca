//! The health check after a wave, which is a command of the user.

use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use ecs_ops::model::ServerId;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, Command};

use crate::fail::CliError;
use crate::term::{BackgroundPrinter, clean};

/// The longest line in bytes; longer ones are shown in parts.
const LONGEST_LINE: u64 = 4096;
/// The longest part of the last error line in a failure.
const LAST_WORDS: usize = 200;
/// The time that the last lines may take after the end of the command, whose child processes may keep its output
/// open.
const GRACE: Duration = Duration::from_millis(500);

/// Runs the command with the ids on its stdin, and copies its output to the notes. The command and its child
/// processes are killed when the future is dropped.
pub(crate) async fn check(
    command: &str,
    servers: &[ServerId],
    printer: &BackgroundPrinter,
) -> Result<(), String> {
    let spawned = shell(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| format!("it could not be started: {error}"))?;
    let mut group = ProcessGroup::of(&child);
    let ids: String = servers.iter().map(|id| format!("{id}\n")).collect();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write_ids = async {
        if let Some(mut stdin) = stdin {
            // The command need not read the ids.
            let _ = stdin.write_all(ids.as_bytes()).await;
        }
    };
    let last = Mutex::new(String::new());
    let forward_stdout = lines(stdout, |line| {
        printer.note(&format!("health check: {line}"))
    });
    let forward_stderr = lines(stderr, |line| {
        printer.line(&format!("health check: {line}"));
        if let (false, Ok(mut last)) = (line.trim().is_empty(), last.lock()) {
            line.trim().clone_into(&mut last);
        }
    });
    let status = {
        let streams = async { tokio::join!(write_ids, forward_stdout, forward_stderr) };
        tokio::pin!(streams);
        let (status, closed) = tokio::select! {
            status = child.wait() => (status, false),
            _ = &mut streams => (child.wait().await, true),
        };
        group.is_over();
        if !closed {
            let _ = tokio::time::timeout(GRACE, streams).await;
        }
        status
    };
    // Keeps the output above the lines that follow.
    printer.flush(GRACE).await;
    let status = status.map_err(|error| format!("waiting for it failed: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(failure(status, &last.into_inner().unwrap_or_default()))
    }
}

/// Checks that the command exists, before anything is sent: a missing command would stop the run after its first
/// wave. A command that only the shell can resolve, such as one in a variable, is not checked.
#[cfg(not(windows))]
pub(crate) fn check_exists(command: &str) -> Result<(), CliError> {
    let shell = |arguments: &[&str]| {
        let mut shell = std::process::Command::new("sh");
        shell.args(arguments).stdin(Stdio::null());
        shell.output()
    };
    // Without a shell nothing is checked here, and the health check fails later.
    let Ok(parsed) = shell(&["-n", "-c", command]) else {
        return Ok(());
    };
    if !parsed.status.success() {
        let reason = String::from_utf8_lossy(&parsed.stderr);
        let reason = clean(reason.lines().next().unwrap_or_default());
        return Err(CliError::usage(format!(
            "--health-cmd: sh cannot read {command:?}: {reason}; nothing was sent"
        )));
    }
    let Some(program) = program(command) else {
        return Ok(());
    };
    match shell(&["-c", "command -v \"$1\"", "sh", program]) {
        Ok(found) if !found.status.success() => Err(CliError::usage(format!(
            "--health-cmd: there is no command {program:?}, or it is not executable; nothing was sent"
        ))
        .hint("name a command that sh finds, or a file with its path, such as ./check.sh")),
        _ => Ok(()),
    }
}

#[cfg(windows)]
pub(crate) fn check_exists(_command: &str) -> Result<(), CliError> {
    Ok(())
}

/// Returns the program of a simple command.
fn program(command: &str) -> Option<&str> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./+:@%".contains(c);
    let is_assignment = |word: &&str| {
        let (name, value) = word.split_once('=').unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !name.is_empty() && name.chars().all(is_name) && value.chars().all(is_plain)
    };
    let word = command
        .split_whitespace()
        .find(|word| !is_assignment(word))?;
    word.chars().all(is_plain).then_some(word)
}

fn failure(status: ExitStatus, last: &str) -> String {
    let status_text = match status.code() {
        Some(code) => format!("exit status {code}"),
        // Ended by a signal, as the platform describes it.
        None => status.to_string(),
    };
    let shown: String = clean(last).chars().take(LAST_WORDS).collect();
    let more = if shown.len() < clean(last).len() {
        "…"
    } else {
        ""
    };
    match shown.as_str() {
        "" => status_text,
        shown => format!("{status_text}: {shown}{more}"),
    }
}

async fn lines(stream: Option<impl AsyncRead + Unpin>, mut show: impl FnMut(&str)) {
    let Some(stream) = stream else { return };
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let read = (&mut stream)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await;
        match read {
            Ok(1..) => show(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])),
            _ => return,
        }
    }
}

#[cfg(not(windows))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    // A process group of its own: Ctrl-C does not fail the check, and all of its processes can be killed.
    #[cfg(unix)]
    shell.process_group(0);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    // Passed without quoting, because `cmd` has rules of its own.
    shell.arg("/C").raw_arg(command);
    shell
}

/// The command and its child processes, which are killed on drop before its end.
struct ProcessGroup {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl ProcessGroup {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            id: id.and_then(rustix::process::Pid::from_raw),
        }
    }

    /// Disarms the guard: the process id may be reused from now on.
    fn is_over(&mut self) {
        self.id = None;
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // The group may have ended in the meantime.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(not(unix))]
impl ProcessGroup {
    fn of(_: &Child) -> Self {
        Self {}
    }

    fn is_over(&mut self) {}
}

#[cfg(test)]
mod tests;
