//! The resources that this process used.

use std::time::Instant;

use nix::sys::resource::{Usage as System, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// The number of calls before the measurement begins.
pub const WARM_UP: u32 = 20;

/// The resources that this process had used at one moment.
#[derive(Debug)]
pub struct Usage {
    at: Instant,
    system: Option<System>,
}

impl Usage {
    /// Now.
    pub fn now() -> Self {
        Self {
            at: Instant::now(),
            system: getrusage(UsageWho::RUSAGE_SELF).ok(),
        }
    }

    /// Prints, as one line of JSON, what each of `calls` calls used since then: times in microseconds; beside them the
    /// The peak memory of the process, in KiB.
    #[allow(clippy::print_stdout, reason = "the result of the program")]
    pub fn print_since(&self, calls: u32) {
        let now = Self::now();
        let each = |microseconds: f64| {
            let each = microseconds / f64::from(calls.max(1));
            (each * 100.0).round() / 100.0
        };
        let spent = |of: fn(&System) -> i64| {
            let (before, after) = (self.system.as_ref().map(of), now.system.as_ref().map(of));
            let spent = after.unwrap_or_default() - before.unwrap_or_default();
            // Microseconds of a benchmark: far below what a float holds exactly.
            each(spent as f64)
        };
        let line = serde_json::json!({
            "ok": true,
            "n": calls,
            "wall_us": each(now.at.duration_since(self.at).as_secs_f64() * 1e6),
            "user_us": spent(|system| system.user_time().num_microseconds()),
            "sys_us": spent(|system| system.system_time().num_microseconds()),
            "peak_kb": peak_memory(),
        });
        println!("{line}");
    }
}

/// The most memory that this program had at once, in KiB (`VmHWM` of Linux). Not `ru_maxrss`: that one counts what the
/// process had before it became this program, which is what its parent has.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Prints, as one line of JSON, that the calls failed.
#[allow(clippy::print_stdout, reason = "the result of the program")]
pub fn print_failure(message: &str) {
    println!("{}", serde_json::json!({"ok": false, "error": message}));
}
