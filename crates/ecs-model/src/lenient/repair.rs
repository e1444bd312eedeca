//! The repair of invalid JSON texts.

pub(super) const LARGEST_TO_REPAIR: usize = 1024 * 1024;

/// Repairs single values that would invalidate the whole body: half of a surrogate pair (a message
/// cut between the two) becomes U+FFFD, a bare control character is escaped, a number beyond all
/// floats becomes null. The rest is unchanged.
pub(super) fn repair(json: &str) -> String {
    const ESCAPE: usize = r"\u0000".len();
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    let mut in_text = false;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '"' => in_text = !in_text,
            '\\' if in_text => {
                let low = rest.get(ESCAPE..).and_then(code_unit);
                taken = match (code_unit(rest), low) {
                    (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 2 * ESCAPE,
                    (Some(0xD800..=0xDFFF), _) => {
                        mended.push_str(r"\ufffd");
                        rest = rest.get(ESCAPE..).unwrap_or_default();
                        continue;
                    }
                    (Some(_), _) => ESCAPE,
                    (None, _) => rest.chars().take(2).map(char::len_utf8).sum(),
                };
            }
            '-' | '0'..='9' if !in_text => {
                let end =
                    rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
                let number = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
                taken = number.len();
                if number.parse::<f64>().is_ok_and(f64::is_infinite) {
                    mended.push_str("null");
                    rest = rest.get(taken..).unwrap_or_default();
                    continue;
                }
            }
            control @ '\0'..'\x20' if in_text => {
                mended.push_str(&format!("\\u{:04x}", u32::from(control)));
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            _ => {}
        }
        let (done, left) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        mended.push_str(done);
        rest = left;
    }
    mended
}

/// Returns the UTF-16 code unit of the escape at the beginning of the text, if there is one.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(r"\u")?.get(..4)?;
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| u16::from_str_radix(digits, 16).ok())?
}
