//! Settings from the environment and from `$XDG_CONFIG_HOME/ecsctl/config.toml`.
//!
//! An option takes precedence over a variable (`ECSCTL_…`), a variable over the context, and the context over the
//! defaults of the file. Settings of a place belong together: an option that names another place removes those of
//! lower layers (see `layers`).

mod apply;
mod file;
mod ignored;
mod layers;

use std::path::PathBuf;

use crate::args::Global;
use crate::fail::CliError;
use crate::folders;

pub(crate) use apply::{apply_global, apply_run};
pub(crate) use ignored::warn_of_ignored;
#[cfg(test)]
use layers::Setting;
pub(crate) use layers::{Key, Resolved};

use file::ConfigFile;
use layers::{Given, Layer};

/// The variable that names the context.
const CONTEXT: &str = "ECSCTL_CONTEXT";

/// All settings with their origins.
#[derive(Debug, Default)]
pub(crate) struct UserSettings {
    /// The path of the file, if there is a folder for it.
    pub(crate) path: Option<PathBuf>,
    /// `true` if the file exists.
    pub(crate) exists: bool,
    /// The names of its contexts, in their order.
    pub(crate) contexts: Vec<String>,
    /// The context in use, and the origin of the choice.
    pub(crate) context: Option<(String, String)>,
    pub(crate) resolved: Resolved,
}

/// Reads the file and the environment. `global` has the options before settings are filled in.
pub(crate) fn read(global: &Global) -> Result<UserSettings, CliError> {
    let given = apply::given(global);
    read_with(global.context.as_deref(), &given, global.sim)
}

fn read_with(
    context: Option<&str>,
    given: &Given,
    simulated: bool,
) -> Result<UserSettings, CliError> {
    let path = folders::config()
        .ok()
        .map(|folder| folder.join("config.toml"));
    let file = match &path {
        Some(path) => ConfigFile::read(path)?,
        None => None,
    };
    let exists = file.is_some();
    let file = file.unwrap_or_default();
    let context = self::context(context, &file);
    let mut layers = vec![Layer::of_environment()?];
    if let Some((name, origin)) = &context {
        layers.push(
            file.context(name)
                .ok_or_else(|| no_context(name, origin, &file, path.as_ref()))?,
        );
    }
    layers.push(file.defaults());
    Ok(UserSettings {
        resolved: Resolved::of(given, layers, simulated),
        contexts: file.names(),
        exists,
        path,
        context,
    })
}

/// Returns the names of the contexts for completions. Ignores errors of the file.
pub(crate) fn context_names() -> Vec<String> {
    let path = folders::config().map(|folder| folder.join("config.toml"));
    let file = path.ok().and_then(|path| ConfigFile::read(&path).ok()?);
    file.map(|file| file.names()).unwrap_or_default()
}

/// Returns the folder for journals for completions, which have no options.
pub(crate) fn journal_dir() -> Option<PathBuf> {
    let settings = read_with(None, &Given::default(), false).ok()?;
    let setting = settings.resolved.get(Key::JournalDir)?;
    Some(PathBuf::from(&setting.value))
}

/// Returns the context in use, with the origin of the choice; `given` is the option.
fn context(given: Option<&str>, file: &ConfigFile) -> Option<(String, String)> {
    if let Some(name) = given {
        return Some((name.to_owned(), "--context".to_owned()));
    }
    let variable = std::env::var(CONTEXT).ok().filter(|name| !name.is_empty());
    if let Some(name) = variable {
        return Some((name, CONTEXT.to_owned()));
    }
    // With the embedded simulator, the file's settings of a place do not apply; all others do.
    let name = file.default_context()?;
    Some((name, "context in the configuration".to_owned()))
}

fn no_context(name: &str, origin: &str, file: &ConfigFile, path: Option<&PathBuf>) -> CliError {
    let shown = path.map_or_else(
        || "the configuration".to_owned(),
        |path| path.display().to_string(),
    );
    let names = file.names();
    let fail = CliError::usage(format!("{origin}: there is no context {name:?} in {shown}"));
    match (
        similar(name, names.iter().map(String::as_str)),
        names.is_empty(),
    ) {
        (Some(close), _) => fail.hint(format!("did you mean {close:?}?")),
        (None, false) => fail.hint(format!("known contexts: {}", names.join(", "))),
        (None, true) => fail.hint("write a table such as [contexts.prod] into that file"),
    }
}

/// Returns the most similar name.
fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let close = scored.filter(|(score, _)| *score > 0.8);
    let best = close.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, known)| known)
}

#[cfg(test)]
mod tests;
