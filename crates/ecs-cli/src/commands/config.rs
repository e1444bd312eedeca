//! `config show`: each setting with its origin.

use serde_json::{Map, Value, json};

use crate::args::{ConfigShow, DocumentFormat, Global, HEALTH_TIMEOUT};
use crate::command_line::written;
use crate::exit::Exit;
use crate::fail::CliError;
use crate::folders;
use crate::render::json;
use crate::render::text_table::{TextTable, stdout_width};
use crate::settings::{Key, UserSettings};
use crate::store;
use crate::term::Results;

/// Returns the default of a setting.
fn by_default(key: Key, global: &Global) -> Option<String> {
    match key {
        Key::MaxFailures => Some("10% of the servers, but at least 2".to_owned()),
        Key::HealthTimeout => Some(written(HEALTH_TIMEOUT)),
        Key::Verify | Key::Reconcile => Some("false".to_owned()),
        Key::JournalKeep => Some("30d".to_owned()),
        Key::JournalDir if global.settings.journal_dir.is_none() => {
            let state = folders::state().ok()?;
            Some(state.join("runs").display().to_string())
        }
        _ => None,
    }
}

pub(crate) fn show(
    args: &ConfigShow,
    global: &Global,
    settings: &UserSettings,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let rows: Vec<(Key, Option<String>, String)> = Key::ALL
        .into_iter()
        .map(|key| match settings.resolved.get(key) {
            Some(setting) => {
                let value = match key {
                    // The address may contain a password.
                    Key::Store => store::shown(&setting.value),
                    _ => setting.value.clone(),
                };
                (key, Some(value), setting.origin.clone())
            }
            None => {
                let value = by_default(key, global);
                let origin = if value.is_some() { "default" } else { "-" };
                (key, value, origin.to_owned())
            }
        })
        .collect();
    if args.output.format == DocumentFormat::Table {
        results.write(&table(&rows, settings));
        return Ok(Exit::Success);
    }
    let values: Map<String, Value> = rows
        .iter()
        .map(|(key, value, origin)| {
            let origin = value.as_ref().map(|_| origin);
            let entry = json!({"value": value, "origin": origin, "variable": key.variable()});
            (key.name().to_owned(), entry)
        })
        .collect();
    let context = settings.context.as_ref();
    let document = json!({
        "version": json::VERSION,
        "file": settings.path,
        "exists": settings.exists,
        "contexts": settings.contexts,
        "context": context.map(|(name, origin)| json!({"name": name, "origin": origin})),
        "settings": values,
    });
    results.write(&match args.output.format {
        DocumentFormat::Jsonl => json::line(&document),
        _ => json::document(&document),
    });
    Ok(Exit::Success)
}

fn table(rows: &[(Key, Option<String>, String)], settings: &UserSettings) -> String {
    let file = match &settings.path {
        Some(path) if settings.exists => path.display().to_string(),
        Some(path) => format!("{} (does not exist)", path.display()),
        None => "none: neither XDG_CONFIG_HOME nor HOME is set".to_owned(),
    };
    let context = match &settings.context {
        Some((name, origin)) => format!("{name} (from {origin})"),
        None => "none".to_owned(),
    };
    let mut table = TextTable::new(&["SETTING", "VALUE", "FROM"]);
    table.may_shrink(1);
    table.may_shrink(2);
    for (key, value, origin) in rows {
        let value = value.clone().unwrap_or_else(|| "-".to_owned());
        table.row([key.name().to_owned(), value, origin.clone()]);
    }
    format!(
        "file     {file}\ncontext  {context}\n\n{}",
        table.render(stdout_width())
    )
}
