//! The capabilities of a stream: width, colors and characters beyond ASCII.

use std::io::{self, IsTerminal};

use clap::builder::styling::{AnsiColor, Color, Style};
use unicode_width::UnicodeWidthChar as _;

/// The capabilities of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Screen {
    /// The number of columns; `None` if the stream is not a terminal, where nothing is wrapped or cut.
    pub(crate) width: Option<usize>,
    pub(crate) color: bool,
    pub(crate) ascii: bool,
}

/// The environment variables that determine the capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Environment {
    no_color: bool,
    clicolor: Option<String>,
    clicolor_force: Option<String>,
    term: Option<String>,
    locale: Option<String>,
}

impl Environment {
    fn of_process() -> Self {
        let get = |name| std::env::var(name).ok();
        let set = |name| get(name).filter(|value| !value.is_empty());
        Self {
            no_color: set("NO_COLOR").is_some(),
            clicolor: get("CLICOLOR"),
            clicolor_force: get("CLICOLOR_FORCE"),
            term: get("TERM"),
            // The first variable that is set counts, by POSIX.
            locale: set("LC_ALL")
                .or_else(|| set("LC_CTYPE"))
                .or_else(|| set("LANG")),
        }
    }

    fn is_dumb(&self) -> bool {
        self.term
            .as_deref()
            .is_some_and(|term| term.is_empty() || term == "dumb")
    }

    fn color(&self, is_terminal: bool) -> bool {
        if self.no_color {
            return false;
        }
        if self
            .clicolor_force
            .as_deref()
            .is_some_and(|force| !force.is_empty() && force != "0")
        {
            return true;
        }
        is_terminal && !self.is_dumb() && self.clicolor.as_deref() != Some("0")
    }

    fn ascii(&self) -> bool {
        self.is_dumb()
            || self
                .locale
                .as_deref()
                .is_some_and(|locale| locale == "C" || locale == "POSIX")
    }
}

impl Screen {
    /// Returns the capabilities of stdout.
    pub(crate) fn stdout() -> Self {
        let out = io::stdout();
        Self::new(&Environment::of_process(), out.is_terminal(), columns(&out))
    }

    /// Returns the capabilities of stderr.
    pub(crate) fn stderr() -> Self {
        let out = io::stderr();
        Self::new(&Environment::of_process(), out.is_terminal(), columns(&out))
    }

    fn new(environment: &Environment, is_terminal: bool, columns: Option<usize>) -> Self {
        const USUAL: usize = 80;
        Self {
            width: is_terminal.then(|| columns.unwrap_or(USUAL)),
            color: environment.color(is_terminal),
            ascii: environment.ascii(),
        }
    }

    /// Returns the text in a color, if the stream has colors.
    pub(crate) fn paint(self, color: AnsiColor, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style = Style::new().bold().fg_color(Some(Color::Ansi(color)));
        format!("{style}{text}{style:#}")
    }

    /// Wraps a text into lines that fit, each with this indent.
    pub(crate) fn wrapped(self, text: &str, indent: usize) -> Vec<String> {
        let margin = " ".repeat(indent);
        let Some(width) = self.width else {
            return vec![format!("{margin}{text}")];
        };
        let room = width.saturating_sub(indent).max(1);
        let mut lines = Vec::new();
        let (mut line, mut used) = (String::new(), 0);
        for word in text.split_whitespace() {
            let wide = width_of(word);
            if used > 0 && used + 1 + wide <= room {
                line.push(' ');
                line.push_str(word);
                used += 1 + wide;
                continue;
            }
            if used > 0 {
                lines.push(format!("{margin}{line}"));
                (line, used) = (String::new(), 0);
            }
            // A word that is wider than a line is broken.
            for c in word.chars() {
                let wide = c.width().unwrap_or(0);
                if used + wide > room {
                    lines.push(format!("{margin}{line}"));
                    (line, used) = (String::new(), 0);
                }
                line.push(c);
                used += wide;
            }
        }
        if used > 0 || lines.is_empty() {
            lines.push(format!("{margin}{line}"));
        }
        lines
    }
}

/// Replaces the program's own signs beyond ASCII by ASCII of the same width. External names and messages stay
/// unchanged.
pub(crate) fn in_ascii(text: &str) -> String {
    let plain = |c| match c {
        '–' | '—' => '-',
        '×' => 'x',
        '…' => '~',
        '█' => '#',
        '░' => '.',
        c => c,
    };
    text.chars().map(plain).collect()
}

/// Returns the width of a text in columns.
pub(crate) fn width_of(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

#[cfg(unix)]
fn columns(of: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(of).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn columns<T>(_: &T) -> Option<usize> {
    None
}

#[cfg(test)]
mod tests;
