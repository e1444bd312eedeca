//! Carrying out a run, with what it asks on its way.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ecs_ops::{Control, Event, Plan, Report, RunBuilder};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::MissedTickBehavior;

use super::outcome_times::OutcomeTimes;
use crate::args::Format;
use crate::confirm::{Terminal, counted};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::health;
use crate::render::json;
use crate::render::progress::Progress;
use crate::render::tally::Tally;
use crate::signals::{INTERRUPT, Signals, after_interrupt};
use crate::term::{Aside, Notes, Results};

/// The callbacks of a run, which is built before there is anything to show.
pub(super) struct Callbacks {
    after_canary: Option<AfterCanary>,
    /// Answers to the question after the canary.
    answers: UnboundedSender<bool>,
    /// Where the health check shows what it says, once the run begins.
    health_notes: Arc<OnceLock<Aside>>,
}

impl Callbacks {
    /// Attaches them to a run: the command that checks the health, with its time limit, and who
    /// answers after the canary.
    pub(super) fn attach(
        mut builder: RunBuilder,
        health: Option<(String, Duration)>,
        after_canary: Option<AfterCanary>,
    ) -> (RunBuilder, Self) {
        let health_notes: Arc<OnceLock<Aside>> = Arc::default();
        if let Some((command, within)) = health {
            let notes = Arc::clone(&health_notes);
            builder = builder.health_check(command.clone(), within, move |servers| {
                let (command, notes) = (command.clone(), notes.get().cloned());
                async move {
                    let notes = notes.ok_or("the run has not begun")?;
                    health::check(&command, &servers, &notes).await
                }
            });
        }
        // The question is asked where the events are shown, so that it comes after all that was shown before it.
        let (answers, answered) = unbounded_channel();
        let answered = Arc::new(Mutex::new(answered));
        builder = builder.canary_question(move || {
            let answered = answered.clone();
            async move { answered.lock().await.recv().await.unwrap_or(false) }
        });
        let callbacks = Self {
            after_canary,
            answers,
            health_notes,
        };
        (builder, callbacks)
    }
}

/// Who says whether to go on after the canary.
pub(super) enum AfterCanary {
    /// Whoever sits there.
    Asked(Terminal),
    /// It was said beforehand: yes.
    Yes,
    /// Nobody is there: no.
    Nobody,
}

/// What a run left behind.
pub(super) struct Ended {
    pub(super) report: Report,
    /// The wave that began last, and how many there are.
    pub(super) wave: Option<(usize, usize)>,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// Whether Ctrl-C was pressed.
    pub(super) interrupted: bool,
}

impl Ended {
    /// How the command ends whose report would end it like this.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        if self.interrupted {
            after_interrupt(exit)
        } else {
            exit
        }
    }
}

/// How a run is shown.
pub(super) struct Shown {
    pub(super) format: Format,
    /// When the outcomes of an earlier process became known.
    pub(super) times: OutcomeTimes,
}

/// Runs it. It goes on whatever happens to stdout and stderr: the thread that writes is not the one that sends.
pub(super) async fn execute(
    plan: Plan,
    callbacks: Callbacks,
    shown: Shown,
    signals: Signals,
    notes: &Notes,
    results: &mut Results,
) -> Result<Ended, Fail> {
    let Shown { format, mut times } = shown;
    let lines = format == Format::Jsonl;
    let began = Timestamp::now();
    let mut progress = Progress::new(notes, lines && io::stdout().is_terminal());
    let aside = Aside::new(progress.notes());
    let Callbacks {
        mut after_canary,
        answers,
        health_notes,
    } = callbacks;
    let _ = health_notes.set(aside.clone());
    let mut signals = signals;
    let run = unless_stopped(&mut signals, async {
        let started = plan.begin().await;
        started.map_err(|error| Fail::with_hint(&error, error.problem().to_string()))
    })
    .await?;
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
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = ticks.tick() => {
                progress.tick();
                continue;
            }
        };
        let Some(event) = event else { break };
        let at = Timestamp::now();
        if let Event::ServerDone(server) = &event {
            times.note(server.id, at);
        }
        progress.show(&event);
        if lines {
            results.write(&json::event(&event, at));
        }
        if let Event::Asking { .. } = event {
            ask(after_canary.take(), progress.tally(), &answers, notes);
        }
    }
    let report = run.await;
    listener.abort();
    aside.flush(LAST_NOTES).await;
    progress.finish();
    let mut report = report.map_err(|error| {
        Fail::new(Exit::Unknown, error.problem().to_string())
            .hint("check the servers before you run again, and please report this bug")
    })?;
    times.tell(&mut report.servers);
    let wave = progress.tally().wave;
    let ended = Timestamp::now();
    let interrupted = interrupted.load(Ordering::Relaxed);
    Ok(Ended {
        report,
        wave,
        began,
        ended,
        interrupted,
    })
}

/// What comes before anything is sent can be stopped.
pub(super) async fn unless_stopped<T, E: From<Fail>>(
    signals: &mut Signals,
    what: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::select! {
        done = what => done,
        signal = signals.next() => {
            let exit = if signal == INTERRUPT { after_interrupt(Exit::Stopped) } else { Exit::Stopped };
            Err(Fail::new(exit, "stopped; nothing was sent").into())
        }
    }
}

/// Whether to go on after the canary. Returns at once; the answer comes when it comes.
fn ask(after: Option<AfterCanary>, tally: &Tally, answers: &UnboundedSender<bool>, notes: &Notes) {
    let described = match after {
        Some(AfterCanary::Asked(terminal)) => {
            notes.always(&format!(
                "Canary finished: {} succeeded, {} failed. Continue with the remaining {}?",
                tally.succeeded,
                tally.failed,
                counted(tally.servers.saturating_sub(tally.done))
            ));
            let (answers, notes) = (answers.clone(), notes.clone());
            tokio::spawn(async move {
                // The run may have ended meanwhile.
                let _ = answers.send(terminal.asks_for_yes(&notes).await);
            });
            return;
        }
        Some(AfterCanary::Yes) => true,
        Some(AfterCanary::Nobody) | None => {
            notes.always("cannot ask whether to continue after the canary: no terminal is available, so the run stops");
            notes.hint("with --yes, the command below continues without asking");
            false
        }
    };
    let _ = answers.send(described);
}

/// How often times are shown anew.
const TICK: Duration = Duration::from_millis(500);

/// So long the end waits for somebody to read what was said on the way.
const LAST_NOTES: Duration = Duration::from_secs(2);

/// The first request to stop stops sending, the second one everything.
async fn listen(
    mut signals: Signals,
    control: Control,
    notes: Aside,
    interrupted: Arc<AtomicBool>,
) {
    let signal = signals.next().await;
    interrupted.store(signal == INTERRUPT, Ordering::Relaxed);
    control.stop_submitting_because(signal);
    notes.always(
        "Stopping: no new requests; waiting for accepted ones. Press Ctrl-C again to quit now.",
    );
    let again = signals.next().await;
    interrupted.fetch_or(again == INTERRUPT, Ordering::Relaxed);
    control.end();
    notes.always("quitting: accepted requests continue at the service");
}
