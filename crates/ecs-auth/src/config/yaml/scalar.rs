//! The implicit types of plain scalars in PyYAML 6.0.4 (`yaml/resolver.py`, YAML 1.1).

/// Returns whether PyYAML reads a plain scalar as a value that differs from its text: `0123`
/// becomes 83, `12:30:45` becomes 45045, `yes` becomes true, `1_000` becomes 1000. A number in
/// canonical form, such as `-7`, equals its text.
pub(in crate::config) fn is_other_than_text(text: &str) -> bool {
    is_bool(text) || is_integer(text) || is_float(text) || is_date(text)
}

fn is_bool(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let known = matches!(
        lower.as_str(),
        "yes" | "no" | "true" | "false" | "on" | "off"
    );
    let title = || {
        let mut chars = text.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.all(char::is_lowercase)
    };
    known && (text == lower || text.chars().all(char::is_uppercase) || title())
}

fn unsigned(text: &str) -> (&str, bool) {
    let stripped = text.strip_prefix(['+', '-']);
    (stripped.unwrap_or(text), text.starts_with('+'))
}

fn only(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'_' || allowed(byte))
}

fn is_integer(text: &str) -> bool {
    let (digits, plus) = unsigned(text);
    if let Some(bits) = digits.strip_prefix("0b") {
        return only(bits, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return only(hex, |byte| byte.is_ascii_hexdigit());
    }
    if digits.len() > 1
        && let Some(octal) = digits.strip_prefix('0')
    {
        return only(octal, |byte| matches!(byte, b'0'..=b'7'));
    }
    if digits.contains(':') {
        return is_sexagesimal(digits, false);
    }
    let decimal = digits.starts_with(|first: char| first.is_ascii_digit())
        && only(digits, |byte| byte.is_ascii_digit());
    decimal && (plus || digits.contains('_'))
}

fn is_sexagesimal(digits: &str, fraction: bool) -> bool {
    let (whole, rest) = match (fraction, digits.split_once('.')) {
        (true, Some((whole, rest))) => (whole, rest),
        (true, None) => return false,
        (false, _) => (digits, ""),
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let first = first.starts_with(|first: char| first.is_ascii_digit())
        && only(first, |byte| byte.is_ascii_digit());
    let below_60 = |part: &str| {
        let number = part.parse::<u8>();
        part.len() <= 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && number.is_ok_and(|number| number < 60)
    };
    first
        && whole.contains(':')
        && parts.all(below_60)
        && rest
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// Returns whether the scalar is a float. Python prints most floats differently from their text, so
/// all of them count as different.
fn is_float(text: &str) -> bool {
    let (digits, _) = unsigned(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if digits.contains(':') {
        return is_sexagesimal(digits, true);
    }
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (digits, None),
    };
    // An exponent needs its sign: `1.0e3` is a text.
    let exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']);
        digits.is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    });
    let Some((whole, fraction)) = number.split_once('.') else {
        return false;
    };
    let digit = |byte: u8| byte.is_ascii_digit();
    let whole_fits = whole.is_empty() || (!whole.starts_with('_') && only(whole, digit));
    let fraction_fits = fraction.is_empty() || only(fraction, digit);
    exponent && whole_fits && fraction_fits && !(whole.is_empty() && fraction.is_empty())
}

fn is_date(text: &str) -> bool {
    let Some(date) = text.get(..10) else {
        return false;
    };
    let shape = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let rest = text.get(10..).unwrap_or_default();
    shape && (rest.is_empty() || (rest.starts_with(['T', 't', ' ', '\t']) && rest.contains(':')))
}

#[cfg(test)]
mod tests {
    use super::is_other_than_text;

    /// Compared with `yaml.safe_load` of PyYAML 6.0.4.
    #[test]
    fn scalars_that_pyyaml_converts_are_recognized() {
        for text in [
            "0123",
            "007",
            "12:30:45",
            "1_000",
            "yes",
            "on",
            "True",
            "FALSE",
            "no",
            "2024-01-31",
            "2024-01-31 10:00:00",
            "1.10",
            "0x1F",
            "0b11",
            "+5",
            ".5",
            ".inf",
            "1.0e+3",
            "1__2",
            "00000000001000000447",
            "1:30.5",
            ".nan",
        ] {
            assert!(is_other_than_text(text), "{text}");
        }
        for text in [
            "0912",
            "0o17",
            "-7",
            "1e3",
            "12345678901234567890",
            "eu-de",
            "yEs",
            "y",
            "n",
            "",
            "OTC00000000001000000123",
            "2024",
            "0",
            "1.2.3",
            "a:b",
            "12:75",
            "1.0e3",
            "é",
            "_1",
        ] {
            assert!(!is_other_than_text(text), "{text}");
        }
    }
}
