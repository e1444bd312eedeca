//! The messages and refusals of the preflight.

use std::collections::BTreeSet;

use ecs_ops::PowerAction;
use ecs_ops::fleet::{ScalingMembers, SkipReason, SkippedServer};
use ecs_ops::model::{RebootType, Server, ServerId};
use ecs_ops::selection::Selected;

use super::{Known, Preflight};
use crate::args::Run;
use crate::confirm::{counted, few};
use crate::connect::Connection;
use crate::fail::CliError;
use crate::term::Printer;

/// The most servers that a message names.
const NAMED: usize = 10;

/// Returns the project and its endpoint.
pub(super) fn place(connection: &Connection) -> String {
    format!("project {} at {}", connection.project, connection.place())
}

/// Returns an id, with the name of the server if it is known.
pub(in crate::commands) fn name_of(id: ServerId, servers: &[Server]) -> String {
    let server = servers.iter().find(|server| server.id == Some(id));
    match server.and_then(|server| server.name.as_deref()) {
        Some(name) => format!("{id} {name}"),
        None => id.to_string(),
    }
}

/// Names some servers and counts the rest.
pub(super) fn some(ids: &[ServerId], servers: &[Server]) -> String {
    let named: Vec<String> = ids
        .iter()
        .take(NAMED)
        .map(|id| name_of(*id, servers))
        .collect();
    match ids.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Returns `1 server is` or `2 servers are`.
pub(super) fn are(count: usize) -> String {
    match count {
        1 => format!("{} is", counted(1)),
        many => format!("{} are", counted(many)),
    }
}

/// Prints the findings of the preflight.
pub(super) fn print(preflight: &Preflight, action: PowerAction, args: &Run, printer: &Printer) {
    match &preflight.known {
        Known::Unchecked(Some(reason)) => printer.note(&format!(
            "note: the states of the servers were not checked: {reason}"
        )),
        Known::LookedUp(lookup) => warn_of_missing(preflight, &lookup.missing, printer),
        Known::Selected(selected) => warn_of_given(selected, printer),
        _ => {}
    }
    warn_of_stopped(preflight, action, printer);
    warn_of_own(preflight, action, args, printer);
}

/// Warns of servers that were not found and are sent anyway.
fn warn_of_missing(preflight: &Preflight, missing: &[ServerId], printer: &Printer) {
    let is_skipped = |id: &ServerId| preflight.unready.iter().any(|server| server.id == *id);
    let missing: Vec<ServerId> = missing
        .iter()
        .copied()
        .filter(|id| !is_skipped(id))
        .collect();
    if !missing.is_empty() {
        printer.warn(&format!(
            "{} not found in the project: {}",
            are(missing.len()),
            some(&missing, &[])
        ));
    }
}

/// Reports servers that were given and are skipped or given twice.
fn warn_of_given(selected: &Selected, printer: &Printer) {
    if !selected.skipped.is_empty() {
        let ids: Vec<ServerId> = selected
            .skipped
            .iter()
            .filter_map(|server| server.id)
            .collect();
        printer.warn(&format!(
            "{} given and skipped by the filters: {}",
            are(ids.len()),
            some(&ids, &selected.skipped)
        ));
    }
    if selected.repeated > 0 {
        printer.warn(&format!(
            "{} given again, by id or by name; each counts once",
            are(selected.repeated)
        ));
    }
}

/// Reports how a restart treats stopped servers.
fn warn_of_stopped(preflight: &Preflight, action: PowerAction, printer: &Printer) {
    let PowerAction::Reboot(kind) = action else {
        return;
    };
    let (members, does) = match kind {
        RebootType::Soft => ("the service refuses a soft restart", "of a stopped server"),
        RebootType::Hard => ("a hard restart", "starts a stopped server"),
    };
    let stopped = skipped(preflight, SkipReason::Stopped);
    if !stopped.is_empty() {
        printer.note(&format!(
            "note: {} stopped (SHUTOFF) and skipped: {members} {does}; add --include-stopped to include stopped servers",
            are(stopped.len())
        ));
    }
    let stopped = &preflight.screened.stopped;
    if !stopped.is_empty() {
        printer.warn(&format!(
            "{} stopped (SHUTOFF), and {members} {does}: {}",
            are(stopped.len()),
            some(stopped, preflight.known.servers())
        ));
    }
}

/// Reports how the run treats the server that this process runs on.
fn warn_of_own(preflight: &Preflight, action: PowerAction, args: &Run, printer: &Printer) {
    let servers = preflight.known.servers();
    for id in skipped(preflight, SkipReason::ThisMachine) {
        printer.warn(&format!(
            "ecsctl runs on {}: skipped; give its id to act on it",
            name_of(id, servers)
        ));
    }
    let Some(id) = preflight.screened.last else {
        return;
    };
    if action == PowerAction::Start {
        return;
    }
    let others = preflight.screened.servers.len() > 1;
    let order = if others {
        "it comes last and alone, after all others are done; the action"
    } else {
        "the action"
    };
    let after = match &args.journal {
        Some(_) => "ecsctl resume reports its outcome",
        None => "with --journal, ecsctl resume reports its outcome",
    };
    printer.warn(&format!(
        "ecsctl runs on {}: {order} ends this process; {after}",
        name_of(id, servers)
    ));
}

/// Returns the servers that are skipped for this reason.
fn skipped(preflight: &Preflight, reason: SkipReason) -> Vec<ServerId> {
    let skipped = preflight.screened.skipped.iter();
    let fits = |server: &&SkippedServer| server.reason == reason;
    skipped.filter(fits).map(|server| server.id).collect()
}

/// Returns the note that membership in auto-scaling groups was not checked.
pub(super) fn not_checked(reason: &str) -> String {
    format!("note: membership in auto-scaling groups was not checked: {reason}")
}

/// Refuses servers that an auto-scaling group may remove or delete because of the action.
pub(super) fn refuse_members(
    ids: &[ServerId],
    servers: &[Server],
    members: &ScalingMembers,
    printer: &Printer,
) -> Result<(), CliError> {
    let mut endangered = Vec::new();
    let mut disabled = BTreeSet::new();
    let mut safe = 0_usize;
    for id in ids {
        let Some(group) = members.group_of(id) else {
            continue;
        };
        let name = group.name.as_deref().unwrap_or(group.id.as_str());
        if group.is_disabled {
            safe += 1;
            disabled.insert(name);
        } else {
            endangered.push(format!("{} in group {name}", name_of(*id, servers)))
        }
    }
    if safe > 0 {
        let groups: Vec<&str> = disabled.into_iter().collect();
        printer.note(&format!(
            "note: {} of disabled auto-scaling groups, which remove no members: {}",
            match safe {
                1 => "1 server is a member".to_owned(),
                many => format!("{many} servers are members"),
            },
            groups.join(", ")
        ));
    }
    if endangered.is_empty() {
        return Ok(());
    }
    let count = endangered.len();
    let endangered = few(&endangered, NAMED, String::clone);
    let members = match count {
        1 => "1 server is a member of an auto-scaling group".to_owned(),
        many => format!("{many} servers are members of auto-scaling groups"),
    };
    Err(CliError::usage(format!("{members}: nothing was sent"))
        .details(endangered)
        .hint(
            "a group removes members that are stopped or do not answer, and deletes those that it created: remove these servers from \
             the list, disable their groups during the run, or add --allow-autoscaling-members",
        ))
}
