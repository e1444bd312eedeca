//! Options of the commands that act on servers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ecs_ops::model::{RebootType, StopType};
use ecs_ops::{Client, PowerAction, RunBuilder, journal::ServerNames};

use super::*;

const RUN_EXAMPLES: &str = "\
Examples (with credentials from any source, or with --sim):
  ecsctl {verb} 616fb98f-46ca-475e-917e-2563e5a8cd19
      Asks, sends the request, waits, and prints the outcome.
  ecsctl {verb} --tag role=web --status ACTIVE --dry-run
      Shows the requests for the servers with a tag; sends none.
  ecsctl {verb} --from-file ids.txt --dry-run
      Shows the requests; sends none.
  ecsctl {verb} --from-file ids.txt --yes --deadline 15m -o json > report.json
      For scripts: no question, 15 minutes at most, every server in the report.
  ecsctl {verb} --all --wave 10% --max-failures 2% --journal run.jsonl
      10% at a time; stops when more than 2% failed, and prints how to resume.
  ecsctl {verb} --all --canary 1 --wave 20 --pause 1m --health-cmd ./check.sh
      One server, a question, then 20 at a time while the health check passes.";

pub(super) fn run_help(verb: &str) -> String {
    format!("{}\n\n{EXIT_CODES}", RUN_EXAMPLES.replace("{verb}", verb))
}

/// The arguments that `reboot`, `start` and `stop` share.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Servers by id or name. The server that ecsctl runs on comes last and alone
    #[arg(value_name = "SERVER")]
    pub(crate) ids: Vec<String>,
    /// Act on all servers of the project, except the one that ecsctl runs on. A restart skips stopped servers
    #[arg(long, conflicts_with_all = ["ids", "from_file"])]
    pub(crate) all: bool,
    /// Put at most N servers into one request, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = RunBuilder::DEFAULT_BATCH_SIZE, value_parser = batch_size)]
    pub(crate) batch_size: usize,
    /// Stop after this time (such as 90s, 15m, 1h30m) and print the report. Accepted requests continue at the service.
    /// Real time, also with --sim, whose clock runs faster
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Stop waiting for a job that makes no progress for this long, or never. Its servers are reported as running
    /// [default: 30m]
    #[arg(long, value_name = "DURATION|never", value_parser = duration_or_never)]
    pub(crate) stalled_after: Option<Duration>,
    /// Limit the time of one HTTP request
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) attempt_timeout: Duration,
    /// Act on at most N servers in any 60 seconds; the service allows 1000
    #[arg(long, value_name = "N", default_value_t = Client::SERVERS_PER_MINUTE, value_parser = at_least_1)]
    pub(crate) servers_per_minute: usize,
    /// After its job, poll each server until it is ACTIVE (after stop: SHUTOFF) and at rest. Lists the project's
    /// servers
    #[arg(long, conflicts_with = "no_wait")]
    pub(crate) verify: bool,
    /// Fail a server that has not settled after this time; needs --verify [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) verify_timeout: Option<Duration>,
    /// If the answer to a request is lost, poll its servers until --reconcile-after. A server that shows the action
    /// counts as succeeded; an unchanged one counts as not attempted. Lists the project's servers, also before the run
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// Count a server that shows no trace of the action as not attempted after this time. Must be longer than any
    /// gateway can hold a request [default: 3m, or --attempt-timeout plus one minute]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) reconcile_after: Option<Duration>,
    /// Send the action again to servers whose outcome is unknown. Risky: some servers may be restarted TWICE. With
    /// --reconcile only those that are still unknown after it, and those that were not attempted
    #[arg(long)]
    pub(crate) resubmit_unknown: bool,
    /// Write the journal of the run to this new file. By default each run has a journal in $XDG_STATE_HOME/ecsctl/runs (or
    /// ~/.local/state/ecsctl/runs): `ecsctl run list` shows them, `ecsctl resume` resumes a run after a crash or a stop
    #[arg(long, value_name = "FILE", value_parser = journal_file)]
    pub(crate) journal: Option<PathBuf>,
    /// Write no journal: the run cannot be resumed after a crash
    #[arg(long, conflicts_with = "journal")]
    pub(crate) no_journal: bool,
    /// The id of the run, if its journal is in the folder for journals.
    #[arg(skip)]
    pub(crate) run_id: Option<String>,
    /// Show the requests without sending them; no journal is written. The reads before the first action are made
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip servers that are not ready (not found, locked, busy, in a status that the service refuses, physical) and report
    /// them as not attempted, before the run and before each wave. By default the run is refused, with all of them by
    /// reason, or stops before the wave
    #[arg(long, conflicts_with = "no_preflight")]
    pub(crate) skip_unready: bool,
    /// Skip the reads before the first action: whether the servers exist, which are stopped, and which are members of
    /// auto-scaling groups
    #[arg(long)]
    pub(crate) no_preflight: bool,
    /// Do not read the servers of each wave again before it begins. By default the run stops before a wave with a server
    /// that is gone, locked, busy, stopped, or changed since the plan, perhaps restarted by another user
    #[arg(long)]
    pub(crate) no_recheck: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not wait for the jobs: exit when every request is answered
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    /// With --store: how to treat servers that other runs act on
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Held::Wait)]
    pub(crate) held: Held,
    /// The endpoint of an earlier run, used if no option or source names one.
    #[arg(skip)]
    pub(crate) service: Option<String>,
    /// The plan file to write instead of sending anything.
    #[arg(skip)]
    pub(crate) plan_out: Option<PathBuf>,
    /// The plan that is applied.
    #[arg(skip)]
    pub(crate) planned: Option<AppliedPlan>,
    /// Server names from an earlier run.
    #[arg(skip)]
    pub(crate) names: ServerNames,
    // Set by `reboot` only.
    #[arg(skip)]
    pub(crate) include_stopped: bool,
    // Set by `reboot` and `stop` only.
    #[arg(skip)]
    pub(crate) allow_autoscaling_members: bool,
    // Last, because arguments after these would be printed under their help headings.
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) rolling: Rolling,
}

impl Run {
    /// Returns how long a server may take to settle after its job; `None` without `--verify` and `--escalate`.
    pub(crate) fn verifies(&self) -> Option<Duration> {
        const FIVE_MINUTES: Duration = Duration::from_secs(300);
        let verifies = self.verify || self.rolling.escalate_after.is_some();
        verifies.then(|| self.verify_timeout.unwrap_or(FIVE_MINUTES))
    }

    /// Returns whether nothing is sent: a dry run or a plan.
    pub(crate) fn sends_nothing(&self) -> bool {
        self.dry_run || self.plan_out.is_some()
    }

    /// Rejects contradictory options.
    pub(crate) fn check(&self) -> Result<(), CliError> {
        if self.verify_timeout.is_some() && self.verifies().is_none() {
            return Err(CliError::usage("--verify-timeout needs --verify"));
        }
        self.rolling.check(self.yes)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Reboot {
    /// Restart through the guest system (soft), or cut the power (hard)
    #[arg(long = "type", value_name = "TYPE", value_enum, ignore_case = true, default_value_t = Kind::Soft)]
    kind: Kind,
    /// With --all or filters: also restart stopped servers (SHUTOFF). The service refuses a soft restart of them; a
    /// hard restart starts them. By default they are skipped and not counted
    #[arg(long)]
    include_stopped: bool,
    #[command(flatten)]
    members: AutoscalingArgs,
    #[command(flatten)]
    run: Run,
    /// Restart a server hard, once. hard-after DURATION: if its soft restart failed, or if the server did not come back
    /// within DURATION of its acceptance; includes --verify. hard-if-hung DURATION (30m or more): if the server hangs in
    /// its soft restart, as its job and all reads of the server show for this long (status REBOOT, the same task, no
    /// change). Never applies to a server whose outcome is unknown. Give each form at most once
    #[arg(
        long, value_names = ["FORM", "DURATION"], num_args = 2, action = clap::ArgAction::Append,
        conflicts_with = "no_wait", help_heading = "Rolling"
    )]
    escalate: Vec<String>,
}

/// The option of the actions after which an auto-scaling group may remove its members.
#[derive(Debug, Args)]
struct AutoscalingArgs {
    /// Also act on members of auto-scaling groups. A group removes members that are stopped or do not answer, and
    /// deletes those that it created. By default such servers are listed and nothing is sent
    #[arg(long)]
    allow_autoscaling_members: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Shut down through the guest system (soft), or cut the power (hard). By default the service decides: soft, by its
    /// documentation
    #[arg(long = "type", value_name = "TYPE", value_enum, ignore_case = true)]
    kind: Option<Kind>,
    #[command(flatten)]
    members: AutoscalingArgs,
    #[command(flatten)]
    run: Run,
}

impl Reboot {
    pub(crate) fn split(mut self) -> Result<(PowerAction, Run), CliError> {
        let kind = match self.kind {
            Kind::Soft => RebootType::Soft,
            Kind::Hard => RebootType::Hard,
        };
        let escalate = rolling::escalation(&self.escalate)?;
        self.run.rolling.escalate_after = escalate.after;
        self.run.rolling.escalate_hang = escalate.hang;
        self.run.include_stopped = self.include_stopped;
        self.run.allow_autoscaling_members = self.members.allow_autoscaling_members;
        if kind == RebootType::Hard && self.run.rolling.escalates() {
            return Err(CliError::usage(
                "--escalate follows a soft restart and cannot be used with --type hard",
            ));
        }
        Ok((PowerAction::Reboot(kind), self.run))
    }
}

impl Start {
    pub(crate) fn split(self) -> (PowerAction, Run) {
        (PowerAction::Start, self.run)
    }
}

impl Stop {
    pub(crate) fn split(mut self) -> (PowerAction, Run) {
        let kind = self.kind.map(|kind| match kind {
            Kind::Soft => StopType::Soft,
            Kind::Hard => StopType::Hard,
        });
        self.run.allow_autoscaling_members = self.members.allow_autoscaling_members;
        (PowerAction::Stop(kind), self.run)
    }
}
