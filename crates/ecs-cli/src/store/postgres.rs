//! With the feature `postgres`: a store in a PostgreSQL database.

mod password;

use std::sync::Arc;

use ecs_ops::journal::{Contents, HeldServer, Journal};
use ecs_ops::model::ServerId;
use ecs_store_postgres::{
    PostgresStore, Process, RunState, StoreAddress, StoreError, StoreErrorKind, StoreOptions,
    Takeover,
};
use serde_json::{Value, json};

use super::{Named, VARIABLE, named, not_named};
use crate::args::{Global, StoreCommand, StoreFormat};
use crate::commands::next_step::NextStep;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::render;
use crate::term::{Notes, Results};

/// An open store.
pub(crate) struct Store {
    store: PostgresStore,
    /// Without a password.
    address: String,
}

impl Store {
    /// Opens the store that is named, if one is.
    pub(crate) async fn open(global: &Global) -> Result<Option<Self>, Fail> {
        Self::open_by(global, PostgresStore::open).await
    }

    /// The same, to list and show only.
    pub(crate) async fn open_to_read(global: &Global) -> Result<Option<Self>, Fail> {
        Self::open_by(global, PostgresStore::open_read_only).await
    }

    async fn open_by<F>(
        global: &Global,
        open: impl FnOnce(StoreOptions) -> F,
    ) -> Result<Option<Self>, Fail>
    where
        F: Future<Output = Result<PostgresStore, StoreError>>,
    {
        let Some(named) = named(global) else {
            return Ok(None);
        };
        let options = options(named, global)?;
        let address = options.address.to_string();
        let store = open(options).await.map_err(|error| fail(&error))?;
        Ok(Some(Self { store, address }))
    }

    /// Where it is, for people: without a password.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The journal of a new run.
    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(self.store.journal())
    }

    /// Takes a run over: when its process is silent, or at once.
    pub(crate) async fn resume(
        &self,
        run_id: &str,
        at_once: bool,
    ) -> Result<(Arc<dyn Journal>, Contents), Fail> {
        let takeover = if at_once {
            Takeover::AtOnce
        } else {
            Takeover::WhenSilent
        };
        let taken = self.store.resume(run_id, takeover).await;
        let (journal, contents) = taken.map_err(|error| fail(&error))?;
        Ok((Arc::new(journal), contents))
    }

    /// The records of a run.
    pub(crate) async fn records(&self, run_id: &str) -> Result<Contents, Fail> {
        let records = self.store.records(run_id).await;
        records.map_err(|error| fail(&error))
    }

    /// Whether the process of a run is alive, as far as the store knows.
    pub(crate) async fn is_active(&self, run_id: &str) -> Result<bool, Fail> {
        let run = self.store.run(run_id).await;
        let run = run.map_err(|error| fail(&error))?;
        Ok(run.is_some_and(|run| run.state == RunState::Running))
    }

    /// Which of these servers other runs act on.
    pub(crate) async fn held(
        &self,
        connection: &Connection,
        servers: &[ServerId],
    ) -> Result<Vec<HeldServer>, Fail> {
        let (endpoint, project) = (connection.endpoint.to_string(), &connection.project);
        let held = self.store.held(&endpoint, project.as_str(), servers).await;
        held.map_err(|error| fail(&error))
    }

    /// The latest runs as JSON, the latest first.
    pub(crate) async fn list(&self, limit: u32) -> Result<Vec<Value>, Fail> {
        let runs = self.store.runs(limit).await;
        let runs = runs.map_err(|error| fail(&error))?;
        let runs = runs.into_iter().map(|run| {
            json!({
                "run_id": run.run_id, "state": run.state, "operation": run.action, "servers": run.servers,
                "project_id": run.project_id, "endpoint": run.endpoint, "user": run.user, "host": run.host,
                "pid": run.pid, "program": run.program, "epoch": run.epoch, "records": run.records,
                "started_at": format!("{:.0}", run.started_at), "seen_at": format!("{:.0}", run.seen_at),
                "ended_at": run.ended_at.map(|at| format!("{at:.0}")),
            })
        });
        Ok(runs.collect())
    }
}

/// An address without its password, for people.
pub(crate) fn shown(address: &str) -> String {
    match address.parse::<StoreAddress>() {
        Ok(address) => address.to_string(),
        // It may have a password in it.
        Err(error) => format!("({error})"),
    }
}

/// `store …`.
pub(crate) async fn admin(
    command: &StoreCommand,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let named = named(global).ok_or_else(not_named)?;
    let options = options(named, global)?;
    let address = options.address.to_string();
    match command {
        StoreCommand::Init(args) | StoreCommand::Migrate(args) => {
            let migrated = PostgresStore::migrate(options, &args.grant_to).await;
            let (before, after) = migrated.map_err(|error| fail(&error))?;
            notes.note(&match (before, after) {
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
            let check = PostgresStore::check(options).await;
            let check = check.map_err(|error| fail(&error))?;
            results.write(&match args.format {
                StoreFormat::Table => format!(
                    "store    {address}\nserver   PostgreSQL {}\nrole     {}\ntables   version {} (this program: {})\nruns     {}\n",
                    check.server, check.role, check.schema, check.program_schema, check.runs
                ),
                StoreFormat::Json => render::json::document(&json!({
                    "version": 1, "store": address, "server": check.server, "role": check.role,
                    "schema": check.schema, "program_schema": check.program_schema, "runs": check.runs,
                })),
            });
        }
        StoreCommand::Prune(args) => {
            let store = PostgresStore::open(options).await;
            let store = store.map_err(|error| fail(&error))?;
            let pruned = store.prune(args.older_than).await;
            let pruned = pruned.map_err(|error| fail(&error))?;
            notes.note(&format!("{address}: deleted {pruned} runs"));
        }
    }
    Ok(Exit::Success)
}

fn options(named: Named, global: &Global) -> Result<StoreOptions, Fail> {
    let address: StoreAddress = named.address.parse().map_err(|error| fail(&error))?;
    if named.origin != VARIABLE && address.has_password() {
        return Err(Fail::usage(format!(
            "{} has a password in it, which others can see: an argument in the list of processes, a setting in its file",
            named.origin
        ))
        .hint("remove it from the address, and change it: then use --store-password-file, PGPASSWORD or ~/.pgpass"));
    }
    let address = password::complete(address, global)?;
    Ok(StoreOptions::new(address, process()))
}

fn process() -> Process {
    let by = crate::invocation::of_process();
    let unknown = || "unknown".to_owned();
    Process {
        user: by.user.unwrap_or_else(unknown),
        host: by.host.unwrap_or_else(unknown),
        pid: by
            .pid
            .and_then(|pid| i32::try_from(pid).ok())
            .unwrap_or_default(),
        program: by.program,
    }
}

/// What failed before anything was sent.
fn fail(error: &StoreError) -> Fail {
    let fail = Fail::usage(chain(error));
    match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Refused => fail.next(NextStep::check_store(
            "to see whether the store can be used",
        )),
        _ => fail,
    }
}
