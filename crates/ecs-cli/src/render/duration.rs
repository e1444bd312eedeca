//! Durations as text.

use jiff::SignedDuration;

/// Such as `1.5 s`, `2 min 3 s` and `1 h 4 min`; what is negative is shown as 0.
pub(crate) fn seconds(time: SignedDuration) -> String {
    let tenths = time.as_millis().max(0) / 100;
    match tenths {
        0..1000 => format!("{}.{} s", tenths / 10, tenths % 10),
        1000..60_000 => format!("{} min {} s", tenths / 600, tenths / 10 % 60),
        _ => format!("{} h {} min", tenths / 36_000, tenths / 600 % 60),
    }
}
