//! The announcement of a resumed run before anything is sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ecs_ops::journal::{Invocation, Recovered};
use ecs_ops::model::ServerId;
use ecs_ops::{PowerAction, journal::ServerNames};
use jiff::Timestamp;
use serde_json::json;

use crate::args::Format;
use crate::confirm::{Terminal, act_on, counted, few, would};
use crate::connect::Connection;
use crate::fail::CliError;
use crate::render::duration::in_one_unit;
use crate::render::{json, target};
use crate::term::{Printer, clean};

/// The most servers that are named.
const NAMED: usize = 5;

/// The rest of a run.
pub(super) struct Intent {
    run_id: String,
    action: PowerAction,
    journal: PathBuf,
    of: usize,
    done: usize,
    to_wait_for: usize,
    unknown: usize,
    to_send: Vec<ServerId>,
    /// The names of servers, from the journal.
    names: ServerNames,
    /// The servers without a final outcome.
    pub(super) servers: Vec<ServerId>,
    /// The rules that stop the run, if it has waves.
    brake: Option<String>,
    health: Option<String>,
    escalates: bool,
    last: Option<Timestamp>,
    by: Option<Invocation>,
}

impl Intent {
    pub(super) fn of(
        recovered: &Recovered,
        journal: &Path,
        last: Option<Timestamp>,
        by: Option<Invocation>,
    ) -> Self {
        let run = recovered.run();
        let (accepted, unknown) = (recovered.accepted_requests(), recovered.unknown_requests());
        let done: std::collections::HashSet<_> =
            recovered.final_outcomes().map(|(id, _)| id).collect();
        let open = run.servers.iter().copied();
        let rolling = run.rolling.as_ref();
        let of = run.servers.len();
        let brake = rolling.map(|rolling| match (rolling.max_failures, rolling.brake) {
            (Some(most), true) => format!(
                "stops when more than {most} of the run's {} failed, or no server of a wave succeeded",
                counted(of)
            ),
            (Some(most), false) => format!(
                "stops when more than {most} of the run's {} failed",
                counted(of)
            ),
            (None, _) => "none (--max-failures none)".to_owned(),
        });
        Self {
            run_id: run.run_id.clone(),
            action: run.action,
            journal: journal.to_owned(),
            of,
            done: done.len(),
            to_wait_for: accepted.iter().map(|request| request.servers.len()).sum(),
            unknown: unknown.iter().map(|request| request.servers.len()).sum(),
            to_send: recovered.unsent(),
            names: run.names.clone(),
            servers: open.filter(|id| !done.contains(id)).collect(),
            brake,
            health: rolling.and_then(|rolling| rolling.health.clone()),
            escalates: rolling.is_some_and(|rolling| rolling.escalate_after_ms.is_some()),
            last,
            by,
        }
    }

    /// Returns whether the run may do more than wait.
    pub(super) fn acts(&self) -> bool {
        !self.to_send.is_empty() || self.escalates || self.health.is_some()
    }

    fn headline(&self) -> String {
        let act = match self.to_send.len() {
            0 => "nothing is left to send".to_owned(),
            left => act_on(self.action, left),
        };
        format!("Resume run {}: {act}", self.run_id)
    }

    fn lines(&self, connection: &Connection, headline: String) -> Vec<String> {
        let left = format!(
            "{} to send, {} to wait for, {} unknown; {} of {} done",
            self.to_send.len(),
            self.to_wait_for,
            self.unknown,
            self.done,
            counted(self.of)
        );
        let servers = few(&self.to_send, NAMED, |id| self.named(*id));
        let mut journal = self.journal.display().to_string();
        if let Some(last) = self.last {
            let age = in_one_unit(Timestamp::now().duration_since(last).as_secs());
            journal.push_str(&format!(", last written {age} ago"));
        }
        let mut rows = target::rows(connection);
        rows.push(("left", left));
        if !servers.is_empty() {
            rows.push(("servers", servers.join("\n")));
        }
        rows.extend(self.brake.clone().map(|brake| ("brake", brake)));
        rows.extend(self.health.clone().map(|command| ("health", command)));
        if self.escalates {
            let hard = "servers whose soft restart fails are restarted hard (cutting the power)";
            rows.push(("escalate", hard.to_owned()));
        }
        rows.push(("journal", journal));
        rows.extend(self.by.as_ref().map(|by| ("run by", by.to_string())));
        let mut lines = vec![headline];
        for (label, value) in rows {
            let mut label = Some(label);
            let row = |line| format!("  {:<9} {line}", label.take().unwrap_or_default());
            lines.extend(value.lines().map(row));
        }
        lines
    }

    /// Returns the id of a server, with its name if it is known.
    fn named(&self, id: ServerId) -> String {
        match self.names.get(id) {
            Some(name) => format!("{id} {name}"),
            None => id.to_string(),
        }
    }

    /// Returns the servers without a final outcome, one per line.
    fn ids(&self) -> String {
        self.servers.iter().map(|id| format!("{id}\n")).collect()
    }

    /// Formats the output of `--dry-run`.
    pub(super) fn shown(&self, format: Format, connection: &Connection) -> String {
        let document = json!({
            "version": json::VERSION,
            "dry_run": true,
            "run_id": self.run_id,
            "operation": self.action.name(),
            "type": self.action.type_name(),
            "endpoint": connection.endpoint.to_string(),
            "project_id": connection.project.as_str(),
            "journal": self.journal,
            "last_record": self.last,
            "servers": self.of,
            "done": self.done,
            "to_wait_for": self.to_wait_for,
            "unknown": self.unknown,
            "to_send": self.to_send,
            "names": self.to_send.iter().filter_map(|id| Some((id.to_string(), self.names.get(*id)?))).collect::<BTreeMap<_, _>>(),
        });
        match format {
            Format::Table => {
                let headline = format!("{}; nothing was sent", would(&self.headline()));
                let lines = self.lines(connection, headline);
                lines.iter().map(|line| clean(line) + "\n").collect()
            }
            Format::Json => json::document(&document),
            Format::Jsonl => json::line(&document),
            Format::Csv => format!("id\n{}", self.ids()),
            Format::Id => self.ids(),
        }
    }

    /// Asks for confirmation; an answer other than yes is an error. Without a terminal the announcement is only
    /// printed.
    pub(super) async fn confirm(
        &self,
        terminal: Option<Terminal>,
        connection: &Connection,
        printer: &Printer,
    ) -> Result<(), CliError> {
        let Some(terminal) = terminal else {
            self.lines(connection, self.headline())
                .iter()
                .for_each(|line| printer.note(line));
            return Ok(());
        };
        self.lines(connection, self.headline() + "?")
            .iter()
            .for_each(|line| printer.always(line));
        terminal.confirm(printer).await
    }
}
