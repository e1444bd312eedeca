//! The store that `--store` or `ECSCTL_STORE` names: in a PostgreSQL database, or in a file.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod target;

use std::path::Path;
use std::sync::Arc;

use ecs_ops::journal::{Contents, HeldServer, Journal};
use ecs_ops::model::ServerId;
use ecs_ops::store::{
    Follower, PlanApproval, RunStatus, RunSummary, StoreError, StoreErrorKind, StoreIdentity,
    Takeover,
};
use serde_json::{Value, json};

pub(crate) use self::target::{admin, shown};

use self::target::target;
use crate::args::Global;
use crate::connect::Connection;
use crate::fail::{CliError, chain};
use crate::journals;
use crate::next_step::NextStep;

/// The variable that names the store.
pub(crate) const VARIABLE: &str = "ECSCTL_STORE";

/// The address of a store with its origin.
pub(crate) struct Named {
    pub(crate) address: String,
    /// The option or variable that names it.
    pub(crate) origin: String,
}

const OPTION: &str = "--store";
/// The most runs, latest first, that are searched for the beginning of an id.
const SEARCHED: u32 = 10_000;

/// Returns the selected store, if one is named.
pub(crate) fn named(global: &Global) -> Option<Named> {
    let option = global.store.store.clone();
    let option = option.map(|address| (address, OPTION.to_owned()));
    let (address, origin) = option.or_else(|| global.settings.store.clone())?;
    Some(Named { address, origin })
}

/// Returns whether a run of this name is looked up in the store. A store from settings does not apply to files.
pub(crate) fn has_run(global: &Global, run: &Path) -> bool {
    named(global).is_some_and(|named| named.origin == OPTION || !run.is_file())
}

/// Returns the error of a command that needs a store.
pub(crate) fn not_named() -> CliError {
    CliError::usage("no store is named").hint(format!(
        "add --store postgres://USER@HOST/DATABASE or --store sqlite:FILE, or set {VARIABLE}"
    ))
}

/// An open store.
pub(crate) struct Store {
    store: ecs_ops::store::Store,
    /// The address without a password.
    address: String,
}

impl Store {
    /// Opens the selected store, if there is one.
    pub(crate) async fn open(global: &Global) -> Result<Option<Self>, CliError> {
        Self::open_to(global, true).await
    }

    /// Opens the selected store for reading, if there is one.
    pub(crate) async fn open_to_read(global: &Global) -> Result<Option<Self>, CliError> {
        Self::open_to(global, false).await
    }

    async fn open_to(global: &Global, writes: bool) -> Result<Option<Self>, CliError> {
        let Some(named) = named(global) else {
            return Ok(None);
        };
        let target = target(named, global)?;
        let address = target.address();
        let store = target.open(writes).await.map_err(|error| fail(&error))?;
        Ok(Some(Self { store, address }))
    }

    /// Returns the address without a password.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// For long reads.
    #[cfg(feature = "serve")]
    pub(crate) fn shared(&self) -> &ecs_ops::store::Store {
        &self.store
    }

    /// Begins the journal of a new run.
    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(self.store.journal())
    }

    /// Takes a run over: once its process is silent, or at once.
    pub(crate) async fn resume(
        &self,
        run_id: &str,
        at_once: bool,
    ) -> Result<(Arc<dyn Journal>, Contents), CliError> {
        let takeover = if at_once {
            Takeover::AtOnce
        } else {
            Takeover::WhenSilent
        };
        let taken = self.store.resume(run_id, takeover).await;
        let (journal, contents) = taken.map_err(|error| fail(&error))?;
        Ok((Arc::new(journal), contents))
    }

    /// Finds the id of a run by its id, the beginning of it, or `last`.
    pub(crate) async fn named_run(&self, named: &str) -> Result<String, CliError> {
        let exact = self.store.run(named).await;
        if exact.map_err(|error| fail(&error))?.is_some() || named.is_empty() {
            return Ok(named.to_owned());
        }
        let is_last = named == journals::LAST;
        let runs = self.store.runs(if is_last { 1 } else { SEARCHED }).await;
        let runs = runs.map_err(|error| fail(&error))?;
        let ids = runs.into_iter().map(|run| run.run_id);
        let mut found: Vec<_> = ids.filter(|id| is_last || id.starts_with(named)).collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 if is_last => Err(CliError::usage(format!(
                "there is no run in the store {}",
                self.address
            ))),
            // The caller reports the missing run.
            0 => Ok(named.to_owned()),
            many => Err(CliError::usage(format!("{many} runs begin with {named}"))
                .details(found)
                .hint("give more of the id")),
        }
    }

    /// Follows a run.
    pub(crate) fn follow(&self, run_id: &str) -> Follower {
        self.store.follow(run_id)
    }

    /// Approves a plan; returns the identity that the store knows.
    pub(crate) async fn approve_plan(
        &self,
        hash: &str,
        signature: Option<String>,
    ) -> Result<StoreIdentity, CliError> {
        let approved = async {
            self.store.approve_plan(hash, signature).await?;
            self.store.identity().await
        };
        approved.await.map_err(|error| fail(&error))
    }

    /// Reads the approvals of a plan.
    pub(crate) async fn plan_approvals(&self, hash: &str) -> Result<Vec<PlanApproval>, CliError> {
        let approvals = self.store.plan_approvals(hash).await;
        approvals.map_err(|error| fail(&error))
    }

    /// Reads the identity of this process in the store.
    pub(crate) async fn identity(&self) -> Result<StoreIdentity, CliError> {
        self.store.identity().await.map_err(|error| fail(&error))
    }

    /// Returns `true` if the store has a run of this id.
    pub(crate) async fn has(&self, run_id: &str) -> Result<bool, CliError> {
        let run = self.store.run(run_id).await;
        Ok(run.map_err(|error| fail(&error))?.is_some())
    }

    /// Reads the records of a run.
    pub(crate) async fn records(&self, run_id: &str) -> Result<Contents, CliError> {
        let records = self.store.records(run_id).await;
        records.map_err(|error| fail(&error))
    }

    /// Returns whether the process of a run is alive, as far as the store knows.
    pub(crate) async fn is_active(&self, run_id: &str) -> Result<bool, CliError> {
        let run = self.store.run(run_id).await;
        let run = run.map_err(|error| fail(&error))?;
        Ok(run.is_some_and(|run| run.state == RunStatus::Running))
    }

    /// Returns which of these servers other runs act on.
    pub(crate) async fn held(
        &self,
        connection: &Connection,
        servers: &[ServerId],
    ) -> Result<Vec<HeldServer>, CliError> {
        let (endpoint, project) = (&connection.endpoint, &connection.project);
        let held = self.store.held(endpoint, project, servers).await;
        held.map_err(|error| fail(&error))
    }

    /// Returns the latest runs as JSON, newest first.
    pub(crate) async fn list(&self, limit: u32) -> Result<Vec<Value>, CliError> {
        let runs = self.store.runs(limit).await;
        let runs = runs.map_err(|error| fail(&error))?;
        Ok(runs.iter().map(listed).collect())
    }
}

/// A run as JSON, as it stands in a list.
pub(crate) fn listed(run: &RunSummary) -> Value {
    json!({
        "run_id": run.run_id, "state": run.state, "operation": run.action, "servers": run.servers,
        "project_id": run.project_id, "endpoint": run.endpoint, "user": run.user, "host": run.host,
        "pid": run.pid, "program": run.program, "epoch": run.epoch, "records": run.records,
        "started_at": format!("{:.0}", run.started_at), "seen_at": format!("{:.0}", run.seen_at),
        "ended_at": run.ended_at.map(|at| format!("{at:.0}")),
    })
}

/// Returns the error of a store before anything was sent.
pub(crate) fn fail(error: &StoreError) -> CliError {
    let fail = CliError::usage(chain(error));
    match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Refused | StoreErrorKind::Schema => fail
            .next(NextStep::check_store(
                "to see whether the store can be used",
            )),
        StoreErrorKind::NoTables => fail.next(NextStep::prepare_store(
            "to create the tables, as the owner of the database",
            "init",
        )),
        StoreErrorKind::OldTables => fail.next(NextStep::prepare_store(
            "to bring the tables up to date, as their owner",
            "migrate",
        )),
        StoreErrorKind::InUse => fail.hint("--take-over takes the run over at once"),
        StoreErrorKind::NoRun => fail.next(NextStep::list_runs("to see the runs")),
        _ => fail,
    }
}
