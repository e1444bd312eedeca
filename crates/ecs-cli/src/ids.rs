//! Ids from the command line and from files: all of them are checked before anything is sent.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use crate::fail::Fail;

/// Where an id was written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin<'a> {
    Argument(usize),
    Line(&'a str, usize),
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(number) => write!(f, "argument {number}"),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
        }
    }
}

/// A file of ids that has been read.
#[derive(Debug, Default)]
pub(crate) struct IdFile {
    name: String,
    text: String,
}

impl IdFile {
    /// Reads the file; `-` is stdin.
    pub(crate) fn read(path: &Path) -> Result<Self, Fail> {
        let (name, bytes) = match is_stdin(path) {
            true => {
                let mut bytes = Vec::new();
                let read = io::stdin().lock().read_to_end(&mut bytes);
                ("stdin".to_owned(), read.map(|_| bytes))
            }
            false => (path.display().to_string(), std::fs::read(path)),
        };
        let bytes = bytes.map_err(|error| {
            Fail::usage(format!("cannot read ids from {name}: {error}"))
                .hint("--from-file takes a file with one server id a line")
        })?;
        // As some shells write files; each of its lines would look malformed.
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(Fail::usage(format!(
                "{name} is UTF-16, and ids are read as UTF-8: nothing was sent"
            ))
            .hint("save it as UTF-8; in PowerShell: … | Out-File -Encoding utf8 FILE"));
        }
        // What is not UTF-8 is not an id: the line is shown as malformed.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { name, text })
    }

    /// Where the ids come from, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The ids with their line numbers: without blank lines, comments, and the mark that some editors begin files with.
    fn lines(&self) -> impl Iterator<Item = (Origin<'_>, &str)> {
        let text = self.text.trim_start_matches('\u{feff}');
        text.lines().enumerate().filter_map(|(index, line)| {
            let id = line.split('#').next().unwrap_or_default().trim();
            (!id.is_empty()).then_some((Origin::Line(&self.name, index + 1), id))
        })
    }
}

/// Whether this names stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Ids, each once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ids<T> {
    /// In the order in which they were given first.
    pub(crate) ids: Vec<T>,
    /// How many were given again.
    pub(crate) repeated: usize,
}

/// All ids, or everything that is wrong with them. One that is given again counts once.
pub(crate) fn parse<T>(
    what: &str,
    arguments: &[String],
    file: Option<&IdFile>,
) -> Result<Ids<T>, Fail>
where
    T: FromStr<Err: fmt::Display> + Clone + Eq + Hash,
{
    let arguments = arguments.iter().enumerate();
    let given = arguments
        .map(|(index, id)| (Origin::Argument(index + 1), id.trim()))
        .chain(file.into_iter().flat_map(IdFile::lines));
    let mut ids = Vec::new();
    let mut seen = HashSet::new();
    let mut repeated = 0;
    let mut wrong = Vec::new();
    for (origin, text) in given {
        match text.parse::<T>() {
            Err(error) => wrong.push(format!("{origin}: {error}")),
            Ok(id) if seen.insert(id.clone()) => ids.push(id),
            Ok(_) => repeated += 1,
        }
    }
    match wrong.len() {
        0 => Ok(Ids { ids, repeated }),
        count => {
            let plural = if count == 1 { "" } else { "s" };
            Err(Fail::usage(format!(
                "{count} {what} id{plural} cannot be used, nothing was sent"
            ))
            .details(wrong)
            .hint("correct or remove each of them"))
        }
    }
}

#[cfg(test)]
mod tests;
