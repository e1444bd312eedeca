//! `completions` and `man`.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::env::Shells;

use crate::args::{Cli, Completions, Man};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::term::Results;

/// The variable through which a completion script asks for candidates.
pub(crate) const COMPLETE: &str = "ECSCTL_COMPLETE";

/// Prints the completion script of a shell. The script asks `ecsctl` for candidates, so that they are current.
pub(crate) fn completions(args: &Completions, results: &mut Results) -> Result<Exit, CliError> {
    let failed = |reason: String| {
        CliError::new(
            Exit::Failed,
            format!("the script cannot be written: {reason}"),
        )
    };
    let name = args.shell.name();
    let shells = Shells::builtins();
    let shell = shells
        .completer(name)
        .ok_or_else(|| failed(format!("{name} is not known")))?;
    let mut script = Vec::new();
    let written = shell.write_registration(COMPLETE, "ecsctl", "ecsctl", "ecsctl", &mut script);
    written.map_err(|error| failed(error.to_string()))?;
    let script = String::from_utf8(script).map_err(|error| failed(error.to_string()))?;
    results.write(&script);
    Ok(Exit::Success)
}

/// Prints the manual page of `ecsctl`, or writes one page for each command into a folder.
pub(crate) fn man(args: &Man, results: &mut Results) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    command.build();
    match &args.dir {
        None => {
            let page = page(command, "ecsctl")?;
            results.write(&page);
        }
        Some(dir) => {
            fs::create_dir_all(dir).map_err(|error| cannot_write(dir, &error))?;
            write_pages(command, "ecsctl", dir)?;
        }
    }
    Ok(Exit::Success)
}

/// Writes the pages of a command and its subcommands, such as `ecsctl-run-show.1`.
fn write_pages(command: clap::Command, name: &str, dir: &Path) -> Result<(), CliError> {
    for subcommand in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        if subcommand.get_name() != "help" {
            let name = format!("{name}-{}", subcommand.get_name());
            write_pages(subcommand.clone(), &name, dir)?;
        }
    }
    let path = dir.join(format!("{name}.1"));
    let page = page(command, name)?;
    fs::write(&path, page).map_err(|error| cannot_write(&path, &error))
}

/// Returns the page of a command. The title is also the name of its file, by which `man` finds it.
fn page(command: clap::Command, title: &str) -> Result<String, CliError> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command)
        .title(title)
        .render(&mut page);
    let text = rendered
        .map_err(|error| error.to_string())
        .and_then(|()| String::from_utf8(page).map_err(|error| error.to_string()));
    text.map_err(|error| CliError::new(Exit::Failed, format!("cannot write the page: {error}")))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::usage(format!("cannot write {}: {error}", path.display()))
        .hint("name a folder that you may write to with --dir")
}
