//! Durations as text, with one function for each precision. Durations of options are formatted by
//! [`written`](crate::command_line::written).

use std::time::Duration;

use jiff::SignedDuration;

/// Formats to a tenth of a second: `1.5 s`, `2 min 3 s` and `1 h 4 min`; negative durations as 0.
pub(crate) fn to_tenths(time: SignedDuration) -> String {
    let tenths = time.as_millis().max(0) / 100;
    match tenths {
        0..1000 => format!("{}.{} s", tenths / 10, tenths % 10),
        1000..60_000 => format!("{} min {} s", tenths / 600, tenths / 10 % 60),
        _ => hours_and_minutes(tenths / 600),
    }
}

/// Formats to a second: `12 s`, `5 min 3 s`, `2 h 5 min`; shorter durations in milliseconds.
pub(crate) fn to_seconds(time: Duration) -> String {
    match time.as_secs() {
        0 if !time.is_zero() => format!("{} ms", time.as_millis()),
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6000 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => hours_and_minutes((seconds / 60).into()),
    }
}

/// Formats to a minute, rounded up: `30 s`, `12 min` or `2 h 5 min`.
pub(crate) fn to_minutes_up(seconds: u64) -> String {
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", seconds.div_ceil(60)),
        _ => hours_and_minutes(seconds.div_ceil(60).into()),
    }
}

/// Formats to a minute, rounded down: `0 min`, `12 min` or `2 h 5 min`; negative durations as 0.
pub(crate) fn to_minutes(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..3600 => format!("{} min", seconds / 60),
        seconds => hours_and_minutes((seconds / 60).into()),
    }
}

/// Formats in the largest unit: `119 s`, `5 min`, `3 h` or `3 days`; negative durations as 0.
pub(crate) fn in_one_unit(seconds: i64) -> String {
    let (count, unit) = largest_unit(seconds.max(0).unsigned_abs());
    let short = match unit {
        "seconds" => "s",
        "minutes" => "min",
        "hours" => "h",
        unit => unit,
    };
    format!("{count} {short}")
}

/// Formats in the largest unit, written out: `119 seconds`, `5 minutes`, `3 hours` or `3 days`.
pub(crate) fn in_one_unit_in_full(seconds: u64) -> String {
    let (count, unit) = largest_unit(seconds);
    format!("{count} {unit}")
}

/// Formats a time precisely enough to distinguish it from another one that is `apart`: such as `9 h 1 min`, `2 min 5
/// s`, `1.5 s`, `0.04 s`.
pub(crate) fn distinguishable(time: SignedDuration, apart: SignedDuration) -> String {
    let unit = match apart.as_millis() {
        600_000.. => 60_000,
        10_000.. => 1000,
        1000.. => 100,
        _ => 10,
    };
    let rounded = (time.as_millis().max(0) + unit / 2) / unit * unit;
    let (minutes, rest) = (rounded / 60_000, rounded % 60_000);
    let last = match unit {
        60_000 => None,
        1000 => Some(format!("{} s", rest / 1000)),
        100 => Some(format!("{}.{} s", rest / 1000, rest % 1000 / 100)),
        _ => Some(format!("{}.{:02} s", rest / 1000, rest % 1000 / 10)),
    };
    let first = match minutes {
        0 if last.is_some() => None,
        0..60 => Some(format!("{minutes} min")),
        _ => Some(hours_and_minutes(minutes)),
    };
    let both: Vec<_> = first.into_iter().chain(last).collect();
    both.join(" ")
}

fn hours_and_minutes(minutes: i128) -> String {
    format!("{} h {} min", minutes / 60, minutes % 60)
}

/// Returns the count in the largest unit of which there are two or more.
fn largest_unit(seconds: u64) -> (u64, &'static str) {
    match seconds {
        0..120 => (seconds, "seconds"),
        120..7200 => (seconds / 60, "minutes"),
        7200..172_800 => (seconds / 3600, "hours"),
        _ => (seconds / 86_400, "days"),
    }
}

#[cfg(test)]
mod tests;
