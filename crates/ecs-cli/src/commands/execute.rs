//! Execution of a run, with its question after the canary.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use ecs_ops::{Control, Plan, Report, RunBuilder};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::display::{AfterCanary, CanaryQuestion, Display};
use super::outcome_times::OutcomeTimes;
use crate::args::Format;
use crate::exit::Exit;
use crate::fail::CliError;
use crate::health;
use crate::signals::{INTERRUPT, Signals, after_interrupt};
use crate::term::{BackgroundPrinter, Printer, Results};

/// The callbacks of a run, attached before its display exists.
pub(super) struct Callbacks {
    after_canary: Option<AfterCanary>,
    /// The sender of the answer to the question after the canary.
    answers: UnboundedSender<bool>,
    /// The notes for the output of the health check, set when the run begins.
    health_notes: Arc<OnceLock<BackgroundPrinter>>,
}

impl Callbacks {
    /// Attaches the health check, with its time limit, and the answer after the canary to a run that `asks`.
    pub(super) fn attach(
        mut builder: RunBuilder,
        health: Option<(String, Duration)>,
        asks: bool,
        after_canary: Option<AfterCanary>,
    ) -> (RunBuilder, Self) {
        let health_notes: Arc<OnceLock<BackgroundPrinter>> = Arc::default();
        if let Some((command, within)) = health {
            let printer = Arc::clone(&health_notes);
            builder = builder.health_check(command.clone(), within, move |servers| {
                let (command, printer) = (command.clone(), printer.get().cloned());
                async move {
                    let printer = printer.ok_or("the run has not begun")?;
                    health::check(&command, &servers, &printer).await
                }
            });
        }
        // The display asks the question, so that it follows all events before it.
        let (answers, answered) = unbounded_channel();
        let answered = Arc::new(Mutex::new(answered));
        if asks {
            builder = builder.canary_question(move || {
                let answered = answered.clone();
                async move { answered.lock().await.recv().await.unwrap_or(false) }
            });
        }
        let callbacks = Self {
            after_canary,
            answers,
            health_notes,
        };
        (builder, callbacks)
    }
}

/// The result of an executed run.
pub(super) struct Ended {
    pub(super) report: Report,
    /// The wave that began last, and the number of waves.
    pub(super) wave: Option<(usize, usize)>,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// `true` if Ctrl-C was pressed.
    pub(super) interrupted: bool,
}

impl Ended {
    /// Returns the exit code of the command, given that of its report.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        if self.interrupted {
            after_interrupt(exit)
        } else {
            exit
        }
    }
}

/// The display options of a run.
pub(super) struct Shown {
    pub(super) format: Format,
    /// The times at which the outcomes of an earlier process became known.
    pub(super) times: OutcomeTimes,
}

/// Executes a run. A blocked stdout or stderr does not stop it, because a separate thread writes.
pub(super) async fn execute(
    plan: Plan,
    callbacks: Callbacks,
    shown: Shown,
    mut signals: Signals,
    printer: &Printer,
    results: &mut Results,
) -> Result<Ended, CliError> {
    let began = Timestamp::now();
    let run = unless_stopped(&mut signals, async {
        let started = plan.begin().await;
        started.map_err(|error| CliError::with_hint(&error, error.problem().to_string()))
    })
    .await?;
    let lines = shown.format == Format::Jsonl;
    let own_results = std::mem::replace(results, Results::stdout());
    let question = CanaryQuestion {
        source: callbacks.after_canary,
        answers: callbacks.answers,
    };
    let mut display = Display::new(printer, own_results, shown.times, lines, question);
    let aside = BackgroundPrinter::new(display.progress.printer());
    let _ = callbacks.health_notes.set(aside.clone());
    let mut events = run.events();
    let interrupted = Arc::new(AtomicBool::new(false));
    let listening = listen(
        signals,
        run.control(),
        aside.clone(),
        Arc::clone(&interrupted),
    );
    let listener = tokio::spawn(listening);
    let run = run.spawn();
    let (batches, received) = mpsc::channel();
    let displaying = tokio::task::spawn_blocking(move || {
        display.run(&received);
        display
    });
    while let Some(event) = events.next().await {
        // The events of a job arrive together. To wake the other thread for each of them would cost more than the rest.
        let others = std::iter::from_fn(|| events.try_next());
        // A display that failed ends no run.
        let _ = batches.send(std::iter::once(event).chain(others).collect());
    }
    drop(batches);
    let report = run.await;
    listener.abort();
    let displayed = displaying.await;
    aside.flush(LAST_NOTES).await;
    let failed = |message: &str| {
        CliError::new(Exit::Unknown, message)
            .hint("check the servers before you run again, and please report this bug")
    };
    let mut report = report.map_err(|error| failed(&error.problem().to_string()))?;
    let display = displayed.map_err(|_| failed("the run ended, but its display failed"))?;
    display.progress.finish();
    *results = display.results;
    display.times.apply_to(&mut report.servers);
    Ok(Ended {
        report,
        wave: display.progress.tally().wave,
        began,
        ended: Timestamp::now(),
        interrupted: interrupted.load(Ordering::Relaxed),
    })
}

/// Runs a step before anything is sent, unless a signal stops it.
pub(super) async fn unless_stopped<T, E: From<CliError>>(
    signals: &mut Signals,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! {
        done = work => done,
        signal = signals.next() => {
            let exit = if signal == INTERRUPT { after_interrupt(Exit::Stopped) } else { Exit::Stopped };
            Err(CliError::new(exit, "stopped; nothing was sent").into())
        }
    }
}

/// The longest time that the end of a run waits until stderr is read.
const LAST_NOTES: Duration = Duration::from_secs(2);

/// Handles signals: the first one stops sending, the second one stops polling too.
async fn listen(
    mut signals: Signals,
    control: Control,
    printer: BackgroundPrinter,
    interrupted: Arc<AtomicBool>,
) {
    let signal = signals.next().await;
    interrupted.store(signal == INTERRUPT, Ordering::Relaxed);
    control.stop_submitting_because(signal);
    printer.always(
        "Stopping: no new requests; waiting for accepted ones. Press Ctrl-C again to quit now.",
    );
    let again = signals.next().await;
    interrupted.fetch_or(again == INTERRUPT, Ordering::Relaxed);
    control.end();
    printer.always("quitting: accepted requests continue at the service");
}
