//! `ecsctl` on a terminal, and the signals of terminals.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::signal::unix::{SignalKind, signal};

use super::Ended;

/// The prompt of the process.
const QUESTION: &str = "Continue? Type \"yes\":";

/// A pseudo-terminal: the user's side and the side of the process.
pub fn pair() -> (File, File) {
    restore_signals();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    // A terminal that was never opened would return its end.
    let slave = options.read(true).write(true).open(name.to_str().unwrap());
    (File::from(master), slave.unwrap())
}

/// Runs it with stdin and stderr on a terminal; `stderr` of the result is what the terminal showed. Each question is answered
/// by `answer`, which is given the number of the question, the terminal and the process.
pub fn on_terminal(
    mut command: Command,
    mut answer: impl FnMut(usize, &mut File, &Child),
) -> Ended {
    let (mut terminal, stdin) = pair();
    let stderr = stdin.try_clone().unwrap();
    command.env("TERM", "xterm").stdout(Stdio::piped());
    command.stdin(stdin).stderr(stderr);
    let mut child = command.spawn().unwrap();
    // The command holds the other side of the terminal, which must be closed before reading ends.
    drop(command);
    let mut out = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    let mut answered = 0;
    // Linux ends reading with an error once the other side is closed.
    while let Ok(count @ 1..) = terminal.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&shown);
        if text.matches(QUESTION).count() > answered {
            answered += 1;
            answer(answered, &mut terminal, &child);
        }
    }
    let mut stdout = String::new();
    out.read_to_string(&mut stdout).unwrap();
    Ended {
        code: child.wait().unwrap().code(),
        stdout,
        stderr: String::from_utf8_lossy(&shown).into_owned(),
    }
}

/// Lets the processes that are started from now on be ended by SIGHUP and SIGINT, also where this one ignores them, as under
/// `nohup` and in the background of a script: what is ignored is inherited, and what is handled is not.
pub fn restore_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let ignored = ignored.unwrap_or_default();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let _within = runtime.enter();
        for kind in [SignalKind::hangup(), SignalKind::interrupt()] {
            if (ignored >> (kind.as_raw_value() - 1)) & 1 == 1 {
                // The handler stays when its stream is dropped.
                drop(signal(kind).unwrap());
            }
        }
    });
}
