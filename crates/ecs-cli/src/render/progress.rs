//! The progress of a run on stderr.

mod layout;

use std::io::{self, Write as _};
use std::time::Instant;

use ecs_ops::model::JobStatus;
use ecs_ops::{Event, Stopped};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::duration::to_seconds;
use super::tally::Tally;
use super::unready::wave_line;
use crate::confirm::counted;
use crate::screen::Screen;
use crate::term::{Printer, clean, stderr_is_interactive};

/// The display of events: a changing line on a terminal, a few lines elsewhere.
pub(crate) struct Progress {
    tally: Tally,
    printer: Printer,
    style: Style,
}

enum Style {
    Silent,
    Lines {
        tenths: usize,
        throttled: bool,
        blind: bool,
    },
    Bar {
        bar: ProgressBar,
        /// The line does not change while a question is open, nor before the first event.
        moves: bool,
    },
}

impl Progress {
    /// Returns a display; with `silent` it prints nothing, because events are printed elsewhere.
    pub(crate) fn new(printer: &Printer, silent: bool) -> Self {
        let style = if printer.is_quiet() || silent {
            Style::Silent
        } else if stderr_is_interactive() {
            Style::Bar {
                bar: bar(),
                moves: false,
            }
        } else {
            Style::Lines {
                tenths: 0,
                throttled: false,
                blind: false,
            }
        };
        let printer = match &style {
            Style::Bar { bar, .. } => printer.past(bar.clone()),
            _ => printer.clone(),
        };
        Self {
            tally: Tally::new(Instant::now()),
            printer,
            style,
        }
    }

    /// Returns the progress so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Returns the bar above which messages are printed.
    pub(crate) fn printer(&self) -> &Printer {
        &self.printer
    }

    pub(crate) fn show(&mut self, event: &Event) {
        let now = Instant::now();
        self.tally.count(event, now);
        let tally = &self.tally;
        match &mut self.style {
            Style::Silent => {}
            Style::Bar { bar, moves } => {
                // A stopping run does not ask any more.
                if *moves || !tally.asking {
                    draw(bar, tally, now);
                }
                if *moves && tally.asking {
                    rest(bar);
                }
                *moves = !tally.asking;
                if let Some(line) = problem_line(event, tally) {
                    self.printer.note(&line);
                }
            }
            Style::Lines {
                tenths,
                throttled,
                blind,
            } => {
                let line = problem_line(event, tally)
                    .or_else(|| log_line(event, tally, now, (tenths, throttled, blind)));
                if let Some(line) = line {
                    self.printer.note(&line);
                }
            }
        }
    }

    /// Counts a past event without showing it.
    pub(crate) fn count(&mut self, event: &Event, at: Instant) {
        self.tally.count(event, at);
    }

    /// Shows the counted progress below a line that describes it.
    pub(crate) fn catch_up(&mut self, line: &str) {
        let (tally, now) = (&self.tally, Instant::now());
        self.printer.note(line);
        match &mut self.style {
            Style::Silent => {}
            Style::Bar { bar, moves } => {
                *moves = !tally.asking;
                draw(bar, tally, now);
            }
            Style::Lines { tenths, .. } => {
                *tenths = tally.done.saturating_mul(10) / tally.servers.max(1);
                self.printer.note(&layout::log_line(tally, now));
            }
        }
    }

    /// Refreshes times between events.
    pub(crate) fn tick(&self) {
        if let Style::Bar { bar, moves: true } = &self.style {
            draw(bar, &self.tally, Instant::now());
        }
    }

    /// The last state stays visible.
    pub(crate) fn finish(&self) {
        if let Style::Bar { bar, .. } = &self.style {
            bar.abandon();
            leave_line();
        }
    }
}

/// Returns the line of an event that is printed in logs but not on a terminal. The state holds the last report:
/// tenths of the servers, whether requests are throttled, whether jobs cannot be queried.
fn log_line(
    event: &Event,
    tally: &Tally,
    now: Instant,
    (tenths, throttled, blind): (&mut usize, &mut bool, &mut bool),
) -> Option<String> {
    match event {
        Event::Accepted {
            request,
            servers,
            job_id,
            ..
        } => {
            *throttled = false;
            let request = tally.request(*request);
            Some(format!(
                "{request} accepted: {}, job {job_id}",
                counted(*servers)
            ))
        }
        // Reported once until a request goes through again.
        Event::Throttled { error, .. } | Event::Retrying { error, .. } if !*throttled => {
            *throttled = true;
            let status = tally.status(now);
            Some(format!(
                "{}: {error}",
                status.as_deref().unwrap_or("waiting")
            ))
        }
        // Reported once until a job can be queried again.
        Event::QueryFailed { job_id, error, .. } if !*blind => {
            *blind = true;
            Some(format!("cannot query job {job_id}: {error} (retrying)"))
        }
        Event::JobProgress { .. } => {
            *blind = false;
            None
        }
        Event::Waiting { jobs, .. } => {
            let status = match jobs {
                0 => tally.status(now),
                1 => Some("still waiting for 1 job".to_owned()),
                jobs => Some(format!("still waiting for {jobs} jobs")),
            };
            let status = status.as_deref().unwrap_or("still running");
            Some(format!("{status}: {}", layout::log_line(tally, now)))
        }
        // Outcomes of an earlier process are not reported again.
        Event::Resumed { done, .. } => {
            *tenths = done.saturating_mul(10) / tally.servers.max(1);
            None
        }
        Event::ServerDone(_) => {
            let reached = tally.done.saturating_mul(10) / tally.servers.max(1);
            let is_news = reached > *tenths;
            *tenths = reached.max(*tenths);
            is_news.then(|| layout::log_line(tally, now))
        }
        _ => None,
    }
}

fn draw(bar: &ProgressBar, tally: &Tally, now: Instant) {
    let screen = Screen::stderr();
    // Leaves a column for the cursor.
    let width = screen.width.map(|width| width.saturating_sub(1));
    bar.set_message(clean(&layout::line(tally, now, Screen { width, ..screen })));
    bar.tick();
}

/// Returns the line of an event that is printed on terminals, too.
fn problem_line(event: &Event, tally: &Tally) -> Option<String> {
    match event {
        Event::RequestEnded {
            request,
            servers,
            outcome,
            error,
        } => {
            let outcome = outcome.name().replace('_', " ");
            let request = tally.request(*request);
            Some(format!(
                "{request}: {} {outcome}: {error}",
                counted(*servers)
            ))
        }
        // The message about a signal was printed when it came.
        Event::Stopping {
            cause: Some(Stopped::Requested { .. }),
            ..
        } => None,
        Event::Stopping { reason, .. } => Some(format!("stopping: {reason}")),
        Event::JobFound {
            request,
            servers,
            job_id,
            ..
        } => Some(format!(
            "{}: its trace shows that it was accepted: {}, job {job_id}",
            tally.request(*request),
            counted(*servers)
        )),
        Event::Reconciling {
            request,
            servers,
            error,
        } => Some(format!(
            "{}: the answer for {} was lost: {error}; checking the servers",
            tally.request(*request),
            counted(*servers)
        )),
        Event::Resubmitting {
            request,
            servers,
            maybe_executed,
        } => Some(format!(
            "{}: {} sent again, {}",
            tally.request(*request),
            counted(*servers),
            if *maybe_executed {
                "which may have been acted on already"
            } else {
                "which show that they were not acted on"
            }
        )),
        Event::UndocumentedStatus { job_id, status } => Some(format!(
            "job {job_id} has the status {}, which the service does not document: still waiting",
            status.as_str()
        )),
        Event::UnrequestedServers { job_id, servers } => Some(format!(
            "warning: job {job_id} reports {} that were not in its request, such as {}; they are ignored",
            counted(servers.len()),
            servers.first().map(ToString::to_string).unwrap_or_default()
        )),
        Event::JobStalled { job_id, status } => Some(format!(
            "job {job_id} is {} and makes no progress: no longer waiting for it",
            status.as_ref().map_or("not seen", JobStatus::as_str)
        )),
        Event::ServiceWarning { error } => Some(format!("warning: {error}")),
        Event::ListFailed { error } => Some(format!("cannot list the servers: {error}")),
        _ => waiting(event).or_else(|| rolling(event)),
    }
}

/// Returns the line of an event about waiting.
fn waiting(event: &Event) -> Option<String> {
    match event {
        Event::WaitingForServers { request, servers } => {
            let first = servers.first().map(ToString::to_string);
            let more = match servers.len() {
                0 | 1 => String::new(),
                many => format!(" (and {} more)", many - 1),
            };
            let first = first.unwrap_or_default();
            Some(format!(
                "request {request} waits for another run: {first}{more}"
            ))
        }
        Event::ServiceDown { retry_after } => Some(format!(
            "the answers to several requests in a row were lost: sending is suspended until the service answers a read; next read in {}",
            to_seconds(*retry_after)
        )),
        Event::JobHidden { job_id, error } => Some(format!(
            "job {job_id} is hidden by the service and no longer waited for; its servers are reported as running: {error}"
        )),
        _ => None,
    }
}

/// Returns the line of an event about waves.
fn rolling(event: &Event) -> Option<String> {
    match event {
        Event::WaveBegan {
            wave,
            waves,
            servers,
        } => Some(format!("wave {wave} of {waves}: {}", counted(*servers))),
        Event::WaveRechecked {
            wave,
            unready,
            skipped,
        } => Some(wave_line(*wave, unready, *skipped)),
        Event::CheckingHealth { wave } => Some(format!("checking health after wave {wave}")),
        Event::HealthChecked {
            wave,
            healthy,
            message: part,
        } => Some(match (healthy, part.as_deref().unwrap_or_default()) {
            (true, _) => format!("health check passed after wave {wave}"),
            (false, "") => format!("health check failed after wave {wave}"),
            (false, part) => format!("health check failed after wave {wave}: {part}"),
        }),
        Event::Answered { proceed } => Some(if *proceed {
            "continuing after the canary".to_owned()
        } else {
            "stopping after the canary".to_owned()
        }),
        Event::Holding { pause } => Some(format!(
            "waiting {}: servers with an unknown outcome may still be restarting",
            to_seconds(*pause)
        )),
        Event::Pausing { wave, pause } => Some(format!(
            "pausing {} before wave {}",
            to_seconds(*pause),
            wave.saturating_add(1)
        )),
        Event::Escalating { servers } => Some(format!(
            "hard restart of {}: the soft restart failed",
            match servers.len() {
                1 => "1 server".to_owned(),
                many => format!("{many} servers"),
            }
        )),
        _ => None,
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // A constant, checked by a test.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar
}

/// Leaves the bar unchanged, so that the user can type below it.
fn rest(bar: &ProgressBar) {
    bar.force_draw();
    leave_line();
}

/// Ends the line of a bar, which leaves the cursor at its end.
fn leave_line() {
    drop(writeln!(io::stderr()));
}

const TEMPLATE: &str = "{msg}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid() {
        ProgressStyle::with_template(TEMPLATE).unwrap();
    }
}
