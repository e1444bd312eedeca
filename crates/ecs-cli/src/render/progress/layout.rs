//! The progress line of a run for any width. Pure.

use std::time::Instant;

use crate::confirm::counted;
use crate::render::duration::to_seconds;
use crate::render::tally::Tally;
use crate::screen::{Screen, width_of};

/// The widest bar, and the narrowest useful one.
const BAR: std::ops::RangeInclusive<usize> = 8..=24;

/// Returns the line in this width: a bar and counts first, then the current wait. Parts that do not fit are omitted,
/// the least important one first, but never the counts of done, failed and unknown servers, nor the wait.
pub(super) fn line(tally: &Tally, now: Instant, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let (needed, short) = needed(tally, now);
    let mut line = needed.join(", ");
    if width_of(&line) > width {
        // The short form.
        line = short.join(", ");
    }
    if width_of(&line) > width {
        line = short.join(" ");
    }
    for part in optional(tally, now) {
        let longer = format!("{line}, {part}");
        if width_of(&longer) <= width {
            line = longer;
        }
    }
    let room = width.saturating_sub(width_of(&line) + 3);
    if screen.width.is_some() && room >= *BAR.start() {
        line = format!("{} {line}", bar(tally, room.min(*BAR.end()), screen.ascii));
    }
    line
}

/// Returns the parts that are never left out, in long and short form.
fn needed(tally: &Tally, now: Instant) -> (Vec<String>, Vec<String>) {
    let done = format!("{}/{}", tally.done, tally.servers);
    let (mut long, mut short) = (vec![format!("{done} done")], vec![done]);
    for (count, label) in [(tally.failed, "failed"), (tally.unknown, "unknown")] {
        if count > 0 {
            long.push(format!("{count} {label}"));
            short.push(format!("{count} {label}"));
        }
    }
    if let Some(status) = tally.status(now) {
        short.push(shorter(&status));
        long.push(status);
    }
    (long, short)
}

/// Returns a wait in fewer columns: the same time after one or two words.
fn shorter(status: &str) -> String {
    let quota = status.strip_prefix("waiting for quota, ");
    match quota.and_then(|time| time.strip_suffix(" left")) {
        Some(time) => format!("quota {time}"),
        None => status.replace(", retry in", ""),
    }
}

/// Returns the optional parts, the most important one first.
fn optional(tally: &Tally, now: Instant) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some((wave, waves)) = tally.wave {
        parts.push(format!(
            "wave {wave}/{waves}: {}/{}",
            tally.wave_done, tally.wave_servers
        ));
    }
    if tally.running > 0 {
        parts.push(format!("{} running", tally.running));
    }
    if let Some(left) = tally.left(now) {
        parts.push(format!("{} left", to_seconds(left)));
    }
    if let Some(rate) = tally.per_minute(now) {
        parts.push(format!("{rate:.0}/min"));
    }
    parts.push(to_seconds(std::time::Duration::from_secs(
        tally.elapsed(now).as_secs(),
    )));
    parts
}

fn bar(tally: &Tally, cells: usize, ascii: bool) -> String {
    let (full, empty) = if ascii { ("#", ".") } else { ("█", "░") };
    let done = (tally.done.min(tally.servers) * cells).checked_div(tally.servers);
    let done = done.unwrap_or_default();
    format!("[{}{}]", full.repeat(done), empty.repeat(cells - done))
}

/// Returns the line of a log.
pub(super) fn log_line(tally: &Tally, now: Instant) -> String {
    let mut line = format!("{} of {} done", tally.done, counted(tally.servers));
    for (count, label) in [
        (tally.failed, "failed"),
        (tally.unknown, "unknown"),
        (tally.running, "running"),
    ] {
        if count > 0 {
            line.push_str(&format!(", {count} {label}"));
        }
    }
    if let Some((wave, waves)) = tally.wave {
        line.push_str(&format!("; wave {wave} of {waves}"));
    }
    line.push_str(&format!(
        "; {}",
        to_seconds(std::time::Duration::from_secs(tally.elapsed(now).as_secs()))
    ));
    if let Some(rate) = tally.per_minute(now) {
        line.push_str(&format!(", {rate:.0}/min"));
    }
    if let Some(left) = tally.left(now) {
        line.push_str(&format!(", {} left", to_seconds(left)));
    }
    line
}

#[cfg(test)]
mod tests;
