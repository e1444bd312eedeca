//! Writing to stdout and stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::sync::oneshot;

pub(crate) use crate::clean::{clean, clean_into, clean_json};
use crate::fail::Fail;
use crate::next_step::NextStep;
use crate::screen::{Screen, in_ascii};

/// Results, on their way to stdout. A reader that has gone away, as `head` does, is not an error: the rest is dropped.
pub(crate) struct Results<W: Write = io::Stdout> {
    out: W,
    state: State,
    /// Whether they are shown on a terminal that asks for ASCII.
    ascii: bool,
}

enum State {
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
            state: State::Open,
            ascii: false,
        }
    }

    /// Writes whole lines and sees to it that they arrive.
    pub(crate) fn write(&mut self, text: &str) {
        if !matches!(self.state, State::Open) {
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
                self.state = State::ReaderGone
            }
            Err(error) => self.state = State::Failed(error),
        }
    }

    /// Whether not all results arrived: nobody reads them any more, or they cannot be written.
    pub(crate) fn are_lost(&self) -> bool {
        !matches!(self.state, State::Open)
    }

    /// Whether results cannot be written.
    pub(crate) fn have_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// What kept results from being written, if anything did.
    pub(crate) fn finish(self) -> Option<io::Error> {
        match self.state {
            State::Failed(error) => Some(error),
            State::Open | State::ReaderGone => None,
        }
    }
}

/// Words to the person at stderr. Clones write to the same place, past the progress bar if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    quiet: bool,
    ascii: bool,
    bar: Option<ProgressBar>,
    /// The bar that was shown last, by any clone.
    last_bar: Arc<Mutex<Option<ProgressBar>>>,
    past_any_bar: bool,
}

impl Notes {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            ascii: Screen::stderr().ascii,
            bar: None,
            last_bar: Arc::default(),
            past_any_bar: false,
        }
    }

    /// From now on there is a progress bar.
    pub(crate) fn past(&self, bar: ProgressBar) -> Self {
        *self.last_bar() = Some(bar.clone());
        Self {
            bar: Some(bar),
            ..self.clone()
        }
    }

    /// The same, past the bar of any clone, also of a later one.
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

    /// A line that `--quiet` suppresses.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// A line that has to be seen.
    pub(crate) fn always(&self, line: &str) {
        let mut line = clean(line);
        if self.ascii && !line.is_ascii() {
            line = in_ascii(&line);
        }
        // When nobody can read it there is nobody to tell.
        let write = || drop(writeln!(io::stderr().lock(), "{line}"));
        let last_bar = self.past_any_bar.then(|| self.last_bar().clone()).flatten();
        // One that is finished is left as it is.
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

    /// A command to type next, on a line of its own.
    pub(crate) fn next(&self, step: &NextStep) {
        let [purpose, command] = step.lines();
        self.hint(&purpose);
        self.note(&command);
    }

    pub(crate) fn fail(&self, fail: &Fail) {
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

/// Notes from those who must not wait until somebody reads stderr: a thread of its own writes them.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    notes: Notes,
    to: mpsc::Sender<Piece>,
    /// So many lines may wait.
    room: usize,
    /// Lines that may be dropped and are not written yet.
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

enum Piece {
    /// One that is never dropped.
    Note(String),
    Line(String),
    /// All before it was written.
    Flush(oneshot::Sender<()>),
}

impl Aside {
    /// So many lines may wait.
    const ROOM: usize = 256;

    pub(crate) fn new(notes: &Notes) -> Self {
        Self::with_room(notes, Self::ROOM)
    }

    /// With room for so many lines.
    pub(crate) fn with_room(notes: &Notes, room: usize) -> Self {
        let (to, output) = mpsc::channel();
        let aside = Self {
            notes: notes.clone(),
            to,
            room,
            waiting: Arc::default(),
            dropped: Arc::default(),
        };
        let (notes, waiting, dropped) = (
            notes.clone(),
            Arc::clone(&aside.waiting),
            Arc::clone(&aside.dropped),
        );
        let write = move || {
            for output in output {
                match output {
                    Piece::Note(line) => notes.always(&line),
                    Piece::Line(line) => {
                        notes.always(&line);
                        waiting.fetch_sub(1, Ordering::SeqCst);
                    }
                    Piece::Flush(done) => {
                        match dropped.swap(0, Ordering::SeqCst) {
                            0 => {}
                            1 => notes.always("1 line was not shown: stderr was not read in time"),
                            many => notes.always(&format!(
                                "{many} lines were not shown: stderr was not read in time"
                            )),
                        }
                        // Whoever asked may have gone on.
                        let _ = done.send(());
                    }
                }
            }
        };
        // Without a thread nothing is shown, and nobody waits.
        let _ = thread::Builder::new().name("notes".to_owned()).spawn(write);
        aside
    }

    /// A line that has to be seen.
    pub(crate) fn always(&self, line: &str) {
        let _ = self.to.send(Piece::Note(line.to_owned()));
    }

    /// One of perhaps many: dropped, and counted, when too many wait.
    pub(crate) fn line(&self, line: &str) {
        if self.waiting.fetch_add(1, Ordering::SeqCst) < self.room {
            let _ = self.to.send(Piece::Line(line.to_owned()));
        } else {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            self.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The same, unless `--quiet` suppresses it.
    pub(crate) fn note(&self, line: &str) {
        if !self.notes.is_quiet() {
            self.line(line);
        }
    }

    /// Waits until all was written, but no longer than this.
    pub(crate) async fn flush(&self, within: Duration) {
        let (done, flushed) = oneshot::channel();
        if self.to.send(Piece::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(within, flushed).await;
        }
    }
}

/// Whether somebody watches stderr on a terminal that can move its cursor.
pub(crate) fn stderr_is_lively() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests;
