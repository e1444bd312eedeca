//! Escaping of external text for terminals.

/// Returns whether a character can change how a terminal shows the rest: control characters and characters that
/// reorder text.
pub(crate) fn can_control_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns the text with all characters escaped that could control a terminal.
pub(crate) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    clean_into(&mut shown, text);
    shown
}

/// Appends the escaped text to `shown`.
pub(crate) fn clean_into(shown: &mut String, text: &str) {
    if is_plain(text) {
        return shown.push_str(text);
    }
    for c in text.chars() {
        if can_control_terminal(c) {
            shown.extend(c.escape_default())
        } else {
            shown.push(c)
        }
    }
}

/// Returns whether a text needs no escaping, like most: printable ASCII.
fn is_plain(text: &str) -> bool {
    // No early exit: the compiler vectorizes the loop.
    let plain = |so_far: bool, byte: u8| so_far & (0x20..0x7f).contains(&byte);
    text.bytes().fold(true, plain)
}

/// Returns equivalent JSON that is safe to show. Unsafe characters occur only within strings.
pub(crate) fn clean_json(json: String) -> String {
    // Avoids the copy of a large document that is already safe.
    if json.lines().all(is_plain) && !json.contains('\r') {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if can_control_terminal(c) && c != '\n' {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)))
        } else {
            shown.push(c)
        }
    }
    shown
}
