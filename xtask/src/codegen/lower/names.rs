//! From the vendor's names to Rust's.

use super::super::Problem;
use super::super::yaml::Key;

/// Converts `OS-EXT-STS:task_state` to `task_state`, `hostId` to `host_id`, `not-tags` to
/// `not_tags`.
pub(super) fn snake(wire: &Key) -> Result<String, Problem> {
    let last = wire.text.rsplit(':').next().unwrap_or_default();
    let mut name = String::new();
    for character in last.chars() {
        match character {
            '-' => name.push('_'),
            upper if upper.is_ascii_uppercase() => {
                if !name.is_empty() {
                    name.push('_');
                }
                name.push(upper.to_ascii_lowercase());
            }
            other => name.push(other),
        }
    }
    identifier(wire, name)
}

/// Converts `SHELVED_OFFLOADED` to `ShelvedOffloaded`.
pub(super) fn pascal(wire: &Key) -> Result<String, Problem> {
    let parts = wire.text.split(['_', '-']);
    let name = parts
        .map(|word| {
            let mut characters = word.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first
                .into_iter()
                .chain(characters.map(|other| other.to_ascii_lowercase()))
                .collect::<String>()
        })
        .collect();
    identifier(wire, name)
}

/// Checks the name of a type, which is not converted.
pub(super) fn type_name(key: &Key) -> Result<(), Problem> {
    let upper = key
        .text
        .starts_with(|first: char| first.is_ascii_uppercase());
    let plain = key.text.chars().all(|other| other.is_ascii_alphanumeric());
    if upper && plain && key.text != "Self" {
        Ok(())
    } else {
        Err(Problem::new(
            key.line,
            format!(
                "`{}` cannot be the name of a type; write it LikeThis",
                key.text
            ),
        ))
    }
}

fn identifier(wire: &Key, name: String) -> Result<String, Problem> {
    // A keyword is not an identifier to syn.
    match syn::parse_str::<syn::Ident>(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(Problem::new(
            wire.line,
            format!("`{}` cannot become a Rust name", wire.text),
        )),
    }
}

/// Fails if two items of a kind have the same name.
pub(super) fn distinct<'a>(
    kind: &str,
    names: impl Iterator<Item = (&'a str, usize)>,
) -> Result<(), Problem> {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for (name, line) in names {
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name) {
            return Err(Problem::new(
                line,
                format!("the {kind} `{name}` is given already in line {first}; rename one"),
            ));
        }
        seen.push((name, line));
    }
    Ok(())
}
