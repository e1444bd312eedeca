//! The confirmation before servers are acted on.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};

use ecs_ops::PowerAction;
use ecs_ops::fleet::{SkipReason, SkippedServer};

use crate::fail::CliError;
use crate::term::Printer;

/// The waves of a run, for the question and for a dry run.
pub(crate) struct WavesShown {
    pub(crate) waves: usize,
    /// The number of servers of the largest wave.
    pub(crate) largest: usize,
    /// The number of servers of the canary.
    pub(crate) canary: Option<usize>,
}

impl fmt::Display for WavesShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waves = |waves| match waves {
            1 => "1 wave".to_owned(),
            waves => format!("{waves} waves"),
        };
        let largest = counted(self.largest);
        match (self.canary, self.waves) {
            (None, 1) => f.write_str("1 wave"),
            (None, many) => write!(f, "{} of at most {largest}", waves(many)),
            (Some(canary), 0 | 1) => write!(f, "a canary of {}", counted(canary)),
            (Some(canary), many) => {
                let (canary, rest) = (counted(canary), waves(many - 1));
                write!(f, "a canary of {canary}, then {rest} of at most {largest}")
            }
        }
    }
}

/// The source of answers.
pub(crate) enum Terminal {
    Stdin,
    Itself(File),
}

impl Terminal {
    /// Returns the terminal, if a question can be seen and answered there. `stdin_is_taken`: stdin is read for
    /// something else, so the answer comes from the terminal itself.
    pub(crate) fn open(stdin_is_taken: bool) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        if stdin_is_taken {
            let terminal = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
            return File::open(terminal).ok().map(Self::Itself);
        }
        io::stdin().is_terminal().then_some(Self::Stdin)
    }

    /// Asks for confirmation; an answer other than yes is an error.
    pub(crate) async fn confirm(self, printer: &Printer) -> Result<(), CliError> {
        if self.asks_for_yes(printer).await {
            Ok(())
        } else {
            Err(CliError::usage("not confirmed; nothing was sent"))
        }
    }

    /// Prompts, and returns whether the answer is exactly `yes`.
    pub(crate) async fn asks_for_yes(self, printer: &Printer) -> bool {
        self.discard_input();
        printer.always("Continue? Type \"yes\":");
        // On a separate thread, because the runtime may have a simulator to run.
        let answer = tokio::task::spawn_blocking(move || {
            let from: Box<dyn Read> = match self {
                Self::Stdin => Box::new(io::stdin()),
                Self::Itself(file) => Box::new(file),
            };
            let mut line = String::new();
            let mut answers = BufReader::new(from.take(1024));
            answers.read_line(&mut line).map(|_| line)
        });
        let answer = answer.await.ok().and_then(Result::ok).unwrap_or_default();
        answer.trim() == "yes"
    }

    /// Discards input that was typed before the question.
    #[cfg(unix)]
    fn discard_input(&self) {
        use rustix::termios::{QueueSelector, tcflush};
        // If that fails, earlier input counts as the answer.
        let _ = match self {
            Self::Stdin => tcflush(io::stdin(), QueueSelector::IFlush),
            Self::Itself(file) => tcflush(file, QueueSelector::IFlush),
        };
    }

    #[cfg(not(unix))]
    fn discard_input(&self) {}
}

/// Describes how many servers are skipped and why; empty if none are.
pub(crate) fn skipped(servers: &[SkippedServer]) -> String {
    let count = |reason| {
        servers
            .iter()
            .filter(|value| value.reason == reason)
            .count()
    };
    let stopped = match count(SkipReason::Stopped) {
        0 => None,
        stopped => Some(format!("{stopped} stopped")),
    };
    let own = (count(SkipReason::ThisMachine) > 0).then(|| "this machine".to_owned());
    let parts: Vec<String> = stopped.into_iter().chain(own).collect();
    parts.join(", ")
}

/// Describes an action on this many servers without a full stop: `Restart 3 servers softly`.
pub(crate) fn act_on(action: PowerAction, servers: usize) -> String {
    let act = format!("{} {}", verb(action), counted(servers));
    match action.type_name() {
        Some("SOFT") => format!("{act} softly"),
        Some("HARD") => format!("{act} hard, cutting the power"),
        _ => act,
    }
}

/// Returns the beginning of a dry run's sentence about an act of [`act_on`]: `dry run: would restart 3 servers softly`.
pub(crate) fn would(act: &str) -> String {
    let mut letters = act.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    format!(
        "dry run: would {}{}",
        first.unwrap_or_default(),
        letters.as_str()
    )
}

/// Returns the participle of an action.
pub(crate) fn done(action: PowerAction) -> &'static str {
    match action {
        PowerAction::Reboot(_) => "restarted",
        PowerAction::Stop(_) => "stopped",
        _ => "started",
    }
}

/// Returns the verb of an action.
pub(crate) fn verb(action: PowerAction) -> &'static str {
    match action {
        PowerAction::Reboot(_) => "Restart",
        PowerAction::Stop(_) => "Stop",
        _ => "Start",
    }
}

/// Returns `1 server`, `2 servers`.
pub(crate) fn counted(servers: usize) -> String {
    match servers {
        1 => "1 server".to_owned(),
        servers => format!("{servers} servers"),
    }
}

/// Returns the first `most` items and the number of further ones.
pub(crate) fn few<T>(all: &[T], most: usize, shown: impl Fn(&T) -> String) -> Vec<String> {
    let mut few: Vec<String> = all.iter().take(most).map(shown).collect();
    if all.len() > most {
        few.push(format!("and {} more", all.len() - most));
    }
    few
}
