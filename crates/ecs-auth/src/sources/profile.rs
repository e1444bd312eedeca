//! `~/.huaweicloud/credentials`: sections of `name = value`.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

pub(super) type Profile = BTreeMap<String, Zeroizing<String>>;

/// Sections by their names. Names of values are lower-cased, as the SDKs do. The error is where it is broken, without its
/// words.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Profile>, String> {
    let mut profiles: BTreeMap<String, Profile> = BTreeMap::new();
    let mut current: Option<String> = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let section = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        if let Some(section) = section {
            let section = section.trim().to_owned();
            profiles.entry(section.clone()).or_default();
            current = Some(section);
            continue;
        }
        let (Some(section), Some((name, value))) = (&current, line.split_once(['=', ':'])) else {
            return Err(format!(
                "line {} is neither [name] nor name = value",
                at + 1
            ));
        };
        let value = Zeroizing::new(value.trim().to_owned());
        let profile = profiles.entry(section.clone()).or_default();
        profile.insert(name.trim().to_lowercase(), value);
    }
    Ok(profiles)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sections_hold_values() {
        let text = "\u{feff}# mine\n[basic]\nAK = a\nsk: b=c%d\n; no\n\n[ other ]\r\nak=x\r\n[basic]\nproject_id = p\n";
        let profiles = parse(text).unwrap();
        assert_eq!(profiles["basic"]["ak"].as_str(), "a");
        assert_eq!(profiles["basic"]["sk"].as_str(), "b=c%d");
        assert_eq!(profiles["basic"]["project_id"].as_str(), "p");
        assert_eq!(profiles["other"]["ak"].as_str(), "x");
    }

    #[test]
    fn what_is_broken_is_an_error_without_its_words() {
        for text in ["sesame", "ak = sesame", "[basic]\nsesame"] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("sesame"), "{error}");
        }
    }
}
