//! The announcement of a run before anything is sent: in the question, in a dry run, and in the log.

use std::path::Path;

use ecs_ops::PowerAction;
use ecs_ops::fleet::SkippedServer;
use ecs_ops::model::ServerId;
use ecs_ops::rolling::{AfterCanary, Rules, Waves};

use crate::args::{FailureLimit, Run};
use crate::command_line::written;
use crate::confirm::{Terminal, WavesShown, act_on, counted, skipped, verb};
use crate::connect::{self, Connection};
use crate::expectation::Expectation;
use crate::fail::CliError;
use crate::render::target;
use crate::term::{Printer, clean};

/// The most servers that are named.
const NAMED: usize = 5;

/// A run that has not begun.
pub(super) struct Announcement<'a> {
    pub(super) action: PowerAction,
    pub(super) args: &'a Run,
    pub(super) connection: &'a Connection,
    pub(super) requests: usize,
    /// The number of servers.
    pub(super) servers: usize,
    /// The known names of the [first servers](first) of the order.
    pub(super) first: &'a [String],
    pub(super) skipped: &'a [SkippedServer],
    pub(super) waves: Option<&'a Waves>,
    pub(super) waves_shown: Option<&'a WavesShown>,
    pub(super) journal: Option<&'a Path>,
    pub(super) expectation: &'a Expectation,
}

/// The servers that go first, of which an announcement has the names.
pub(super) fn first(ids: &[ServerId], waves: Option<&Waves>) -> Vec<ServerId> {
    match waves {
        None => ids.iter().take(NAMED).copied().collect(),
        Some(waves) => waves.waves.iter().flatten().take(NAMED).copied().collect(),
    }
}

impl Announcement<'_> {
    fn headline(&self) -> String {
        act_on(self.action, self.servers)
    }

    /// Returns all rows but those of the place.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let args = self.args;
        let sent = if self.waves.is_some() {
            "waves"
        } else {
            "requests"
        };
        let mut rows = vec![("servers", self.named()), (sent, self.requests())];
        let skipped = skipped(self.skipped);
        if !skipped.is_empty() {
            rows.push(("skipped", skipped));
        }
        rows.extend(self.pauses().map(|pauses| ("pause", pauses)));
        rows.extend(self.brake().map(|brake| ("brake", brake)));
        if let Some(command) = &args.rolling.health_cmd {
            let limit = written(args.rolling.health_limit());
            rows.push((
                "health",
                format!("{command} after each wave (at most {limit}); a failure stops the run"),
            ));
        }
        if let Some(after) = args.rolling.escalate_after {
            rows.push((
                "escalate",
                format!(
                    "a server whose soft restart fails, or that is not back after {}, is restarted hard (cutting the power)",
                    written(after)
                ),
            ));
        }
        if let Some(limit) = args.rolling.escalate_hang {
            let label = if args.rolling.escalate_after.is_some() {
                ""
            } else {
                "escalate"
            };
            rows.push((
                label,
                format!(
                    "a server that hangs in its restart for {} is restarted hard (cutting the power)",
                    written(limit)
                ),
            ));
        }
        if let (Some(limit), false) = (args.verifies(), args.no_wait) {
            rows.push((
                "verify",
                format!(
                    "each server until it is at rest in the wanted state (at most {})",
                    written(limit)
                ),
            ));
        }
        if args.resubmit_unknown {
            let again = "sent again, which may act on servers twice (--resubmit-unknown)";
            rows.push(("unknown", again.to_owned()));
        } else if args.reconcile {
            rows.push(("unknown", "checked at the service (--reconcile)".to_owned()));
        }
        if let Some(deadline) = args.deadline {
            rows.push((
                "deadline",
                format!("{}, then the run stops", written(deadline)),
            ));
        }
        let journal = self.journal.map(|path| path.display().to_string());
        let journal =
            journal.unwrap_or_else(|| "none: the run cannot be resumed after a crash".to_owned());
        rows.push(("journal", journal));
        rows.push(("takes", self.duration()));
        rows
    }

    /// Returns the announcement as lines: the action, the place and the options.
    fn lines(&self, end: &str) -> Vec<String> {
        let place = target::rows(self.connection).into_iter();
        let mut lines = vec![format!("{}{end}", self.headline())];
        lines.extend(place.chain(self.rows()).flat_map(row));
        lines
    }

    /// Returns all rows but those of the place as text, for a dry run.
    pub(super) fn dry_run(&self) -> String {
        let lines = self.rows().into_iter().flat_map(row);
        lines.map(|line| clean(&line) + "\n").collect()
    }

    /// Asks for confirmation; an answer other than yes is an error. Without a terminal the announcement is only
    /// printed.
    pub(super) async fn confirm(
        &self,
        terminal: Option<Terminal>,
        printer: &Printer,
    ) -> Result<(), CliError> {
        if self.args.resubmit_unknown {
            let verb = verb(self.action).to_ascii_lowercase();
            printer.always(&format!(
                "warning: --resubmit-unknown: if an answer is lost, this may {verb} servers twice"
            ));
        }
        let one_wave = self.waves.is_some_and(|waves| waves.waves.len() == 1);
        if let (true, Some(limit @ FailureLimit::AtMost(_))) =
            (one_wave, self.args.rolling.max_failures)
            && self.servers > 1
        {
            let reason = if self.args.rolling.wave.is_none() {
                "without --wave or --canary"
            } else {
                "all servers are in one wave, so"
            };
            printer.warn(&format!(
                "--max-failures {limit} can hardly stop anything: {reason} most requests are sent before the first failure is known"
            ));
        }
        let Some(terminal) = terminal else {
            self.lines("").iter().for_each(|line| printer.note(line));
            return Ok(());
        };
        self.lines("?").iter().for_each(|line| printer.always(line));
        terminal.confirm(printer).await
    }

    fn requests(&self) -> String {
        let requests = match self.requests {
            1 => "1 request".to_owned(),
            many if self.waves.is_some() => format!("{many} requests"),
            many => format!(
                "{many} requests of at most {} servers",
                self.args.batch_size
            ),
        };
        match self.waves_shown {
            Some(waves) => format!("{waves}, {requests}"),
            None => requests,
        }
    }

    /// Returns the pauses between waves.
    fn pauses(&self) -> Option<String> {
        let rolling = &self.args.rolling;
        let after_canary = match (rolling.canary, rolling.canary_pause) {
            (None, _) => None,
            (Some(_), None) => Some("asks after the canary".to_owned()),
            (Some(_), Some(pause)) => Some(format!("{} after the canary", written(pause))),
        };
        let between = rolling
            .pause
            .map(|pause| format!("{} between waves", written(pause)));
        let pauses: Vec<String> = after_canary.into_iter().chain(between).collect();
        (!pauses.is_empty()).then(|| pauses.join(", "))
    }

    /// Returns the first servers of the order.
    fn named(&self) -> String {
        let mut lines = self.first.to_vec();
        let more = self.servers.saturating_sub(lines.len());
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }

    /// Returns the rules that stop the run because of failures; `None` for a single server.
    fn brake(&self) -> Option<String> {
        let limit = self.args.rolling.max_failures;
        let servers = self.servers;
        match self.waves {
            _ if servers == 1 => None,
            _ if limit == Some(FailureLimit::None) => Some("none (--max-failures none)".to_owned()),
            None if self.args.no_wait => {
                Some("none: with --no-wait, failures are not known".to_owned())
            }
            None => Some("none: all servers are in one wave; --wave N|P% makes waves".to_owned()),
            Some(waves) => {
                let rules = self.args.rolling.rules(servers);
                Some(brake(&rules, waves.waves.len(), servers, limit))
            }
        }
    }

    /// Returns the expected duration.
    fn duration(&self) -> String {
        let rolling = &self.args.rolling;
        let mut text = format!("about {}", self.expectation.range());
        if rolling.health_cmd.is_some() {
            text.push_str(", and the health checks");
        }
        if rolling.asks() {
            text.push_str(", and the question after the canary");
        }
        if self.connection.is_simulated() || connect::is_sped_up() {
            text.push_str(" by the simulator's clock");
        }
        text
    }
}

/// Formats a row and its continuation lines.
fn row((label, value): (&'static str, String)) -> Vec<String> {
    let mut label = Some(label);
    let lines = value.lines();
    lines
        .map(|line| format!("  {:<9} {line}", label.take().unwrap_or_default()))
        .collect()
}

/// Describes the rules that stop a run of these waves.
fn brake(rules: &Rules, waves: usize, servers: usize, given: Option<FailureLimit>) -> String {
    let most = rules
        .max_failures
        .map_or(servers, |limit| limit.of(servers));
    let limit = format!("stops when more than {} failed", counted(most));
    if !rules.brake {
        let given = given.map_or_else(String::new, |given| format!(" (--max-failures {given})"));
        if most >= servers {
            return format!("none: all {} may fail{given}", counted(servers));
        }
        return format!("{limit}{given}");
    }
    if waves < 2 {
        return format!("{limit}; in one wave it can hardly stop anything");
    }
    let canary = match rules.canary {
        Some(AfterCanary::Pause(_)) => ", or a server of the canary failed",
        _ => "",
    };
    format!("{limit}, or no server of a wave succeeded{canary} (--max-failures changes it)")
}

#[cfg(test)]
mod tests;
