//! The line about servers that are not ready before their wave.

use std::collections::BTreeMap;

use ecs_ops::fleet::UnreadyServer;

use crate::confirm::{counted, few};

/// The most servers of a reason that are named.
const NAMED: usize = 5;

/// Describes the servers that are not ready, and the consequence.
pub(super) fn wave_line(wave: usize, unready: &[UnreadyServer], skipped: bool) -> String {
    let follows = if skipped {
        "skipped (not attempted)"
    } else {
        "not sent, and the run stops"
    };
    let (count, reasons) = (counted(unready.len()), by_reason(unready));
    let are = if unready.len() == 1 { "is" } else { "are" };
    format!("wave {wave}: {count} {are} no longer ready, {follows}: {reasons}")
}

/// Describes the reasons, each with its servers.
pub(super) fn by_reason(unready: &[UnreadyServer]) -> String {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for server in unready {
        let named = match &server.name {
            Some(name) => format!("{} {name}", server.id),
            None => server.id.to_string(),
        };
        reasons
            .entry(server.reason.to_string())
            .or_default()
            .push(named);
    }
    let reason = |(reason, servers): (String, Vec<String>)| {
        format!(
            "{reason}: {}",
            few(&servers, NAMED, String::clone).join(", ")
        )
    };
    let reasons: Vec<_> = reasons.into_iter().map(reason).collect();
    reasons.join("; ")
}
