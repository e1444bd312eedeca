//! A resumed run, up to its plan.

use std::path::Path;
use std::sync::Arc;

use ecs_ops::fleet::WaveRecheck;
use ecs_ops::journal::{Journal, Recovered, RollingRecord};
use ecs_ops::{OnUnknown, RunBuilder};

use super::HealthCommand;
use super::intent::Intent;
use super::opened::take_over;
use crate::args::Resume;
use crate::commands::carry_out::{Attached, PreparedRun};
use crate::commands::conclude::{Ending, Place};
use crate::commands::display::AfterCanary;
use crate::commands::execute::{Callbacks, Shown};
use crate::commands::journal_place::Registered;
use crate::commands::next_steps::NextSteps;
use crate::commands::outcome_times::OutcomeTimes;
use crate::confirm::Terminal;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::CliError;
use crate::invocation;
use crate::render::json::Brake;
use crate::store::Store;
use crate::term::Printer;

/// The rest of a run, with everything that resuming needs.
pub(super) struct ResumedRun<'a> {
    pub(super) args: &'a Resume,
    pub(super) connection: &'a Connection,
    /// The store that has the journal; `None` if it is in a file.
    pub(super) store: Option<&'a Store>,
    /// The file of the journal, or the id of the run in the store.
    pub(super) path: &'a Path,
    /// The open journal, if it is in a file and not only read.
    pub(super) journal: Option<Arc<dyn Journal>>,
    pub(super) recovered: Recovered,
    /// The times at which final outcomes became known.
    pub(super) times: OutcomeTimes,
    pub(super) intent: Intent,
    /// The terminal of the question before the run, if it is asked.
    pub(super) terminal: Option<Terminal>,
    pub(super) health: Option<HealthCommand>,
    pub(super) after_canary: Option<AfterCanary>,
    pub(super) next_steps: NextSteps,
}

impl<'a> PreparedRun<'a> for ResumedRun<'a> {
    fn connection(&self) -> &'a Connection {
        self.connection
    }

    fn dry_run(&self) -> Result<Option<String>, CliError> {
        let format = self.args.output.format;
        let shown = || self.intent.shown(format, self.connection);
        Ok(self.args.dry_run.then(shown))
    }

    fn registration(&mut self) -> Option<Registered<'_>> {
        let run = self.recovered.run();
        // The servers of a run in a store are registered there.
        self.store.is_none().then(|| Registered {
            run_id: &run.run_id,
            action: run.action,
            servers: self.intent.servers.clone(),
            journal: Some(self.path),
        })
    }

    async fn confirm(&mut self, printer: &Printer) -> Result<(), CliError> {
        let terminal = self.terminal.take();
        self.intent
            .confirm(terminal, self.connection, printer)
            .await
    }

    async fn attach(self, printer: &Printer) -> Result<Attached<'a>, CliError> {
        let (args, connection) = (self.args, self.connection);
        let run = self.recovered.run();
        let rolling = run.rolling.as_ref();
        let rules = rolling.map(RollingRecord::rules);
        let limit = rules.and_then(|rules| rules.max_failures);
        let ending = Ending {
            output: args.output,
            max_failures: limit.map(|limit| limit.to_string()),
            brake: rules.and_then(|rules| Brake::of(&rules, run.servers.len())),
            no_wait: false,
            reconciled: args.reconcile || run.reconcile,
            next_steps: self.next_steps,
            place: Place::of_connection(connection),
            at_least: Exit::Success,
            unfinished: None,
        };
        let (journal, recovered) = match (self.store, self.journal) {
            (Some(store), _) => take_over(store, args, &self.recovered, printer).await?,
            (None, Some(journal)) => (journal, self.recovered),
            (None, None) => return Err(CliError::usage("the journal is not open")),
        };
        let builder = connection.client.resume(journal, recovered);
        let builder = builder.map_err(|error| CliError::usage(error.problem().to_string()))?;
        let builder = with_options(builder, args, connection, self.store.is_some());
        let asks = self.after_canary.is_some();
        let (builder, callbacks) = Callbacks::attach(builder, self.health, asks, self.after_canary);
        let plan = builder
            .plan()
            .map_err(|error| CliError::with_hint(&error, error.problem().to_string()))?;
        Ok(Attached {
            plan,
            callbacks,
            shown: Shown {
                format: args.output.format,
                times: self.times,
            },
            ending,
            new_journal: None,
            marker: None,
        })
    }
}

/// Applies the options of `resume` to the run.
fn with_options(
    builder: RunBuilder,
    args: &Resume,
    connection: &Connection,
    is_stored: bool,
) -> RunBuilder {
    // `resume` also continues a run that was stopped.
    let mut builder = builder
        .invocation(invocation::of_process())
        .continue_stopped();
    if args.reconcile {
        builder = builder.on_unknown(OnUnknown::Reconcile);
    }
    if let Some(traces) = &connection.traces {
        builder = builder.traces(traces.clone());
    }
    if let Some(limit) = args.reconcile_after {
        builder = builder.reconcile_after(limit);
    }
    if let Some(deadline) = args.deadline {
        builder = builder.deadline(deadline);
    }
    if args.skip_unready {
        let recheck = WaveRecheck::skip();
        builder = builder.recheck_waves(if is_stored {
            recheck.ignore_busy()
        } else {
            recheck
        });
    }
    if args.no_recheck {
        builder = builder.skip_recheck();
    }
    builder
}
