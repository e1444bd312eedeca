//! `resume`.

use std::path::Path;
use std::time::Duration;

use ecs_ops::journal::{Contents, JournalError, JournalErrorKind, JsonlJournal, Recovered};
use jiff::Timestamp;

use super::run::{conclude, execute};
use crate::args::{Global, Resume};
use crate::connect::{Settings, connect};
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::signals::Signals;
use crate::term::{Notes, Results};

/// For about so long the service knows a job after its end.
const JOBS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn run(
    args: &Resume,
    mut global: Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    if global.sim {
        return Err(Fail::usage("--sim cannot be used with resume")
            .hint("an embedded simulator ends with its run: there is nothing to go on with"));
    }
    let (journal, contents) = JsonlJournal::open(&args.journal).map_err(|error| fail(&error))?;
    if let Some(tail) = contents.tail {
        notes.note(&format!(
            "line {} of the journal was not whole ({} bytes) and is cut off: the run died while it was written",
            tail.line, tail.bytes
        ));
    }
    let recovered = recover(contents)?;
    let run = recovered.run();
    if global.project_id.is_none() {
        global.project_id = Some(run.project.clone());
    }
    let settings = Settings {
        attempt_timeout: Some(args.attempt_timeout),
        servers_per_minute: Some(args.servers_per_minute),
        otherwise: Some(run.endpoint.clone()),
    };
    let connection = connect(&global, &settings, notes).await?;
    say(&recovered, &args.journal, notes);
    let reconciles = args.reconcile || run.reconcile;
    let builder = connection.client.resume(journal, recovered);
    let mut builder = builder.map_err(|error| Fail::usage(error.to_string()))?;
    if args.reconcile {
        builder = builder.reconcile(true);
    }
    if let Some(deadline) = args.deadline {
        builder = builder.deadline(deadline);
    }
    let signals = Signals::new()?;
    let format = args.output.format;
    let report = execute(builder, format, signals, notes, results).await?;
    let journal = Some(args.journal.as_path());
    Ok(conclude(
        &report,
        format,
        false,
        reconciles,
        journal,
        &connection,
        notes,
        results,
    ))
}

fn recover(contents: Contents) -> Result<Recovered, Fail> {
    Recovered::from_entries(contents.entries).map_err(|error| fail(&error))
}

/// What lies before the run.
fn say(recovered: &Recovered, path: &Path, notes: &Notes) {
    let accepted = recovered.accepted();
    let watched: usize = accepted.iter().map(|batch| batch.servers.len()).sum();
    let doubtful = recovered.doubtful();
    let doubtful: usize = doubtful.iter().map(|batch| batch.servers.len()).sum();
    notes.note(&format!(
        "resuming run {} from {}: {} of {} servers done, {watched} to wait for, {} to send, {doubtful} of unknown fate",
        recovered.run().run_id,
        path.display(),
        recovered.verdicts().count(),
        recovered.run().servers.len(),
        recovered.unsent().len(),
    ));
    let now = Timestamp::now();
    let is_old = |at: Timestamp| {
        Duration::try_from(now.duration_since(at)).is_ok_and(|age| age > JOBS_ARE_KEPT)
    };
    let old = accepted
        .iter()
        .filter_map(|batch| batch.ticket.accepted_at());
    if let Some(oldest) = old.filter(|at| is_old(*at)).min() {
        notes.warn(&format!(
            "some jobs were accepted more than a day ago, the first at {oldest:.0}: the service deletes jobs about a day \
             after their end, and what it does not know any more stays unknown"
        ));
    }
}

/// Why a journal cannot be used, and what to do.
pub(super) fn fail(error: &JournalError) -> Fail {
    let fail = Fail::usage(chain(error));
    match error.kind() {
        JournalErrorKind::InUse => fail.hint("wait until the other process has ended, or stop it"),
        JournalErrorKind::Exists => {
            fail.hint("ecsctl resume goes on with it; a new run needs a new file")
        }
        JournalErrorKind::Damaged | JournalErrorKind::Contradiction => fail.hint(
            "nothing was sent: going on could act on servers twice. Look at the servers, and run again with those that need it",
        ),
        _ => fail,
    }
}
