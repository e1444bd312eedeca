//! Access to the pages: by the token, or by a session that began with it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use uuid::Uuid;

/// The lifetime of a session.
pub(super) const SESSION: Duration = Duration::from_secs(12 * 3600);
/// The most sessions. A further one ends the one that would end first.
const MOST_SESSIONS: usize = 1000;
/// The window in which wrong tokens are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// The most wrong tokens from one address in a window.
const MOST_WRONG: usize = 5;
/// The most wrong tokens from all addresses in a window.
const MOST_WRONG_OF_ALL: usize = 1000;

type Digest = [u8; 32];

/// The token and the sessions. Secrets are kept as their SHA-256.
pub(super) struct Access {
    token: Digest,
    /// The end of each session.
    sessions: HashMap<Digest, Instant>,
    /// The wrong tokens of the last window.
    wrong: VecDeque<(Instant, IpAddr)>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// The reason for which a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Wrong,
    /// Too many wrong tokens were sent: no token is compared for this time.
    TooMany(Duration),
}

impl Access {
    pub(super) fn new(token: &SecretString) -> Self {
        Self {
            token: digest(token.expose_secret()),
            sessions: HashMap::new(),
            wrong: VecDeque::new(),
        }
    }

    /// Compares a token that came from this address.
    pub(super) fn check(&mut self, token: &str, from: IpAddr, now: Instant) -> Result<(), Refused> {
        let from = network(from);
        while let Some((at, _)) = self.wrong.front()
            && now.duration_since(*at) >= WINDOW
        {
            self.wrong.pop_front();
        }
        let of_address = self.wrong.iter().filter(|(_, address)| *address == from);
        let counted = of_address.count();
        if counted >= MOST_WRONG || self.wrong.len() >= MOST_WRONG_OF_ALL {
            let mut counted = self.wrong.iter();
            let oldest = counted
                .find(|(_, address)| *address == from || self.wrong.len() >= MOST_WRONG_OF_ALL);
            let waited = oldest.map(|(at, _)| now.duration_since(*at));
            return Err(Refused::TooMany(
                WINDOW.saturating_sub(waited.unwrap_or_default()),
            ));
        }
        // Compares digests, so that the time reveals nothing about the length either.
        if digest(token).ct_eq(&self.token).into() {
            return Ok(());
        }
        self.wrong.push_back((now, from));
        Err(Refused::Wrong)
    }

    /// Begins a session, and returns its id.
    pub(super) fn begin_session(&mut self, now: Instant) -> String {
        self.sessions.retain(|_, end| *end > now);
        if self.sessions.len() >= MOST_SESSIONS {
            let first = self.sessions.iter().min_by_key(|(_, end)| **end);
            if let Some(first) = first.map(|(id, _)| *id) {
                self.sessions.remove(&first);
            }
        }
        let id = random();
        self.sessions.insert(digest(&id), now + SESSION);
        id
    }

    /// Returns whether there is a session with this id.
    pub(super) fn has_session(&self, id: &str, now: Instant) -> bool {
        let end = self.sessions.get(&digest(id));
        end.is_some_and(|end| *end > now)
    }

    /// Ends a session.
    pub(super) fn end_session(&mut self, id: &str) {
        self.sessions.remove(&digest(id));
    }
}

/// Returns a random text with 244 bits of the system's randomness.
pub(super) fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// Returns the network whose addresses count as one: an IPv6 host has all of its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests;
