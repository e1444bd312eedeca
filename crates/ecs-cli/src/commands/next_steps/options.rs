//! The options of a command for another command of the same kind.

use std::time::Duration;

use ecs_ops::{Client, PowerAction, RunBuilder};

use crate::args::{Format, Global, HEALTH_TIMEOUT, Run};
use crate::command_line::{CommandLine, name_of, written};

const MINUTE: Duration = Duration::from_secs(60);

impl CommandLine {
    /// Appends the options of a run, without its servers.
    pub(crate) fn run(&mut self, action: PowerAction, args: &Run) {
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
                self.append(arguments);
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

    pub(crate) fn client(&mut self, attempt_timeout: Duration, servers_per_minute: usize) {
        self.time("--attempt-timeout", attempt_timeout, MINUTE);
        let default = Client::SERVERS_PER_MINUTE;
        self.number("--servers-per-minute", servers_per_minute, default);
    }

    pub(crate) fn format(&mut self, format: Format) {
        self.option(
            "--output",
            Some(format)
                .filter(|format| *format != Format::Table)
                .and_then(name_of),
        );
    }

    /// Appends the options of the place and the credentials, without secrets.
    pub(crate) fn global(&mut self, global: &Global) {
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
        self.store(global);
        self.flag("--quiet", global.quiet);
        self.secret("--token", global.token.is_some());
        self.secret("--secret-key", global.secret_key.is_some());
        self.secret("--security-token", global.security_token.is_some());
    }

    /// Appends the options of the store.
    pub(crate) fn store(&mut self, global: &Global) {
        self.address("--store", global.store.store.as_ref());
        let file = global.store.store_password_file.as_ref();
        self.path("--store-password-file", file);
    }

    /// Returns the options that select this place and these credentials.
    pub(crate) fn to_place(global: &Global) -> Self {
        let mut arguments = Self::default();
        arguments.global(global);
        arguments
    }
}
