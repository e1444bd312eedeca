//! Text from elsewhere, made safe to show.

/// Whether this character could change how a terminal shows the rest: controls, and those that reorder text.
pub(crate) fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text from elsewhere, safe to show: what could steer a terminal is escaped.
pub(crate) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    clean_into(&mut shown, text);
    shown
}

/// The same, behind another text.
pub(crate) fn clean_into(shown: &mut String, text: &str) {
    if is_plain(text) {
        return shown.push_str(text);
    }
    for c in text.chars() {
        match is_treacherous(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
}

/// Whether a text is safe as it is, as most are: letters, digits and signs of ASCII.
fn is_plain(text: &str) -> bool {
    // All bytes are looked at, which the compiler makes several at a time.
    let plain = |so_far: bool, byte: u8| so_far & (0x20..0x7f).contains(&byte);
    text.bytes().fold(true, plain)
}

/// JSON, safe to show, and the same JSON: such characters only occur within its strings.
pub(crate) fn clean_json(json: String) -> String {
    // A document about 100,000 servers is not copied for nothing.
    if json.lines().all(is_plain) && !json.contains('\r') {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        match is_treacherous(c) && c != '\n' {
            true => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown
}
