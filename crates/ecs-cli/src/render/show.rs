//! A run as text, from its journal.

use std::path::Path;

use ecs_ops::Outcome;
use jiff::{SignedDuration, Timestamp};

use super::closing::by_outcome;
use super::duration::to_tenths;
use super::table::{self, Table};
use super::text_table::TextTable;
use super::timeline::{AttemptResult, RequestRow, Summary, Timeline, Wave};
use crate::args::Show;
use crate::confirm::counted;
use crate::next_step::NextStep;
use crate::screen::Screen;
use crate::term::clean;

/// The most servers that are named in a command.
const FIRST: usize = 5;

/// The most requests that are listed without `--show all`.
const MANY: usize = 20;

/// Returns the whole text.
#[cfg(test)]
pub(crate) fn text(
    timeline: &Timeline,
    path: &(impl AsRef<Path> + ?Sized),
    show: Show,
    screen: Screen,
) -> String {
    let mut text = String::new();
    write(timeline, path, (show, screen), &mut |piece| {
        text.push_str(piece)
    });
    text
}

/// Hands the text over in pieces. `path` is the journal's, for the command that resumes the run.
pub(crate) fn write(
    timeline: &Timeline,
    path: &(impl AsRef<Path> + ?Sized),
    (show, screen): (Show, Screen),
    to: &mut dyn FnMut(&str),
) {
    to(&head(timeline));
    to(&format!("\n{}\n", headline(timeline)));
    let reports = timeline.servers.iter().map(|server| &server.report);
    to(&by_outcome(reports, show, screen));
    let mut waves = TextTable::new(&[
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
    timeline
        .waves
        .iter()
        .for_each(|wave| waves.row(wave_row(timeline, wave)));
    let mut requests = TextTable::new(&[
        "REQUEST", "SERVERS", "SENT", "ATTEMPTS", "ANSWER", "JOB", "STATUS", "WATCHED",
    ]);
    // At most one request for a hundred servers, because a longer table is hard to read.
    if show == Show::All || timeline.requests.len() <= MANY {
        for request in &timeline.requests {
            requests.row(row(timeline, request));
        }
    }
    let mut problems = TextTable::new(&["PROBLEM", "TIMES", "FIRST", "LAST", "REASON"]);
    for problem in &timeline.problems {
        problems.row([
            problem.kind.replace('_', " "),
            problem.times.to_string(),
            since(timeline, problem.first),
            since(timeline, problem.last),
            table::reason(&(&problem.error).into()),
        ]);
    }
    let mut servers = Table::new(&["SERVER", "NAME", "OUTCOME", "REQUEST", "JOB", "REASON"]);
    let listed = timeline.servers.iter().filter(|_| show == Show::All);
    for server in listed {
        let outcome = &server.report.outcome;
        servers.row([
            server.report.id.to_string(),
            server.report.name.clone().unwrap_or_else(none),
            table::describe(outcome).to_owned(),
            number(server.request),
            outcome.job_id().map_or("-", |id| id.as_str()).to_owned(),
            table::reason_with_note(&server.report),
        ]);
    }
    // The counts of failed and unknown servers are neither cut nor left out.
    waves.may_vanish([3, 2, 7]);
    waves.may_shrink(8);
    requests.may_vanish([7, 2, 3, 1]);
    problems.may_vanish([3, 2]);
    for table in [waves, requests, problems] {
        if !table.is_empty() {
            to(&format!("\n{}", table.render(screen.width)));
        }
    }
    if !servers.is_empty() {
        to("\n");
        servers.write(to);
    }
    // The next steps depend on all servers.
    if timeline.servers.len() == timeline.summary.requested {
        to("\n");
        for line in next(timeline, path) {
            to(&format!("{}\n", clean(&line)));
        }
    }
}

fn head(timeline: &Timeline) -> String {
    let kind = timeline
        .kind
        .map(|kind| format!(" {kind}"))
        .unwrap_or_default();
    let mut rows = vec![
        ("run", timeline.run_id.clone()),
        (
            "action",
            format!(
                "{}{kind}, {}",
                timeline.operation,
                counted(timeline.summary.requested)
            ),
        ),
        ("service", timeline.endpoint.clone()),
        ("project", timeline.project_id.clone()),
        (
            "began",
            format!("{:.0}, by {}", timeline.began, timeline.program),
        ),
    ];
    for mark in timeline
        .marks
        .iter()
        .filter(|mark| mark.is_listed_separately())
    {
        let text = format!(
            "{:.0} ({}) {}",
            mark.at,
            since(timeline, mark.at),
            mark.text
        );
        rows.push((mark.kind, text));
    }
    rows.push(match timeline.ended {
        Some(at) => ("ended", format!("{at:.0} ({})", since(timeline, at))),
        None => (
            "last record",
            format!("{:.0} ({})", timeline.last, since(timeline, timeline.last)),
        ),
    });
    let line = |(name, value): (&str, String)| {
        let name = name.replace('_', " ");
        clean(&format!("{name:<12} {value}")) + "\n"
    };
    rows.into_iter().map(line).collect()
}

fn wave_row(timeline: &Timeline, wave: &Wave) -> [String; 9] {
    let summary = &wave.summary;
    [
        wave.wave.to_string(),
        summary.requested.to_string(),
        wave.began.map_or_else(none, |at| since(timeline, at)),
        wave.took().map_or_else(none, to_tenths),
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

pub(super) fn number(number: Option<u32>) -> String {
    number.map_or_else(none, |number| number.to_string())
}

fn row(timeline: &Timeline, request: &RequestRow) -> [String; 8] {
    let job = timeline
        .jobs
        .iter()
        .find(|job| job.request == request.request);
    let pauses = request.pauses(timeline.ended);
    let paused: SignedDuration = pauses
        .iter()
        .map(|pause| pause.until.duration_since(pause.from))
        .fold(SignedDuration::ZERO, SignedDuration::saturating_add);
    let attempts = match pauses.len() {
        0 => request.attempts.len().to_string(),
        _ => format!("{}, paused {}", request.attempts.len(), to_tenths(paused)),
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
        request
            .first_sent()
            .map_or_else(none, |at| since(timeline, at)),
        attempts,
        answer(request.answer()).to_owned(),
        job.map_or_else(none, |job| job.job_id.to_string()),
        status,
        job.and_then(|job| Some(to_tenths(job.over?.duration_since(job.accepted))))
            .unwrap_or_else(none),
    ]
}

fn answer(answer: AttemptResult) -> &'static str {
    match answer {
        AttemptResult::None => "none yet",
        AttemptResult::Accepted => "accepted",
        AttemptResult::Throttled => "throttled",
        AttemptResult::NotExecuted => "not executed",
        AttemptResult::Lost => "lost",
    }
}

/// Formats the time since the beginning, such as `+12.3 s`.
pub(super) fn since(timeline: &Timeline, at: Timestamp) -> String {
    format!("+{}", to_tenths(timeline.since(at)))
}

/// Formats the counts and the number of hard restarts.
pub(crate) fn headline(timeline: &Timeline) -> String {
    let counts = summary(&timeline.summary);
    let servers = timeline.servers.iter();
    match servers
        .filter(|server| server.report.escalated.is_some())
        .count()
    {
        0 => counts,
        1 => format!("{counts}; 1 hard restart"),
        many => format!("{counts}; {many} hard restarts"),
    }
}

/// Formats the counts, such as `3 servers: 2 succeeded, 1 running`.
pub(crate) fn summary(timeline: &Summary) -> String {
    format!("{}: {}", counted(timeline.requested), timeline.counts())
}

/// Returns why the run stopped and the next steps, with each command on a line of its own. `path` is the journal's.
pub(crate) fn next(timeline: &Timeline, path: &(impl AsRef<Path> + ?Sized)) -> Vec<String> {
    let Summary {
        running,
        not_attempted,
        failed,
        ..
    } = timeline.summary;
    // Servers that were not ready are not sent later.
    let unready = timeline
        .servers
        .iter()
        .filter(|server| server.unready.is_some());
    let not_attempted = not_attempted.saturating_sub(unready.count());
    let path = path.as_ref();
    let mut lines: Vec<String> = stopped(timeline).into_iter().collect();
    let ended = timeline.ended.is_some();
    match &timeline.process {
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
        (0, 0) if is_unhealthy(timeline) => Some("checks the health again".to_owned()),
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
            lines.extend(NextStep::resume(purpose, path, &timeline.place.of_journal).lines());
        }
    }
    lines.extend(about_unknown(timeline, path));
    // Only an ended run can be rerun.
    if failed > 0 && ended {
        let purpose = format!("to run {} that failed again", counted(failed));
        let step = if timeline.is_stored {
            let purpose = format!("{purpose}, write their ids to a file for --from-file");
            NextStep::write_failed_ids(purpose, path, &timeline.place.of_journal)
        } else {
            NextStep::rerun_failed(purpose, path, &timeline.place.of_journal)
        };
        lines.extend(step.lines());
    }
    lines
}

/// Adds the steps for servers that may have been acted on.
fn about_unknown(timeline: &Timeline, path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    // A resumed run reconciles only servers without a job.
    let (jobless, reported) = unknown(timeline);
    if reported + jobless == 0 {
        return lines;
    }
    let reports = timeline.servers.iter().map(|server| &server.report);
    let unknown = reports.filter(|report| matches!(report.outcome, Outcome::Unknown { .. }));
    let first: Vec<_> = unknown.map(|report| report.id).take(FIRST).collect();
    let mut purpose = match jobless {
        0 if reported == 1 => {
            "1 server has an unknown outcome that its job cannot resolve: check it".to_owned()
        }
        0 => format!(
            "{} have an unknown outcome that their jobs cannot resolve: check them",
            counted(reported)
        ),
        _ => format!(
            "it is unknown whether {} were acted on: check them",
            counted(reported + jobless)
        ),
    };
    if reported + jobless > FIRST {
        purpose.push_str(&format!(" (the first {FIRST})"));
    }
    lines.extend(NextStep::show_servers(purpose, &first, &timeline.place.full).lines());
    if jobless > 0 {
        let purpose = "or let ecsctl check those without a job";
        lines.extend(NextStep::reconcile(purpose, path, &timeline.place.of_journal).lines());
    }
    lines
}

fn waits(running: usize) -> String {
    format!("waits for the jobs of {}", counted(running))
}

fn sends(not_attempted: usize) -> String {
    format!("sends {}", counted(not_attempted))
}

/// Returns why the last process stopped.
fn stopped(timeline: &Timeline) -> Option<String> {
    let mut marks = timeline.marks.iter().rev();
    let last = marks.find(|mark| ["stopping", "resumed"].contains(&mark.kind))?;
    (last.kind == "stopping").then(|| format!("stopped: {}", last.text))
}

/// Returns whether the last health check failed.
fn is_unhealthy(timeline: &Timeline) -> bool {
    let mut checks = timeline.waves.iter().flat_map(|wave| &wave.checks);
    checks.next_back().is_some_and(|health| !health.healthy)
}

/// Counts the unknown servers without a job and those with one.
fn unknown(timeline: &Timeline) -> (usize, usize) {
    let outcomes = timeline.servers.iter().map(|server| &server.report.outcome);
    let unknown = outcomes.filter(|outcome| matches!(outcome, Outcome::Unknown { .. }));
    let (reported, jobless): (Vec<_>, Vec<_>) =
        unknown.partition(|outcome| outcome.job_id().is_some());
    (jobless.len(), reported.len())
}

#[cfg(test)]
mod tests;
