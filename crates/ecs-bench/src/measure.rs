//! What this process used.

use std::time::Instant;

use nix::sys::resource::{Usage as System, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// How many calls are made before anything is counted.
pub const WARM_UP: u32 = 20;

/// What this process had used at one moment.
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
    /// most memory that the process ever had, in KiB.
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
            "max_rss_kb": now.system.as_ref().map(System::max_rss),
        });
        println!("{line}");
    }
}

/// Prints, as one line of JSON, that the calls failed.
#[allow(clippy::print_stdout, reason = "the result of the program")]
pub fn print_failure(message: &str) {
    println!("{}", serde_json::json!({"ok": false, "error": message}));
}
