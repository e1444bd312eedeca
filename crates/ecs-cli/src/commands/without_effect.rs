//! Options of a run that do not do what their user may expect. They are used as they are, and named in a warning.

use crate::args::Run;
use crate::command_line::written;
use crate::confirm::counted;

/// The warnings about a run of so many servers in so many waves; `waves` is 0 for one without waves. `simulated`: other
/// durations than the deadline are shorter than they say.
pub(super) fn warnings(args: &Run, servers: usize, waves: usize, simulated: bool) -> Vec<String> {
    let rolling = &args.rolling;
    let mut warnings = Vec::new();
    if args.no_wait && args.stalled_after.is_some() {
        warnings.push("--stalled-after has no effect with --no-wait".to_owned());
    }
    if let Some(canary) = rolling.canary.filter(|canary| *canary >= servers) {
        warnings.push(format!(
            "--canary {canary} is all of the {}: nothing follows it",
            counted(servers)
        ));
    }
    let limit = ecs_ops::Client::SERVERS_PER_MINUTE;
    if args.servers_per_minute > limit {
        warnings.push(format!(
            "--servers-per-minute {}: the service takes {limit} in a minute and refuses the rest for a while",
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
