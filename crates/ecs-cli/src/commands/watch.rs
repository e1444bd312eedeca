//! `run watch`: shows the progress of a run of another process, from its records.

mod source;
mod view;

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use self::source::{Change, Source};
use self::view::View;
use super::execute::unless_stopped;
use crate::args::{Global, RunWatch};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::next_step::NextStep;
use crate::signals::{INTERRUPT, Signals, after_interrupt};
use crate::term::{Printer, Results};

/// The interval at which displayed times are refreshed.
const TICK: Duration = Duration::from_millis(500);

/// Watches a run. Only reads: it needs no credentials, and neither takes over nor stops the run.
pub(crate) async fn run(
    args: &RunWatch,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let mut signals = Signals::new()?;
    let mut source = unless_stopped(&mut signals, Source::open(args, global)).await?;
    let mut view = View::new(args, global, printer);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let change = {
            // Pinned: a tick does not start a slow read over again.
            let next = pin!(source.next());
            select(next, &mut ticks, &mut signals, &view).await
        };
        let change = match change {
            Ok(change) => change,
            Err(signal) => {
                view.finish();
                return Ok(stopped(signal, &source, &view, printer));
            }
        };
        let shown = match change {
            Ok(Change::Update(update)) => view.update(update, results),
            Ok(Change::Away(message)) => {
                view.away(&message);
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(mut error) = shown {
            view.finish();
            if view.has_records() {
                // The run continues elsewhere: the message must not read as "nothing was sent".
                error.exit = Exit::Stopped;
            }
            return Err(error);
        }
        if view.is_over() {
            return Ok(view.conclude(&source, results));
        }
        if results.have_failed() {
            // The rest could not be printed.
            view.finish();
            return Ok(Exit::Stopped);
        }
    }
}

/// Waits for a change, and shows times meanwhile. Returns a signal as an error.
async fn select<T>(
    mut change: Pin<&mut impl Future<Output = T>>,
    ticks: &mut Interval,
    signals: &mut Signals,
    view: &View<'_>,
) -> Result<T, &'static str> {
    loop {
        tokio::select! {
            change = &mut change => return Ok(change),
            _ = ticks.tick() => view.tick(),
            signal = signals.next() => return Err(signal),
        }
    }
}

/// Reports that watching stopped, while the run continues.
fn stopped(signal: &str, source: &Source, view: &View<'_>, printer: &Printer) -> Exit {
    printer.always("stopped watching; the run continues");
    let again = NextStep::watch_run("to watch the run again", source.named(), &view.place());
    printer.next(&again);
    if signal == INTERRUPT {
        after_interrupt(Exit::Stopped)
    } else {
        Exit::Stopped
    }
}
