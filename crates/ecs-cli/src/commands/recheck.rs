//! The recheck: reads the servers of each wave again before it begins.

use ecs_ops::fleet::WaveRecheck;
use ecs_ops::rolling::Waves;

use super::servers::Servers;
use crate::args::Run;

/// Returns the recheck of a run; `None` if it is switched off.
pub(super) fn setting(
    args: &Run,
    servers: &Servers,
    waves: Option<&Waves>,
    is_stored: bool,
) -> Option<WaveRecheck> {
    let several = waves.is_some_and(|waves| waves.waves.len() > 1);
    // With `--accept-drift` all servers of the plan are acted on.
    let accepts_drift = args.planned.as_ref().is_some_and(|plan| plan.accept_drift);
    // Servers that could not be read before the run cannot be read before a wave either.
    let are_seen = servers.are_read && !servers.listed.is_empty();
    if !several || !are_seen || args.no_recheck || accepts_drift {
        return None;
    }
    let recheck = if args.skip_unready {
        WaveRecheck::skip()
    } else {
        WaveRecheck::stop()
    };
    // With a store the run waits for servers that other runs act on.
    Some(if is_stored {
        recheck.ignore_busy()
    } else {
        recheck
    })
}
