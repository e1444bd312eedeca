//! `~/.huaweicloud/credentials`: sections of `name = value`, as Python's `configparser` reads them for huaweicloudsdkcore 3.1.219.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The section that all others inherit from.
pub(super) const DEFAULT: &str = "DEFAULT";

/// The maximum depth of references between values (`%(name)s`).
const MAX_DEPTH: usize = 10;

pub(super) type Section = BTreeMap<String, Zeroizing<String>>;

/// Parses sections by name, each with its inherited values. Names of values are in lower case. The
/// error is the place of the fault, without the text.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Section>, String> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut current: Option<String> = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = header(line) {
            if sections.contains_key(name) {
                return Err(format!("line {number}: section [{name}] appears twice"));
            }
            sections.insert(name.to_owned(), Section::new());
            current = Some(name.to_owned());
            continue;
        }
        let section = current.as_ref().and_then(|name| sections.get_mut(name));
        let (Some(section), Some((name, value))) = (section, line.split_once(['=', ':'])) else {
            return Err(format!("line {number} is neither [name] nor name = value"));
        };
        let name = name.trim().to_lowercase();
        let value = Zeroizing::new(value.trim().to_owned());
        if section.insert(name, value).is_some() {
            return Err(format!(
                "line {number}: a name appears twice in one section"
            ));
        }
    }
    let inherited = sections.remove(DEFAULT).unwrap_or_default();
    for section in sections.values_mut() {
        for (name, value) in &inherited {
            section.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let raw = section.clone();
        for value in section.values_mut() {
            *value = interpolate(value, &raw, 0)?;
        }
    }
    Ok(sections)
}

/// Parses `[name]`, optionally followed by a comment.
fn header(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.rsplit_once(']')?;
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with(['#', ';'])).then(|| name.trim())
}

/// Expands `%%` to `%`, and `%(name)s` to another value. Any other `%` is kept, where Python fails.
fn interpolate(value: &str, section: &Section, depth: usize) -> Result<Zeroizing<String>, String> {
    if depth > MAX_DEPTH {
        return Err("values refer to each other without an end".to_owned());
    }
    let mut text = Zeroizing::new(String::with_capacity(value.len()));
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let reference = from
            .strip_prefix("%(")
            .and_then(|from| from.split_once(")s"))
            .and_then(|(name, after)| Some((section.get(&name.to_lowercase())?, after)));
        if let Some((value, after)) = reference {
            text.push_str(&interpolate(value, section, depth + 1)?);
            rest = after;
        } else {
            text.push('%');
            let after = from.strip_prefix('%').unwrap_or_default();
            rest = after.strip_prefix('%').unwrap_or(after);
        }
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sections_hold_values() {
        let text =
            "\u{feff}# mine\n[basic] # mine\nAK = a\nsk: b=c%d\n; no\n\n[ other ]\r\nak=x\r\n";
        let sections = parse(text).unwrap();
        assert_eq!(sections["basic"]["ak"].as_str(), "a");
        assert_eq!(sections["basic"]["sk"].as_str(), "b=c%d");
        assert_eq!(sections["other"]["ak"].as_str(), "x");
    }

    #[test]
    fn a_section_inherits_and_refers() {
        let text = "[DEFAULT]\nproject_id = p0\nid = i\n[basic]\nak = %(id)s-1\nsk = 5%%off%\n\
                    [global]\nproject_id = p1\n";
        let sections = parse(text).unwrap();
        assert_eq!(sections["basic"]["project_id"].as_str(), "p0");
        assert_eq!(sections["basic"]["ak"].as_str(), "i-1");
        assert_eq!(sections["basic"]["sk"].as_str(), "5%off%");
        assert_eq!(sections["global"]["project_id"].as_str(), "p1");
        assert!(!sections.contains_key("DEFAULT"));
    }

    #[test]
    fn invalid_files_are_errors_without_their_text() {
        for text in [
            "sesame",
            "ak = sesame",
            "[basic]\nsesame",
            "[basic]\nsk = sesame\nSK = sesame",
            "[basic]\nsk = sesame\n[basic]\nak = b",
            "[basic]\na = %(b)ssesame\nb = %(a)s",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
