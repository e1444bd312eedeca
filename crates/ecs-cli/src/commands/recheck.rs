//! Reading the servers of each wave again before it begins.

use ecs_ops::fleet::WaveRecheck;
use ecs_ops::rolling::Waves;

use super::servers::Servers;
use crate::args::Run;

/// How servers are read again before their wave, if they are.
pub(super) fn setting(
    args: &Run,
    servers: &Servers,
    waves: Option<&Waves>,
    is_stored: bool,
) -> Option<WaveRecheck> {
    let several = waves.is_some_and(|waves| waves.waves.len() > 1);
    // Who accepts that servers differ from a plan acts on all of them.
    let accepts_drift = args.planned.as_ref().is_some_and(|plan| plan.accept_drift);
    // What could not be seen before the run will not be seen before a wave either.
    let are_seen = servers.are_read && !servers.listed.is_empty();
    if !several || !are_seen || args.no_recheck || accepts_drift {
        return None;
    }
    let recheck = match args.skip_unready {
        true => WaveRecheck::skip(),
        false => WaveRecheck::stop(),
    };
    // With a store the run waits for servers that other runs act on.
    Some(match is_stored {
        true => recheck.ignore_busy(),
        false => recheck,
    })
}
