//! Warnings about options of a run that have no effect, or not the expected one. The options are used as given.

use crate::args::Run;
use crate::command_line::written;
use crate::confirm::counted;

/// Returns the warnings about a run. `waves` is 0 for a run without waves. `simulated`: all durations but the
/// deadline are shorter than given.
pub(super) fn warnings(args: &Run, servers: usize, waves: usize, simulated: bool) -> Vec<String> {
    let rolling = &args.rolling;
    let mut warnings = Vec::new();
    if args.no_wait && args.stalled_after.is_some() {
        warnings.push("--stalled-after has no effect with --no-wait".to_owned());
    }
    if let Some(canary) = rolling.canary.filter(|canary| *canary >= servers) {
        warnings.push(format!(
            "--canary {canary} includes all of the {}: no wave follows it",
            counted(servers)
        ));
    }
    let limit = ecs_ops::Client::SERVERS_PER_MINUTE;
    if args.servers_per_minute > limit {
        warnings.push(format!(
            "--servers-per-minute {}: the service accepts {limit} in a minute and throttles further ones",
            args.servers_per_minute
        ));
    }
    if let (Some(deadline), Some(pause), 2.., false) =
        (args.deadline, rolling.pause, waves, simulated)
        && deadline <= pause
    {
        warnings.push(format!(
            "--deadline {} ends the run within the first pause (--pause {})",
            written(deadline),
            written(pause)
        ));
    }
    warnings
}

#[cfg(test)]
mod tests;
