//! The display of a watched run: the events of its records, as the run itself shows them.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use ecs_ops::journal::{Entry, Invocation, Record, Recovered, Replay, RollingRecord};
use ecs_ops::model::ServerId;
use ecs_ops::{Event, Stopped};
use jiff::Timestamp;

use super::source::{ProcessState, Source, Update};
use crate::args::{Format, Global, RunWatch};
use crate::command_line::CommandLine;
use crate::commands::conclude::{Ending, Place, conclude};
use crate::commands::execute::Ended;
use crate::commands::next_steps::{NextSteps, RecordedPlace};
use crate::confirm::act_on;
use crate::exit::Exit;
use crate::fail::{CliError, chain};
use crate::next_step::NextStep;
use crate::render::json::{self, Brake};
use crate::render::progress::Progress;
use crate::signals::INTERRUPT;
use crate::term::{Printer, Results};

/// The display of a run, with its state so far.
pub(super) struct View<'a> {
    args: &'a RunWatch,
    global: &'a Global,
    printer: Printer,
    progress: Progress,
    replay: Replay,
    /// The time at which the outcome of each server became known.
    times: HashMap<ServerId, Timestamp>,
    /// The times of the first and of the last record.
    span: Option<(Timestamp, Timestamp)>,
    /// `true` if the run was resumed. Such a run waits for its jobs.
    was_resumed: bool,
    is_away: bool,
    /// The description of the process, if it is gone.
    gone: Option<String>,
}

impl<'a> View<'a> {
    pub(super) fn new(args: &'a RunWatch, global: &'a Global, printer: &Printer) -> Self {
        let is_lines = args.output.format == Format::Jsonl;
        Self {
            args,
            global,
            printer: printer.clone(),
            progress: Progress::new(printer, is_lines && io::stdout().is_terminal()),
            replay: Replay::default(),
            times: HashMap::new(),
            span: None,
            was_resumed: false,
            is_away: false,
            gone: None,
        }
    }

    /// Refreshes times between changes.
    pub(super) fn tick(&self) {
        self.progress.tick();
    }

    /// Shows new records.
    pub(super) fn update(&mut self, update: Update, results: &mut Results) -> Result<(), CliError> {
        if std::mem::take(&mut self.is_away) {
            self.note("the store can be read again");
        }
        let is_first = self.span.is_none();
        for entry in update.entries {
            self.record(entry, is_first, results)?;
        }
        let Some(recovered) = self.replay.recovered() else {
            return match update.process {
                ProcessState::Alive => Ok(()),
                ProcessState::Gone(_) => Err(CliError::usage(
                    "there is no complete record of the run: it sent nothing, or has not begun",
                )),
            };
        };
        if is_first {
            let intro = intro(recovered);
            self.progress.catch_up(&intro);
        }
        let gone = match update.process {
            ProcessState::Gone(reason) if !recovered.is_ended() => Some(reason),
            _ => None,
        };
        let was_there = self.gone.is_none();
        self.gone = gone;
        if let (Some(reason), true, true) = (&self.gone, was_there, self.args.wait_for_resume) {
            let line = format!("{reason}; waiting until the run is resumed");
            self.progress.printer().always(&line);
        }
        Ok(())
    }

    /// Processes a record. Past records are counted, but not shown one by one.
    fn record(
        &mut self,
        entry: Entry,
        is_past: bool,
        results: &mut Results,
    ) -> Result<(), CliError> {
        let at = entry.at;
        let (first, _) = self.span.unwrap_or((at, at));
        self.span = Some((first, at));
        let resumed_by = match &entry.record {
            Record::Resumed { invocation, .. } => Some(invocation.clone().unwrap_or_default()),
            _ => None,
        };
        let events = self.replay.apply(entry);
        let events = events.map_err(|error| CliError::usage(chain(&error)))?;
        if let Some(by) = resumed_by {
            self.was_resumed = true;
            if !is_past {
                self.note(&format!("the run was resumed by {by}"));
            }
        }
        for event in &events {
            if let Event::ServerDone(server) = event {
                self.times.insert(server.id, server.at.unwrap_or(at));
            }
            if is_past {
                self.progress.count(event, instant_of(at))
            } else {
                self.progress.show(event)
            }
            if self.args.output.format == Format::Jsonl {
                results.write(&json::event(event, at));
            }
        }
        Ok(())
    }

    fn note(&self, line: &str) {
        self.progress.printer().note(line);
    }

    /// Reports that the store cannot be read at the moment.
    pub(super) fn away(&mut self, message: &str) {
        if !std::mem::replace(&mut self.is_away, true) {
            let line = format!("the store cannot be read (retrying): {message}");
            self.progress.printer().always(&line);
        }
    }

    /// Leaves the progress line unchanged.
    pub(super) fn finish(&self) {
        self.progress.finish();
    }

    /// Returns whether a record of the run was read.
    pub(super) fn has_records(&self) -> bool {
        self.span.is_some()
    }

    /// Returns whether watching is complete.
    pub(super) fn is_over(&self) -> bool {
        let recovered = self.replay.recovered();
        let is_ended = recovered.is_some_and(Recovered::is_ended);
        is_ended || (self.gone.is_some() && !self.args.wait_for_resume)
    }

    /// Returns the options that select the source of the run.
    pub(super) fn place(&self) -> CommandLine {
        let mut place = CommandLine::default();
        place.store(self.global);
        place
    }

    /// Prints the report of the run as the run itself does, or the report so far.
    pub(super) fn conclude(self, source: &Source, results: &mut Results) -> Exit {
        self.progress.finish();
        let (Some(recovered), Some((began, last))) = (self.replay.recovered(), self.span) else {
            return Exit::Usage;
        };
        let run = recovered.run();
        let mut report = recovered.report();
        for server in &mut report.servers {
            server.at = self.times.get(&server.id).copied();
        }
        let was_interrupted = matches!(
            recovered.stop_request(),
            Some(Stopped::Requested { reason: Some(reason) }) if reason == INTERRUPT
        );
        let gone = self.gone;
        let place = RecordedPlace::read_from(run, self.global);
        let rules = run.rolling.as_ref().map(RollingRecord::rules);
        let max_failures = rules.and_then(|rules| rules.max_failures);
        let resume = NextStep::resume("to continue it", source.named(), &place.of_journal);
        let ending = Ending {
            output: self.args.output,
            max_failures: max_failures.map(|limit| limit.to_string()),
            brake: rules.and_then(|rules| Brake::of(&rules, run.servers.len())),
            no_wait: !run.wait && !self.was_resumed,
            reconciled: run.reconcile,
            next_steps: match gone {
                None => NextSteps::of_watched(source.named(), source.is_stored(), place),
                Some(_) => NextSteps::nothing(self.global),
            },
            place: Place::of_record(run),
            // The exit code of the run itself after Ctrl-C, even if all servers are done.
            at_least: if was_interrupted || gone.is_some() {
                Exit::Stopped
            } else {
                Exit::Success
            },
            unfinished: gone.clone(),
        };
        let ended = Ended {
            report,
            wave: self.progress.tally().wave,
            began,
            ended: last,
            interrupted: false,
        };
        let exit = conclude(&ended, ending, &self.printer, results);
        if gone.is_some() {
            self.printer.next(&resume);
        }
        exit
    }
}

/// Describes the run.
fn intro(recovered: &Recovered) -> String {
    let run = recovered.run();
    let by = run.invocation.as_ref().map(Invocation::to_string);
    let by = by.map(|by| format!(", begun by {by}")).unwrap_or_default();
    format!(
        "watching run {}: {}{by}",
        run.run_id,
        act_on(run.action, run.servers.len())
    )
}

/// Returns the time of a record. The clock of its process may be ahead.
fn instant_of(at: Timestamp) -> Instant {
    let now = Instant::now();
    let age = Duration::try_from(Timestamp::now().duration_since(at)).unwrap_or_default();
    now.checked_sub(age).unwrap_or(now)
}
