//! `run watch`: shows the progress of a run of another process, from its records.

mod source;
mod view;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use self::source::{Change, Source};
use self::view::View;
use crate::args::{Global, RunWatch};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::next_step::NextStep;
use crate::signals::{INTERRUPT, Signals, after_interrupt};
use crate::term::{Notes, Results};

/// The interval at which displayed times are refreshed.
const TICK: Duration = Duration::from_millis(500);

/// Watches a run. Only reads: it needs no credentials, and neither takes over nor stops the run.
pub(crate) async fn run(
    args: &RunWatch,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let mut signals = Signals::new()?;
    let mut source = Source::open(args, global).await?;
    let mut view = View::new(args, global, notes);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let change = tokio::select! {
            change = source.next() => change,
            _ = ticks.tick() => {
                view.tick();
                continue;
            }
            signal = signals.next() => {
                view.finish();
                return Ok(stopped(signal, &source, &view, notes));
            }
        };
        match change.inspect_err(|_| view.finish())? {
            Change::Update(update) => view.update(update, results)?,
            Change::Away(message) => view.away(&message),
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

/// Reports that watching stopped, while the run continues.
fn stopped(signal: &str, source: &Source, view: &View<'_>, notes: &Notes) -> Exit {
    notes.always("stopped watching; the run continues");
    let again = NextStep::watch_run("to watch the run again", source.named(), &view.place());
    notes.next(&again);
    if signal == INTERRUPT {
        after_interrupt(Exit::Stopped)
    } else {
        Exit::Stopped
    }
}
