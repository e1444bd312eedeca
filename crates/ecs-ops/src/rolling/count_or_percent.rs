//! A number or a percentage of servers.

use std::fmt;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of servers, or a percentage of all servers. As JSON a text, `"5"` or `"10%"`; a number is
/// read, too.
///
/// ```
/// use ecs_ops::rolling::CountOrPercent;
///
/// assert_eq!("5".parse::<CountOrPercent>()?.of(40), 5);
/// assert_eq!("10%".parse::<CountOrPercent>()?.of(49), 4); // never more than that
/// assert!("110%".parse::<CountOrPercent>().is_err());
/// # Ok::<_, ecs_ops::rolling::ParseCountOrPercentError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountOrPercent {
    /// A number of servers.
    Count(usize),
    /// A percentage, 0 to 100.
    Percent(u8),
}

impl CountOrPercent {
    /// The number for a total of `servers`; a percentage is rounded down.
    pub fn of(self, servers: usize) -> usize {
        match self {
            Self::Count(count) => count.min(servers),
            Self::Percent(percent) => {
                let percent = usize::from(percent.min(100));
                // In two steps, so that nothing overflows.
                servers / 100 * percent + servers % 100 * percent / 100
            }
        }
    }
}

impl fmt::Display for CountOrPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(servers) => write!(f, "{servers}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// The error for text that is no [`CountOrPercent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseCountOrPercentError {
    given: String,
}

impl fmt::Display for ParseCountOrPercentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is neither a number of servers, like 5, nor a whole percentage from 0% to 100%",
            self.given
        )
    }
}

impl std::error::Error for ParseCountOrPercentError {}

impl FromStr for CountOrPercent {
    type Err = ParseCountOrPercentError;

    fn from_str(text: &str) -> Result<Self, ParseCountOrPercentError> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let count = if text.ends_with('%') {
            digits
                .parse()
                .ok()
                .filter(|percent| *percent <= 100)
                .map(Self::Percent)
        } else {
            digits.parse().ok().map(Self::Count)
        };
        count
            .filter(|_| is_number)
            .ok_or_else(|| ParseCountOrPercentError {
                given: text.chars().take(40).collect(),
            })
    }
}

impl Serialize for CountOrPercent {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CountOrPercent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextOrNumber;

        impl Visitor<'_> for TextOrNumber {
            type Value = CountOrPercent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of servers, like 5, or a percentage, like \"10%\"")
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Self::Value, E> {
                let count = usize::try_from(count).map_err(E::custom)?;
                Ok(CountOrPercent::Count(count))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(E::custom)
            }
        }

        from.deserialize_any(TextOrNumber)
    }
}
