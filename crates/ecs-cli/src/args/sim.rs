//! The arguments of `sim`.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{at_least_1, duration};

pub(super) const HELP: &str = "\
If stdout is not a terminal, its first line is one JSON object: the address, the project, the keys, the token, the user, \
the servers. --project-id, --region, --token, --access-key and --secret-key set those; otherwise they come from the seed. \
An identity service (IAM) and a metadata service listen at the same address.

Examples:
  ecsctl sim --servers 20 --seed 1 --speed 10
      The same twenty servers every time; jobs of 30 seconds take three seconds.
  ecsctl sim --servers 20 --env-file sim.env
      Then, in another terminal: . ./sim.env; ecsctl server list
  ecsctl sim --tls --ca-out ca.pem
      Serves HTTPS: use --ca-file ca.pem with the endpoint that it prints.
  ecsctl sim --read-only --clock-offset 20m
      Refuses every action; refuses signatures because of the clock.
  ecsctl sim --stopped 20% --scaling-group web:3 --own-server 5
      A fifth of the servers is stopped, the first three are members of a group,
      and the metadata service is that of the sixth (ECSCTL_METADATA_ENDPOINT).";

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Listen at this address; port 0 takes a free port
    #[arg(long, value_name = "HOST:PORT", default_value = ecs_sim::DEFAULT_LISTEN)]
    pub(crate) listen: String,
    /// Simulate N servers
    #[arg(long, value_name = "N", default_value_t = ecs_sim::DEFAULT_SERVERS)]
    pub(crate) servers: usize,
    /// Derive ids, names, durations and failures from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Run the clock N times as fast as real time
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN)]
    pub(crate) speed: NonZeroU32,
    /// Fail this share of the actions on servers
    #[arg(long, value_name = "P%", default_value = "0%", value_parser = percent)]
    pub(crate) fail: f64,
    /// Let this share of the soft restarts hang forever (status REBOOT with a task). A hard restart is accepted after 30 minutes
    #[arg(long, value_name = "P%", default_value = "0%", value_parser = percent)]
    pub(crate) hang: f64,
    /// Begin with this share of the servers stopped
    #[arg(long, value_name = "P%", default_value = "0%", value_parser = percent)]
    pub(crate) stopped: f64,
    /// How the list of servers treats ids (server_id): ignore them, as Open Telekom Cloud (by its documentation); refuse them;
    /// filter by up to 100 of them, as Huawei Cloud
    #[arg(long, value_enum, value_name = "HOW", default_value_t = ServerIdFilter::Ignored)]
    pub(crate) server_id_filter: ServerIdFilter,
    /// Allow N lists, N queries of single servers and N of jobs per minute of the simulated clock. By default there is no limit
    #[arg(long, value_name = "N", value_parser = at_least_1)]
    pub(crate) queries_per_minute: Option<usize>,
    /// Put the next N servers of the list into an auto-scaling group. Repeatable
    #[arg(long, value_name = "NAME:N")]
    pub(crate) scaling_group: Vec<ScalingGroup>,
    /// Serve the metadata of this server of the list, counted from 0. By default of a server that is not in the list
    #[arg(long, value_name = "N")]
    pub(crate) own_server: Option<usize>,
    /// Minimum and maximum duration of an action on a server, in seconds of the simulated clock
    #[arg(long, value_name = "MIN..MAX", default_value = "15..35", value_parser = seconds)]
    pub(crate) job_seconds: RangeInclusive<Duration>,
    /// Allow N servers of each action per minute of the simulated clock
    #[arg(long, value_name = "N", default_value_t = ecs_sim::DEFAULT_QUOTA, value_parser = at_least_1)]
    pub(crate) quota: usize,
    /// Refuse every action: credentials may only read servers and jobs
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Deny this permission to all callers. Repeatable
    #[arg(long, value_name = "PERMISSION", value_parser = ecs_sim::PERMISSIONS)]
    pub(crate) deny: Vec<String>,
    /// Lifetime of a token of the identity service, by the simulated clock
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) token_life: Duration,
    /// Lifetime of temporary keys of the metadata service, by the simulated clock
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) key_life: Duration,
    /// Set the clock ahead of the real one by this much; with a minus, behind
    #[arg(long, value_name = "DURATION", default_value = "0s", allow_hyphen_values = true, value_parser = offset)]
    pub(crate) clock_offset: jiff::SignedDuration,
    /// Require this passcode beside the password
    #[arg(long, value_name = "DIGITS")]
    pub(crate) passcode: Option<String>,
    /// How the metadata service gives temporary keys: with or without a session (open), only with a session
    /// (protected), without sessions (plain), or not at all (no-agency)
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Metadata::Open)]
    pub(crate) metadata: Metadata,
    /// Also write shell variables to this file: after `. FILE`, ecsctl uses the simulator without further options
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Serve HTTPS for localhost, 127.0.0.1 and ::1, with a new certificate from a new CA
    #[arg(long, requires = "ca_out", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub(crate) tls: bool,
    /// Write the certificate of that CA to this file, for --ca-file
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,
    /// Serve HTTPS with this certificate chain (PEM, its own certificate first)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Metadata {
    Open,
    Protected,
    Plain,
    NoAgency,
}

/// How the list of servers treats ids.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ServerIdFilter {
    Ignored,
    Refused,
    Applied,
}

/// An auto-scaling group as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalingGroup {
    pub(crate) name: String,
    pub(crate) members: usize,
}

impl FromStr for ScalingGroup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':');
        let group = parts.and_then(|(name, members)| {
            let members = members.parse().ok()?;
            (!name.is_empty()).then(|| Self {
                name: name.to_owned(),
                members,
            })
        });
        group.ok_or_else(|| "expected a name and a number, such as web:3".to_owned())
    }
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("expected a percentage from 0% to 100%".to_owned()),
    }
}

pub(super) fn seconds(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let seconds = |text: &str| {
        let seconds = text.parse::<f64>().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    match (seconds(min), seconds(max)) {
        (Some(min), Some(max)) if min <= max => Ok(min..=max),
        _ => Err("expected two numbers of seconds, such as 15..35".to_owned()),
    }
}

/// Parses an offset of at most a hundred years, which every calendar can show.
pub(super) fn offset(text: &str) -> Result<jiff::SignedDuration, String> {
    const MOST: jiff::SignedDuration = jiff::SignedDuration::from_hours(100 * 365 * 24);
    let parsed = text.parse::<jiff::SignedDuration>();
    let possible = parsed.ok().filter(|offset| offset.abs() <= MOST);
    possible.ok_or_else(|| "expected a duration such as 20m or -20m".to_owned())
}
