//! What a journal says, for people.

use jiff::{SignedDuration, Timestamp};

use super::table::{self, Table};
use super::timeline::{Answer, Batch, Summary, Timeline, Wave};
use crate::confirm::counted;
use crate::term::clean;

/// The whole of it; `path` is the journal's, for the command that goes on.
pub(crate) fn text(it: &Timeline, path: &str) -> String {
    let mut text = head(it);
    text.push_str(&format!("\n{}\n", summary(&it.summary)));
    let mut waves = Table::new(&[
        "WAVE",
        "SERVERS",
        "BEGAN",
        "TOOK",
        "SUCCEEDED",
        "FAILED",
        "UNKNOWN",
        "HARD",
        "HEALTH",
    ]);
    it.waves
        .iter()
        .for_each(|wave| waves.row(wave_row(it, wave)));
    let mut batches = Table::new(&[
        "BATCH", "SERVERS", "SENT", "ATTEMPTS", "ANSWER", "JOB", "STATUS", "WATCHED",
    ]);
    for batch in &it.batches {
        batches.row(row(it, batch));
    }
    let mut problems = Table::new(&["PROBLEM", "TIMES", "FIRST", "LAST", "REASON"]);
    for problem in &it.problems {
        problems.row([
            problem.what.replace('_', " "),
            problem.times.to_string(),
            since(it, problem.first),
            since(it, problem.last),
            table::reason(&(&problem.error).into()),
        ]);
    }
    let mut servers = Table::new(&["SERVER", "OUTCOME", "BATCH", "JOB", "REASON"]);
    for server in &it.servers {
        let outcome = &server.report.outcome;
        servers.row([
            server.report.id.to_string(),
            table::words(outcome).to_owned(),
            number(server.batch),
            outcome.job_id().map_or("-", |id| id.as_str()).to_owned(),
            table::why(&server.report),
        ]);
    }
    for table in [waves, batches, problems, servers] {
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table.render());
        }
    }
    text.push('\n');
    for line in next(it, path) {
        text.push_str(&clean(&line));
        text.push('\n');
    }
    text
}

fn head(it: &Timeline) -> String {
    let kind = it.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    let mut rows = vec![
        ("run", it.run_id.clone()),
        (
            "what",
            format!("{}{kind}, {}", it.operation, counted(it.servers.len())),
        ),
        ("service", it.endpoint.clone()),
        ("project", it.project_id.clone()),
        ("began", format!("{:.0}, by {}", it.began, it.program)),
    ];
    for mark in it.marks.iter().filter(|mark| mark.is_apart()) {
        let words = format!("{:.0} ({}) {}", mark.at, since(it, mark.at), mark.words);
        rows.push((mark.what, words));
    }
    rows.push(match it.ended {
        Some(at) => ("ended", format!("{at:.0} ({})", since(it, at))),
        None => (
            "last record",
            format!("{:.0} ({})", it.last, since(it, it.last)),
        ),
    });
    let line = |(name, value): (&str, String)| {
        let name = name.replace('_', " ");
        clean(&format!("{name:<12} {value}")) + "\n"
    };
    rows.into_iter().map(line).collect()
}

fn wave_row(it: &Timeline, wave: &Wave) -> [String; 9] {
    let summary = &wave.summary;
    [
        wave.wave.to_string(),
        summary.requested.to_string(),
        wave.began.map_or_else(none, |at| since(it, at)),
        wave.took().map_or_else(none, seconds),
        summary.succeeded.to_string(),
        summary.failed.to_string(),
        summary.unknown.to_string(),
        wave.restarted_hard.to_string(),
        wave.health(),
    ]
}

fn none() -> String {
    "-".to_owned()
}

pub(super) fn number(number: Option<usize>) -> String {
    number.map_or_else(none, |number| number.to_string())
}

fn row(it: &Timeline, batch: &Batch) -> [String; 8] {
    let job = it.jobs.iter().find(|job| job.batch == batch.batch);
    let pauses = batch.pauses(it.ended);
    let paused: SignedDuration = pauses
        .iter()
        .map(|pause| pause.until.duration_since(pause.from))
        .fold(SignedDuration::ZERO, SignedDuration::saturating_add);
    let attempts = match pauses.len() {
        0 => batch.attempts.len().to_string(),
        _ => format!("{}, paused {}", batch.attempts.len(), seconds(paused)),
    };
    let status = match job {
        Some(job) => match (&job.status, job.over) {
            (Some(status), _) => status.clone(),
            (None, Some(_)) => "not seen to end".to_owned(),
            (None, None) => "waited for".to_owned(),
        },
        None => none(),
    };
    [
        batch.batch.to_string(),
        batch.servers.to_string(),
        batch.first_sent().map_or_else(none, |at| since(it, at)),
        attempts,
        answer(batch.answer()).to_owned(),
        job.map_or_else(none, |job| job.job_id.to_string()),
        status,
        job.and_then(|job| Some(seconds(job.over?.duration_since(job.accepted))))
            .unwrap_or_else(none),
    ]
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::None => "none yet",
        Answer::Accepted => "accepted",
        Answer::Throttled => "throttled",
        Answer::NotExecuted => "not executed",
        Answer::Lost => "lost",
    }
}

/// Such as `+12.3 s`.
pub(super) fn since(it: &Timeline, at: Timestamp) -> String {
    format!("+{}", seconds(it.since(at)))
}

pub(crate) fn seconds(time: SignedDuration) -> String {
    let tenths = time.as_millis().max(0) / 100;
    match tenths {
        0..1000 => format!("{}.{} s", tenths / 10, tenths % 10),
        1000..60_000 => format!("{} min {} s", tenths / 600, tenths / 10 % 60),
        _ => format!("{} h {} min", tenths / 36_000, tenths / 600 % 60),
    }
}

/// Such as `3 servers: 2 succeeded, 1 running`.
pub(crate) fn summary(it: &Summary) -> String {
    format!("{}: {}", counted(it.requested), it.counts())
}

/// What to do next.
pub(crate) fn next(it: &Timeline, path: &str) -> Vec<String> {
    let Summary {
        running,
        not_attempted,
        unknown,
        ..
    } = it.summary;
    let mut lines = Vec::new();
    if it.ended.is_none() {
        lines.push("no end is written down: the run goes on, or its process died".to_owned());
    }
    match (it.ended, running + not_attempted) {
        (Some(_), 0) => {
            lines.push("the run has ended, and nothing is left to be sent or waited for".to_owned())
        }
        (None, 0) => lines.push(format!(
            "if it died: ecsctl resume {path} makes the complete report"
        )),
        (ended, _) => {
            let when = if ended.is_some() {
                "to go on"
            } else {
                "if it died"
            };
            let waits = format!("waits for the jobs of {}", counted(running));
            let sends = format!("sends {}", counted(not_attempted));
            let does = match (running, not_attempted) {
                (_, 0) => waits,
                (0, _) => sends,
                _ => format!("{waits}, and {sends}"),
            };
            lines.push(format!("{when}: ecsctl resume {path} {does}"));
        }
    }
    if unknown > 0 {
        lines.push(format!(
            "of {} it is unknown whether they were acted on: look at them, or ecsctl resume {path} --reconcile does",
            counted(unknown)
        ));
    }
    lines
}
