//! The end of a run: what became of each server, and what to do next.

use std::collections::HashSet;
use std::time::Duration;

use ecs_ops::model::JobId;
use ecs_ops::rolling::StopReason;
use ecs_ops::{Outcome, Report, Stopped};

use super::execute::Ended;
use super::go_on::GoOn;
use crate::args::{Format, Output};
use crate::connect::Connection;
use crate::exit::{Exit, Facts};
use crate::fail::{hint_for, place_hint};
use crate::render::closing::{closing, hard_restarts, headline};
use crate::render::csv;
use crate::render::json::{self, Extras};
use crate::screen::Screen;
use crate::term::{Notes, Results};

/// What the end of a run depends on.
pub(super) struct Ending<'a> {
    pub(super) output: Output,
    /// The limit of failures, as it was given.
    pub(super) max_failures: Option<String>,
    pub(super) no_wait: bool,
    pub(super) reconciled: bool,
    /// Whether it has waves.
    pub(super) rolling: bool,
    pub(super) go_on: GoOn,
    pub(super) connection: &'a Connection,
}

/// Shows the report, and says what to do next.
pub(super) fn conclude(
    ended: &Ended,
    ending: Ending<'_>,
    notes: &Notes,
    results: &mut Results,
) -> Exit {
    let report = &ended.report;
    let exit = Facts::of(report, ending.no_wait).exit();
    let took = Duration::try_from(ended.ended.duration_since(ended.began)).ok();
    let show = ending.output.show;
    let extras = extras(ended, &ending, exit);
    results.write(&match ending.output.format {
        Format::Table => closing(report, took, show, Screen::stdout()),
        Format::Json => json::report(report, &extras),
        Format::Jsonl => json::report_line(report, &extras),
        Format::Csv => csv::report(report, show),
        Format::Id => csv::ids(report, show),
    });
    if ending.output.format != Format::Table || results.are_lost() {
        notes.note(&headline(report, took));
    }
    if let Some(stopped) = &report.stopped {
        notes.note(&match (stopped, ended.wave) {
            (Stopped::Rolling(_), Some((wave, waves))) => {
                format!("stopped in wave {wave} of {waves}: {stopped}")
            }
            (
                Stopped::Requested {
                    reason: Some(signal),
                },
                _,
            ) => format!("stopped by {signal}"),
            _ => format!("stopped: {stopped}"),
        });
    }
    advise(report, &ending, notes);
    let simulated = ending.connection.is_simulated();
    // Nothing is left to do with those that were not ready.
    let unready = report.unready.iter().map(|server| server.id).collect();
    let said = ending
        .go_on
        .say(report, ending.rolling, simulated, &unready, notes);
    if !said && report.summary().not_attempted > unready.len() && report.refused.is_none() {
        notes.hint("servers that were not attempted can safely be given to another run");
    }
    exit
}

/// What a report says beside the outcomes.
fn extras(ended: &Ended, ending: &Ending<'_>, exit: Exit) -> Extras {
    Extras {
        endpoint: ending.connection.place(),
        project_id: ending.connection.project.to_string(),
        started_at: ended.began,
        ended_at: ended.ended,
        stop_reason: ended.report.stopped.as_ref().map(ToString::to_string),
        hard_restarts: hard_restarts(&ended.report),
        max_failures: ending.max_failures.clone(),
        exit_code: exit as u8,
    }
}

/// What to do next, where it is not plain from the verdicts.
fn advise(report: &Report, ending: &Ending<'_>, notes: &Notes) {
    let summary = report.summary();
    if let Some(problem) = &report.refused {
        notes.always(&format!("error: access denied by the service: {problem}"));
    }
    if let Some(Stopped::Rolling(StopReason::NotReady { .. })) = &report.stopped {
        notes.hint(
            "with --skip-unready, ecsctl resume skips servers that are not ready, and continues with the others",
        );
    }
    let mut problems = report
        .servers
        .iter()
        .filter_map(|server| server.outcome.error());
    let moved = problems
        .clone()
        .find(|problem| problem.moved_to().is_some());
    if let Some(problem) = moved {
        notes.always(&format!("error: {problem}"));
    }
    let first = moved.or_else(|| problems.next());
    let hint = first.and_then(|problem| {
        let hint = || hint_for(problem, report.refused.is_some()).map(str::to_owned);
        place_hint(problem).or_else(hint)
    });
    if let Some(hint) = hint {
        notes.hint(&hint);
    }
    if summary.unknown > 0 {
        notes.hint(if ending.reconciled {
            "unknown servers may have been acted on or not, and did not show which: look at them before you run again"
        } else {
            "unknown servers may have been acted on or not: look at them before you run again, or let --reconcile \
             look at them in the run"
        });
    }
    // The jobs of an embedded simulator end with it.
    if summary.running > 0 && !ending.connection.is_simulated() {
        let jobs = report.jobs.iter().map(|job| &job.job_id);
        let jobs = running_jobs(jobs, report.servers.iter().map(|server| &server.outcome));
        let why = if ending.no_wait {
            "not waited for"
        } else {
            "still running"
        };
        // With a journal, resuming waits for them.
        if let Some(wait) = ending.go_on.wait_for(&jobs) {
            notes.hint(&format!("{why}:"));
            notes.note(&format!("  {wait}"));
        }
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
