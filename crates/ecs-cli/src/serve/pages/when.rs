//! Times.

use jiff::Timestamp;

use crate::render::duration::in_one_unit;

/// Without `now` the script of the page adds the age, so that the HTML stays the same over time.
pub(super) fn when(at: Timestamp, now: Option<Timestamp>) -> String {
    let ago = now.map(|now| format!("{} ago", in_one_unit(now.duration_since(at).as_secs())));
    format!(
        "<time datetime=\"{at:.0}\">{} UTC</time> <span class=\"age\">{}</span>",
        at.strftime("%Y-%m-%d %H:%M:%S"),
        ago.unwrap_or_default()
    )
}
