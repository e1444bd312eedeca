//! Output to stdout and stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::sync::oneshot;

pub(crate) use crate::clean::{clean, clean_into, clean_json};
use crate::fail::CliError;
use crate::next_step::NextStep;
use crate::screen::{Screen, in_ascii};

/// The writer of results to stdout. A reader that closes the pipe, such as `head`, is not an error: the rest is
/// dropped.
pub(crate) struct Results<W: Write = io::Stdout> {
    out: W,
    state: StdoutState,
    /// `true` if stdout is a terminal that needs ASCII.
    ascii: bool,
}

enum StdoutState {
    Open,
    ReaderGone,
    Failed(io::Error),
}

impl Results {
    pub(crate) fn stdout() -> Self {
        let screen = Screen::stdout();
        Self {
            ascii: screen.ascii && screen.width.is_some(),
            ..Self::new(io::stdout())
        }
    }
}

impl<W: Write> Results<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            state: StdoutState::Open,
            ascii: false,
        }
    }

    /// Writes whole lines and flushes them.
    pub(crate) fn write(&mut self, text: &str) {
        if !matches!(self.state, StdoutState::Open) {
            return;
        }
        let written = if self.ascii && !text.is_ascii() {
            self.out.write_all(in_ascii(text).as_bytes())
        } else {
            self.out.write_all(text.as_bytes())
        };
        match written.and_then(|()| self.out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.state = StdoutState::ReaderGone
            }
            Err(error) => self.state = StdoutState::Failed(error),
        }
    }

    /// Returns whether results were lost: the reader is gone, or a write failed.
    pub(crate) fn are_lost(&self) -> bool {
        !matches!(self.state, StdoutState::Open)
    }

    /// Returns whether a write failed.
    pub(crate) fn have_failed(&self) -> bool {
        matches!(self.state, StdoutState::Failed(_))
    }

    /// Returns the error of a failed write.
    pub(crate) fn finish(self) -> Option<io::Error> {
        match self.state {
            StdoutState::Failed(error) => Some(error),
            StdoutState::Open | StdoutState::ReaderGone => None,
        }
    }
}

/// The writer of messages to stderr. Clones write to the same place, above the progress bar if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    quiet: bool,
    ascii: bool,
    bar: Option<ProgressBar>,
    /// The latest progress bar of any clone.
    last_bar: Arc<Mutex<Option<ProgressBar>>>,
    past_any_bar: bool,
}

impl Printer {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            ascii: Screen::stderr().ascii,
            bar: None,
            last_bar: Arc::default(),
            past_any_bar: false,
        }
    }

    /// Sets the progress bar.
    pub(crate) fn past(&self, bar: ProgressBar) -> Self {
        *self.last_bar() = Some(bar.clone());
        Self {
            bar: Some(bar),
            ..self.clone()
        }
    }

    /// Returns a clone that writes above the bar of any clone, also a later one.
    pub(crate) fn past_any_bar(&self) -> Self {
        Self {
            past_any_bar: true,
            ..self.clone()
        }
    }

    fn last_bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.last_bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a line unless `--quiet` is given.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// Prints a line, also with `--quiet`.
    pub(crate) fn always(&self, line: &str) {
        let mut line = clean(line);
        if self.ascii && !line.is_ascii() {
            line = in_ascii(&line);
        }
        // A failed write to stderr cannot be reported.
        let write = || drop(writeln!(io::stderr().lock(), "{line}"));
        let last_bar = self.past_any_bar.then(|| self.last_bar().clone()).flatten();
        // A finished bar is not redrawn.
        let last_bar = last_bar.filter(|bar| !bar.is_finished());
        match last_bar.as_ref().or(self.bar.as_ref()) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn warn(&self, line: &str) {
        self.always(&format!("warning: {line}"));
    }

    pub(crate) fn hint(&self, line: &str) {
        self.note(&format!("hint: {line}"));
    }

    /// Prints a next step, with the command on a line of its own.
    pub(crate) fn next(&self, step: &NextStep) {
        let [purpose, command] = step.lines();
        self.hint(&purpose);
        self.note(&command);
    }

    pub(crate) fn fail(&self, fail: &CliError) {
        self.always(&format!("error: {}", fail.message));
        for detail in &fail.details {
            self.always(&format!("  {detail}"));
        }
        if let Some(hint) = &fail.hint {
            self.always(&format!("hint: {hint}"));
        }
        for step in &fail.next {
            let [purpose, command] = step.lines();
            self.always(&format!("hint: {purpose}"));
            self.always(&command);
        }
    }
}

/// Messages from tasks that must not wait for stderr. A separate thread writes them.
#[derive(Clone, Debug)]
pub(crate) struct BackgroundPrinter {
    printer: Printer,
    to: mpsc::Sender<Piece>,
    /// The most lines that may wait.
    room: usize,
    /// The number of queued lines that may be dropped.
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

enum Piece {
    /// A line that is never dropped.
    Note(String),
    Line(String),
    /// Signals that all lines before it were written.
    Flush(oneshot::Sender<()>),
}

impl BackgroundPrinter {
    /// The most lines that may wait.
    const ROOM: usize = 256;

    pub(crate) fn new(printer: &Printer) -> Self {
        Self::with_room(printer, Self::ROOM)
    }

    /// Starts the thread, with room for this many lines.
    pub(crate) fn with_room(printer: &Printer, room: usize) -> Self {
        let (to, output) = mpsc::channel();
        let aside = Self {
            printer: printer.clone(),
            to,
            room,
            waiting: Arc::default(),
            dropped: Arc::default(),
        };
        let (printer, waiting, dropped) = (
            printer.clone(),
            Arc::clone(&aside.waiting),
            Arc::clone(&aside.dropped),
        );
        let write = move || {
            for output in output {
                match output {
                    Piece::Note(line) => printer.always(&line),
                    Piece::Line(line) => {
                        printer.always(&line);
                        waiting.fetch_sub(1, Ordering::SeqCst);
                    }
                    Piece::Flush(done) => {
                        match dropped.swap(0, Ordering::SeqCst) {
                            0 => {}
                            1 => {
                                printer.always("1 line was not shown: stderr was not read in time")
                            }
                            many => printer.always(&format!(
                                "{many} lines were not shown: stderr was not read in time"
                            )),
                        }
                        // The receiver may have stopped waiting.
                        let _ = done.send(());
                    }
                }
            }
        };
        // Without the thread messages are lost, but nothing blocks.
        let _ = thread::Builder::new().name("notes".to_owned()).spawn(write);
        aside
    }

    /// Prints a line, also with `--quiet`.
    pub(crate) fn always(&self, line: &str) {
        let _ = self.to.send(Piece::Note(line.to_owned()));
    }

    /// Prints a line, which is dropped and counted if too many lines wait.
    pub(crate) fn line(&self, line: &str) {
        if self.waiting.fetch_add(1, Ordering::SeqCst) < self.room {
            let _ = self.to.send(Piece::Line(line.to_owned()));
        } else {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            self.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Prints a line unless `--quiet` is given; dropped and counted if too many lines wait.
    pub(crate) fn note(&self, line: &str) {
        if !self.printer.is_quiet() {
            self.line(line);
        }
    }

    /// Waits until all lines are written, but no longer than this.
    pub(crate) async fn flush(&self, within: Duration) {
        let (done, flushed) = oneshot::channel();
        if self.to.send(Piece::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(within, flushed).await;
        }
    }
}

/// Returns whether stderr is a terminal that can move its cursor.
pub(crate) fn stderr_is_interactive() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests;
