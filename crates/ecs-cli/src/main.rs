//! `ecsctl`: restart, start and stop fleets of Elastic Cloud Servers.
//!
//! | module | holds |
//! |---|---|
//! | `approval` | SSH signatures of plans |
//! | `args` | the command line |
//! | `candidates` | completion candidates |
//! | `commands` | the commands |
//! | `connect` | the connection to the service |
//! | `credentials` | credentials from options, files and stdin |
//! | `diagnosis` | the diagnosis of credentials and connections |
//! | `confirm` | the confirmation before servers are acted on |
//! | `health` | the health check after a wave |
//! | `folders` | the folders of state and settings |
//! | `ids` | ids from the command line |
//! | `invocation` | the invocation of this process |
//! | `journals` | the folder for journals |
//! | `plan_file` | plan files with their hashes |
//! | `private_file` | files that only their owner can read |
//! | `registry` | the active runs of this machine |
//! | `remedy` | the remedies for failed connections |
//! | `render` | tables, JSON, progress |
//! | `exit` | exit codes |
//! | `fail` | errors for people |
//! | `serve` | the runs of a store as web pages |
//! | `server_file` | lists of servers as other tools write them |
//! | `server_input` | servers from arguments and files |
//! | `log` | the log of `-v`, `ECSCTL_LOG` and `--log-file` |
//! | `store` | the store of `--store` |
//! | `settings` | the environment and the configuration file |
//! | `signals`, `term` | Ctrl-C; stdout and stderr |

mod approval;
mod args;
mod candidates;
mod clean;
mod command_line;
mod commands;
mod confirm;
mod connect;
mod credentials;
mod diagnosis;
mod exit;
mod expectation;
mod fail;
mod folders;
mod health;
mod ids;
mod invocation;
mod journals;
mod log;
mod next_step;
mod plan_file;
mod plan_marker;
mod private_file;
mod registry;
mod remedy;
mod render;
mod screen;
#[cfg(feature = "serve")]
mod serve;
mod server_file;
mod server_input;
mod settings;
mod signals;
mod store;
mod term;

use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use crate::command_line::CommandLine;
use args::{
    Auth, Cli, Command, ConfigCommand, Global, JobCommand, PlanCommand, Run, RunCommand,
    ServerCommand,
};
use ecs_ops::PowerAction;
use exit::Exit;
use fail::CliError;
use log::Log;
use settings::UserSettings;
use term::{Printer, Results};

fn main() -> ExitCode {
    // Prints candidates and exits if a shell asks for completions.
    CompleteEnv::with_factory(|| candidates::offered(Cli::command()))
        .var(commands::shell::COMPLETE)
        .complete();
    // Exits with 2 for bad usage, and with 0 after --help and --version.
    let cli = Cli::try_parse().unwrap_or_else(|error| without_acting_suggestion(error).exit());
    let Cli {
        mut global,
        command,
    } = cli;
    let printer = Printer::new(global.quiet);
    let mut results = Results::stdout();
    let ended = runtime_for(&command)
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Failed, format!("cannot start: {error}")))
        .and_then(|runtime| {
            let log = Log::start(&global.logging, &printer)?;
            let ended = runtime.block_on(async {
                let ended = run(command, &mut global, &printer, &mut results).await;
                log.flush().await;
                ended
            });
            // An open question must not keep the process alive.
            runtime.shutdown_background();
            ended
        });
    let mut exit = ended.unwrap_or_else(|mut fail| {
        let place = CommandLine::to_place(&global);
        fail.next = fail.next.into_iter().map(|step| step.at(&place)).collect();
        printer.fail(&fail);
        fail.exit
    });
    if let Some(error) = results.finish() {
        printer.fail(&CliError::new(
            Exit::Failed,
            format!("cannot write the results: {error}"),
        ));
        exit = exit.max(Exit::Failed);
    }
    if exit == Exit::Interrupted {
        signals::end_by_interrupt();
    }
    exit.into()
}

/// Returns the runtime of a command: all cores for one that serves others, and this thread for all others. They mostly
/// wait, and to hand each answer to another thread costs a fifth of a run's CPU time. What blocks has threads of its own.
fn runtime_for(command: &Command) -> tokio::runtime::Builder {
    if matches!(command, Command::Serve(_) | Command::Sim(_)) {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    }
}

/// Removes suggestions of commands that act for a mistyped command that may only read.
fn without_acting_suggestion(mut error: clap::Error) -> clap::Error {
    const ACTING: [&str; 6] = ["reboot", "start", "stop", "resume", "apply", "rerun"];
    let acts = |name: &String| ACTING.contains(&name.as_str());
    let suggested = error.get(ContextKind::SuggestedSubcommand);
    let leads_to_one = match suggested {
        Some(ContextValue::String(name)) => acts(name),
        Some(ContextValue::Strings(names)) => names.iter().any(acts),
        _ => false,
    };
    if leads_to_one {
        error.remove(ContextKind::SuggestedSubcommand);
    }
    let tip = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => reading_command(name),
        _ => None,
    };
    if let Some(tip) = tip {
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// Returns the command that replaces one of other tools.
fn reading_command(name: &str) -> Option<&'static str> {
    match name {
        "list" | "ls" | "servers" => Some("'server list' lists servers"),
        "show" | "status" => Some("'run show last' shows the latest run"),
        "runs" | "history" => Some("'run list' lists the runs"),
        "restart" => Some("'--help' lists the commands"),
        _ => None,
    }
}

/// Reads the settings, unless the command works without them.
fn read_settings(
    command: &Command,
    global: &Global,
    printer: &Printer,
) -> Result<UserSettings, CliError> {
    Ok(match command {
        // These commands need no settings and must work with a broken file.
        Command::Explain(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Sim(_) => UserSettings::default(),
        // It works without them.
        Command::Plan(PlanCommand::Show(_) | PlanCommand::Approve(_)) => settings::read(global)
            .unwrap_or_else(|fail| {
                printer.warn(&format!("the settings are not used: {}", fail.message));
                UserSettings::default()
            }),
        _ => settings::read(global)?,
    })
}

/// Turns a run into one that is planned instead of sent.
fn planned((action, run): (PowerAction, Run), out: &Path) -> Result<(PowerAction, Run), CliError> {
    Ok((action, commands::plan::planned_arguments(run, out)?))
}

async fn run(
    command: Command,
    global: &mut Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let settings = read_settings(&command, global, printer)?;
    settings::apply_global(&settings, global)?;
    settings::warn_of_ignored(&settings, printer);
    let with_settings = |(action, mut run): (PowerAction, Run)| {
        settings::apply_run(&settings, &mut run, printer)?;
        Ok::<_, CliError>((action, run))
    };
    let (action, args) = match command {
        Command::Reboot(reboot) => with_settings(reboot.split()?)?,
        Command::Start(start) => with_settings(start.split())?,
        Command::Stop(stop) => with_settings(stop.split())?,
        Command::Resume(args) => {
            return commands::resume::run(&args, global, printer, results).await;
        }
        Command::Plan(PlanCommand::Reboot(plan)) => {
            planned(with_settings(plan.reboot.split()?)?, &plan.out.out)?
        }
        Command::Plan(PlanCommand::Start(plan)) => {
            planned(with_settings(plan.start.split())?, &plan.out.out)?
        }
        Command::Plan(PlanCommand::Stop(plan)) => {
            planned(with_settings(plan.stop.split())?, &plan.out.out)?
        }
        Command::Plan(PlanCommand::Show(args)) => {
            return commands::plan::show(&args, global, printer, results).await;
        }
        Command::Plan(PlanCommand::Approve(args)) => {
            return commands::plan::approve(&args, global, printer).await;
        }
        Command::Apply(args) => commands::plan::prepare(&args, global, printer).await?,
        Command::Rerun(args) => commands::rerun::prepare(&args, global, printer)?,
        Command::Server(ServerCommand::List(args)) => {
            return commands::server::list(&args, global, printer, results).await;
        }
        Command::Server(ServerCommand::Show(args)) => {
            return commands::server::show(&args, global, printer, results).await;
        }
        Command::Run(RunCommand::Show(args)) => {
            return commands::show::run(&args, global, printer, results).await;
        }
        Command::Run(RunCommand::Watch(args)) => {
            return commands::watch::run(&args, global, printer, results).await;
        }
        Command::Run(RunCommand::List(args)) => {
            if let Some(store) = store::Store::open_to_read(global).await? {
                return commands::run_list::stored(&args, &store, printer, results).await;
            }
            return commands::run_list::run(&args, global, printer, results);
        }
        Command::Job(JobCommand::Show(args)) => {
            return commands::job::show(&args, global, printer, results).await;
        }
        Command::Job(JobCommand::Wait(args)) => {
            return commands::job::wait(&args, global, printer, results).await;
        }
        Command::Server(ServerCommand::Actions(args)) => {
            return commands::server_actions::run(&args, global, printer, results).await;
        }
        Command::Auth(Auth::Check(args)) => {
            return commands::auth::check(&args, global, printer, results).await;
        }
        Command::Store(command) => {
            return store::admin(&command, global, printer, results).await;
        }
        Command::Serve(args) => return commands::serve::run(&args, global, printer, results).await,
        Command::Config(ConfigCommand::Show(args)) => {
            return commands::config::show(&args, global, &settings, results);
        }
        Command::Explain(args) => return commands::explain::run(&args, results),
        Command::Schema(args) => return Ok(commands::schema::run(args, results)),
        Command::Completions(args) => return commands::shell::completions(&args, results),
        Command::Man(args) => return commands::shell::man(&args, results),
        Command::Sim(args) => return commands::sim::run(&args, global, printer, results).await,
    };
    commands::run::run(action, args, global, printer, results).await
}
