//! A new run: from arguments and servers to a run that can begin.

use std::path::PathBuf;
use std::time::Instant;

use ecs_ops::journal::{JsonlJournal, ServerNames};
use ecs_ops::model::{Server, ServerId};
use ecs_ops::rolling::Waves;
use ecs_ops::{OnUnknown, Plan, PowerAction, RunBuilder};
use jiff::Timestamp;

use crate::args::{Format, Global, Run};
use crate::commands::announce::{self, Announcement};
use crate::commands::carry_out::{Attached, PreparedRun};
use crate::commands::conclude::{Ending, Place};
use crate::commands::display::AfterCanary;
use crate::commands::execute::{Callbacks, Shown};
use crate::commands::journal_place::Registered;
use crate::commands::next_steps::NextSteps;
use crate::commands::outcome_times::OutcomeTimes;
use crate::commands::preflight::by_id;
use crate::commands::servers::Servers;
use crate::commands::{plan, recheck, resume, waves, without_effect};
use crate::confirm::{Terminal, WavesShown, act_on};
use crate::connect::Connection;
use crate::exit::Exit;
use crate::expectation::Expectation;
use crate::fail::CliError;
use crate::invocation;
use crate::plan_file::store_note;
use crate::plan_marker::MarkedRun;
use crate::render::json::{Brake, DryRun};
use crate::render::{json, table};
use crate::store::{self, Store};
use crate::term::Printer;

/// The arguments and the place of a run.
#[derive(Clone, Copy)]
pub(super) struct RunInput<'a> {
    pub(super) action: PowerAction,
    pub(super) args: &'a Run,
    pub(super) global: &'a Global,
    pub(super) connection: &'a Connection,
    pub(super) store: Option<&'a Store>,
    pub(super) run_id: &'a str,
    /// The time at which reading the servers began, by the clock of the client.
    pub(super) reading_from: Timestamp,
    /// The time at which the deadline began.
    pub(super) began: Instant,
}

impl<'a> RunInput<'a> {
    /// Returns the waves of the applied plan, or new ones.
    fn waves(self, servers: &Servers, printer: &Printer) -> Result<Option<Waves>, CliError> {
        let args = self.args;
        match &args.planned {
            Some(planned) => {
                plan::check_drift(planned, servers, printer)?;
                Ok(planned.waves.clone().map(Waves::of))
            }
            None => waves::plan(&args.rolling, args.no_wait, servers, printer),
        }
    }

    /// Warns of options without the expected effect.
    fn warn(self, servers: &Servers, waves: Option<&Waves>, printer: &Printer) {
        let others = servers.others().len();
        let waves = waves.map_or(0, |waves| waves.waves.len());
        let simulated = self.connection.is_simulated();
        for warning in without_effect::warnings(self.args, others, waves, simulated) {
            printer.warn(&warning);
        }
    }

    /// Plans the run, with its callbacks and without a journal.
    fn plan(
        self,
        ids: &[ServerId],
        servers: &Servers,
        waves: Option<&Waves>,
        after_canary: Option<AfterCanary>,
    ) -> Result<(Plan, Callbacks), CliError> {
        let args = self.args;
        let mut builder = self.builder(ids, waves).unready(servers.unready.clone());
        if let Some(recheck) = recheck::setting(args, servers, waves, self.store.is_some()) {
            builder = builder.recheck_waves(recheck.read_from(self.reading_from));
        }
        // The time until the answer does not count for the run.
        if let Some(deadline) = args.deadline {
            builder = builder.deadline(deadline.saturating_sub(self.began.elapsed()));
        }
        let health = args.rolling.health_cmd.clone();
        let health = health.map(|command| (command, args.rolling.health_limit()));
        let (builder, callbacks) =
            Callbacks::attach(builder, health, args.rolling.asks(), after_canary);
        let plan = builder
            .skipped(servers.skipped.clone())
            .run_id(self.run_id)
            .invocation(invocation::of_process())
            .simulated(self.connection.is_simulated())
            .names(names(ids, &servers.listed, &args.names))
            .plan()
            .map_err(|error| CliError::usage(error.problem().to_string()))?;
        Ok((plan, callbacks))
    }

    /// Returns the run without its deadline and its journal.
    fn builder(self, ids: &[ServerId], waves: Option<&Waves>) -> RunBuilder {
        let (args, connection) = (self.args, self.connection);
        let mut builder = connection
            .client
            .run(self.action, ids.to_vec())
            .batch_size(args.batch_size)
            .on_unknown(OnUnknown::of(args.reconcile, args.resubmit_unknown));
        if args.no_preflight {
            builder = builder.skip_service_check();
        }
        if args.no_wait {
            builder = builder.no_wait();
        }
        if let Some(target) = &connection.target {
            builder = builder.target(target.clone());
        }
        if let Some(traces) = &connection.traces {
            builder = builder.traces(traces.clone());
        }
        if let Some(limit) = args.reconcile_after {
            builder = builder.reconcile_after(limit);
        }
        if let Some(stall_limit) = args.stalled_after {
            builder = builder.stalled_after(stall_limit);
        }
        if let Some(within) = args.verifies() {
            builder = builder.verify(within);
        }
        if let Some(after) = args.rolling.escalate_after {
            builder = builder.escalate_after(after);
        }
        if let Some(limit) = args.rolling.escalate_hang {
            builder = builder.escalate_hang(limit);
        }
        match waves {
            Some(waves) => {
                let servers = waves.waves.iter().map(Vec::len).sum();
                builder.rolling(waves.clone(), args.rolling.rules(servers))
            }
            None => builder,
        }
    }
}

/// A new run that can begin.
pub(super) struct NewRun<'a> {
    input: RunInput<'a>,
    plan: Plan,
    callbacks: Callbacks,
    /// The terminal of the question before the run, if it is asked.
    terminal: Option<Terminal>,
    /// The servers that the run acts on, until they are registered.
    ids: Vec<ServerId>,
    /// The number of servers.
    count: usize,
    /// The known names of the first servers.
    first: Vec<String>,
    servers: Servers,
    waves: Option<Waves>,
    waves_shown: Option<WavesShown>,
    brake: Option<Brake>,
    expectation: Expectation,
    /// The address of the store that has the journal.
    in_store: Option<PathBuf>,
}

impl<'a> NewRun<'a> {
    /// Plans the run on these servers. Writes the plan to a file if requested.
    pub(super) fn prepare(
        input: RunInput<'a>,
        mut servers: Servers,
        (terminal, after_canary): (Option<Terminal>, Option<AfterCanary>),
        printer: &Printer,
    ) -> Result<Self, CliError> {
        let args = input.args;
        let waves = input.waves(&servers, printer)?;
        input.warn(&servers, waves.as_ref(), printer);
        let ids = std::mem::take(&mut servers.ids);
        let first = announce::first(&ids, waves.as_ref()).into_iter();
        let first = first.map(|id| servers.named(id)).collect();
        let (plan, callbacks) = input.plan(&ids, &servers, waves.as_ref(), after_canary)?;
        if let Some(out) = &args.plan_out {
            let record = plan::completed(plan.record("plan"), args);
            plan::write(out, record, &servers.listed, input.global, printer)?;
        }
        let rules = waves.as_ref().map(|_| args.rolling.rules(ids.len()));
        let in_store = store::named(input.global).map(|named| {
            let address = store::shown(&named.address);
            PathBuf::from(format!("in the store {address}"))
        });
        Ok(Self {
            count: ids.len(),
            first,
            waves_shown: waves
                .as_ref()
                .map(|waves| waves::described(waves, &args.rolling)),
            brake: rules.and_then(|rules| Brake::of(&rules, ids.len())),
            expectation: Expectation::of(&plan, args),
            input,
            plan,
            callbacks,
            terminal,
            ids,
            servers,
            waves,
            in_store,
        })
    }

    fn announcement(&self) -> Announcement<'_> {
        let args = self.input.args;
        Announcement {
            action: self.input.action,
            args,
            connection: self.input.connection,
            requests: self.plan.requests().len(),
            servers: self.count,
            first: &self.first,
            skipped: &self.servers.skipped,
            waves: self.waves.as_ref(),
            waves_shown: self.waves_shown.as_ref(),
            journal: self.in_store.as_deref().or(args.journal.as_deref()),
            expectation: &self.expectation,
        }
    }

    /// Formats the requests that would be sent.
    fn requests(&self, format: Format) -> Result<String, CliError> {
        let (plan, connection) = (&self.plan, self.input.connection);
        let left_out = (&self.servers.skipped[..], &self.servers.unready[..]);
        let shown = DryRun::new(plan, connection, left_out, &self.expectation)
            .ok_or_else(|| CliError::usage("the plan cannot be shown"))?;
        Ok(match format {
            Format::Table => {
                let action = act_on(plan.action(), plan.servers());
                table::dry_run(&shown, &action, connection, self.waves_shown.as_ref())
            }
            Format::Json => json::document(&shown),
            Format::Jsonl => shown.lines(),
            Format::Csv | Format::Id => shown.ids(format == Format::Csv),
        })
    }
}

impl<'a> PreparedRun<'a> for NewRun<'a> {
    fn connection(&self) -> &'a Connection {
        self.input.connection
    }

    fn dry_run(&self) -> Result<Option<String>, CliError> {
        let args = self.input.args;
        if !args.dry_run && args.plan_out.is_none() {
            return Ok(None);
        }
        let format = args.output.format;
        let mut shown = self.requests(format)?;
        if format == Format::Table && args.plan_out.is_none() {
            shown.push_str(&self.announcement().dry_run());
        }
        Ok(Some(shown))
    }

    fn registration(&mut self) -> Option<Registered<'_>> {
        let servers = std::mem::take(&mut self.ids);
        // The servers of a run in a store are registered there.
        self.input.store.is_none().then_some(Registered {
            run_id: self.input.run_id,
            action: self.input.action,
            servers,
            journal: self.input.args.journal.as_deref(),
        })
    }

    async fn confirm(&mut self, printer: &Printer) -> Result<(), CliError> {
        let terminal = self.terminal.take();
        self.announcement().confirm(terminal, printer).await
    }

    /// Frees the read servers, which only the question needed.
    async fn attach(self, _: &Printer) -> Result<Attached<'a>, CliError> {
        let RunInput {
            action,
            args,
            global,
            connection,
            store,
            run_id,
            ..
        } = self.input;
        let marker = args.planned.as_ref();
        let marker = marker.and_then(|planned| planned.marker.as_ref());
        let plan = match (store, &args.journal) {
            (Some(store), _) => {
                if let Some(planned) = &args.planned {
                    let noted = planned.note_store(store.address());
                    noted.map_err(|error| {
                        plan::unwritable(&planned.journal, &error).hint(
                            "apply a copy of the plan in a folder in which you can create files",
                        )
                    })?;
                    let run = MarkedRun::Store(store_note(run_id, store.address()));
                    plan::mark(planned, &run, global)?;
                }
                self.plan.journal(store.journal())
            }
            (None, Some(path)) => {
                if let Some(planned) = &args.planned {
                    let journal = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                    plan::mark(planned, &MarkedRun::Journal(journal), global)?;
                }
                let journal = JsonlJournal::create(path).map_err(|error| {
                    marker.inspect(|marker| marker.remove());
                    resume::fail(&error)
                })?;
                self.plan.journal(journal)
            }
            (None, None) => self.plan,
        };
        Ok(Attached {
            plan,
            callbacks: self.callbacks,
            shown: Shown {
                format: args.output.format,
                times: OutcomeTimes::default(),
            },
            ending: Ending {
                output: args.output,
                max_failures: args.rolling.max_failures.map(|limit| limit.to_string()),
                brake: self.brake,
                no_wait: args.no_wait,
                reconciled: args.reconcile,
                next_steps: NextSteps::of_run(action, args, global, store.map(|_| run_id)),
                place: Place::of_connection(connection),
                at_least: Exit::Success,
                unfinished: None,
            },
            new_journal: args.journal.as_deref(),
            marker,
        })
    }
}

/// Returns the known names of the servers: from the list, or from an earlier run.
fn names(ids: &[ServerId], known: &[Server], earlier: &ServerNames) -> ServerNames {
    let by_id = by_id(known);
    let name = |id: &ServerId| {
        let now = by_id.get(id).and_then(|server| server.name.as_deref());
        Some((*id, now.or_else(|| earlier.get(*id))?))
    };
    ids.iter().filter_map(name).collect()
}
