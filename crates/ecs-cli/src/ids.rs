//! Ids from the command line and from files: all of them are checked before anything is sent.

use std::collections::HashMap;
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

/// All ids, in the order in which they were given; or everything that is wrong with them.
pub(crate) fn parse<T>(
    what: &str,
    arguments: &[String],
    file: Option<&IdFile>,
) -> Result<Vec<T>, Fail>
where
    T: FromStr<Err: fmt::Display> + Clone + Eq + Hash,
{
    let arguments = arguments.iter().enumerate();
    let given = arguments
        .map(|(index, id)| (Origin::Argument(index + 1), id.trim()))
        .chain(file.into_iter().flat_map(IdFile::lines));
    let mut ids = Vec::new();
    let mut first: HashMap<T, Origin<'_>> = HashMap::new();
    let mut wrong = Vec::new();
    for (origin, text) in given {
        match text.parse::<T>() {
            Err(error) => wrong.push(format!("{origin}: {error}")),
            Ok(id) => match first.get(&id) {
                Some(first) => wrong.push(format!("{origin}: {text} was given before ({first})")),
                None => {
                    first.insert(id.clone(), origin);
                    ids.push(id);
                }
            },
        }
    }
    match wrong.len() {
        0 => Ok(ids),
        count => {
            let plural = if count == 1 { "" } else { "s" };
            Err(Fail::usage(format!(
                "{count} {what} id{plural} cannot be used, nothing was sent"
            ))
            .details(wrong)
            .hint(format!(
                "correct or remove each of them; every {what} may be given once"
            )))
        }
    }
}

#[cfg(test)]
mod tests;
