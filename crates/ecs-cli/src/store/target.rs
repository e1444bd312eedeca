//! The kinds of stores that this build has, and the commands of a store.

use ecs_ops::auth::BoxFuture;
use ecs_ops::store::{Store, StoreError};
use serde_json::json;

use super::{Named, fail, named, not_named};
use crate::args::{Global, StoreCommand, StoreFormat};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::render;
use crate::term::{Printer, Results};

/// The prefix of a store in a file.
pub(super) const FILE: &str = "sqlite:";

/// A store that can be opened.
pub(super) trait Target: Send {
    /// Returns the address without a password.
    fn address(&self) -> String;

    /// Opens the store for writing, or only for reading.
    fn open(self: Box<Self>, writes: bool) -> BoxFuture<'static, Result<Store, StoreError>>;

    /// Creates or updates the tables, and returns the versions before and after.
    fn migrate(
        self: Box<Self>,
        grant_to: Vec<String>,
    ) -> BoxFuture<'static, Result<(i32, i32), StoreError>>;

    /// Checks that the store can be used.
    fn check(self: Box<Self>) -> BoxFuture<'static, Result<StoreStatus, StoreError>>;
}

/// The result of a check.
pub(super) struct StoreStatus {
    pub(super) engine: &'static str,
    /// The version of the engine.
    pub(super) server: String,
    pub(super) role: Option<String>,
    pub(super) schema: i32,
    pub(super) program_schema: i32,
    pub(super) runs: i64,
}

/// Parses the address of a store.
pub(super) fn target(named: Named, global: &Global) -> Result<Box<dyn Target>, CliError> {
    if let Some(file) = named.address.strip_prefix(FILE) {
        return file_target(file, &named.origin);
    }
    database_target(named, global)
}

#[cfg(feature = "sqlite")]
fn file_target(file: &str, origin: &str) -> Result<Box<dyn Target>, CliError> {
    if file.is_empty() {
        return Err(CliError::usage(format!(
            "{origin}: {FILE} needs the name of a file"
        )));
    }
    Ok(Box::new(ecs_store_sqlite::SqliteOptions::new(
        file,
        process(),
    )))
}

#[cfg(not(feature = "sqlite"))]
fn file_target(_: &str, origin: &str) -> Result<Box<dyn Target>, CliError> {
    Err(without(origin, "a store in a file", "sqlite"))
}

#[cfg(feature = "postgres")]
fn database_target(named: Named, global: &Global) -> Result<Box<dyn Target>, CliError> {
    Ok(Box::new(super::postgres::options(named, global)?))
}

#[cfg(not(feature = "postgres"))]
fn database_target(named: Named, _: &Global) -> Result<Box<dyn Target>, CliError> {
    Err(without(&named.origin, "a store in PostgreSQL", "postgres"))
}

/// Returns the error for a kind of store that this build does not have.
#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn without(origin: &str, backend: &str, feature: &str) -> CliError {
    CliError::usage(format!(
        "{origin} names {backend}, and this ecsctl was built without the feature `{feature}`"
    ))
    .hint(format!(
        "build it with `cargo build --release -p ecs-cli --features {feature}`, or use no store"
    ))
}

/// Returns an address without its password.
pub(crate) fn shown(address: &str) -> String {
    if address.starts_with(FILE) {
        return address.to_owned();
    }
    #[cfg(feature = "postgres")]
    return super::postgres::shown(address);
    // The address may contain a password.
    #[cfg(not(feature = "postgres"))]
    return "(not used by this build)".to_owned();
}

/// Describes this process.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn process() -> ecs_ops::store::Process {
    let by = crate::invocation::of_process();
    let unknown = || "unknown".to_owned();
    ecs_ops::store::Process {
        user: by.user.unwrap_or_else(unknown),
        host: by.host.unwrap_or_else(unknown),
        pid: by
            .pid
            .and_then(|pid| i32::try_from(pid).ok())
            .unwrap_or_default(),
        program: by.program,
    }
}

/// Runs a command of `store`.
pub(crate) async fn admin(
    command: &StoreCommand,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let named = named(global).ok_or_else(not_named)?;
    let target = target(named, global)?;
    let address = target.address();
    match command {
        StoreCommand::Init(args) | StoreCommand::Migrate(args) => {
            let migrated = target.migrate(args.grant_to.clone()).await;
            let (before, after) = migrated.map_err(|error| fail(&error))?;
            printer.note(&match (before, after) {
                (0, after) => format!("{address}: created the tables, version {after}"),
                (before, after) if before == after => {
                    format!("{address}: the tables are of version {after} already")
                }
                (before, after) => {
                    format!("{address}: updated the tables from version {before} to {after}")
                }
            });
        }
        StoreCommand::Check(args) => {
            let check = target.check().await.map_err(|error| fail(&error))?;
            results.write(&match args.format {
                StoreFormat::Table => table(&address, &check),
                StoreFormat::Json => render::json::document(&json!({
                    "version": 1, "store": address, "engine": check.engine, "server": check.server, "role": check.role,
                    "schema": check.schema, "program_schema": check.program_schema, "runs": check.runs,
                })),
            });
        }
        StoreCommand::Prune(args) => {
            let store = target.open(true).await.map_err(|error| fail(&error))?;
            let pruned = store.prune(args.older_than).await;
            let pruned = pruned.map_err(|error| fail(&error))?;
            printer.note(&format!("{address}: deleted {pruned} runs"));
        }
    }
    Ok(Exit::Success)
}

fn table(address: &str, check: &StoreStatus) -> String {
    let role = check.role.as_ref();
    let role = role.map(|role| format!("role     {role}\n"));
    format!(
        "store    {address}\nserver   {} {}\n{}tables   version {} (this program: {})\nruns     {}\n",
        check.engine,
        check.server,
        role.unwrap_or_default(),
        check.schema,
        check.program_schema,
        check.runs
    )
}
