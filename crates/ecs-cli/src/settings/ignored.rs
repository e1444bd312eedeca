//! Warnings about settings that are set and not used.

use super::layers::{Key, Resolved, Unused};
use super::{CONTEXT, UserSettings, similar};
use crate::term::Printer;

/// The prefix of the variables of `ecsctl`.
const PREFIX: &str = "ECSCTL_";

/// The variables beside those of settings.
const OTHER_VARIABLES: [&str; 5] = [
    CONTEXT,
    "ECSCTL_COMPLETE",
    "ECSCTL_LOG",
    "ECSCTL_METADATA_ENDPOINT",
    "ECSCTL_SIM_SPEED",
];

/// Warns about settings that a user may believe to be in effect.
pub(crate) fn warn_of_ignored(settings: &UserSettings, printer: &Printer) {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let cloud = std::env::var("OS_CLOUD").ok();
    let warnings = unused(settings.resolved.unused())
        .into_iter()
        .chain(other_cloud(&settings.resolved, cloud.as_deref()))
        .chain(names.filter_map(|name| unknown_variable(&name)));
    for warning in warnings {
        printer.warn(&warning);
    }
}

/// Returns a warning for each option or variable that replaces settings of another place.
fn unused(unused: &[Unused]) -> Vec<String> {
    let mut origins: Vec<&str> = Vec::new();
    for one in unused {
        if !origins.contains(&one.because_of.as_str()) {
            origins.push(&one.because_of);
        }
    }
    let warning = |origin: &&str| {
        let replaced = unused.iter().filter(|one| one.because_of == *origin);
        let shown: Vec<String> = replaced.map(shown).collect();
        let (are, them) = match shown.len() {
            1 => ("is", "it as an option if it is"),
            _ => ("are", "them as options if they are"),
        };
        format!(
            "{} {are} not used: {origin} names another place; give {them} meant",
            shown.join(", ")
        )
    };
    origins.iter().map(warning).collect()
}

fn shown(unused: &Unused) -> String {
    let (name, setting) = (unused.key.name(), &unused.setting);
    if setting.origin.starts_with(PREFIX) {
        format!("{}={}", setting.origin, setting.value)
    } else {
        format!("{name} {} of {}", setting.value, setting.origin)
    }
}

/// Returns a warning if a variable of the other tools names a cloud, and a setting another one.
fn other_cloud(resolved: &Resolved, os_cloud: Option<&str>) -> Option<String> {
    let os_cloud = os_cloud.filter(|name| !name.is_empty())?;
    let keys = [Key::Cloud, Key::Profile];
    let (key, setting) = keys
        .into_iter()
        .find_map(|key| Some((key, resolved.get(key)?)))?;
    let is_same = key == Key::Cloud && setting.value == os_cloud;
    let is_option = setting.origin.starts_with("--");
    (!is_same && !is_option).then(|| {
        format!(
            "OS_CLOUD={os_cloud} is not used: {} names the {} {}; give --cloud if another one is meant",
            setting.origin,
            key.name(),
            setting.value
        )
    })
}

/// Returns a warning for a variable that looks like a setting and is none. Its value may be a secret.
fn unknown_variable(name: &str) -> Option<String> {
    let own = name.strip_prefix(PREFIX)?;
    let known: Vec<String> = Key::ALL
        .into_iter()
        .map(Key::variable)
        .chain(OTHER_VARIABLES.map(str::to_owned))
        .collect();
    // Kubernetes sets the latter for a service that is called ecsctl.
    let is_known = known.iter().any(|known| known == name)
        || own == "PORT"
        || ["PORT_", "SERVICE_"]
            .iter()
            .any(|prefix| own.starts_with(prefix));
    if is_known {
        return None;
    }
    let known = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    Some(match similar(own, known) {
        Some(close) => {
            format!("{name} is not a setting, and is ignored; did you mean {PREFIX}{close}?")
        }
        None => format!("{name} is not a setting, and is ignored; the help lists all variables"),
    })
}

#[cfg(test)]
mod tests;
