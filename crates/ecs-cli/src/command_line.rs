//! Command lines that are printed for a user to run.

mod quoting;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use ecs_ops::RunBuilder;

pub(crate) use quoting::{place, quoted};

/// A command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    arguments: Vec<OsString>,
    /// Secret options, which the user must repeat and which are not shown.
    secrets: Vec<&'static str>,
}

impl CommandLine {
    pub(crate) fn command(name: &str) -> Self {
        Self {
            arguments: vec!["ecsctl".into(), name.into()],
            secrets: Vec::new(),
        }
    }

    pub(crate) fn then(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn and(mut self, more: Self) -> Self {
        self.arguments.extend(more.arguments);
        self.secrets.extend(more.secrets);
        self
    }

    pub(crate) fn contains(&self, word: &str) -> bool {
        self.arguments.iter().any(|known| known == word)
    }

    pub(crate) fn flag(&mut self, name: &str, given: bool) {
        if given {
            self.arguments.push(name.into());
        }
    }

    pub(crate) fn option(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.value(name, value.to_string().as_ref());
        }
    }

    pub(crate) fn path(&mut self, name: &str, value: Option<&PathBuf>) {
        if let Some(value) = value {
            self.value(name, value.as_os_str());
        }
    }

    pub(crate) fn value(&mut self, name: &str, value: &OsStr) {
        // A value that begins with a dash would be parsed as an option.
        if value.as_encoded_bytes().first() == Some(&b'-') {
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            self.arguments.push(word);
        } else {
            self.arguments.extend([name.into(), value.to_owned()]);
        }
    }

    /// Appends an address. One that contains a password would be refused and must not be shown.
    pub(crate) fn address(&mut self, name: &'static str, value: Option<&String>) {
        let Some(value) = value else { return };
        if has_secret(value) {
            self.secrets.push(name);
        } else {
            self.value(name, value.as_ref());
        }
    }

    pub(crate) fn time(&mut self, name: &str, value: Duration, default: Duration) {
        self.option(name, (value != default).then(|| written(value)));
    }

    pub(crate) fn number(&mut self, name: &str, value: usize, default: usize) {
        self.option(name, (value != default).then_some(value));
    }

    /// Adds a secret option, which the user must repeat and which is not shown.
    pub(crate) fn secret(&mut self, name: &'static str, given: bool) {
        self.secrets.extend(given.then_some(name));
    }

    /// Appends arguments.
    pub(crate) fn append(&mut self, arguments: impl IntoIterator<Item = OsString>) {
        self.arguments.extend(arguments);
    }

    /// Returns the secret options that the user must repeat; `None` if there are none.
    pub(crate) fn secrets(&self) -> String {
        self.secrets.join(", ")
    }

    /// Returns the line for a shell; `None` if it cannot be written for one.
    pub(crate) fn line(&self) -> Option<String> {
        let arguments: Option<Vec<_>> = self.arguments.iter().map(|word| quoted(word)).collect();
        Some(arguments?.join(" "))
    }
}

/// Returns whether an address contains credentials besides a user name.
fn has_secret(address: &str) -> bool {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':') || scheme.starts_with("http"))
        || rest.contains("password=")
}

pub(crate) fn name_of(value: impl ValueEnum) -> Option<String> {
    Some(value.to_possible_value()?.get_name().to_owned())
}

/// Formats a duration such as `1h30m`, which [`duration`](crate::args::duration) parses.
pub(crate) fn written(duration: Duration) -> String {
    if duration == RunBuilder::NEVER {
        return "never".to_owned();
    }
    let seconds = duration.as_secs();
    let nanoseconds = u64::from(duration.subsec_nanos());
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (nanoseconds / 1_000_000, "ms"),
        (nanoseconds / 1000 % 1000, "us"),
        (nanoseconds % 1000, "ns"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}
