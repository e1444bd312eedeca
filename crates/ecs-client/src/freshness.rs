//! The freshness of an answer. A cache repeats old answers, and they prove nothing.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use ecs_model::request_id;
use http::header::AGE;
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};

use crate::clock::date_of;

/// The reason why an answer is not current.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// It has the request id of an earlier answer; the service makes a new one for each.
    Repeated {
        /// The request id.
        request_id: String,
    },
    /// It carries an `Age` header: how long it has been in a cache.
    Aged {
        /// The header, in seconds.
        age: String,
    },
    /// It carries `X-Cache` or a similar header: a cache answered.
    CacheHit {
        /// The header.
        value: String,
    },
    /// It is older than the request, by the service's clock.
    Older {
        /// The date of the answer.
        date: Timestamp,
        /// The earliest time that the service's clock can have shown when the request was sent.
        sent: Timestamp,
    },
}

impl Stale {
    /// Returns whether the date may be from the service's clock. A date that is old may also be
    /// from a clock that was set back.
    pub(crate) fn has_a_true_date(&self) -> bool {
        matches!(self, Self::Older { .. })
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer comes from a cache: ")?;
        match self {
            Self::Repeated { request_id } => {
                write!(f, "it has the request id of an earlier one ({request_id})")
            }
            Self::Aged { age } => write!(f, "it carries \"Age: {age}\""),
            Self::CacheHit { value } => write!(f, "it carries {value:?}"),
            Self::Older { date, sent } => {
                write!(
                    f,
                    "it was made at {date:.0}, before it was asked for at {sent:.0}"
                )
            }
        }
    }
}

/// The most by which the clocks of the service's machines differ.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// Headers that caches write: Squid, Varnish, and those that nginx's manual and RFC 9211 name.
static CACHES: [HeaderName; 4] = [
    HeaderName::from_static("x-cache"),
    HeaderName::from_static("x-cache-status"),
    HeaderName::from_static("x-proxy-cache"),
    HeaderName::from_static("cache-status"),
];

/// Reads the headers of an answer. `asked_at` is the earliest time that the service's clock can
/// have shown when the request was sent, if known.
pub(crate) fn stale(headers: &HeaderMap, asked_at: Option<Timestamp>) -> Option<Stale> {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?;
        Some(visible(&String::from_utf8_lossy(value.as_bytes())))
    };
    if let Some(age) = text(&AGE) {
        return Some(Stale::Aged { age });
    }
    let is_hit = |value: &str| {
        let mut tokens = value.split(|char: char| !char.is_ascii_alphanumeric());
        tokens.any(|word| word.eq_ignore_ascii_case("hit"))
    };
    for name in &CACHES {
        if let Some(value) = text(name).filter(|value| is_hit(value)) {
            let value = format!("{name}: {value}");
            return Some(Stale::CacheHit { value });
        }
    }
    let (date, sent) = (date_of(headers)?, asked_at?);
    let is_older = date.checked_add(SLACK).is_ok_and(|latest| latest < sent);
    is_older.then_some(Stale::Older { date, sent })
}

/// Returns the text shortened and without control characters.
fn visible(text: &str) -> String {
    const LONGEST: usize = 80;
    let visible = text.trim().chars().filter(|char| !char.is_control());
    visible.take(LONGEST).collect()
}

/// The request ids of the latest answers to reads, as hashes.
#[derive(Debug, Default)]
pub(crate) struct SeenIds {
    hasher: RandomState,
    seen: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl SeenIds {
    /// The number of ids that are kept: more than the lists that a run makes.
    const LIMIT: usize = 4096;

    /// Adds the request id of an answer, and returns its staleness if an earlier answer had the
    /// same.
    pub(crate) fn repeated(&self, headers: &HeaderMap) -> Option<Stale> {
        let id = request_id(headers)?;
        (!self.add(&id)).then(|| Stale::Repeated {
            request_id: visible(&id),
        })
    }

    /// Adds an id; `false` if it was present.
    fn add(&self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.known.insert(hash) {
            return false;
        }
        seen.order.push_back(hash);
        if seen.order.len() > Self::LIMIT
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests;
