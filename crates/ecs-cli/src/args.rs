//! The command line: commands, arguments and options.

mod actions;
mod config;
mod global;
mod logging;
mod output;
mod plan;
mod rerun;
mod resume;
mod rolling;
mod schema;
mod select;
mod serve;
mod server;
mod server_actions;
mod shell;
mod show;
mod sim;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ecs_ops::RunBuilder;

use crate::fail::CliError;
use crate::plan_file::AppliedPlan;

use actions::run_help;
pub(crate) use actions::{Reboot, Run, Start, Stop};
pub(crate) use config::{ConfigCommand, ConfigShow};
pub(crate) use global::Global;
#[cfg(test)]
pub(crate) use global::secret;
pub(crate) use logging::{LogFormat, Logging};
pub(crate) use output::{DocumentFormat, DocumentOutput, Format, Output, Show};
pub(crate) use plan::{Apply, PlanApprove, PlanCommand, PlanFormat, PlanShow};
pub(crate) use rerun::Rerun;
pub(crate) use resume::Resume;
pub(crate) use rolling::{FailureLimit, HEALTH_TIMEOUT, OrderBy, Rolling, SpreadBy, command, wave};
pub(crate) use schema::{Schema, SchemaOf};
pub(crate) use select::{GivenSelection, Select};
pub(crate) use serve::Serve;
#[cfg(feature = "serve")]
pub(crate) use serve::{PublicUrl, host_of};
pub(crate) use server::{Column, ListFormat, ServerCommand, ServerList, ServerShow, Sort};
pub(crate) use server_actions::ServerActions;
pub(crate) use shell::{Completions, Man};
pub(crate) use show::{RunCommand, RunList, RunListFormat, RunShow, RunWatch, ShowFormat};
pub(crate) use sim::{Metadata, ServerIdFilter, Sim};
pub(crate) use store::{Held, StoreCommand, StoreFormat, StoreOptions};

const EXIT_CODES: &str = "\
Exit codes:
  0  every server succeeded (with --no-wait: was accepted)
  1  at least one server failed or was not attempted
  2  bad usage or input, or the question was not answered with yes: nothing sent
  3  at least one server's outcome is unknown; check it before re-running
  4  authentication or authorization failed; no server was touched
  5  stopped early: deadline, --stalled-after, Ctrl-C (also if everything is
     done), or a rolling run's limit. After Ctrl-C on a terminal ecsctl ends by
     SIGINT instead (130 in a shell), which ends loops of the shell, too

The highest code that applies wins. Codes 2 and 4 occur only if no server can have been touched.";

const ABOUT_EXAMPLES: &str = "\
Examples:
  ecsctl reboot --sim --all --yes
      Restarts a simulated fleet: no account needed.
  ecsctl auth check
      Shows which credentials are found, and whether they work.
  ecsctl reboot --cloud otc ID ID
      Restarts two servers, after a question, with a cloud of clouds.yaml.
  ecsctl explain Ecs.0114
      Explains an error code.";

const ENVIRONMENT: &str = "\
Environment (the first source that has credentials is used; see `ecsctl auth check`):
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
      The file with profiles [default: ~/.huaweicloud/credentials].
  ECSCTL_METADATA_ENDPOINT
      The metadata service [default: http://169.254.169.254].
  ECSCTL_SIM_SPEED
      The speed of an `ecsctl sim --speed N` on this machine: N. Refused for
      anything but http on loopback.
  ECSCTL_LOG
      What to log if -v is not given: a level (error, warn, info, debug, trace),
      or levels of crates such as ecs_client=debug,ecs_auth=info.
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY
      The proxy for requests to the service and to IAM.
  SSL_CERT_FILE, SSL_CERT_DIR
      Certificates to trust instead of the system's.
  XDG_STATE_HOME, XDG_CONFIG_HOME
      The folders of ecsctl/runs (journals) and of ecsctl/config.toml (settings)
      [default: ~/.local/state and ~/.config].
  ECSCTL_CONTEXT, ECSCTL_CLOUD, ECSCTL_PROFILE, ECSCTL_ENDPOINT, ECSCTL_REGION,
  ECSCTL_OPERATOR, ECSCTL_PROJECT_ID, ECSCTL_IAM_ENDPOINT, ECSCTL_AS_ENDPOINT,
  ECSCTL_CTS_ENDPOINT, ECSCTL_CA_FILE, ECSCTL_WAVE, ECSCTL_PAUSE,
  ECSCTL_MAX_FAILURES, ECSCTL_HEALTH_CMD, ECSCTL_DEADLINE, ECSCTL_JOURNAL_DIR,
  ECSCTL_JOURNAL_KEEP, ECSCTL_STORE
      Settings, as in the configuration file: see `config show --help`.
  NO_COLOR, CLICOLOR, CLICOLOR_FORCE
      Switch colors off or on.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "ecsctl",
    version,
    about = "Restart, start and stop fleets of Elastic Cloud Servers, and get an outcome for every server",
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
    /// Resume an interrupted run from its journal
    #[command(after_help = resume::help())]
    Resume(Resume),
    /// Write a run to a plan file, show it, approve it
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Run exactly what a plan says
    #[command(after_help = plan::apply_help())]
    Apply(Apply),
    /// Run again on the servers of an earlier run that failed or were not attempted
    #[command(after_help = rerun::help())]
    Rerun(Rerun),
    /// List and show servers
    #[command(subcommand)]
    Server(ServerCommand),
    /// Show the settings and where they come from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List and inspect runs
    #[command(subcommand)]
    Run(RunCommand),
    /// Show jobs, or wait for them to finish
    #[command(subcommand)]
    Job(JobCommand),
    /// Create, check and prune the store that processes and hosts share
    #[command(subcommand)]
    Store(StoreCommand),
    /// Show the runs of the store as web pages that update themselves
    #[command(after_help = serve::HELP)]
    Serve(Serve),
    /// Explain an error code of the service, and what to do about it
    #[command(
        after_help = "Examples:\n  ecsctl explain Ecs.0114\n  ecsctl explain common.0024 -o json"
    )]
    Explain(Explain),
    /// Diagnose credentials and the connection to the service
    #[command(subcommand)]
    Auth(Auth),
    /// Serve a simulated region over HTTP or HTTPS until Ctrl-C
    #[command(after_help = sim::HELP)]
    Sim(Sim),
    /// Print the JSON Schema of reports or events
    #[command(after_help = schema::EXAMPLES)]
    Schema(Schema),
    /// Print the completion script of a shell
    #[command(after_help = shell::COMPLETIONS)]
    Completions(Completions),
    /// Print the manual page, or write one for each command
    #[command(after_help = shell::MAN)]
    Man(Man),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Soft,
    Hard,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Show the current state of jobs
    #[command(after_help = "\
Exit codes (the highest that applies wins):
  0  every job was shown
  1  no readable answer about at least one job
  2  bad usage
  3  the service does not know at least one job
  4  authentication or authorization failed")]
    Show(JobShow),
    /// Wait for jobs of any kind to finish. Network errors are retried
    #[command(after_help = "\
Exit codes (the highest that applies wins):
  0  every job ended with SUCCESS
  1  at least one job failed
  2  bad usage
  3  the service does not know at least one job
  4  authentication or authorization failed
  5  stopped early: deadline, --stalled-after or Ctrl-C")]
    Wait(JobWait),
}

#[derive(Debug, Args)]
pub(crate) struct JobShow {
    /// Jobs, by their ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}

#[derive(Debug, Args)]
pub(crate) struct JobWait {
    /// Jobs, by their ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Stop waiting after this time (such as 90s, 15m, 1h30m)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Stop waiting for a job that makes no progress for this long, or never
    #[arg(long, value_name = "DURATION|never", default_value = "30m", value_parser = duration_or_never)]
    pub(crate) stalled_after: Option<Duration>,
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Show which credentials are found, why, and whether they work; if they do, also which records of actions they can
    /// read. Sends one read-only request, and up to three more for the records
    #[command(after_help = "\
Exit codes:
  0  the credentials work
  1  no answer, or an inconclusive one
  2  no credentials, or unusable ones
  4  authentication or authorization failed")]
    Check(AuthCheck),
}

#[derive(Debug, Args)]
pub(crate) struct AuthCheck {
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, in upper or lower case
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    #[command(flatten)]
    pub(crate) output: DocumentOutput,
}

/// Parses the path of a journal, which must be a file that can be read again.
pub(crate) fn journal_file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" | "-" => Err(
            "a journal needs a file, which resume can read again; ./- for a file of that name"
                .to_owned(),
        ),
        path => Ok(path.into()),
    }
}

pub(crate) fn at_least_1(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn batch_size(text: &str) -> Result<usize, String> {
    let max = RunBuilder::MAX_BATCH_SIZE;
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {max}")),
    }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a duration such as 90s, 15m or 1h30m".to_owned();
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
