//! Ctrl-C, and its relatives.

use crate::exit::Exit;
use crate::fail::Fail;

/// Requests to stop, from the terminal (Ctrl-C, or its end) or from a supervisor (SIGTERM). From when this is made on they no longer
/// end the process by themselves.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Nothing under nohup.
    hangup: Option<tokio::signal::unix::Signal>,
    /// The kernel and the shell each send one when a terminal is closed: however many come, they are one request.
    hung_up: bool,
}

/// What Ctrl-C sends.
pub(crate) const INTERRUPT: &str = "SIGINT";

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Result<Self, Fail> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Fail::new(Exit::Failed, format!("cannot handle signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: match hangup_is_ignored() {
                true => None,
                false => Some(listen(SignalKind::hangup())?),
            },
            hung_up: false,
        })
    }

    /// The next one, by its name.
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

/// How a command ends after Ctrl-C, whatever else came of it: never with 0, with which a loop of a shell would go on.
pub(crate) fn after_interrupt(exit: Exit) -> Exit {
    if is_in_foreground() {
        Exit::Interrupted
    } else {
        exit.max(Exit::Stopped)
    }
}

/// Whether a terminal sends its Ctrl-C to this process, and to the shell that started it.
#[cfg(unix)]
fn is_in_foreground() -> bool {
    use rustix::process::getpgrp;
    use rustix::termios::tcgetpgrp;
    let of = |group: rustix::io::Result<_>| group.is_ok_and(|group| group == getpgrp());
    of(tcgetpgrp(std::io::stderr())) || of(tcgetpgrp(std::io::stdin()))
}

/// Ends the process by SIGINT, as a shell needs to see it to leave its loop. Returns where that is not possible.
#[cfg(unix)]
pub(crate) fn end_by_interrupt() {
    // Where it fails, the exit code says the same.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT);
}

#[cfg(not(unix))]
fn is_in_foreground() -> bool {
    false
}

#[cfg(not(unix))]
pub(crate) fn end_by_interrupt() {}

/// What Ctrl-C sends.
#[cfg(not(unix))]
pub(crate) const INTERRUPT: &str = "Ctrl-C";

/// Whether whoever started this wanted it to outlive the terminal. Only Linux tells.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// The first signal of the mask is SIGHUP.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}

/// Requests to stop.
#[cfg(not(unix))]
pub(crate) struct Signals(());

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(crate) fn new() -> Result<Self, Fail> {
        Ok(Self(()))
    }

    /// The next one, by its name.
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
    fn the_mask_says_whether_a_hangup_is_ignored() {
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
