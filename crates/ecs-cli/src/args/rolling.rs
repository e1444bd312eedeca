//! Waves, and when they stop: what restarting, starting and stopping take for rolling runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ecs_ops::rolling::{AfterCanary, CountOrPercent, Rules};

use super::{at_least_1, duration};
use crate::fail::Fail;

/// How long a health check may take, unless something else is said.
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
    /// continue, the rest is not attempted. A server whose result is unknown counts as failed
    #[arg(long, value_name = "N|P%", conflicts_with = "no_wait")]
    pub(crate) max_failures: Option<CountOrPercent>,
    /// After each wave, run this with `sh -c` (Windows: `cmd /C`), with the ids of its servers on stdin, one per line,
    /// and stop if it fails. Its output goes to stderr. The command is stored in the journal in plain text, so do not
    /// include secrets
    #[arg(long, value_name = "COMMAND", value_parser = command, conflicts_with = "no_wait")]
    pub(crate) health_cmd: Option<String>,
    /// Kill --health-cmd after this time; the check has then failed
    #[arg(
        long, value_name = "DURATION", default_value = "5m", value_parser = duration, requires = "health_cmd"
    )]
    pub(crate) health_timeout: Duration,
    /// Begin with a wave of only N servers, then ask whether to continue
    #[arg(long, value_name = "N", value_parser = at_least_1, conflicts_with = "no_wait")]
    pub(crate) canary: Option<usize>,
    /// After the canary, pause this long instead of asking
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "canary")]
    pub(crate) canary_pause: Option<Duration>,
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
    /// From `reboot`, which alone has it.
    #[arg(skip)]
    pub(crate) escalate_after: Option<Duration>,
}

/// In which order servers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderBy {
    AsGiven,
    Random,
    ByName,
}

/// What no wave takes all servers of.
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
            _ => Err("az, host or tag:KEY is needed".to_owned()),
        }
    }
}

impl Rolling {
    /// Whether there is any of them.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wave.is_some()
            || self.pause.is_some()
            || self.max_failures.is_some()
            || self.health_cmd.is_some()
            || self.canary.is_some()
            || self.order.is_some()
            || self.spread_by.is_some()
            || self.escalate_after.is_some()
    }

    /// Whether more has to be known of the servers than their ids.
    pub(crate) fn needs_attributes(&self) -> bool {
        self.order == Some(OrderBy::ByName) || self.spread_by.is_some()
    }

    /// Whether there is somebody to be asked after the canary.
    pub(crate) fn asks(&self) -> bool {
        self.canary.is_some() && self.canary_pause.is_none()
    }

    /// What fits together for itself and makes no sense together.
    pub(crate) fn check(&self, yes: bool) -> Result<(), Fail> {
        if self.pause.is_some() && self.wave.is_none() {
            if self.canary.is_none() {
                return Err(Fail::usage(
                    "--pause is the time between two waves, but there is only one wave",
                )
                .hint("add --wave N|P% for waves, or --canary N for a small first one"));
            }
            if self.canary_pause.is_some() {
                return Err(Fail::usage(
                    "--pause is the time between two waves, but there is only one after the canary",
                )
                .hint(
                    "--canary-pause is the time after the canary; add --wave N|P% for more waves",
                ));
            }
        }
        if self.order_seed.is_some() && self.order != Some(OrderBy::Random) {
            return Err(Fail::usage("--order-seed needs --order random"));
        }
        if self.asks() && yes {
            return Err(
                Fail::usage("--canary asks whether to continue, but --yes is for runs without an operator")
                    .hint("add --canary-pause DURATION to continue after that time without a question, or omit --yes"),
            );
        }
        Ok(())
    }

    pub(crate) fn rules(&self) -> Rules {
        let after = self.canary_pause.map(AfterCanary::Pause);
        Rules {
            max_failures: self.max_failures,
            pause: self.pause.unwrap_or_default(),
            canary: self.canary.map(|_| after.unwrap_or(AfterCanary::Ask)),
            check_health: self.health_cmd.is_some(),
        }
    }
}

/// `hard-after` and how long, as two words.
pub(super) fn escalation(words: &[String]) -> Result<Option<Duration>, Fail> {
    let wrong = |what: String| {
        Err(Fail::usage(format!("--escalate: {what}"))
            .hint("write it as two words: --escalate hard-after 5m"))
    };
    match words {
        [] => Ok(None),
        [how, after] if how == "hard-after" => match duration(after) {
            Ok(after) => Ok(Some(after)),
            Err(error) => wrong(error),
        },
        [how, ..] => wrong(format!("{how:?} is not supported, only hard-after is")),
    }
}

fn wave(text: &str) -> Result<CountOrPercent, String> {
    match text.parse::<CountOrPercent>() {
        Ok(share) if share.of(100) == 0 => Err("a wave needs at least one server".to_owned()),
        Ok(share) => Ok(share),
        Err(error) => Err(error.to_string()),
    }
}

/// An empty command would always succeed.
pub(super) fn command(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a command is needed".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_health_check_is_said_once() {
        assert_eq!(duration("5m"), Ok(HEALTH_TIMEOUT));
    }

    #[test]
    fn groups_are_named_plainly() {
        for text in ["az", "host", "tag:role", "tag:a:b", "tag:a b"] {
            assert_eq!(text.parse::<SpreadBy>().unwrap().to_string(), text);
        }
        for text in ["", "AZ", "zone", "tag", "tag:", "tag:role=web", "role"] {
            assert!(text.parse::<SpreadBy>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn escalation_is_two_words() {
        let of = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            escalation(&words)
        };
        let five = Some(Duration::from_secs(300));
        assert_eq!(of(&["hard-after", "5m"]).unwrap(), five);
        assert_eq!(of(&[]).unwrap(), None);
        for words in [
            ["soft-after", "5m"],
            ["hard-after", "soon"],
            ["5m", "hard-after"],
        ] {
            let hint = of(&words).unwrap_err().hint.unwrap();
            assert!(hint.contains("--escalate hard-after 5m"), "{hint}");
        }
    }

    #[test]
    fn a_wave_has_servers() {
        assert_eq!(wave("10%"), Ok(CountOrPercent::Percent(10)));
        assert_eq!(wave("250"), Ok(CountOrPercent::Count(250)));
        for text in ["0", "0%", "-1", "101%", "x"] {
            assert!(wave(text).is_err(), "{text:?}");
        }
    }
}
