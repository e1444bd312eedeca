//! The command that goes on with a run that stopped.

mod quoting;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser as _, ValueEnum};
use ecs_ops::journal::RunRecord;
use ecs_ops::model::ServerId;
use ecs_ops::{Client, Outcome, PowerAction, Report, RunBuilder, Stopped};

use crate::args::{Cli, Format, Global, HEALTH_TIMEOUT, Resume, Run};
use crate::confirm::counted;
use crate::term::Notes;
use quoting::place;
pub(super) use quoting::quoted;

/// So many ids are written into the command itself.
const INLINE: usize = 5;

/// A run of this process, as far as going on with it needs it.
pub(super) enum GoOn {
    /// Its journal has everything but credentials.
    Journal(Words),
    /// The store has its journal, under its id.
    Stored(Words),
    /// What is left is given to another run, with the same options; `place` are those of them that any command takes.
    Again {
        before: Words,
        after: Words,
        place: Words,
    },
    /// It did not begin: the same command again.
    Nothing,
}

impl GoOn {
    /// With a run that `args` began.
    pub(super) fn of_run(
        action: PowerAction,
        args: &Run,
        global: &Global,
        is_stored: bool,
    ) -> Self {
        if is_stored {
            let mut line = Words::default();
            line.client(args.attempt_timeout, args.servers_per_minute);
            line.format(args.output.format);
            line.global(global);
            return Self::Stored(line);
        }
        if let Some(journal) = &args.journal {
            let mut line = match &args.run_id {
                Some(run_id) => Words::command("resume").then([run_id]),
                None => Words::resume(journal),
            };
            line.client(args.attempt_timeout, args.servers_per_minute);
            line.flag(
                "--allow-autoscaling-members",
                args.allow_autoscaling_members,
            );
            line.format(args.output.format);
            line.global(global);
            return Self::Journal(line);
        }
        let mut after = Words::default();
        after.run(action, args);
        after.format(args.output.format);
        after.global(global);
        let before = Words::command(action.name());
        let mut place = Words::default();
        place.global(global);
        Self::Again {
            before,
            after,
            place,
        }
    }

    /// The command that waits for these jobs, unless the journal does it.
    pub(super) fn wait_for(&self, jobs: &[&str]) -> Option<String> {
        let Self::Again { place, .. } = self else {
            return None;
        };
        let wait = Words::command("job")
            .then(["wait"])
            .then(jobs.iter().copied());
        let wait = wait.and(place.clone());
        let secrets = wait.secrets.join(", ");
        let line = wait.line()?;
        Some(if secrets.is_empty() {
            line
        } else {
            format!("{line} (add {secrets} as before)")
        })
    }

    /// With a run that was resumed: `named` is its journal, or its id.
    pub(super) fn of_resume(args: &Resume, named: &Path, global: &Global) -> Self {
        let mut line = Words::resume(named);
        line.flag("--reconcile", args.reconcile);
        line.option("--reconcile-after", args.reconcile_after.map(written));
        line.flag(
            "--allow-autoscaling-members",
            args.allow_autoscaling_members,
        );
        line.flag("--skip-unready", args.skip_unready);
        line.flag("--no-recheck", args.no_recheck);
        line.option("--health-cmd", args.health_cmd.as_ref());
        line.option("--health-timeout", args.health_timeout.map(written));
        let default = Client::SERVERS_PER_MINUTE;
        let servers_per_minute = args.servers_per_minute.unwrap_or(default);
        line.client(args.attempt_timeout, servers_per_minute);
        line.format(args.output.format);
        line.global(global);
        Self::Journal(line)
    }

    /// Says it, if anything is left but for `unready` servers. `rolling`: it has waves. Returns whether it was said.
    pub(super) fn say(
        self,
        report: &Report,
        rolling: bool,
        simulated: bool,
        unready: &HashSet<ServerId>,
        notes: &Notes,
    ) -> bool {
        let left: Vec<ServerId> = report
            .servers
            .iter()
            .filter(|server| matches!(server.outcome, Outcome::NotAttempted { .. }))
            .filter(|server| !unready.contains(&server.id))
            .map(|server| server.id)
            .collect();
        // The jobs of an embedded simulator end with it.
        let running = report.summary().running > 0 && !simulated;
        // Then its last question is still open, even if all is done.
        let stopped = matches!(report.stopped, Some(Stopped::Rolling(_)));
        let words = match self {
            Self::Journal(line) if !left.is_empty() || running || stopped => line,
            Self::Stored(line) if !left.is_empty() || running || stopped => {
                let resume = Words::command("resume").then([report.run_id.as_str()]);
                resume.and(line)
            }
            Self::Again { before, after, .. } if !left.is_empty() && rolling => {
                if left.len() <= INLINE {
                    before.then(left.iter().map(ToString::to_string)).and(after)
                } else {
                    match write(&report.run_id, &left) {
                        Ok(path) => before.then(["--from-file".into(), place(&path)]).and(after),
                        Err(error) => {
                            notes.hint(&format!(
                                "the {} that were not attempted could not be written to a file ({error}). With -o json: \
                                 jq -r '.servers[] | select(.outcome == \"not_attempted\") | .id' report.json > ids.txt, \
                                 and then:",
                                counted(left.len())
                            ));
                            let file = ["--from-file", "ids.txt"].map(str::to_owned);
                            before.then(file).and(after)
                        }
                    }
                }
            }
            _ => return false,
        };
        let left = match left.len() {
            0 => String::new(),
            1 => " with the server that was not attempted".to_owned(),
            many => format!(" with the {many} servers that were not attempted"),
        };
        let secrets = match words.secrets.join(", ") {
            none if none.is_empty() => none,
            options => format!(" (add {options} as before)"),
        };
        notes.hint(&format!("to continue{left}{secrets}:"));
        notes.note(&match words.line() {
            Some(line) => format!("  {line}"),
            None => format!("  {UNWRITABLE}"),
        });
        true
    }
}

/// Instead of a command.
const UNWRITABLE: &str =
    "(an argument has characters that cannot be printed here: repeat the options of this run)";

/// Where a run was made and as whom, by the command line in its journal.
pub(super) fn recorded(run: &RunRecord) -> Option<Global> {
    let command = &run.invocation.as_ref()?.command;
    Some(Cli::try_parse_from(command).ok()?.global)
}

/// The options that lead to the place and the credentials of a run, by the command line in its journal; and those that hold
/// secrets.
pub(crate) fn recorded_place(run: &RunRecord) -> Option<String> {
    let mut global = recorded(run)?;
    // Its endpoint and project are in the journal.
    if global.region.is_none() && global.operator.is_none() {
        global.endpoint = None;
    }
    (global.project_id, global.quiet, global.sim) = (None, false, false);
    if run.simulated {
        global.sim_fail = None;
    }
    let mut words = Words::default();
    words.global(&global);
    let secrets = words.secrets.join(", ");
    let line = words.line()?;
    match (line.is_empty(), secrets.is_empty()) {
        (true, true) => None,
        (false, true) => Some(line),
        (_, false) => Some(
            format!("{line} (add {secrets} as before)")
                .trim_start()
                .to_owned(),
        ),
    }
}

/// `ecsctl resume` with this journal and these options, as it is typed into a shell; or why it cannot be.
pub(crate) fn resume(journal: &Path, options: &[&str]) -> String {
    let words = Words::resume(journal).then(options.iter().copied());
    words.line().unwrap_or_else(|| {
        let options: String = options.iter().map(|option| format!(" {option}")).collect();
        format!("ecsctl resume FILE{options} (its name has characters that cannot be printed here)")
    })
}

/// The ids in a new file that only its owner can read.
fn write(run_id: &str, ids: &[ServerId]) -> io::Result<PathBuf> {
    let name = format!("ecsctl-{run_id}-not-attempted.txt");
    // The folder for temporary files may be emptied before somebody reads it.
    let beside = std::path::absolute(&name)?;
    write_to(&beside, run_id, ids).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        _ => write_to(&std::env::temp_dir().join(&name), run_id, ids),
    })
}

fn write_to(path: &Path, run_id: &str, ids: &[ServerId]) -> io::Result<PathBuf> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut text = format!("# not attempted by run {run_id}\n");
    for id in ids {
        text.push_str(&format!("{id}\n"));
    }
    options.open(path)?.write_all(text.as_bytes())?;
    Ok(path.to_owned())
}

const MINUTE: Duration = Duration::from_secs(60);

/// The words of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    words: Vec<OsString>,
    /// Options that have to be given again and must not be shown.
    secrets: Vec<&'static str>,
}

impl Words {
    fn command(name: &str) -> Self {
        Self {
            words: vec!["ecsctl".into(), name.into()],
            secrets: Vec::new(),
        }
    }

    fn resume(journal: &Path) -> Self {
        Self::command("resume").then([place(journal)])
    }

    fn then(mut self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    fn and(mut self, more: Self) -> Self {
        self.words.extend(more.words);
        self.secrets.extend(more.secrets);
        self
    }

    fn flag(&mut self, name: &str, given: bool) {
        if given {
            self.words.push(name.into());
        }
    }

    fn option(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.value(name, value.to_string().as_ref());
        }
    }

    fn path(&mut self, name: &str, value: Option<&PathBuf>) {
        if let Some(value) = value {
            self.value(name, value.as_os_str());
        }
    }

    fn value(&mut self, name: &str, value: &OsStr) {
        // One that begins with a dash would be taken for an option.
        if value.as_encoded_bytes().first() == Some(&b'-') {
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            self.words.push(word);
        } else {
            self.words.extend([name.into(), value.to_owned()]);
        }
    }

    fn time(&mut self, name: &str, value: Duration, default: Duration) {
        self.option(name, (value != default).then(|| written(value)));
    }

    fn number(&mut self, name: &str, value: usize, default: usize) {
        self.option(name, (value != default).then_some(value));
    }

    /// What a run does to its servers, without these.
    fn run(&mut self, action: PowerAction, args: &Run) {
        let kind = action.type_name().map(str::to_ascii_lowercase);
        let default = matches!(action, PowerAction::Reboot(_)).then_some("soft");
        self.option("--type", kind.filter(|kind| Some(kind.as_str()) != default));
        let rolling = &args.rolling;
        self.option("--wave", rolling.wave);
        self.option("--pause", rolling.pause.map(written));
        self.option("--max-failures", rolling.max_failures);
        self.option("--health-cmd", rolling.health_cmd.as_ref());
        if rolling.health_cmd.is_some() {
            self.time("--health-timeout", rolling.health_timeout, HEALTH_TIMEOUT);
        }
        self.option("--canary", rolling.canary);
        self.option("--canary-pause", rolling.canary_pause.map(written));
        self.option("--order", rolling.order.and_then(name_of));
        self.option("--order-seed", rolling.order_seed);
        self.option("--spread-by", rolling.spread_by.as_ref());
        let forms = [
            ("hard-after", rolling.escalate_after),
            ("hard-if-hung", rolling.escalate_hang),
        ];
        for (form, time) in forms {
            if let Some(time) = time {
                let words = ["--escalate".into(), form.into(), written(time).into()];
                self.words.extend(words);
            }
        }
        self.number(
            "--batch-size",
            args.batch_size,
            RunBuilder::DEFAULT_BATCH_SIZE,
        );
        self.option("--deadline", args.deadline.map(written));
        self.option("--stalled-after", args.stalled_after.map(written));
        self.flag("--verify", args.verify);
        self.option("--verify-timeout", args.verify_timeout.map(written));
        self.flag("--reconcile", args.reconcile);
        self.option("--reconcile-after", args.reconcile_after.map(written));
        self.flag(
            "--allow-autoscaling-members",
            args.allow_autoscaling_members,
        );
        self.flag("--skip-unready", args.skip_unready);
        self.flag("--no-preflight", args.no_preflight);
        self.flag("--no-recheck", args.no_recheck);
        // Not --resubmit-unknown: consent to a second request was given for that run.
        self.flag("--no-wait", args.no_wait);
        self.flag("--no-journal", args.no_journal);
        self.flag("--yes", args.yes);
        self.client(args.attempt_timeout, args.servers_per_minute);
    }

    fn client(&mut self, attempt_timeout: Duration, servers_per_minute: usize) {
        self.time("--attempt-timeout", attempt_timeout, MINUTE);
        let default = Client::SERVERS_PER_MINUTE;
        self.number("--servers-per-minute", servers_per_minute, default);
    }

    fn format(&mut self, format: Format) {
        self.option(
            "--output",
            Some(format)
                .filter(|it| *it != Format::Table)
                .and_then(name_of),
        );
    }

    /// Where to go and as whom, but no secret.
    fn global(&mut self, global: &Global) {
        self.flag("--sim", global.sim);
        self.option("--sim-fail", global.sim_fail.as_ref());
        self.option("--context", global.context.as_ref());
        self.option("--endpoint", global.endpoint.as_ref());
        self.option("--region", global.region.as_ref());
        self.option("--operator", global.operator.as_ref());
        self.option("--project-id", global.project_id.as_ref());
        self.option("--cloud", global.cloud.as_ref());
        self.option("--profile", global.profile.as_ref());
        self.option("--access-key", global.access_key.as_ref());
        self.path("--secret-key-file", global.secret_key_file.as_ref());
        self.option("--iam-endpoint", global.iam_endpoint.as_ref());
        self.option("--as-endpoint", global.as_endpoint.as_ref());
        self.option("--cts-endpoint", global.cts_endpoint.as_ref());
        self.path("--ca-file", global.ca_file.as_ref());
        self.option("--store", global.store.store.as_ref());
        let file = global.store.store_password_file.as_ref();
        self.path("--store-password-file", file);
        self.flag("--quiet", global.quiet);
        let secrets = [
            ("--token", global.token.is_some()),
            ("--secret-key", global.secret_key.is_some()),
            ("--security-token", global.security_token.is_some()),
        ];
        let given = secrets.into_iter().filter(|(_, given)| *given);
        self.secrets.extend(given.map(|(option, _)| option));
    }

    /// As it is typed into a shell, if it can be.
    fn line(&self) -> Option<String> {
        let words: Option<Vec<_>> = self.words.iter().map(|word| quoted(word)).collect();
        Some(words?.join(" "))
    }
}

fn name_of(value: impl ValueEnum) -> Option<String> {
    Some(value.to_possible_value()?.get_name().to_owned())
}

/// As [`duration`](crate::args::duration) reads it: `1h30m`.
pub(crate) fn written(duration: Duration) -> String {
    if duration == RunBuilder::NEVER {
        return "never".to_owned();
    }
    let seconds = duration.as_secs();
    let nanoseconds = u64::from(duration.subsec_nanos());
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (nanoseconds / 1_000_000, "ms"),
        (nanoseconds / 1000 % 1000, "us"),
        (nanoseconds % 1000, "ns"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

#[cfg(test)]
mod tests;
