//! The question before servers are acted on.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};

use ecs_ops::PowerAction;

use crate::connect::Connection;
use crate::fail::Fail;
use crate::term::Notes;

/// How many servers the question names.
const NAMED: usize = 5;

/// What the question says.
pub(crate) struct Question<'a> {
    pub(crate) action: PowerAction,
    pub(crate) connection: &'a Connection,
    pub(crate) requests: usize,
    pub(crate) batch_size: usize,
    /// The servers, with their names as far as they are known.
    pub(crate) servers: &'a [String],
}

impl Question<'_> {
    fn text(&self) -> String {
        let count = self.servers.len();
        let mut named = self
            .servers
            .iter()
            .take(NAMED)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n            ");
        if count > NAMED {
            named.push_str(&format!("\n            and {} more", count - NAMED));
        }
        let requests = match self.requests {
            1 => "1 request".to_owned(),
            requests => format!("{requests} requests of at most {} servers", self.batch_size),
        };
        format!(
            "{what} {servers}?\n  endpoint  {place}\n  project   {project}\n  in        {requests}\n  servers   {named}",
            what = verb(self.action),
            servers = counted(count),
            place = self.connection.place(),
            project = self.connection.project,
        )
    }

    /// Asks, and returns only if the answer is yes.
    pub(crate) async fn ask(self, terminal: Terminal, notes: &Notes) -> Result<(), Fail> {
        self.text().lines().for_each(|line| notes.always(line));
        notes.always("Type yes to go on:");
        // Not on a thread of the runtime, which may have a simulator to run. Ctrl-C ends the process here: nothing was sent.
        let answer = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let mut answers = BufReader::new(terminal.0.take(1024));
            answers.read_line(&mut line).map(|_| line)
        });
        let answer = answer
            .await
            .map_err(io::Error::other)
            .and_then(|answer| answer);
        match answer
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "y" | "yes" => Ok(()),
            _ => Err(Fail::usage("not confirmed: nothing was sent")),
        }
    }
}

/// Where answers come from.
pub(crate) struct Terminal(Box<dyn Read + Send>);

impl Terminal {
    /// The terminal, if the question can be seen and answered there. `stdin_is_taken`: something else is read from
    /// stdin, so the answer comes from the terminal itself.
    pub(crate) fn open(stdin_is_taken: bool) -> Result<Self, Fail> {
        let there_is_none = || {
            Fail::usage("nothing is done without asking, and there is no terminal to ask on: nothing was sent")
                .hint("add --yes to go on without a question, or --dry-run to see what would be sent")
        };
        if !io::stderr().is_terminal() {
            return Err(there_is_none());
        }
        if stdin_is_taken {
            let terminal = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
            let file = File::open(terminal).map_err(|_| there_is_none())?;
            return Ok(Self(Box::new(file)));
        }
        match io::stdin().is_terminal() {
            true => Ok(Self(Box::new(io::stdin()))),
            false => Err(there_is_none()),
        }
    }
}

/// What is done, as the beginning of a sentence.
pub(crate) fn verb(action: PowerAction) -> String {
    let verb = match action {
        PowerAction::Reboot(_) => "Restart",
        PowerAction::Stop(_) => "Stop",
        _ => "Start",
    };
    match action.kind() {
        Some("SOFT") => format!("{verb} softly"),
        Some("HARD") => format!("{verb} hard (cutting the power)"),
        _ => verb.to_owned(),
    }
}

/// `1 server`, `2 servers`.
pub(crate) fn counted(servers: usize) -> String {
    match servers {
        1 => "1 server".to_owned(),
        servers => format!("{servers} servers"),
    }
}
