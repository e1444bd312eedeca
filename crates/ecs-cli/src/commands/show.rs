//! `run show`.

use std::fs::File;
use std::io::Write as _;

use ecs_ops::journal::{Contents, Entry, JournalErrorKind, JsonlJournal};
use serde_json::json;

use crate::args::{Format, RunShow};
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::render::timeline::Timeline;
use crate::render::{json, page, show};
use crate::term::{Notes, Results};

/// Reads only: the run may go on in another process.
pub(crate) fn run(args: &RunShow, notes: &Notes, results: &mut Results) -> Result<Exit, Fail> {
    let contents = JsonlJournal::read(&args.journal).map_err(|error| {
        let fail = Fail::usage(chain(&error));
        match error.kind() {
            JournalErrorKind::Damaged => {
                fail.hint("what happened cannot be known from it: look at the servers themselves")
            }
            _ => fail,
        }
    })?;
    let path = args.journal.display();
    if contents.entries.is_empty() {
        return Err(Fail::usage(format!(
            "journal {path}: it holds no whole record: it is no journal, or its run ended before it sent anything"
        )));
    }
    if let Some(tail) = contents.tail {
        notes.note(&format!(
            "line {} of the journal is not whole ({} bytes) and is passed over: it is being written, or the run died meanwhile",
            tail.line, tail.bytes
        ));
    }
    if args.output.format == Format::Jsonl {
        results.write(&records(&contents));
        return Ok(Exit::Success);
    }
    let timeline = Timeline::of(contents)
        .map_err(|error| Fail::usage(format!("journal {path}: {}", chain(&error))))?;
    if let Some(file) = &args.html {
        let page = page::page(&timeline, &path.to_string());
        // Never over another file: it may be a journal.
        let written = File::create_new(file).and_then(|mut to| to.write_all(page.as_bytes()));
        written
            .map_err(|error| Fail::usage(format!("cannot write {}: {error}", file.display())))?;
        notes.note(&format!("the page is in {}", file.display()));
        return Ok(Exit::Success);
    }
    results.write(&match args.output.format {
        Format::Table => show::text(&timeline, &path.to_string()),
        _ => json::document(&timeline),
    });
    Ok(Exit::Success)
}

/// As they are in the file, but for the checksum, which is right.
fn records(contents: &Contents) -> String {
    let record = |entry: &Entry| {
        json::line(
            &json!({"v": Entry::VERSION, "seq": entry.seq, "at": entry.at, "record": entry.record}),
        )
    };
    contents.entries.iter().map(record).collect()
}
