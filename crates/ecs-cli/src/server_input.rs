//! Servers from arguments and files, all checked before anything is sent.

mod listed;

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ecs_ops::selection::ServerRef;

use crate::confirm::few;
use crate::fail::CliError;
use crate::server_file::{self, FileFormat, Refusal};
use crate::term::Printer;

pub(crate) use listed::ListedNames;

/// The most errors that are shown.
const SHOWN: usize = 10;

/// Returns whether this names stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Returns the name of a file in messages.
pub(crate) fn name_of(path: &Path) -> String {
    if is_stdin(path) {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// What the servers are read for. An empty list changes the meaning of each: without servers a filter applies to the
/// whole project, and without an exclusion nothing is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Servers to act on.
    Select,
    /// Servers to exclude: a file without one is an error.
    Exclude,
}

/// Servers that were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenServers {
    /// The servers, each once.
    pub(crate) servers: Vec<ServerRef>,
    /// The names that files have beside ids.
    pub(crate) names: ListedNames,
}

/// Returns the servers of arguments, then of files, in the given order and without duplicates, or all errors.
pub(crate) fn read(
    arguments: &[String],
    files: &[PathBuf],
    format: Option<FileFormat>,
    purpose: Purpose,
    printer: &Printer,
) -> Result<GivenServers, CliError> {
    if files.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(CliError::usage(
            "stdin can be read only once; nothing was sent",
        ));
    }
    let mut input = Input::default();
    for (index, argument) in arguments.iter().enumerate() {
        let origin = match purpose {
            Purpose::Select => format!("argument {}", index + 1),
            Purpose::Exclude => format!("--exclude {argument:?}"),
        };
        input.argument(&origin, argument);
    }
    for path in files {
        let name = name_of(path);
        let bytes = read_file(path, &name)?;
        match server_file::parse(&bytes, format) {
            Ok(list) => {
                let count = list.entries.len();
                printer.note(&format!("{name}: {}, {}", plural(count), list.description));
                if let Some(counted) = list.counted.filter(|counted| *counted > count as u64) {
                    printer.warn(&format!(
                        "{name} lists {count} of {counted} servers: it is one page of a longer list"
                    ));
                }
                match purpose {
                    Purpose::Exclude if count == 0 => input.excludes_nothing(&name),
                    Purpose::Select if count == 0 && files.len() > 1 => {
                        printer.warn(&format!("no server in {name}"));
                    }
                    _ => {}
                }
                let file = Rc::from(name);
                for entry in list.entries {
                    input.given.names.add(&file, &entry);
                    input.add(entry.server);
                }
            }
            Err(refusal) => input.refused(&name, refusal),
        }
    }
    input.finish(printer)
}

fn read_file(path: &Path, name: &str) -> Result<Vec<u8>, CliError> {
    let read = if is_stdin(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| {
        CliError::usage(format!(
            "cannot read servers from {name}: {error}; nothing was sent"
        ))
    })
}

fn plural(servers: usize) -> String {
    match servers {
        1 => "1 server".to_owned(),
        servers => format!("{servers} servers"),
    }
}

#[derive(Default)]
struct Input {
    given: GivenServers,
    seen: HashSet<ServerRef>,
    /// The number of servers that were given again.
    repeated: usize,
    wrong: Vec<String>,
    hint: Option<String>,
}

impl Input {
    fn argument(&mut self, origin: &str, argument: &str) {
        let is_empty = |part: &str| part.trim().is_empty();
        if argument.split(',').all(is_empty) {
            self.wrong
                .push(format!("{origin}: no server; is a shell variable unset?"));
        }
        for part in argument.split(',').filter(|part| !is_empty(part)) {
            match part.parse() {
                Ok(server) => self.add(server),
                Err(error) => self.wrong.push(format!("{origin}: {error}")),
            }
        }
    }

    fn add(&mut self, server: ServerRef) {
        if self.seen.insert(server.clone()) {
            self.given.servers.push(server);
        } else {
            self.repeated += 1;
        }
    }

    /// Refuses a file of exclusions without a server: whatever made it may have failed.
    fn excludes_nothing(&mut self, name: &str) {
        self.wrong
            .push(format!("--exclude @{name}: no server in the file"));
        self.hint = Some(
            "check what wrote the file, or omit --exclude if nothing is to be excluded".into(),
        );
    }

    fn refused(&mut self, name: &str, refusal: Refusal) {
        let problems = refusal.problems.into_iter();
        self.wrong.extend(
            problems.map(|problem| format!("{name}:{}: {}", problem.position, problem.message)),
        );
        self.hint = Some(refusal.hint);
    }

    fn finish(self, printer: &Printer) -> Result<GivenServers, CliError> {
        let count = self.wrong.len();
        if count == 0 {
            if self.repeated > 0 {
                printer.warn(&format!(
                    "{} servers were given, {} of them again; each counts once",
                    self.given.servers.len() + self.repeated,
                    self.repeated
                ));
            }
            return Ok(self.given);
        }
        let message = match count {
            1 => "1 server cannot be used; nothing was sent".to_owned(),
            count => format!("{count} servers cannot be used; nothing was sent"),
        };
        let fail = CliError::usage(message).details(few(&self.wrong, SHOWN, String::clone));
        Err(match self.hint {
            Some(hint) => fail.hint(hint),
            None => fail.hint("give each server by its id or its name"),
        })
    }
}

#[cfg(test)]
mod tests;
