//! What `ecsctl sim` takes.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{at_least_1, duration};

pub(super) const HELP: &str = "\
The first line on stdout is one JSON object: where it listens, the project, the keys, the token, the user, the servers. \
--project-id, --region, --token, --access-key and --secret-key choose those; otherwise they come from the seed. \
At the same address there are an identity service (IAM) and a metadata service.

Examples:
  ecsctl sim --servers 20 --seed 1 --speed 10
      Always the same twenty servers; jobs of half a minute take three seconds.
  ecsctl sim --tls --ca-out ca.pem
      Over HTTPS: give ecsctl --ca-file ca.pem and the endpoint that it prints.
  ecsctl sim --read-only --clock-offset 20m
      Credentials may look but not act; signatures are refused for the clock.
  ecsctl sim --stopped 20% --scaling-group web:3 --own-server 5
      A fifth of the servers is off, the first three are members of a group, and
      its metadata service is that of the sixth (ECSCTL_METADATA_ENDPOINT).";

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = ecs_sim::DEFAULT_LISTEN)]
    pub(crate) listen: String,
    /// How many servers there are
    #[arg(long, value_name = "N", default_value_t = ecs_sim::DEFAULT_SERVERS)]
    pub(crate) servers: usize,
    /// What all randomness comes from: ids, names, durations, failures
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many times as fast as real time its clock runs
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN)]
    pub(crate) speed: NonZeroU32,
    /// The share of actions on a server that fail
    #[arg(long, value_name = "P%", default_value = "0%", value_parser = percent)]
    pub(crate) fail: f64,
    /// The share of soft restarts that hang for ever: status REBOOT with a task. A hard restart is accepted after 30 minutes
    #[arg(long, value_name = "P%", default_value = "0%", value_parser = percent)]
    pub(crate) hang: f64,
    /// The share of servers that are stopped at first
    #[arg(long, value_name = "P%", default_value = "0%", value_parser = percent)]
    pub(crate) stopped: f64,
    /// An auto-scaling group of the next N servers of the list; can be given more than once
    #[arg(long, value_name = "NAME:N")]
    pub(crate) scaling_group: Vec<Group>,
    /// Which server of the list its metadata service serves, counted from 0; without it, one that is not in the list
    #[arg(long, value_name = "N")]
    pub(crate) own_server: Option<usize>,
    /// How long an action on a server takes at least and at most, in seconds of its clock
    #[arg(long, value_name = "MIN..MAX", default_value = "15..35", value_parser = seconds)]
    pub(crate) job_seconds: RangeInclusive<Duration>,
    /// How many servers each action takes in a minute of its clock
    #[arg(long, value_name = "N", default_value_t = ecs_sim::DEFAULT_QUOTA, value_parser = at_least_1)]
    pub(crate) quota: usize,
    /// Refuse every action: credentials may look at servers and jobs only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Take this permission from everybody; can be given more than once
    #[arg(long, value_name = "PERMISSION", value_parser = ecs_sim::PERMISSIONS)]
    pub(crate) deny: Vec<String>,
    /// How long a token of its identity service lives, by its clock
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) token_life: Duration,
    /// How long temporary keys of its metadata service live, by its clock
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    pub(crate) key_life: Duration,
    /// How much its clock is ahead of the real one; with a minus, behind
    #[arg(long, value_name = "DURATION", default_value = "0s", allow_hyphen_values = true, value_parser = offset)]
    pub(crate) clock_offset: jiff::SignedDuration,
    /// Let its user log in only with this passcode beside the password
    #[arg(long, value_name = "DIGITS")]
    pub(crate) passcode: Option<String>,
    /// How its metadata service gives temporary keys: with or without a session, only with one, without knowing of any, or not
    /// at all
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Metadata::Open)]
    pub(crate) metadata: Metadata,
    /// Serve HTTPS for localhost, 127.0.0.1 and ::1, with a new certificate from a new CA
    #[arg(long, requires = "ca_out", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub(crate) tls: bool,
    /// Where the certificate of that CA is written to, for --ca-file
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

/// An auto-scaling group, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) members: usize,
}

impl FromStr for Group {
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
        group.ok_or_else(|| "a name and a number are needed, such as web:3".to_owned())
    }
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a percentage from 0% to 100% is needed".to_owned()),
    }
}

pub(super) fn seconds(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let wrong = || "two numbers of seconds are needed, such as 15..35".to_owned();
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let seconds = |text: &str| {
        let seconds = text.parse::<f64>().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    match (seconds(min), seconds(max)) {
        (Some(min), Some(max)) if min <= max => Ok(min..=max),
        _ => Err(wrong()),
    }
}

/// At most a hundred years, so that the calendar can show it.
pub(super) fn offset(text: &str) -> Result<jiff::SignedDuration, String> {
    const MOST: jiff::SignedDuration = jiff::SignedDuration::from_hours(100 * 365 * 24);
    let parsed = text.parse::<jiff::SignedDuration>();
    let possible = parsed.ok().filter(|offset| offset.abs() <= MOST);
    possible.ok_or_else(|| "a duration such as 20m or -20m is needed".to_owned())
}
