//! The options of a run, from the first record of its journal.

use std::time::Duration;

use clap::Parser as _;
use ecs_ops::journal::{RollingRecord, RunRecord};
use ecs_ops::rolling::Waves;
use ecs_ops::{PowerAction, RunBuilder};

use crate::args::{Cli, Command, Run};
use crate::command_line::written;
use crate::fail::CliError;

/// An option with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedOption {
    pub(super) name: &'static str,
    values: Vec<String>,
}

impl RecordedOption {
    /// Returns the arguments of the option. A value that begins with a dash is joined by `=`, or it would be parsed
    /// as an option.
    pub(super) fn arguments(&self) -> Vec<String> {
        match self.values.as_slice() {
            [value] if value.starts_with('-') => vec![format!("{}={value}", self.name)],
            values => {
                let mut arguments = vec![self.name.to_owned()];
                arguments.extend(values.iter().cloned());
                arguments
            }
        }
    }
}

/// Returns the options of a run, without its servers. Percentages become numbers. `--resubmit-unknown` is omitted,
/// because consent to a second request was given for that run only.
pub(super) fn options_of(run: &RunRecord) -> Vec<RecordedOption> {
    let mut options = Vec::new();
    let mut add = |name: &'static str, values: Vec<String>| {
        options.push(RecordedOption { name, values });
    };
    let time = |milliseconds: u64| written(Duration::from_millis(milliseconds));
    if let Some(kind) = run.action.type_name() {
        add("--type", vec![kind.to_ascii_lowercase()]);
    }
    if run.batch_size != RunBuilder::DEFAULT_BATCH_SIZE {
        add("--batch-size", vec![run.batch_size.to_string()]);
    }
    if let Some(servers) = run.servers_per_minute {
        add("--servers-per-minute", vec![servers.to_string()]);
    }
    if !run.wait {
        add("--no-wait", Vec::new());
    }
    if let Some(deadline) = run.deadline_ms {
        add("--deadline", vec![time(deadline)]);
    }
    if let Some(limit) = run.stalled_after_ms {
        add("--stalled-after", vec![time(limit)]);
    }
    if let Some(limit) = run.verify_ms {
        add("--verify", Vec::new());
        add("--verify-timeout", vec![time(limit)]);
    }
    if run.reconcile {
        add("--reconcile", Vec::new());
    }
    let recheck = run.rolling.as_ref().and_then(|rolling| rolling.recheck);
    if !run.unready.is_empty() || recheck.is_some_and(|recheck| recheck.skips()) {
        add("--skip-unready", Vec::new());
    }
    let Some(rolling) = &run.rolling else {
        return options;
    };
    let canary = rolling
        .canary
        .then(|| rolling.waves.first())
        .flatten()
        .map(Vec::len);
    let others = rolling.waves.iter().skip(usize::from(canary.is_some()));
    if let Some(largest) = others.map(Vec::len).max()
        && !is_small_first(rolling)
    {
        add("--wave", vec![largest.to_string()]);
    }
    if let Some(servers) = canary {
        add("--canary", vec![servers.to_string()]);
    }
    if let Some(pause) = rolling.canary_pause_ms.filter(|_| canary.is_some()) {
        add("--canary-pause", vec![time(pause)]);
    }
    if rolling.pause_ms > 0 {
        add("--pause", vec![time(rolling.pause_ms)]);
    }
    match rolling.max_failures {
        // The default brake, which the new run has anyway.
        _ if rolling.brake => {}
        Some(most) => add("--max-failures", vec![most.to_string()]),
        None => add("--max-failures", vec!["none".to_owned()]),
    }
    if let Some(command) = rolling
        .health
        .as_ref()
        .filter(|command| !command.trim().is_empty())
    {
        add("--health-cmd", vec![command.clone()]);
        if let Some(limit) = rolling.health_timeout_ms {
            add("--health-timeout", vec![time(limit)]);
        }
    }
    if let Some(after) = rolling.escalate_after_ms {
        add("--escalate", vec!["hard-after".to_owned(), time(after)]);
    }
    if let Some(limit) = rolling.escalate_hang_ms {
        add("--escalate", vec!["hard-if-hung".to_owned(), time(limit)]);
    }
    options
}

/// Returns whether the waves are those of a run without rolling options.
fn is_small_first(rolling: &RollingRecord) -> bool {
    let mut sizes = rolling.waves.iter().map(Vec::len);
    rolling.brake
        && !rolling.canary
        && sizes.next() == Some(Waves::SMALL_FIRST)
        && sizes
            .next()
            .is_some_and(|others| others > Waves::SMALL_FIRST)
}

/// Parses a command line that was made from such options.
pub(super) fn parse(arguments: &[String]) -> Result<(PowerAction, Run), CliError> {
    let cli = Cli::try_parse_from(arguments).map_err(|error| {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default();
        CliError::usage(format!(
            "the options of the new run: {}",
            first.trim_start_matches("error: ")
        ))
    })?;
    match cli.command {
        Command::Reboot(reboot) => reboot.split(),
        Command::Start(start) => Ok(start.split()),
        Command::Stop(stop) => Ok(stop.split()),
        _ => Err(CliError::usage(
            "the journal is not that of a reboot, start or stop",
        )),
    }
}

#[cfg(test)]
mod tests;
