//! What a journal says, for people.

use std::path::Path;

use ecs_ops::Outcome;
use jiff::{SignedDuration, Timestamp};

use super::closing::by_outcome;
use super::duration::seconds;
use super::table::{self, Table};
use super::timeline::{Answer, RequestRow, Summary, Timeline, Wave};
use crate::args::Show;
use crate::commands::next_step::NextStep;
use crate::confirm::counted;
use crate::screen::Screen;
use crate::term::clean;

/// So many servers are named in a command.
const FIRST: usize = 5;

/// So many requests are listed without being asked for.
const MANY: usize = 20;

/// The whole of it.
#[cfg(test)]
pub(crate) fn text(
    it: &Timeline,
    path: &(impl AsRef<Path> + ?Sized),
    show: Show,
    screen: Screen,
) -> String {
    let mut text = String::new();
    write(it, path, (show, screen), &mut |piece| text.push_str(piece));
    text
}

/// Hands all of it over in pieces; `path` is the journal's, for the command that goes on.
pub(crate) fn write(
    it: &Timeline,
    path: &(impl AsRef<Path> + ?Sized),
    (show, screen): (Show, Screen),
    to: &mut dyn FnMut(&str),
) {
    to(&head(it));
    to(&format!("\n{}\n", headline(it)));
    let reports = it.servers.iter().map(|server| &server.report);
    to(&by_outcome(reports, show, screen));
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
    let mut requests = Table::new(&[
        "REQUEST", "SERVERS", "SENT", "ATTEMPTS", "ANSWER", "JOB", "STATUS", "WATCHED",
    ]);
    // One for a hundred servers: more of them are a wall.
    if show == Show::All || it.requests.len() <= MANY {
        for request in &it.requests {
            requests.row(row(it, request));
        }
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
    let mut servers = Table::new(&["SERVER", "NAME", "OUTCOME", "REQUEST", "JOB", "REASON"]);
    let listed = it.servers.iter().filter(|_| show == Show::All);
    for server in listed {
        let outcome = &server.report.outcome;
        servers.row([
            server.report.id.to_string(),
            server.report.name.clone().unwrap_or_else(none),
            table::words(outcome).to_owned(),
            number(server.request),
            outcome.job_id().map_or("-", |id| id.as_str()).to_owned(),
            table::why(&server.report),
        ]);
    }
    for table in [waves, requests, problems, servers] {
        if !table.is_empty() {
            to("\n");
            table.write(to);
        }
    }
    // What to do next depends on all servers.
    if it.servers.len() == it.summary.requested {
        to("\n");
        for line in next(it, path) {
            to(&format!("{}\n", clean(&line)));
        }
    }
}

fn head(it: &Timeline) -> String {
    let kind = it.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
    let mut rows = vec![
        ("run", it.run_id.clone()),
        (
            "what",
            format!("{}{kind}, {}", it.operation, counted(it.summary.requested)),
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

fn row(it: &Timeline, request: &RequestRow) -> [String; 8] {
    let job = it.jobs.iter().find(|job| job.request == request.request);
    let pauses = request.pauses(it.ended);
    let paused: SignedDuration = pauses
        .iter()
        .map(|pause| pause.until.duration_since(pause.from))
        .fold(SignedDuration::ZERO, SignedDuration::saturating_add);
    let attempts = match pauses.len() {
        0 => request.attempts.len().to_string(),
        _ => format!("{}, paused {}", request.attempts.len(), seconds(paused)),
    };
    let status = match job {
        Some(job) => match (&job.status, job.over) {
            (Some(status), _) => status.clone(),
            (None, Some(_)) => "end not seen".to_owned(),
            (None, None) => "waited for".to_owned(),
        },
        None => none(),
    };
    [
        request.request.to_string(),
        request.servers.to_string(),
        request.first_sent().map_or_else(none, |at| since(it, at)),
        attempts,
        answer(request.answer()).to_owned(),
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

/// The counts, and how many servers were restarted hard.
pub(crate) fn headline(it: &Timeline) -> String {
    let counts = summary(&it.summary);
    let servers = it.servers.iter();
    match servers
        .filter(|server| server.report.escalated.is_some())
        .count()
    {
        0 => counts,
        1 => format!("{counts}; 1 hard restart"),
        many => format!("{counts}; {many} hard restarts"),
    }
}

/// Such as `3 servers: 2 succeeded, 1 running`.
pub(crate) fn summary(it: &Summary) -> String {
    format!("{}: {}", counted(it.requested), it.counts())
}

/// Why it stopped, and what to do next; a command is a line of its own. `path` is the journal's.
pub(crate) fn next(it: &Timeline, path: &(impl AsRef<Path> + ?Sized)) -> Vec<String> {
    let Summary {
        running,
        not_attempted,
        failed,
        ..
    } = it.summary;
    // Those that were not ready are not sent later.
    let unready = it.servers.iter().filter(|server| server.unready.is_some());
    let not_attempted = not_attempted.saturating_sub(unready.count());
    let path = path.as_ref();
    let mut lines: Vec<String> = stopped(it).into_iter().collect();
    let ended = it.ended.is_some();
    match &it.process {
        Some(process) if process.active => {
            lines.push(format!("the run is active: {}", process.by));
            return lines;
        }
        _ if ended => {}
        Some(_) => lines.push("the run has no end record: its process was killed".to_owned()),
        None => lines.push(
            "the run has no end record: it is still active, or its process was killed".to_owned(),
        ),
    }
    let does = match (running, not_attempted) {
        (0, 0) if is_unhealthy(it) => Some("checks the health again".to_owned()),
        (0, 0) if ended => None,
        (0, 0) => Some("completes the report".to_owned()),
        (running, 0) => Some(waits(running)),
        (0, not_attempted) => Some(sends(not_attempted)),
        _ => Some(format!("{}, and {}", waits(running), sends(not_attempted))),
    };
    match (does, ended) {
        (None, _) => {
            lines.push("the run has ended; nothing is left to send or to wait for".to_owned())
        }
        (Some(does), ended) => {
            let when = if ended {
                "to continue"
            } else {
                "if it was killed"
            };
            let purpose = format!("{when}: this {does}");
            lines.extend(NextStep::resume(purpose, path, &it.place.of_journal).lines());
        }
    }
    lines.extend(about_unknown(it, path));
    // Only a run that ended can be run again.
    if failed > 0 && ended {
        let purpose = format!("to run {} that failed again", counted(failed));
        let step = if it.is_stored {
            let purpose = format!("{purpose}, write their ids to a file for --from-file");
            NextStep::write_failed_ids(purpose, path, &it.place.of_journal)
        } else {
            NextStep::rerun_failed(purpose, path, &it.place.of_journal)
        };
        lines.extend(step.lines());
    }
    lines
}

/// What to do about servers that may have been acted on.
fn about_unknown(it: &Timeline, path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    // A resumed run looks at those only that no job tells of.
    let (jobless, told) = unknown(it);
    if told + jobless == 0 {
        return lines;
    }
    let reports = it.servers.iter().map(|server| &server.report);
    let unknown = reports.filter(|report| matches!(report.outcome, Outcome::Unknown { .. }));
    let first: Vec<_> = unknown.map(|report| report.id).take(FIRST).collect();
    let mut purpose = match jobless {
        0 => format!(
            "the result of {} is unknown, and their jobs will not tell: check them",
            counted(told)
        ),
        _ => format!(
            "it is unknown whether {} were acted on: check them",
            counted(told + jobless)
        ),
    };
    if told + jobless > FIRST {
        purpose.push_str(&format!(" (the first {FIRST})"));
    }
    lines.extend(NextStep::show_servers(purpose, &first, &it.place.full).lines());
    if jobless > 0 {
        let purpose = "or let ecsctl check those that no job tells of";
        lines.extend(NextStep::reconcile(purpose, path, &it.place.of_journal).lines());
    }
    lines
}

fn waits(running: usize) -> String {
    format!("waits for the jobs of {}", counted(running))
}

fn sends(not_attempted: usize) -> String {
    format!("sends {}", counted(not_attempted))
}

/// Why the process stopped that wrote last.
fn stopped(it: &Timeline) -> Option<String> {
    let mut marks = it.marks.iter().rev();
    let last = marks.find(|mark| ["stopping", "resumed"].contains(&mark.what))?;
    (last.what == "stopping").then(|| format!("stopped: {}", last.words))
}

/// Whether the last health check failed.
fn is_unhealthy(it: &Timeline) -> bool {
    let mut checks = it.waves.iter().flat_map(|wave| &wave.checks);
    checks.next_back().is_some_and(|health| !health.healthy)
}

/// How many unknown servers have no job, and how many have one.
fn unknown(it: &Timeline) -> (usize, usize) {
    let outcomes = it.servers.iter().map(|server| &server.report.outcome);
    let unknown = outcomes.filter(|outcome| matches!(outcome, Outcome::Unknown { .. }));
    let (told, jobless): (Vec<_>, Vec<_>) = unknown.partition(|outcome| outcome.job_id().is_some());
    (jobless.len(), told.len())
}

#[cfg(test)]
mod tests;
