//! The resources of a process, from its start to its end.

use std::process::{Child, Command};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// The interval at which the memory of a process is read while it runs.
const SAMPLING: Duration = Duration::from_millis(2);
/// The clock ticks per second in `/proc` (`CLK_TCK`, the same on every Linux).
const TICKS: f64 = 100.0;

/// The resources that a process used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// User and system time, in seconds.
    pub(super) cpu: f64,
    /// The peak memory up to the last sample, in KiB.
    pub(super) peak_kb: f64,
}

/// Runs a program to its end, which has to be a success. No other child may end meanwhile.
pub(super) fn run(command: &mut Command) -> Result<Taken, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let before = children()?;
    let started = command.spawn();
    let mut process = started.map_err(|error| format!("{name} cannot be started: {error}"))?;
    let mut peak_kb = 0.0_f64;
    let status = loop {
        peak_kb = peak_kb.max(peak_memory(&process).unwrap_or_default());
        match process.try_wait() {
            Ok(None) => std::thread::sleep(SAMPLING),
            Ok(Some(status)) => break status,
            Err(error) => return Err(format!("{name}: {error}")),
        }
    };
    if !status.success() {
        return Err(format!("{name}: {status}"));
    }
    let cpu = children()? - before;
    Ok(Taken { cpu, peak_kb })
}

/// Returns the user and system time of all children that have ended, in seconds.
fn children() -> Result<f64, String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let microseconds =
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(microseconds as f64 / 1e6)
}

/// Returns the peak memory of a process, in KiB (`VmHWM` of Linux). `ru_maxrss` would include the
/// memory of its parent at the start.
pub(super) fn peak_memory(process: &Child) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Returns the user and system time of a running process, in seconds, with a resolution of a
/// hundredth.
pub(super) fn cpu_so_far(process: &Child) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).ok()?;
    // The name of the program, in brackets, may hold blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}
