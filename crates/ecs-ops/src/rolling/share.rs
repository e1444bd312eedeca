//! A number of servers, or a percentage of all.

use std::fmt;
use std::str::FromStr;

/// So many servers, or so many percent of all.
///
/// ```
/// use ecs_ops::rolling::Share;
///
/// assert_eq!("5".parse::<Share>()?.of(40), 5);
/// assert_eq!("10%".parse::<Share>()?.of(49), 4); // never more than that
/// assert!("110%".parse::<Share>().is_err());
/// # Ok::<_, ecs_ops::rolling::ParseShareError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// This many servers.
    Servers(usize),
    /// This many of a hundred, at most 100.
    Percent(u8),
}

impl Share {
    /// How many of so many servers: a percentage is rounded down.
    pub fn of(self, servers: usize) -> usize {
        match self {
            Self::Servers(share) => share.min(servers),
            Self::Percent(percent) => {
                let percent = usize::from(percent.min(100));
                // In two steps, so that nothing overflows.
                servers / 100 * percent + servers % 100 * percent / 100
            }
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers(servers) => write!(f, "{servers}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// A text that is not a [`Share`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseShareError {
    given: String,
}

impl fmt::Display for ParseShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is neither a number of servers, like 5, nor a whole percentage from 0% to 100%",
            self.given
        )
    }
}

impl std::error::Error for ParseShareError {}

impl FromStr for Share {
    type Err = ParseShareError;

    fn from_str(text: &str) -> Result<Self, ParseShareError> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let share = match text.ends_with('%') {
            true => digits
                .parse()
                .ok()
                .filter(|percent| *percent <= 100)
                .map(Self::Percent),
            false => digits.parse().ok().map(Self::Servers),
        };
        share.filter(|_| is_number).ok_or_else(|| ParseShareError {
            given: text.chars().take(40).collect(),
        })
    }
}
