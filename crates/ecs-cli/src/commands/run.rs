//! `reboot`, `start`, `stop`.

use std::path::Path;
use std::time::Instant;

use ecs_ops::PowerAction;
use ecs_ops::journal::JsonlJournal;

use super::conclude::{Ending, conclude};
use super::execute::{AfterCanary, Callbacks, execute};
use super::go_on::GoOn;
use super::servers::{Servers, given};
use super::waves;
use crate::args::{Format, Global, Run};
use crate::confirm::{Question, Terminal, verb};
use crate::connect::{Settings, connect};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::ids;
use crate::render::json::DryRun;
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
    args.check()?;
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
    let open = || Terminal::open(ids_from_stdin || !secrets_from_stdin.is_empty());
    let terminal = if args.yes || args.dry_run {
        None
    } else {
        Some(open().ok_or_else(|| nobody_to_ask(&args))?)
    };
    let after_canary = match args.rolling.asks() && !args.dry_run {
        true => Some(AfterCanary::Asked(
            open().ok_or_else(|| nobody_to_ask(&args))?,
        )),
        false => None,
    };
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: Some(args.servers_per_minute),
        otherwise: args.service.clone(),
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
    let finding = Servers::find(given, &args, &connection, notes);
    let servers = unless_stopped(&mut signals, finding).await?;
    // The time that a person takes to answer is not the run's.
    let left = args
        .deadline
        .map(|deadline| deadline.saturating_sub(begin.elapsed()));
    let waves = waves::plan(&args.rolling, &servers, notes)?;
    let rolling = waves.is_some();

    let mut builder = connection
        .client
        .run(action, servers.ids)
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
    if let Some(within) = args.verifies() {
        builder = builder.verify(within);
    }
    if let Some(after) = args.rolling.escalate_after {
        builder = builder.escalate_after(after);
    }
    let waves_said = waves
        .as_ref()
        .map(|waves| waves::said(waves, &args.rolling));
    if let Some(waves) = waves {
        builder = builder.rolling(waves, args.rolling.rules());
    }
    let plan = builder
        .plan()
        .map_err(|error| Fail::usage(error.to_string()))?;
    if args.dry_run {
        let shown = DryRun::new(&plan, &connection)
            .ok_or_else(|| Fail::usage("the plan cannot be shown"))?;
        results.write(&match args.output.format {
            Format::Table => {
                let (what, place) = (verb(action), connection.place());
                table::dry_run(&shown, &what, plan.servers(), &place, waves_said.as_ref())
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
            batch_size: plan.batch_size,
            waves: waves_said,
            servers: &servers.named,
        };
        unless_stopped(&mut signals, question.ask(terminal, notes)).await?;
    }
    if let Some(path) = &args.journal {
        let journal = JsonlJournal::create(path).map_err(|error| super::resume::fail(&error))?;
        builder = builder.journal(journal);
    }
    let format = args.output.format;
    let health = args.rolling.health_cmd.clone();
    let callbacks = Callbacks {
        health: health.map(|command| (command, args.rolling.health_timeout)),
        after_canary,
    };
    let ended = execute(builder, callbacks, format, signals, notes, results).await;
    let ended = ended.map_err(|fail| match &args.journal {
        Some(path) if fail.exit == Exit::Usage => without_plan(path, fail),
        _ => fail,
    })?;
    let ending = Ending {
        format,
        no_wait: args.no_wait,
        reconciled: args.reconcile,
        rolling,
        go_on: GoOn::of_run(action, &args, global),
        connection: &connection,
    };
    Ok(conclude(&ended, ending, notes, results))
}

/// Not even the plan could be written down. What is left is no journal, and in the way of the next try.
fn without_plan(path: &Path, fail: Fail) -> Fail {
    let read = JsonlJournal::read(path);
    if read.is_ok_and(|contents| contents.entries.is_empty()) {
        // Where it stays, the next try says so.
        let _ = std::fs::remove_file(path);
    }
    fail.hint("nothing was sent: make room there, or name another place with --journal")
}

fn nobody_to_ask(args: &Run) -> Fail {
    let fail = Fail::usage(
        "nothing is done without asking, and there is no terminal to ask on: nothing was sent",
    );
    match args.rolling.asks() {
        true => fail.hint(
            "add --yes and --canary-pause DURATION to go on without questions, or --dry-run to see what would be sent",
        ),
        false => {
            fail.hint("add --yes to go on without a question, or --dry-run to see what would be sent")
        }
    }
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
