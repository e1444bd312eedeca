//! `run show`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use ecs_ops::journal::{Contents, Entry, JournalError, JournalErrorKind, JsonlJournal};
use serde_json::json;

use super::next_steps::RecordedPlace;
use super::run_list::begun_by;
use crate::args::{Global, RunShow, Show, ShowFormat};
use crate::exit::Exit;
use crate::fail::{CliError, chain};
use crate::journals;
use crate::private_file;
use crate::render::timeline::{Process, Timeline};
use crate::render::{csv, json, page, show};
use crate::screen::Screen;
use crate::store::{self, Store};
use crate::term::{Printer, Results};

/// Shows a run. Only reads, because the run may be active in another process.
pub(crate) async fn run(
    args: &RunShow,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    if args.html.as_deref() == Some(Path::new("-")) {
        return Err(CliError::usage("--html needs a file")
            .hint("name the page, such as run.html, or ./- for a file of that name"));
    }
    if store::has_run(global, &args.journal) {
        let store = Store::open_to_read(global).await?;
        let store = store.ok_or_else(store::not_named)?;
        let run_id = store.named_run(&args.journal.to_string_lossy()).await?;
        let contents = store.records(&run_id).await?;
        let active = store.is_active(&run_id).await?;
        return show(
            args,
            (Path::new(&run_id), true),
            contents,
            active,
            printer,
            results,
        );
    }
    let journal = journals::resolve(&args.journal, global)?;
    let contents = read(&journal)?;
    let active = JsonlJournal::is_in_use(&journal).unwrap_or(false);
    show(args, (&journal, false), contents, active, printer, results)
}

/// Reads the records of a file.
fn read(journal: &Path) -> Result<Contents, CliError> {
    JsonlJournal::read(journal).map_err(|error| {
        let fail = CliError::usage(chain(&error));
        match error.kind() {
            JournalErrorKind::Damaged => {
                fail.hint("its history cannot be trusted: check the servers themselves")
            }
            _ => fail,
        }
    })
}

fn show(
    args: &RunShow,
    (journal, is_stored): (&Path, bool),
    contents: Contents,
    active: bool,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let path = journal.display();
    if contents.entries.is_empty() {
        return Err(CliError::usage(format!(
            "journal {path}: it holds no complete record: it is not a valid run journal, or its run ended before it sent anything"
        )));
    }
    if let Some(tail) = contents.tail {
        printer.note(&format!(
            "line {} of the journal is incomplete ({} bytes) and was skipped: it is being written, or the run was killed while writing it",
            tail.line, tail.bytes
        ));
    }
    if args.format == ShowFormat::Jsonl {
        if !args.outcome.is_empty() {
            return Err(
                CliError::usage("--outcome chooses servers, and -o jsonl shows records")
                    .hint("use -o id, -o csv, -o json or the table"),
            );
        }
        results.write(&records(&contents));
        return Ok(Exit::Success);
    }
    let mut timeline = timeline(contents, is_stored, active)
        .map_err(|error| CliError::usage(format!("journal {path}: {}", chain(&error))))?;
    if !args.outcome.is_empty() {
        timeline.servers.retain(|server| {
            let name = server.report.outcome.name();
            args.outcome
                .iter()
                .any(|outcome| outcome.in_reports() == name)
        });
    }
    if let Some(file) = &args.html {
        let page = page::page(&timeline, journal);
        create(file, |to| to.write_all(page.as_bytes())).map_err(|error| {
            CliError::usage(format!("cannot write {}: {error}", file.display()))
        })?;
        printer.note(&format!("the page is in {}", file.display()));
        return Ok(Exit::Success);
    }
    // With `--outcome` all matching servers are shown.
    let shown = if args.outcome.is_empty() {
        args.show
    } else {
        Show::All
    };
    match args.format {
        ShowFormat::Table => {
            let screen = Screen::stdout();
            show::write(&timeline, journal, (shown, screen), &mut |piece| {
                results.write(piece)
            });
        }
        ShowFormat::Id => {
            let ids = timeline
                .servers
                .iter()
                .map(|server| format!("{}\n", server.report.id));
            results.write(&ids.collect::<String>());
        }
        ShowFormat::Csv => {
            let servers = timeline.servers.iter().map(|server| &server.report);
            results.write(&csv::servers(servers));
        }
        _ => results.write(&json::document(&timeline)),
    }
    Ok(Exit::Success)
}

/// Returns the content of a run's records, and the state of its process.
///
/// # Errors
/// Those of [`Timeline::of`].
pub(crate) fn timeline(
    contents: Contents,
    is_stored: bool,
    active: bool,
) -> Result<Timeline, JournalError> {
    let begun = begun_by(&contents);
    let mut timeline = Timeline::of(contents)?;
    if let Some((run, by)) = begun {
        timeline.place = RecordedPlace::of(&run);
        timeline.is_stored = is_stored;
        timeline.process = Some(Process {
            active,
            by: by.unwrap_or_default(),
        });
    }
    Ok(timeline)
}

/// Writes a new file, never over an existing one, which may be a journal. A file that cannot be written completely is
/// removed, so that a second try does not fail because of it.
pub(super) fn create(
    file: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // The page has the contents of the journal, which only its owner may read.
    let mut to = private_file::create_new(file)?;
    fill(&mut to).inspect_err(|_| {
        // The write error is reported, not one of the removal.
        let _ = std::fs::remove_file(file);
    })
}

/// Formats the entries as in the file, without their checksums, which were verified.
fn records(contents: &Contents) -> String {
    let record = |entry: &Entry| {
        json::line(
            &json!({"v": Entry::VERSION, "seq": entry.seq, "at": entry.at, "record": entry.record}),
        )
    };
    contents.entries.iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_page_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.html");
        let full = |to: &mut File| {
            to.write_all(b"<!doctype")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let error = create(&path, full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(!path.exists());
        create(&path, |to| to.write_all(b"whole")).unwrap();
        // An existing file is unchanged.
        let error = create(&path, full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_a_page() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.html");
        create(&path, |_| Ok(())).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_page_needs_a_file() {
        use clap::Parser as _;

        #[derive(clap::Parser)]
        struct TestLine {
            #[command(flatten)]
            args: RunShow,
        }
        let args = |html| TestLine::parse_from(["show", "no.jsonl", "--html", html]).args;
        let printer = Printer::new(true);
        let global = crate::args::Cli::try_parse_from(["ecsctl", "run", "show", "x"]);
        let global = global.unwrap().global;
        let mut results = Results::stdout();
        let ended = run(&args("-"), &global, &printer, &mut results).await;
        let fail = ended.unwrap_err();
        assert_eq!(fail.message, "--html needs a file");
        assert!(fail.hint.unwrap().contains("./-"));
        // Here the journal is missing.
        let ended = run(&args("./-"), &global, &printer, &mut results).await;
        let fail = ended.unwrap_err();
        assert!(fail.message.contains("no.jsonl"), "{}", fail.message);
    }
}
