//! Servers that are not ready: skipped with `--skip-unready`, otherwise refused.

use std::collections::{BTreeMap, HashSet};

use ecs_ops::PowerAction;
use ecs_ops::fleet::{Unready, UnreadyServer};
use ecs_ops::model::ServerId;

use super::messages::{are, name_of, some};
use super::{Known, Preflight, by_id};
use crate::args::Run;
use crate::fail::CliError;
use crate::term::Printer;

/// Finds the servers that are not ready. With `--skip-unready` they are removed from the run and reported; otherwise
/// the run is refused with all of them by reason, and a dry run only warns.
pub(super) fn check(
    preflight: &mut Preflight,
    action: PowerAction,
    args: &Run,
    held: &HashSet<ServerId>,
    printer: &Printer,
) -> Result<(), CliError> {
    // An applied plan has its own check of differences.
    if args.planned.is_some() {
        return Ok(());
    }
    let unready = find(preflight, action, args.skip_unready, held);
    if unready.is_empty() {
        return Ok(());
    }
    let reasons = by_reason(&unready, preflight);
    if !args.skip_unready {
        if args.dry_run {
            // A dry run shows what would be sent anyway.
            let not_ready = are(unready.len());
            printer.warn(&format!(
                "{not_ready} not ready: without --dry-run this run is refused, unless --skip-unready is given: {}",
                reasons.join("; ")
            ));
            return Ok(());
        }
        let message = format!("{} not ready; nothing was sent", are(unready.len()));
        return Err(CliError::usage(message).details(reasons).hint(
            "--skip-unready skips them and reports them as not attempted; --no-preflight sends without these reads",
        ));
    }
    printer.warn(&format!(
        "{} not ready and skipped (not attempted): {}",
        are(unready.len()),
        reasons.join("; ")
    ));
    let skipped: HashSet<ServerId> = unready.iter().map(|server| server.id).collect();
    let screened = &mut preflight.screened;
    screened.servers.retain(|id| !skipped.contains(id));
    screened.stopped.retain(|id| !skipped.contains(id));
    screened.last = screened.last.filter(|id| !skipped.contains(id));
    preflight.unready = unready;
    Ok(())
}

fn find(
    preflight: &Preflight,
    action: PowerAction,
    skips: bool,
    held: &HashSet<ServerId>,
) -> Vec<UnreadyServer> {
    let absent: HashSet<ServerId> = match &preflight.known {
        Known::LookedUp(lookup) => lookup.absent.iter().copied().collect(),
        _ => HashSet::new(),
    };
    let known = by_id(preflight.known.servers());
    let of = |id: &ServerId| {
        let server = known.get(id).copied();
        let reason = match server {
            _ if absent.contains(id) => Some(Unready::Absent),
            Some(server) => Unready::of(action, server),
            None => None,
        };
        let reason =
            reason.filter(|reason| !(matches!(reason, Unready::Busy(_)) && held.contains(id)));
        let reason = reason.filter(|reason| skips || reason.refuses_named())?;
        let name = server.and_then(|server| server.name.clone());
        Some(UnreadyServer::new(*id, name, reason))
    };
    preflight.screened.servers.iter().filter_map(of).collect()
}

/// Returns one line for each reason.
fn by_reason(unready: &[UnreadyServer], preflight: &Preflight) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<ServerId>> = BTreeMap::new();
    for server in unready {
        reasons
            .entry(server.reason.to_string())
            .or_default()
            .push(server.id);
    }
    let line = |(reason, ids): (String, Vec<ServerId>)| {
        let named = match ids[..] {
            [id] => name_of(id, preflight.known.servers()),
            _ => some(&ids, preflight.known.servers()),
        };
        match ids.len() {
            1 => format!("{reason}: {named}"),
            many => format!("{reason}: {many} servers: {named}"),
        }
    };
    reasons.into_iter().map(line).collect()
}
