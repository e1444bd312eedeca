//! The options of rolling runs: waves, and when they stop.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ecs_ops::rolling::{AfterCanary, CountOrPercent, MIN_HANG, Rules};

use super::{at_least_1, duration};
use crate::fail::CliError;

/// The default time limit of a health check.
pub(crate) const HEALTH_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Rolling")]
pub(crate) struct Rolling {
    /// Act on at most this many servers at a time (5, or 10% of all); the next wave begins when these have finished. If
    /// other rolling options are used without --wave, all servers form a single wave
    #[arg(long, value_name = "N|P%", value_parser = wave, conflicts_with = "no_wait")]
    pub(crate) wave: Option<CountOrPercent>,
    /// Pause this long between waves
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "no_wait")]
    pub(crate) pause: Option<Duration>,
    /// Stop when more servers than this have failed (2, or 1% of all; 0 stops at the first one). Accepted requests
    /// continue, the rest is not attempted. A server whose outcome is unknown counts as failed. Replaces the default brake,
    /// which also stops after a wave without a success; none switches it off [default: 10% of all servers, at least 2]
    #[arg(long, value_name = "N|P%|none", conflicts_with = "no_wait")]
    pub(crate) max_failures: Option<FailureLimit>,
    /// After each wave, run this with `sh -c` (Windows: `cmd /C`), with the ids of its servers on stdin, one per line,
    /// and stop if it fails. Its output goes to stderr. The command is stored in the journal in plain text, so do not
    /// include secrets
    #[arg(long, value_name = "COMMAND", value_parser = command, conflicts_with = "no_wait")]
    pub(crate) health_cmd: Option<String>,
    /// Kill --health-cmd after this time; the check has then failed [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) health_timeout: Option<Duration>,
    /// Begin with a wave of only N servers, then ask whether to continue
    #[arg(long, value_name = "N", value_parser = at_least_1, conflicts_with = "no_wait")]
    pub(crate) canary: Option<usize>,
    /// After the canary, pause this long instead of asking
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) canary_pause: Option<Duration>,
    /// The source of a canary from settings. Such a canary is skipped if it does not fit the servers.
    #[arg(skip)]
    pub(crate) canary_of: Option<String>,
    /// Order the servers. by-name lists the project's servers
    #[arg(long, value_name = "ORDER", value_enum, conflicts_with = "no_wait")]
    pub(crate) order: Option<OrderBy>,
    /// Repeat the order of an earlier run with --order random, which printed this number
    #[arg(long, value_name = "N", requires = "order")]
    pub(crate) order_seed: Option<u64>,
    /// Never act in one wave on all servers of an availability zone (az), of a host, or with the same value of a tag
    /// (tag:KEY). Lists the project's servers
    #[arg(long, value_name = "az|tag:KEY|host", conflicts_with = "no_wait")]
    pub(crate) spread_by: Option<SpreadBy>,
    /// The time of `--escalate hard-after`. Set by `reboot` only.
    #[arg(skip)]
    pub(crate) escalate_after: Option<Duration>,
    /// The time of `--escalate hard-if-hung`. Set by `reboot` only.
    #[arg(skip)]
    pub(crate) escalate_hang: Option<Duration>,
}

/// The limit of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureLimit {
    /// No limit, and no brake.
    None,
    /// At most this many.
    AtMost(CountOrPercent),
}

impl FromStr for FailureLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        let parsed = text.parse().map(Self::AtMost);
        parsed.map_err(|error| format!("{error}, nor none"))
    }
}

impl fmt::Display for FailureLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::AtMost(limit) => limit.fmt(f),
        }
    }
}

/// The order of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderBy {
    AsGiven,
    Random,
    ByName,
}

/// A group of servers that is never acted on in one wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SpreadBy {
    Zone,
    Host,
    Tag(String),
}

impl fmt::Display for SpreadBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone => f.write_str("az"),
            Self::Host => f.write_str("host"),
            Self::Tag(key) => write!(f, "tag:{key}"),
        }
    }
}

impl FromStr for SpreadBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("tag:")) {
            ("az", _) => Ok(Self::Zone),
            ("host", _) => Ok(Self::Host),
            (_, Some(key)) if !key.is_empty() && !key.contains('=') => {
                Ok(Self::Tag(key.to_owned()))
            }
            _ => Err("expected az, host or tag:KEY".to_owned()),
        }
    }
}

impl Rolling {
    /// Returns whether an option asks for a rolling run.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wave.is_some()
            || self.pause.is_some()
            || matches!(self.max_failures, Some(FailureLimit::AtMost(_)))
            || self.health_cmd.is_some()
            || self.canary.is_some()
            || self.order.is_some()
            || self.spread_by.is_some()
            || self.escalates()
    }

    /// Returns whether a hard restart may follow a soft one.
    pub(crate) fn escalates(&self) -> bool {
        self.escalate_after.is_some() || self.escalate_hang.is_some()
    }

    /// Returns whether the order or the groups need attributes of the servers besides their ids.
    pub(crate) fn needs_attributes(&self) -> bool {
        self.order == Some(OrderBy::ByName) || self.spread_by.is_some()
    }

    /// Returns whether the run asks a question after the canary.
    pub(crate) fn asks(&self) -> bool {
        self.canary.is_some() && self.canary_pause.is_none()
    }

    /// Returns the time limit of a health check.
    pub(crate) fn health_limit(&self) -> Duration {
        self.health_timeout.unwrap_or(HEALTH_TIMEOUT)
    }

    /// Removes a canary of the settings that is no smaller than the waves of this many servers, and returns its
    /// source.
    pub(crate) fn fit_canary(&mut self, servers: usize) -> Option<String> {
        let wave = self.wave.map_or(servers, |wave| wave.of(servers).max(1));
        let most = wave.min(servers.saturating_sub(1));
        if self.canary.is_none_or(|canary| canary <= most) {
            return None;
        }
        let source = self.canary_of.take()?;
        (self.canary, self.canary_pause) = (None, None);
        Some(source)
    }

    /// Rejects contradictory options.
    pub(crate) fn check(&self, yes: bool) -> Result<(), CliError> {
        if self.health_timeout.is_some() && self.health_cmd.is_none() {
            return Err(CliError::usage(
                "--health-timeout needs --health-cmd <COMMAND>",
            ));
        }
        if self.canary_pause.is_some() && self.canary.is_none() {
            return Err(CliError::usage("--canary-pause needs --canary <N>"));
        }
        if self.pause.is_some() && self.wave.is_none() {
            if self.canary.is_none() {
                return Err(CliError::usage(
                    "--pause is the time between two waves, but there is only one wave",
                )
                .hint("add --wave N|P% for waves, or --canary N for a small first one"));
            }
            if self.canary_pause.is_some() {
                return Err(CliError::usage(
                    "--pause is the time between two waves, but there is only one after the canary",
                )
                .hint(
                    "--canary-pause is the time after the canary; add --wave N|P% for more waves",
                ));
            }
        }
        if self.order_seed.is_some() && self.order != Some(OrderBy::Random) {
            return Err(CliError::usage("--order-seed needs --order random"));
        }
        if self.asks() && yes {
            return Err(
                CliError::usage("--canary asks whether to continue, but --yes is for runs without an operator")
                    .hint("add --canary-pause DURATION to continue after that time without a question, or omit --yes"),
            );
        }
        Ok(())
    }

    /// Returns the rules of a run of this many servers, with the default brake unless `--max-failures` is given.
    pub(crate) fn rules(&self, servers: usize) -> Rules {
        let after = self.canary_pause.map(AfterCanary::Pause);
        let rules = Rules {
            pause: self.pause.unwrap_or_default(),
            canary: self.canary.map(|_| after.unwrap_or(AfterCanary::Ask)),
            check_health: self.health_cmd.is_some(),
            ..Rules::default()
        };
        match self.max_failures {
            None => rules.with_default_brake(servers),
            Some(FailureLimit::None) => rules,
            Some(FailureLimit::AtMost(limit)) => Rules {
                max_failures: Some(limit),
                ..rules
            },
        }
    }
}

/// The conditions under which a hard restart follows a soft one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Escalate {
    /// After a failure, or if the server is not back within this time.
    pub(super) after: Option<Duration>,
    /// If the server hangs in its restart for this long.
    pub(super) hang: Option<Duration>,
}

/// Parses `hard-after DURATION` and `hard-if-hung DURATION`, each at most once.
pub(super) fn escalation(arguments: &[String]) -> Result<Escalate, CliError> {
    let wrong = |problem: String| {
        Err(CliError::usage(format!("--escalate: {problem}")).hint(
            "write it as two arguments: --escalate hard-after 5m, --escalate hard-if-hung 30m",
        ))
    };
    let mut escalate = Escalate::default();
    for pair in arguments.chunks(2) {
        let [form_name, time] = pair else {
            return wrong("expected a form and a duration".to_owned());
        };
        let time = match duration(time) {
            Ok(time) => time,
            Err(error) => return wrong(error),
        };
        let form = match form_name.as_str() {
            "hard-after" => &mut escalate.after,
            "hard-if-hung" => &mut escalate.hang,
            _ => {
                return wrong(format!(
                    "{form_name:?} is not supported, only hard-after and hard-if-hung are"
                ));
            }
        };
        if form.replace(time).is_some() {
            return wrong(format!("{form_name} is given twice"));
        }
    }
    match escalate.hang {
        Some(hang) if hang < MIN_HANG => {
            let least = MIN_HANG.as_secs() / 60;
            wrong(format!(
                "hard-if-hung needs {least}m or more, since a restart can take that long"
            ))
        }
        _ => Ok(escalate),
    }
}

pub(crate) fn wave(text: &str) -> Result<CountOrPercent, String> {
    match text.parse::<CountOrPercent>() {
        Ok(share) if share.of(100) == 0 => Err("a wave needs at least one server".to_owned()),
        Ok(share) => Ok(share),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses the command of a health check. An empty one is refused, because it would always succeed.
pub(crate) fn command(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("expected a command".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_the_default_health_timeout() {
        assert_eq!(duration("5m"), Ok(HEALTH_TIMEOUT));
    }

    #[test]
    fn spread_groups_are_parsed() {
        for text in ["az", "host", "tag:role", "tag:a:b", "tag:a b"] {
            assert_eq!(text.parse::<SpreadBy>().unwrap().to_string(), text);
        }
        for text in ["", "AZ", "zone", "tag", "tag:", "tag:role=web", "role"] {
            assert!(text.parse::<SpreadBy>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn escalation_takes_two_arguments() {
        let of = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            escalation(&arguments)
        };
        let after = Some(Duration::from_secs(300));
        let hang = Some(Duration::from_secs(1800));
        let only = |after, hang| Escalate { after, hang };
        assert_eq!(of(&["hard-after", "5m"]).unwrap(), only(after, None));
        assert_eq!(of(&["hard-if-hung", "30m"]).unwrap(), only(None, hang));
        let both = ["hard-if-hung", "30m", "hard-after", "5m"];
        assert_eq!(of(&both).unwrap(), only(after, hang));
        assert_eq!(of(&[]).unwrap(), only(None, None));
        let twice = ["hard-after", "5m", "hard-after", "6m"];
        assert!(of(&twice).unwrap_err().message.contains("twice"));
        for arguments in [
            ["soft-after", "5m"],
            ["hard-after", "soon"],
            ["5m", "hard-after"],
            ["hard-if-hung", "29m"],
        ] {
            let hint = of(&arguments).unwrap_err().hint.unwrap();
            assert!(hint.contains("--escalate hard-after 5m"), "{hint}");
        }
    }

    #[test]
    fn a_limit_of_failures_is_a_number_a_share_or_none() {
        for text in ["0", "2", "10%", "none"] {
            assert_eq!(text.parse::<FailureLimit>().unwrap().to_string(), text);
        }
        for text in ["", "-1", "101%", "None", "never"] {
            let error = text.parse::<FailureLimit>().unwrap_err();
            assert!(error.ends_with("nor none"), "{error}");
        }
    }

    #[test]
    fn a_limit_replaces_the_default_brake() {
        let rules = |max_failures| {
            let rolling = Rolling {
                max_failures,
                ..Rolling::default()
            };
            rolling.rules(1000)
        };
        assert!(rules(None).brake);
        assert_eq!(rules(None).max_failures, Some(CountOrPercent::Count(100)));
        assert_eq!(rules(Some(FailureLimit::None)), Rules::default());
        let given = rules(Some(FailureLimit::AtMost(CountOrPercent::Percent(50))));
        assert!(!given.brake && given.max_failures == Some(CountOrPercent::Percent(50)));
    }

    #[test]
    fn an_empty_wave_is_refused() {
        assert_eq!(wave("10%"), Ok(CountOrPercent::Percent(10)));
        assert_eq!(wave("250"), Ok(CountOrPercent::Count(250)));
        for text in ["0", "0%", "-1", "101%", "x"] {
            assert!(wave(text).is_err(), "{text:?}");
        }
    }
}
