//! What may stand on the command line.

mod global;
mod logging;
mod plan;
mod rerun;
mod resume;
mod rolling;
mod select;
mod server;
mod server_actions;
mod shell;
mod show;
mod sim;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ecs_ops::model::{RebootType, StopType};
use ecs_ops::{Client, PowerAction, RunBuilder};

use crate::fail::Fail;
use crate::plan_file::AppliedPlan;

pub(crate) use global::Global;
pub(crate) use logging::{LogFormat, Logging};
pub(crate) use plan::{Apply, PlanApprove, PlanCommand, PlanFormat, PlanShow};
pub(crate) use rerun::Rerun;
pub(crate) use resume::Resume;
pub(crate) use rolling::{HEALTH_TIMEOUT, OrderBy, Rolling, SpreadBy};
pub(crate) use select::Select;
pub(crate) use server::{Column, ListFormat, ServerCommand, ServerList, ServerShow, Sort};
pub(crate) use server_actions::ServerActions;
pub(crate) use shell::{Completions, Man};
pub(crate) use show::{RunCommand, RunShow, ShowFormat};
pub(crate) use sim::{Metadata, Sim};

const EXIT_CODES: &str = "\
Exit codes:
  0  every server succeeded (with --no-wait: was accepted)
  1  at least one server failed or was not attempted
  2  bad usage or input, or no yes to the question: nothing was sent
  3  the fate of at least one server is unknown: look at it before you run again
  4  the credentials, or what they permit, were refused: no server was touched
  5  stopped before the end: deadline, --stalled-after, Ctrl-C, or a rolling run
     that stops

The highest that applies wins, but 2 and 4 only occur when no server can have been touched.";

const ABOUT_EXAMPLES: &str = "\
Examples:
  ecsctl reboot --sim --all --yes
      Restarts a simulated fleet: no account needed.
  ecsctl auth check
      Says which credentials are found, and whether they work.
  ecsctl reboot --cloud otc ID ID
      Restarts two servers, after a question, as a cloud of clouds.yaml.
  ecsctl explain Ecs.0114
      Says what an error code means.";

const ENVIRONMENT: &str = "\
Environment (credentials: the first source that has any wins, see `auth check`):
  HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK, HUAWEICLOUD_SDK_SECURITY_TOKEN
      Keys; with HUAWEICLOUD_SDK_REGION_ID, _PROJECT_ID, _DOMAIN_ID and
      _IAM_ENDPOINT, and HUAWEICLOUD_SDK_REGION_ECS_EU_DE for the endpoint.
  OS_CLOUD, OS_CLIENT_CONFIG_FILE, OS_CLIENT_SECURE_FILE
      A cloud of clouds.yaml and secure.yaml, as --cloud. They are here, or in
      $XDG_CONFIG_HOME/openstack, ~/.config/openstack or /etc/openstack.
  OS_TOKEN; OS_ACCESS_KEY, OS_SECRET_KEY, OS_SECURITY_TOKEN;
  OS_USERNAME or OS_USER_ID, OS_PASSWORD, OS_PASSCODE, OS_USER_DOMAIN_NAME
      A token, keys, or a login; with OS_AUTH_URL, OS_REGION_NAME, OS_PROJECT_ID
      or OS_PROJECT_NAME, OS_USER_DOMAIN_ID, OS_PROJECT_DOMAIN_NAME, and for an
      agency OS_AGENCY_NAME, OS_AGENCY_DOMAIN_NAME, OS_DELEGATED_PROJECT.
  HUAWEICLOUD_SDK_CREDENTIALS_FILE
      Profiles, instead of ~/.huaweicloud/credentials.
  ECSCTL_METADATA_ENDPOINT
      The metadata service, instead of http://169.254.169.254.
  ECSCTL_SIM_SPEED
      How fast the clock runs of an `ecsctl sim --speed N` on this machine: N.
      Refused for anything but http on loopback.
  ECSCTL_LOG
      What to log, unless -v says it: a level (error, warn, info, debug, trace),
      or levels of crates such as ecs_client=debug,ecs_auth=info.
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
      The proxy on the way to the service and to IAM.
  SSL_CERT_FILE, SSL_CERT_DIR
      Certificates to trust instead of the system's.
  NO_COLOR
      No bold words.";

const RUN_EXAMPLES: &str = "\
Examples (with credentials from any source, or with --sim):
  ecsctl {verb} 616fb98f-46ca-475e-917e-2563e5a8cd19
      Asks, sends, waits, and prints a verdict.
  ecsctl {verb} --tag role=web --status ACTIVE --dry-run
      Shows which requests would be sent to the servers of a tag; sends none.
  ecsctl {verb} --from-file ids.txt --dry-run
      Shows the requests; sends none.
  ecsctl {verb} --from-file ids.txt --yes --deadline 15m -o json > report.json
      For scripts: no question, at most 15 minutes, every server in the report.
  ecsctl {verb} --all --wave 10% --max-failures 2% --journal run.jsonl
      A tenth at a time; stops when more than 2% failed, and says how to go on.
  ecsctl {verb} --all --canary 1 --wave 20 --pause 1m --health-cmd ./check.sh
      One server, then a question, then 20 at a time as long as it checks well.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "ecsctl",
    version,
    about = "Restart, start and stop fleets of Elastic Cloud Servers, with a verdict for each server",
    after_help = format!("{ABOUT_EXAMPLES}\n\n{ENVIRONMENT}\n\n{EXIT_CODES}"),
    max_term_width = 110,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Restart servers
    #[command(after_help = run_help("reboot"))]
    Reboot(Reboot),
    /// Start servers
    #[command(after_help = run_help("start"))]
    Start(Start),
    /// Stop servers
    #[command(after_help = run_help("stop"))]
    Stop(Stop),
    /// Go on with a run where its journal ends
    #[command(after_help = resume::help())]
    Resume(Resume),
    /// Write down what a run would do, show it, approve it
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Do what a plan says, and nothing else
    #[command(after_help = plan::apply_help())]
    Apply(Apply),
    /// Run again with the servers of an earlier run that failed or were not attempted
    #[command(after_help = rerun::help())]
    Rerun(Rerun),
    /// List servers, or show them
    #[command(subcommand)]
    Server(ServerCommand),
    /// Look at what a journal says
    #[command(subcommand)]
    Run(RunCommand),
    /// Look at jobs, or wait for them to end
    #[command(subcommand)]
    Job(Job),
    /// Say what an error code of the service means, and what to do about it
    #[command(
        after_help = "Examples:\n  ecsctl explain Ecs.0114\n  ecsctl explain common.0024 -o json"
    )]
    Explain(Explain),
    /// Find out what is wrong with credentials, and on the way to the service
    #[command(subcommand)]
    Auth(Auth),
    /// Serve a simulated region over HTTP or HTTPS, until Ctrl-C
    #[command(after_help = sim::HELP)]
    Sim(Sim),
    /// Print the completion script of a shell
    #[command(after_help = shell::COMPLETIONS)]
    Completions(Completions),
    /// Print the manual page, or write one for each command
    #[command(after_help = shell::MAN)]
    Man(Man),
}

fn run_help(verb: &str) -> String {
    format!("{}\n\n{EXIT_CODES}", RUN_EXAMPLES.replace("{verb}", verb))
}

/// What restarting, starting and stopping have in common.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Servers by id or name. The server that ecsctl runs on comes last and alone
    #[arg(value_name = "SERVER")]
    pub(crate) ids: Vec<String>,
    /// All servers of the project, except the one that ecsctl runs on. A restart skips stopped servers
    #[arg(long, conflicts_with_all = ["ids", "from_file"])]
    pub(crate) all: bool,
    /// The most servers in one request, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = RunBuilder::DEFAULT_BATCH_SIZE, value_parser = batch_size)]
    pub(crate) batch_size: usize,
    /// Stop when this time is over (such as 90s, 15m, 1h30m), with a report. What was accepted by then goes on at the
    /// service
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Stop waiting for a job that makes no progress for this long, or never; its servers are reported as running [default:
    /// 30m]
    #[arg(long, value_name = "DURATION|never", value_parser = duration_or_never)]
    pub(crate) stalled_after: Option<Duration>,
    /// The longest time that one request may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub(crate) attempt_timeout: Duration,
    /// The most servers in any 60 seconds; the service takes 1000
    #[arg(long, value_name = "N", default_value_t = Client::SERVERS_PER_MINUTE, value_parser = at_least_1)]
    pub(crate) servers_per_minute: usize,
    /// After its job, look at each server until it is at rest as it should be: ACTIVE, or SHUTOFF after stop. Lists the
    /// project's servers
    #[arg(long, conflicts_with = "no_wait")]
    pub(crate) verify: bool,
    /// How long a server may take for that; then it has failed [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) verify_timeout: Option<Duration>,
    /// Look at the servers of a request whose fate is unknown, until --reconcile-after: one that shows that it was done
    /// counts as succeeded, one that is as it was before as not attempted. Lists the project's servers, before the run too
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// How long after a request became unknown a server without a trace of it counts as not attempted. Must be longer than
    /// every gateway on the way can hold a request [default: 3m, or --attempt-timeout and a minute]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) reconcile_after: Option<Duration>,
    /// Send servers once more whose fate is unknown. Risky: what was done the first time is done TWICE. With --reconcile
    /// only those that are still unknown then, and those that were not attempted
    #[arg(long)]
    pub(crate) resubmit_unknown: bool,
    /// Write down in this new file what the run does, each step before it counts: `ecsctl resume FILE` goes on where it ends
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Show the requests without sending them, with the options of the run; --journal is not written. The reads before the first action are made all the same
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip servers that are not ready (not found, locked, busy, in a status that the service refuses) and report them as not
    /// attempted. By default they are listed by reason, and nothing is sent
    #[arg(long, conflicts_with = "no_preflight")]
    pub(crate) skip_unready: bool,
    /// Skip the reads before the first action: whether the given servers exist, which are stopped, and which are members of
    /// auto-scaling groups
    #[arg(long)]
    pub(crate) no_preflight: bool,
    /// Don't ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Don't wait for the jobs: end when every request is answered
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The address of the service, if no option or source names one: that of an earlier run.
    #[arg(skip)]
    pub(crate) service: Option<String>,
    /// Where a plan is written, instead of a run.
    #[arg(skip)]
    pub(crate) plan_out: Option<PathBuf>,
    /// The plan that is applied.
    #[arg(skip)]
    pub(crate) planned: Option<AppliedPlan>,
    // Only what restarts has it.
    #[arg(skip)]
    pub(crate) include_stopped: bool,
    // Only what can harm members has it.
    #[arg(skip)]
    pub(crate) allow_autoscaling_members: bool,
    // Last: what follows would stand under their headings.
    #[command(flatten)]
    pub(crate) select: Select,
    #[command(flatten)]
    pub(crate) rolling: Rolling,
}

impl Run {
    /// How long a server may take to settle after its job, if that is looked at.
    pub(crate) fn verifies(&self) -> Option<Duration> {
        const FIVE_MINUTES: Duration = Duration::from_secs(300);
        let looks = self.verify || self.rolling.escalate_after.is_some();
        looks.then(|| self.verify_timeout.unwrap_or(FIVE_MINUTES))
    }

    /// Whether it only says what would be sent.
    pub(crate) fn sends_nothing(&self) -> bool {
        self.dry_run || self.plan_out.is_some()
    }

    /// What fits together for itself and makes no sense together.
    pub(crate) fn check(&self) -> Result<(), Fail> {
        if self.verify_timeout.is_some() && self.verifies().is_none() {
            return Err(Fail::usage("--verify-timeout needs --verify"));
        }
        self.rolling.check(self.yes)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Reboot {
    /// Ask the guest to restart, or cut its power
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = Kind::Soft)]
    kind: Kind,
    /// With --all or filters: also restart stopped servers (SHUTOFF). The service refuses a soft restart of them; a hard restart starts them. By
    /// default they are skipped and not counted
    #[arg(long)]
    include_stopped: bool,
    #[command(flatten)]
    members: Members,
    #[command(flatten)]
    run: Run,
    /// Restart a server hard, once, whose soft restart failed, or ended without the server coming back within DURATION of its
    /// acceptance; the first word is hard-after. Never one whose soft restart still goes on, or is of unknown fate. Includes
    /// --verify
    #[arg(
        long, value_names = ["hard-after", "DURATION"], num_args = 2, action = clap::ArgAction::Set,
        conflicts_with = "no_wait", help_heading = "Rolling"
    )]
    escalate: Vec<String>,
}

/// What can make a group of auto-scaling remove its members.
#[derive(Debug, Args)]
struct Members {
    /// Also act on members of auto-scaling groups. A group removes members that are stopped or do not answer, and deletes those
    /// that it created. By default such servers are listed and nothing is sent
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
    /// Ask the guest to shut down, or cut its power. Without it the service decides: softly, its pages say
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    members: Members,
    #[command(flatten)]
    run: Run,
}

impl Reboot {
    pub(crate) fn split(mut self) -> Result<(PowerAction, Run), Fail> {
        let kind = match self.kind {
            Kind::Soft => RebootType::Soft,
            Kind::Hard => RebootType::Hard,
        };
        self.run.rolling.escalate_after = rolling::escalation(&self.escalate)?;
        self.run.include_stopped = self.include_stopped;
        self.run.allow_autoscaling_members = self.members.allow_autoscaling_members;
        if kind == RebootType::Hard && self.run.rolling.escalate_after.is_some() {
            return Err(Fail::usage(
                "--escalate hard-after follows a soft restart: it makes no sense with --type hard",
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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Soft,
    Hard,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Look at jobs once
    #[command(after_help = "\
Exit codes (the highest that applies wins):
  0  every job was shown
  1  no readable answer about at least one
  2  bad usage
  3  the service does not know at least one
  4  the credentials, or what they permit, were refused")]
    Show(JobShow),
    /// Wait until jobs have ended, of any kind: trouble on the way ends no waiting
    #[command(after_help = "\
Exit codes (the highest that applies wins):
  0  every job ended with SUCCESS
  1  at least one failed
  2  bad usage
  3  the service does not know at least one
  4  the credentials, or what they permit, were refused
  5  stopped before the end: deadline, --stalled-after or Ctrl-C")]
    Wait(JobWait),
}

#[derive(Debug, Args)]
pub(crate) struct JobShow {
    /// Jobs, by their ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct JobWait {
    /// Jobs, by their ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Stop waiting when this time is over (such as 90s, 15m, 1h30m)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Stop waiting for a job that makes no progress for this long, or never
    #[arg(long, value_name = "DURATION|never", default_value = "30m", value_parser = duration_or_never)]
    pub(crate) stalled_after: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Say which credentials are found and why, and whether they work: with one harmless request
    #[command(after_help = "\
Exit codes:
  0  the credentials work
  1  no answer, or none that says so
  2  no credentials, or what was given cannot be any
  4  the credentials, or what they permit, were refused")]
    Check(AuthCheck),
}

#[derive(Debug, Args)]
pub(crate) struct AuthCheck {
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, in upper or lower case
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// How results are written to stdout: for people, as one JSON document, or as one JSON object a line while it happens
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
}

fn at_least_1(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 up is needed".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn batch_size(text: &str) -> Result<usize, String> {
    let max = RunBuilder::MAX_BATCH_SIZE;
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("a whole number from 1 to {max} is needed")),
    }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration such as 90s, 15m or 1h30m is needed".to_owned();
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(wrong()),
    }
}

/// A duration, or `never`.
pub(crate) fn duration_or_never(text: &str) -> Result<Duration, String> {
    match text {
        "never" => Ok(RunBuilder::NEVER),
        _ => duration(text).map_err(|wrong| format!("{wrong}, or never")),
    }
}

#[cfg(test)]
mod tests;
