//! Signals that stop a command.

use crate::exit::Exit;
use crate::fail::CliError;

/// The handler of signals from the terminal (Ctrl-C, hang-up) or a supervisor (SIGTERM). Once it exists, signals do
/// not end the process by themselves.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` under nohup.
    hangup: Option<tokio::signal::unix::Signal>,
    /// Several hang-ups count as one, because the kernel and the shell each send one when a terminal is closed.
    hung_up: bool,
}

/// The name of the signal of Ctrl-C.
pub(crate) const INTERRUPT: &str = "SIGINT";

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| {
                CliError::new(Exit::Failed, format!("cannot handle signals: {error}"))
            })
        };
        // A write beyond the limit of the file size (`ulimit -f`) fails like one to a full disk, instead of ending the
        // process while requests are in flight.
        drop(listen(SignalKind::from_raw(signal_hook::consts::SIGXFSZ))?);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: if hangup_is_ignored() {
                None
            } else {
                Some(listen(SignalKind::hangup())?)
            },
            hung_up: false,
        })
    }

    /// Waits for the next signal and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        loop {
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => return INTERRUPT,
                _ = self.terminate.recv() => return "SIGTERM",
                _ = hangup => if !std::mem::replace(&mut self.hung_up, true) {
                    return "SIGHUP";
                },
            }
        }
    }
}

/// Returns the exit code of a command after Ctrl-C: never 0, with which a loop of a shell would continue.
pub(crate) fn after_interrupt(exit: Exit) -> Exit {
    if is_in_foreground() {
        Exit::Interrupted
    } else {
        exit.max(Exit::Stopped)
    }
}

/// Returns whether a terminal sends Ctrl-C to this process and to the shell that started it.
#[cfg(unix)]
fn is_in_foreground() -> bool {
    use rustix::process::getpgrp;
    use rustix::termios::tcgetpgrp;
    let of = |group: rustix::io::Result<_>| group.is_ok_and(|group| group == getpgrp());
    of(tcgetpgrp(std::io::stderr())) || of(tcgetpgrp(std::io::stdin()))
}

/// Ends the process by SIGINT, which a shell must see to leave its loop. Returns if that is not possible.
#[cfg(unix)]
pub(crate) fn end_by_interrupt() {
    // If this fails, the exit code is the fallback.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT);
}

#[cfg(not(unix))]
fn is_in_foreground() -> bool {
    false
}

#[cfg(not(unix))]
pub(crate) fn end_by_interrupt() {}

/// The name of the signal of Ctrl-C.
#[cfg(not(unix))]
pub(crate) const INTERRUPT: &str = "Ctrl-C";

/// Returns whether the process was started to outlive its terminal. Known on Linux only.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Returns whether the mask of ignored signals has SIGHUP, its first signal.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}

/// The handler of Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct Signals(());

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(crate) fn new() -> Result<Self, CliError> {
        Ok(Self(()))
    }

    /// Waits for the next signal and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_signal_mask_shows_whether_hangups_are_ignored() {
        assert!(ignores_hangup(
            "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"
        ));
        for status in [
            "SigIgn:\t0000000000001000\n",
            "SigIgn:\tx\n",
            "",
            "SigCgt:\t1\n",
        ] {
            assert!(!ignores_hangup(status), "{status}");
        }
    }
}
