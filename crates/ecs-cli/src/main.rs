//! `ecsctl`: restart, start and stop fleets of Elastic Cloud Servers.
//!
//! | module | holds |
//! |---|---|
//! | `approval` | SSH signatures of plans |
//! | `args` | what may stand on the command line |
//! | `commands` | what each command does |
//! | `connect` | from the global options to a client |
//! | `credentials` | as whom: secrets from options, files and stdin |
//! | `diagnosis` | what is wrong with credentials, from what was seen |
//! | `confirm` | the question before servers are acted on |
//! | `health` | the health check after a wave: a command of the operator's |
//! | `ids` | ids from arguments and files, checked all at once |
//! | `plan_file` | a plan as a file, with its hash |
//! | `render` | tables, JSON, progress |
//! | `exit` | exit codes |
//! | `fail` | errors for people |
//! | `server_file` | lists of servers as other tools write them |
//! | `server_input` | servers from arguments and files, checked all at once |
//! | `log` | the log that `-v`, `ECSCTL_LOG` and `--log-file` ask for |
//! | `signals`, `term` | Ctrl-C; stdout and stderr |

mod approval;
mod args;
mod commands;
mod confirm;
mod connect;
mod credentials;
mod diagnosis;
mod exit;
mod expectation;
mod fail;
mod health;
mod ids;
mod log;
mod plan_file;
mod render;
mod server_file;
mod server_input;
mod signals;
mod term;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Auth, Cli, Command, Job, PlanCommand, RunCommand, ServerCommand};
use exit::Exit;
use fail::Fail;
use log::Log;
use term::{Notes, Results};

fn main() -> ExitCode {
    // Ends with 2 for bad usage, and with 0 after --help and --version.
    let cli = Cli::parse();
    let notes = Notes::new(cli.global.quiet);
    let mut results = Results::stdout();
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fail::new(Exit::Failed, format!("cannot start: {error}")))
        .and_then(|runtime| {
            let log = Log::start(&cli.global.logging, &notes)?;
            let ended = runtime.block_on(async {
                let ended = run(cli, &notes, &mut results).await;
                log.flush().await;
                ended
            });
            // A question that was left open must not keep the process.
            runtime.shutdown_background();
            ended
        });
    let mut exit = ended.unwrap_or_else(|fail| {
        notes.fail(&fail);
        fail.exit
    });
    if let Some(error) = results.finish() {
        notes.fail(&Fail::new(
            Exit::Failed,
            format!("cannot write the results: {error}"),
        ));
        exit = exit.max(Exit::Failed);
    }
    exit.into()
}

async fn run(cli: Cli, notes: &Notes, results: &mut Results) -> Result<Exit, Fail> {
    let Cli {
        mut global,
        command,
    } = cli;
    let (action, args) = match command {
        Command::Reboot(reboot) => reboot.split()?,
        Command::Start(start) => start.split(),
        Command::Stop(stop) => stop.split(),
        Command::Resume(args) => return commands::resume::run(&args, global, notes, results).await,
        Command::Plan(PlanCommand::Reboot(plan)) => {
            let (action, run) = plan.reboot.split()?;
            (action, commands::plan::instead_of(run, &plan.out.out)?)
        }
        Command::Plan(PlanCommand::Start(plan)) => {
            let (action, run) = plan.start.split();
            (action, commands::plan::instead_of(run, &plan.out.out)?)
        }
        Command::Plan(PlanCommand::Stop(plan)) => {
            let (action, run) = plan.stop.split();
            (action, commands::plan::instead_of(run, &plan.out.out)?)
        }
        Command::Plan(PlanCommand::Show(args)) => {
            return commands::plan::show(&args, notes, results);
        }
        Command::Plan(PlanCommand::Approve(args)) => return commands::plan::approve(&args, notes),
        Command::Apply(args) => commands::plan::prepare(&args, &mut global, notes)?,
        Command::Rerun(args) => commands::rerun::prepare(&args, &mut global, notes)?,
        Command::Server(ServerCommand::List(args)) => {
            return commands::server::list(&args, &global, notes, results).await;
        }
        Command::Server(ServerCommand::Show(args)) => {
            return commands::server::show(&args, &global, notes, results).await;
        }
        Command::Run(RunCommand::Show(args)) => return commands::show::run(&args, notes, results),
        Command::Job(Job::Show(args)) => {
            return commands::job::show(&args, &global, notes, results).await;
        }
        Command::Job(Job::Wait(args)) => {
            return commands::job::wait(&args, &global, notes, results).await;
        }
        Command::Server(ServerCommand::Actions(args)) => {
            return commands::server_actions::run(&args, &global, notes, results).await;
        }
        Command::Auth(Auth::Check(args)) => {
            return commands::auth::check(&args, &global, notes, results).await;
        }
        Command::Explain(args) => return commands::explain::run(&args, results),
        Command::Completions(args) => return commands::shell::completions(&args, results),
        Command::Man(args) => return commands::shell::man(&args, results),
        Command::Sim(args) => return commands::sim::run(&args, &global, notes, results).await,
    };
    commands::run::run(action, args, &global, notes, results).await
}
