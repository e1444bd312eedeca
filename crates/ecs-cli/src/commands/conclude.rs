//! The end of a run: its report and the next steps.

use std::time::Duration;

use ecs_ops::journal::RunRecord;
use ecs_ops::model::ServerId;
use ecs_ops::{Report, Stopped};

use super::execute::Ended;
use super::next_steps::{NextSteps, RunContext};
use crate::args::{Format, Output};
use crate::connect::{Connection, simulated};
use crate::exit::{Exit, OutcomeFlags};
use crate::fail::{hint_for, place_hint};
use crate::render::closing::{closing, hard_restarts, headline};
use crate::render::csv;
use crate::render::json::{self, Brake, Extras};
use crate::screen::Screen;
use crate::term::{Printer, Results};

/// The inputs of [`conclude`].
pub(super) struct Ending {
    pub(super) output: Output,
    /// The limit of failures as it was typed.
    pub(super) max_failures: Option<String>,
    /// The rules that stop the run because of failures.
    pub(super) brake: Option<Brake>,
    pub(super) no_wait: bool,
    pub(super) reconciled: bool,
    pub(super) next_steps: NextSteps,
    pub(super) place: Place,
    /// The least exit code.
    pub(super) at_least: Exit,
    /// The reason that the report is not that of an ended run.
    pub(super) unfinished: Option<String>,
}

/// The place of a run.
#[derive(Debug)]
pub(super) struct Place {
    endpoint: String,
    project_id: String,
    is_simulated: bool,
}

impl Place {
    /// Returns the place of a connection.
    pub(super) fn of_connection(connection: &Connection) -> Self {
        Self {
            endpoint: connection.place(),
            project_id: connection.project.to_string(),
            is_simulated: connection.is_simulated(),
        }
    }

    /// Returns the place from the journal.
    pub(super) fn of_record(run: &RunRecord) -> Self {
        Self {
            endpoint: if run.simulated {
                simulated(&run.endpoint)
            } else {
                run.endpoint.clone()
            },
            project_id: run.project.to_string(),
            is_simulated: run.simulated,
        }
    }
}

/// Prints the report and the next steps.
pub(super) fn conclude(
    ended: &Ended,
    ending: Ending,
    printer: &Printer,
    results: &mut Results,
) -> Exit {
    let report = &ended.report;
    let exit = OutcomeFlags::of(report, ending.no_wait).exit();
    let exit = exit.max(ending.at_least);
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
        printer.note(&headline(report, took));
    }
    if let Some(reason) = &ending.unfinished {
        printer.always(&format!("the run has not ended, but {reason}"));
    }
    if let Some(stopped) = &report.stopped {
        printer.note(&match (stopped, ended.wave) {
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
    advise(report, printer);
    // Servers that were not ready need no further step.
    let unready: Vec<ServerId> = report.unready.iter().map(|server| server.id).collect();
    let known = RunContext {
        no_wait: ending.no_wait,
        reconciled: ending.reconciled,
        simulated: ending.place.is_simulated,
        unready: &unready,
    };
    for step in ending.next_steps.steps(report, &known) {
        printer.next(&step);
    }
    exit
}

/// Returns the parts of a report besides the outcomes.
fn extras(ended: &Ended, ending: &Ending, exit: Exit) -> Extras {
    let stopped = ended.report.stopped.as_ref().map(ToString::to_string);
    Extras {
        endpoint: ending.place.endpoint.clone(),
        project_id: ending.place.project_id.clone(),
        started_at: ended.began,
        ended_at: ended.ended,
        stop_reason: stopped.or_else(|| ending.unfinished.clone()),
        hard_restarts: hard_restarts(&ended.report),
        max_failures: ending.max_failures.clone(),
        brake: ending.brake.clone(),
        exit_code: exit as u8,
    }
}

/// Prints the problem of the run as a whole, with a hint.
fn advise(report: &Report, printer: &Printer) {
    if let Some(problem) = &report.refused {
        printer.always(&format!("error: access denied by the service: {problem}"));
    }
    let mut problems = report
        .servers
        .iter()
        .filter_map(|server| server.outcome.error());
    let moved = problems
        .clone()
        .find(|problem| problem.moved_to().is_some());
    if let Some(problem) = moved {
        printer.always(&format!("error: {problem}"));
    }
    let first = moved.or_else(|| problems.next());
    let hint = first.and_then(|problem| {
        let hint = || hint_for(problem, report.refused.is_some());
        place_hint(problem).or_else(hint)
    });
    if let Some(hint) = hint {
        printer.hint(&hint);
    }
}
