//! Durations as text.

use jiff::SignedDuration;

/// Formats a duration such as `1.5 s`, `2 min 3 s` or `1 h 4 min`; a negative one as 0.
pub(crate) fn seconds(time: SignedDuration) -> String {
    let tenths = time.as_millis().max(0) / 100;
    match tenths {
        0..1000 => format!("{}.{} s", tenths / 10, tenths % 10),
        1000..60_000 => format!("{} min {} s", tenths / 600, tenths / 10 % 60),
        _ => format!("{} h {} min", tenths / 36_000, tenths / 600 % 60),
    }
}
