//! The words of a command line that is printed to be typed.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use ecs_ops::{Client, PowerAction, RunBuilder};

use super::quoting::quoted;
use crate::args::{Format, Global, HEALTH_TIMEOUT, Run};

const MINUTE: Duration = Duration::from_secs(60);

/// The words of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandLine {
    arguments: Vec<OsString>,
    /// Options that have to be given again and must not be shown.
    secrets: Vec<&'static str>,
}

impl CommandLine {
    pub(in crate::commands) fn command(name: &str) -> Self {
        Self {
            arguments: vec!["ecsctl".into(), name.into()],
            secrets: Vec::new(),
        }
    }

    pub(in crate::commands) fn then(
        mut self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(in crate::commands) fn and(mut self, more: Self) -> Self {
        self.arguments.extend(more.arguments);
        self.secrets.extend(more.secrets);
        self
    }

    pub(in crate::commands) fn contains(&self, word: &str) -> bool {
        self.arguments.iter().any(|known| known == word)
    }

    pub(in crate::commands) fn flag(&mut self, name: &str, given: bool) {
        if given {
            self.arguments.push(name.into());
        }
    }

    pub(in crate::commands) fn option(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.value(name, value.to_string().as_ref());
        }
    }

    pub(in crate::commands) fn path(&mut self, name: &str, value: Option<&PathBuf>) {
        if let Some(value) = value {
            self.value(name, value.as_os_str());
        }
    }

    pub(in crate::commands) fn value(&mut self, name: &str, value: &OsStr) {
        // One that begins with a dash would be taken for an option.
        if value.as_encoded_bytes().first() == Some(&b'-') {
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            self.arguments.push(word);
        } else {
            self.arguments.extend([name.into(), value.to_owned()]);
        }
    }

    /// An address: one with a password in it is refused, and must not be shown either.
    fn address(&mut self, name: &'static str, value: Option<&String>) {
        let Some(value) = value else { return };
        if has_secret(value) {
            self.secrets.push(name);
        } else {
            self.value(name, value.as_ref());
        }
    }

    pub(in crate::commands) fn time(&mut self, name: &str, value: Duration, default: Duration) {
        self.option(name, (value != default).then(|| written(value)));
    }

    pub(in crate::commands) fn number(&mut self, name: &str, value: usize, default: usize) {
        self.option(name, (value != default).then_some(value));
    }

    /// What a run does to its servers, without these.
    pub(in crate::commands) fn run(&mut self, action: PowerAction, args: &Run) {
        let kind = action.type_name().map(str::to_ascii_lowercase);
        let default = matches!(action, PowerAction::Reboot(_)).then_some("soft");
        self.option("--type", kind.filter(|kind| Some(kind.as_str()) != default));
        let rolling = &args.rolling;
        self.option("--wave", rolling.wave);
        self.option("--pause", rolling.pause.map(written));
        self.option("--max-failures", rolling.max_failures);
        self.option("--health-cmd", rolling.health_cmd.as_ref());
        if rolling.health_cmd.is_some() {
            self.time("--health-timeout", rolling.health_limit(), HEALTH_TIMEOUT);
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
                let arguments = ["--escalate".into(), form.into(), written(time).into()];
                self.arguments.extend(arguments);
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

    pub(in crate::commands) fn client(
        &mut self,
        attempt_timeout: Duration,
        servers_per_minute: usize,
    ) {
        self.time("--attempt-timeout", attempt_timeout, MINUTE);
        let default = Client::SERVERS_PER_MINUTE;
        self.number("--servers-per-minute", servers_per_minute, default);
    }

    pub(in crate::commands) fn format(&mut self, format: Format) {
        self.option(
            "--output",
            Some(format)
                .filter(|item| *item != Format::Table)
                .and_then(name_of),
        );
    }

    /// Where to go and as whom, but no secret.
    pub(in crate::commands) fn global(&mut self, global: &Global) {
        self.flag("--sim", global.sim);
        self.option("--sim-fail", global.sim_fail.as_ref());
        self.option("--context", global.context.as_ref());
        self.address("--endpoint", global.endpoint.as_ref());
        self.option("--region", global.region.as_ref());
        self.option("--operator", global.operator.as_ref());
        self.option("--project-id", global.project_id.as_ref());
        self.option("--cloud", global.cloud.as_ref());
        self.option("--profile", global.profile.as_ref());
        self.option("--access-key", global.access_key.as_ref());
        self.path("--secret-key-file", global.secret_key_file.as_ref());
        self.address("--iam-endpoint", global.iam_endpoint.as_ref());
        self.address("--as-endpoint", global.as_endpoint.as_ref());
        self.address("--cts-endpoint", global.cts_endpoint.as_ref());
        self.path("--ca-file", global.ca_file.as_ref());
        self.address("--store", global.store.store.as_ref());
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

    /// The options that have to be given again and must not be shown; nothing if there are none.
    pub(in crate::commands) fn secrets(&self) -> String {
        self.secrets.join(", ")
    }

    /// The options that lead to this place and to these credentials.
    pub(crate) fn to_place(global: &Global) -> Self {
        let mut arguments = Self::default();
        arguments.global(global);
        arguments
    }

    /// As it is typed into a shell, if it can be.
    pub(in crate::commands) fn line(&self) -> Option<String> {
        let arguments: Option<Vec<_>> = self.arguments.iter().map(|word| quoted(word)).collect();
        Some(arguments?.join(" "))
    }
}

/// Whether an address names more than a user before its host.
fn has_secret(address: &str) -> bool {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':') || scheme.starts_with("http"))
        || rest.contains("password=")
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
