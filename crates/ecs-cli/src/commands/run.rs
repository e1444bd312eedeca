//! `reboot`, `start`, `stop`.

use std::collections::HashSet;
use std::future::IntoFuture as _;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::{Duration, Instant};

use ecs_ops::journal::JsonlJournal;
use ecs_ops::model::{JobId, ServerId};
use ecs_ops::{Control, Outcome, PowerAction, Report, RunBuilder};

use crate::args::{Format, Global, Run};
use crate::confirm::{Question, Terminal, verb};
use crate::connect::{Connection, Settings, connect};
use crate::exit::{Exit, Facts};
use crate::fail::{Fail, hint_for};
use crate::ids::{self, IdFile};
use crate::render::json::DryRun;
use crate::render::progress::Progress;
use crate::render::{json, table};
use crate::signals::Signals;
use crate::term::{Notes, Results};

/// Runs the command; what it returns as an error happened before any server can have been touched.
pub(crate) async fn run(
    action: PowerAction,
    args: Run,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let ids_from_stdin = args.from_file.as_deref().is_some_and(ids::is_stdin);
    let secrets_from_stdin = global.read_from_stdin();
    if let ([option, ..], true) = (&secrets_from_stdin[..], ids_from_stdin) {
        // Before anything is read: what is wrong with ids is shown, and a secret must not be.
        return Err(Fail::usage(format!(
            "the ids and {option} cannot both be read from stdin"
        ))
        .hint(format!(
            "put one of them into a file: --from-file FILE, or {option} - < FILE"
        )));
    }
    if let Some(path) = args.journal.as_deref().filter(|path| path.exists()) {
        // Found out early; made sure of when it is made.
        let words = format!("journal {}: the file exists", path.display());
        return Err(
            Fail::usage(words).hint("ecsctl resume goes on with it; a new run needs a new file")
        );
    }
    let given = given(&args, action)?;
    let terminal = if args.yes || args.dry_run {
        None
    } else {
        Some(Terminal::open(
            ids_from_stdin || !secrets_from_stdin.is_empty(),
        )?)
    };
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: Some(args.servers_per_minute),
        otherwise: None,
    };
    let begin = Instant::now();
    let connecting = connect(global, &settings, notes);
    let connection = match args.deadline {
        Some(deadline) => tokio::time::timeout(deadline, connecting).await,
        None => Ok(connecting.await),
    };
    let connection = connection.map_err(|_| {
        Fail::new(
            Exit::Stopped,
            "the deadline came before there were credentials",
        )
        .hint("nothing was sent; give it more time with --deadline")
    })??;
    let mut signals = Signals::new()?;
    let servers = match given {
        Some(ids) => ids.into_iter().map(|id| (id, id.to_string())).collect(),
        None => unless_stopped(&mut signals, list(&connection, args.deadline, notes)).await?,
    };
    // The time that a person takes to answer is not the run's.
    let left = args
        .deadline
        .map(|deadline| deadline.saturating_sub(begin.elapsed()));
    let (servers, named): (Vec<ServerId>, Vec<String>) = servers.into_iter().unzip();

    let mut builder = connection
        .client
        .run(action, servers)
        .batch_size(args.batch_size)
        .reconcile(args.reconcile)
        .resubmit_unknown(args.resubmit_unknown)
        .wait(!args.no_wait);
    if let Some(left) = left {
        builder = builder.deadline(left);
    }
    if let Some(patience) = args.stalled_after {
        builder = builder.stalled_after(patience);
    }
    if args.verify {
        builder = builder.verify(args.verify_timeout);
    }
    let plan = builder
        .plan()
        .map_err(|error| Fail::usage(error.to_string()))?;
    if args.dry_run {
        let shown = DryRun::new(&plan, &connection)
            .ok_or_else(|| Fail::usage("the plan cannot be shown"))?;
        results.write(&match args.output.format {
            Format::Table => {
                table::dry_run(&shown, &verb(action), plan.servers(), &connection.place())
            }
            Format::Json => json::document(&shown),
            Format::Jsonl => shown.lines(),
        });
        return Ok(Exit::Success);
    }
    if args.resubmit_unknown {
        let verb = verb(action).to_ascii_lowercase();
        notes.always(&format!(
            "warning: --resubmit-unknown: where an answer is lost, this may {verb} servers twice"
        ));
    }
    if let Some(terminal) = terminal {
        let question = Question {
            action,
            connection: &connection,
            requests: plan.batches.len(),
            batch_size: plan.batches.first().map_or(0, Vec::len),
            servers: &named,
        };
        unless_stopped(&mut signals, question.ask(terminal, notes)).await?;
    }
    if let Some(path) = &args.journal {
        let journal = JsonlJournal::create(path).map_err(|error| super::resume::fail(&error))?;
        builder = builder.journal(journal);
    }
    let format = args.output.format;
    let report = execute(builder, format, signals, notes, results).await?;
    let (journal, reconciled) = (args.journal.as_deref(), args.reconcile);
    Ok(conclude(
        &report,
        format,
        args.no_wait,
        reconciled,
        journal,
        &connection,
        notes,
        results,
    ))
}

/// Shows the report, and says what to do next.
#[allow(
    clippy::too_many_arguments,
    reason = "all that an end depends on, said once"
)]
pub(super) fn conclude(
    report: &Report,
    format: Format,
    no_wait: bool,
    reconciled: bool,
    journal: Option<&Path>,
    connection: &Connection,
    notes: &Notes,
    results: &mut Results,
) -> Exit {
    match format {
        Format::Table => results.write(&table::report(report)),
        Format::Json => results.write(&json::document(report)),
        Format::Jsonl => results.write(&json::report_line(report)),
    }
    if format != Format::Table || results.are_lost() {
        notes.note(&table::summary(report));
    }
    advise(report, no_wait, reconciled, connection, notes);
    let summary = report.summary();
    if let Some(path) = journal
        && (summary.running > 0 || summary.not_attempted > 0)
        && !connection.is_simulated()
    {
        notes.hint(&format!("to go on: ecsctl resume {}", path.display()));
    }
    Facts::of(report, no_wait).exit()
}

/// The ids that were given; nothing if all servers are meant.
fn given(args: &Run, action: PowerAction) -> Result<Option<Vec<ServerId>>, Fail> {
    if args.all {
        return Ok(None);
    }
    let file = args.from_file.as_deref().map(IdFile::read).transpose()?;
    let given = ids::parse("server", &args.ids, file.as_ref())?;
    if given.is_empty() {
        let message = match &file {
            Some(file) => format!(
                "no server to {}: there is no id in {}",
                action.name(),
                file.name()
            ),
            None => format!("no server to {}", action.name()),
        };
        return Err(Fail::usage(message)
            .hint("name servers by their ids, or in a file with --from-file, or all with --all"));
    }
    Ok(Some(given))
}

/// What comes before anything is sent can be stopped.
async fn unless_stopped<T>(
    signals: &mut Signals,
    what: impl Future<Output = Result<T, Fail>>,
) -> Result<T, Fail> {
    tokio::select! {
        done = what => done,
        () = signals.next() => Err(Fail::new(Exit::Stopped, "stopped: nothing was sent")),
    }
}

/// All servers of the project, with their names.
async fn list(
    connection: &Connection,
    deadline: Option<Duration>,
    notes: &Notes,
) -> Result<Vec<(ServerId, String)>, Fail> {
    let place = format!("project {} at {}", connection.project, connection.place());
    notes.note(&format!("listing the servers of {place}"));
    let listing = connection.client.servers();
    let listed = match deadline {
        Some(deadline) => tokio::time::timeout(deadline, listing).await.map_err(|_| {
            Fail::new(
                Exit::Stopped,
                format!("the deadline came while the servers of {place} were listed"),
            )
            .hint("nothing was sent; give it more time with --deadline")
        })?,
        None => listing.await,
    };
    let servers = listed
        .map_err(|error| Fail::of_error(&format!("cannot list the servers of {place}"), &error))?;
    if servers.is_empty() {
        return Err(Fail::usage(format!("there is no server in {place}"))
            .hint("check the project and the region"));
    }
    // A listed server has an id, or the listing fails.
    let named = servers.into_iter().filter_map(|server| {
        let id = server.id?;
        Some(match server.name {
            Some(name) => (id, format!("{id} {name}")),
            None => (id, id.to_string()),
        })
    });
    Ok(named.collect())
}

/// Runs it. It goes on whatever happens to stdout and stderr: the thread that writes is not the one that sends.
pub(super) async fn execute(
    builder: RunBuilder,
    format: Format,
    signals: Signals,
    notes: &Notes,
    results: &mut Results,
) -> Result<Report, Fail> {
    let mut run = builder
        .start()
        .await
        .map_err(|error| Fail::usage(error.to_string()))?;
    let lines = format == Format::Jsonl;
    let mut events = run.events();
    let mut progress = Progress::new(notes, lines && io::stdout().is_terminal());
    let listener = tokio::spawn(listen(signals, run.control(), progress.notes().clone()));
    let run_id = run.run_id().to_owned();
    let run = tokio::spawn(run.into_future());
    while let Some(event) = events.next().await {
        progress.show(&event);
        if lines {
            results.write(&json::event(&event));
        }
    }
    let report = run.await;
    listener.abort();
    progress.finish();
    report.map_err(|error| {
        Fail::new(
            Exit::Unknown,
            format!("run {run_id} ended abnormally: {error}"),
        )
        .hint("look at the servers before you run again, and please report this")
    })
}

/// The first request to stop stops sending, the second one everything.
async fn listen(mut signals: Signals, control: Control, notes: Notes) {
    signals.next().await;
    control.stop_submitting();
    notes.always("stopping: nothing more is sent, what was accepted is watched to its end; once more to end at once");
    signals.next().await;
    control.end();
    notes.always("ending: what was accepted goes on at the service");
}

/// What to do next, where it is not plain from the verdicts.
fn advise(
    report: &Report,
    no_wait: bool,
    reconciled: bool,
    connection: &Connection,
    notes: &Notes,
) {
    let summary = report.summary();
    if let Some(stopped) = &report.stopped {
        notes.note(&format!("stopped: {stopped}"));
    }
    if let Some(problem) = &report.refused {
        notes.always(&format!("error: the service refused us: {problem}"));
    }
    let problems = report
        .servers
        .iter()
        .filter_map(|server| server.outcome.error());
    let hint = problems
        .take(1)
        .find_map(|problem| hint_for(problem, report.refused.is_some()));
    if let Some(hint) = hint {
        notes.hint(hint);
    }
    if summary.unknown > 0 {
        notes.hint(if reconciled {
            "unknown servers may have been acted on or not, and did not show which: look at them before you run again"
        } else {
            "unknown servers may have been acted on or not: look at them before you run again, or let --reconcile \
             look at them in the run"
        });
    }
    // The jobs of an embedded simulator end with it.
    if summary.running > 0 && !connection.is_simulated() {
        const NAMED: usize = 3;
        let jobs = report.jobs.iter().map(|job| &job.job_id);
        let jobs = running_jobs(jobs, report.servers.iter().map(|server| &server.outcome));
        let more = if jobs.len() > NAMED { " …" } else { "" };
        let why = if no_wait {
            "not waited for"
        } else {
            "still running"
        };
        let named = jobs.get(..NAMED).unwrap_or(&jobs).join(" ");
        notes.hint(&format!("{why}: ecsctl job wait {named}{more}"));
    }
    if summary.not_attempted > 0 && report.refused.is_none() {
        notes.hint("servers that were not attempted can safely be given to another run");
    }
}

/// Those of the jobs that have servers that are running, in their order.
fn running_jobs<'a>(
    jobs: impl Iterator<Item = &'a JobId>,
    outcomes: impl Iterator<Item = &'a Outcome>,
) -> Vec<&'a str> {
    let running: HashSet<&JobId> = outcomes
        .filter_map(|outcome| match outcome {
            Outcome::Running { job_id } => Some(job_id),
            _ => None,
        })
        .collect();
    jobs.filter(|job_id| running.contains(job_id))
        .map(JobId::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_jobs_that_have_not_ended_are_to_be_waited_for() {
        let id = |id: &str| id.parse::<JobId>().unwrap();
        let jobs = [id("ended"), id("running"), id("also")];
        let outcomes = [
            Outcome::Running { job_id: id("also") },
            Outcome::Running {
                job_id: id("running"),
            },
            Outcome::Running {
                job_id: id("running"),
            },
        ];
        assert_eq!(
            running_jobs(jobs.iter(), outcomes.iter()),
            ["running", "also"]
        );
    }
}
