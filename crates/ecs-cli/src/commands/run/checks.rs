//! The checks before a run is prepared, and its terminal and connection.

use crate::args::{Global, Run};
use crate::command_line::CommandLine;
use crate::commands::display::AfterCanary;
use crate::commands::selecting;
use crate::confirm::Terminal;
use crate::connect::{Connection, Settings, connect};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::health;
use crate::next_step::NextStep;
use crate::term::Printer;

/// Checks arguments before anything is read.
pub(super) fn check(args: &Run, global: &Global) -> Result<(), CliError> {
    args.check()?;
    if let Some(command) = &args.rolling.health_cmd {
        health::check_exists(command)?;
    }
    selecting::check_stdin(&args.select, global)?;
    if let Some(path) = args.journal.as_deref().filter(|path| path.exists()) {
        // Checked early; the creation of the file checks it again.
        let text = format!("journal {}: the file exists", path.display());
        let purpose = "a new run needs a new file; to continue the run in this one";
        let options = CommandLine::to_place(global);
        return Err(CliError::usage(text).next(NextStep::resume(purpose, path, &options)));
    }
    Ok(())
}

/// Returns the terminals of the questions before the run and after its canary.
pub(super) fn terminals(
    args: &Run,
    global: &Global,
) -> Result<(Option<Terminal>, Option<AfterCanary>), CliError> {
    let stdin_is_taken = args.select.reads_stdin() || !global.read_from_stdin().is_empty();
    let open = || Terminal::open(stdin_is_taken).ok_or_else(|| no_terminal(args));
    let terminal = if args.yes || args.sends_nothing() {
        None
    } else {
        Some(open()?)
    };
    let after_canary = if args.rolling.asks() && !args.sends_nothing() {
        Some(AfterCanary::Asked(open()?))
    } else {
        None
    };
    Ok((terminal, after_canary))
}

/// Connects within the deadline.
pub(super) async fn connection(
    args: &Run,
    global: &Global,
    printer: &Printer,
) -> Result<Connection, CliError> {
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: Some(args.servers_per_minute),
        fallback_endpoint: args.service.clone(),
        fails_soon: args.sends_nothing(),
    };
    let connecting = connect(global, &settings, printer);
    let connection = match args.deadline {
        Some(deadline) => tokio::time::timeout(deadline, connecting).await,
        None => Ok(connecting.await),
    };
    connection.map_err(|_| {
        CliError::new(
            Exit::Stopped,
            "the deadline passed before credentials were obtained",
        )
        .hint("nothing was sent; give it more time with --deadline")
    })?
}

fn no_terminal(args: &Run) -> CliError {
    let fail =
        CliError::usage("confirmation required, but no terminal is available; nothing was sent");
    fail.hint(if args.rolling.asks() {
        "add --yes and --canary-pause DURATION to run without questions, or --dry-run to see what would be sent"
    } else {
        "add --yes to run without a question, or --dry-run to see what would be sent"
    })
}
