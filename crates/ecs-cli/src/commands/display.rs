//! The display of the events of a run.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ecs_ops::Event;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::outcome_times::OutcomeTimes;
use crate::confirm::{Terminal, counted};
use crate::render::json;
use crate::render::progress::Progress;
use crate::term::{Printer, Results};

/// The interval at which displayed times are refreshed.
const TICK: Duration = Duration::from_millis(500);

/// Writes the events of a run to stdout and stderr. It has a thread of its own, because a write may block: a blocked
/// stdout or stderr does not stop the run.
pub(super) struct Display {
    pub(super) progress: Progress,
    pub(super) results: Results,
    /// The times at which outcomes became known.
    pub(super) times: OutcomeTimes,
    /// `true` if each event is a line of the results.
    lines: bool,
    printer: Printer,
    question: CanaryQuestion,
}

/// The question after the canary. The display asks it, so that it follows all events before it.
pub(super) struct CanaryQuestion {
    pub(super) source: Option<AfterCanary>,
    /// The sender of the answer to the run.
    pub(super) answers: UnboundedSender<bool>,
}

/// The source of the answer after the canary.
pub(super) enum AfterCanary {
    /// The user at this terminal.
    Asked(Terminal),
    /// Continue without a question (`--yes`).
    Yes,
    /// Stop: no terminal is available.
    Nobody,
}

impl Display {
    pub(super) fn new(
        printer: &Printer,
        results: Results,
        times: OutcomeTimes,
        lines: bool,
        question: CanaryQuestion,
    ) -> Self {
        Self {
            progress: Progress::new(printer, lines && io::stdout().is_terminal()),
            results,
            times,
            lines,
            printer: printer.clone(),
            question,
        }
    }

    /// Displays events until their sender is gone.
    pub(super) fn run(&mut self, batches: &Receiver<Vec<Event>>) {
        let mut next_tick = Instant::now();
        loop {
            match batches.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(events) => events.into_iter().for_each(|event| self.show(&event)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if next_tick <= Instant::now() {
                self.progress.tick();
                next_tick = Instant::now() + TICK;
            }
        }
    }

    fn show(&mut self, event: &Event) {
        let at = Timestamp::now();
        if let Event::ServerDone(server) = event {
            self.times.note(server.id, at);
        }
        self.progress.show(event);
        if self.lines {
            self.results.write(&json::event(event, at));
        }
        if let Event::Asking { .. } = event {
            self.ask();
        }
    }

    /// Asks whether to continue after the canary. Returns at once; the answer is sent to the run later.
    fn ask(&mut self) {
        let printer = &self.printer;
        let answer = match self.question.source.take() {
            Some(AfterCanary::Asked(terminal)) => {
                let tally = self.progress.tally();
                printer.always(&format!(
                    "Canary finished: {} succeeded, {} failed. Continue with the remaining {}?",
                    tally.succeeded,
                    tally.failed,
                    counted(tally.servers.saturating_sub(tally.done))
                ));
                let (answers, printer) = (self.question.answers.clone(), printer.clone());
                tokio::spawn(async move {
                    // The receiver is gone if the run has ended.
                    let _ = answers.send(terminal.asks_for_yes(&printer).await);
                });
                return;
            }
            Some(AfterCanary::Yes) => true,
            Some(AfterCanary::Nobody) | None => {
                printer.always("cannot ask whether to continue after the canary: no terminal is available, so the run stops");
                printer.hint("with --yes, the command below continues without asking");
                false
            }
        };
        let _ = self.question.answers.send(answer);
    }
}
