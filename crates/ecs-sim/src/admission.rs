//! Issued credentials, and the counts of wrong signatures by key.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use ecs_auth::AccessKey;
use rand_chacha::ChaCha8Rng;

use crate::SimError;
use crate::seed::{self, Purpose};
use crate::settings::{KEY_LOCK, WRONG_SIGNATURES};

/// The time for which an expired token is distinguished from an unknown one.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The scope of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The region's project.
    Project,
    /// The domain, for IAM only.
    Domain,
    /// No scope: only good for requesting another token.
    Unscoped,
}

/// An authenticated caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) scope: Scope,
    /// The expiry of the credentials, if they have one.
    pub(crate) ends: Option<Duration>,
}

/// A pair of keys. The permanent one never expires.
pub(crate) struct Key {
    pub(crate) pair: AccessKey,
    pub(crate) ends: Option<Duration>,
    wrong: u32,
    locked_until: Duration,
}

/// The usability of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Valid,
    Expired,
    Locked,
}

impl Key {
    fn new(pair: AccessKey, ends: Option<Duration>) -> Self {
        Self {
            pair,
            ends,
            wrong: 0,
            locked_until: Duration::ZERO,
        }
    }

    pub(crate) fn state(&self, now: Duration) -> KeyState {
        if now < self.locked_until {
            KeyState::Locked
        } else if self.ends.is_some_and(|end| now >= end) {
            KeyState::Expired
        } else {
            KeyState::Valid
        }
    }

    pub(crate) fn count_right(&mut self) {
        self.wrong = 0;
    }

    /// Counts a wrong signature: too many in a row lock the key.
    pub(crate) fn count_wrong(&mut self, now: Duration) {
        self.wrong += 1;
        if self.wrong >= WRONG_SIGNATURES {
            self.wrong = 0;
            self.locked_until = now.saturating_add(KEY_LOCK);
        }
    }
}

/// The state of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenState {
    Unknown,
    Ended,
    Good(Scope, Duration),
}

/// Temporary keys, as shown by the metadata service.
#[derive(Clone)]
pub(crate) struct Temporary {
    pub(crate) access: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) ends: Duration,
}

/// Keys and tokens. `Debug` shows their number.
pub(crate) struct Admission {
    keys: HashMap<String, Key>,
    tokens: HashMap<String, (Scope, Duration)>,
    sessions: HashMap<String, Duration>,
    temporary: Option<Temporary>,
    rng: ChaCha8Rng,
}

impl Admission {
    pub(crate) fn new(seed: u64, permanent: AccessKey) -> Self {
        let id = permanent.id().to_owned();
        Self {
            keys: HashMap::from([(id, Key::new(permanent, None))]),
            tokens: HashMap::new(),
            sessions: HashMap::new(),
            temporary: None,
            rng: seed::rng(seed, Purpose::Admission),
        }
    }

    pub(crate) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    pub(crate) fn key_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.keys.get_mut(id)
    }

    pub(crate) fn issue_token(&mut self, scope: Scope, ends: Duration, now: Duration) -> String {
        self.tokens
            .retain(|_, (_, end)| end.saturating_add(REMEMBERED) > now);
        let token = format!("MIISIM{}", seed::letters(&mut self.rng, 90));
        self.tokens.insert(token.clone(), (scope, ends));
        token
    }

    pub(crate) fn token(&self, token: &str, now: Duration) -> TokenState {
        match self.tokens.get(token) {
            None => TokenState::Unknown,
            Some((_, end)) if now >= *end => TokenState::Ended,
            Some(&(scope, end)) => TokenState::Good(scope, end),
        }
    }

    /// Opens a session with the metadata service and returns its token.
    pub(crate) fn open_session(&mut self, life: Duration, now: Duration) -> String {
        self.sessions.retain(|_, end| *end > now);
        let token = seed::letters(&mut self.rng, 56);
        self.sessions
            .insert(token.clone(), now.saturating_add(life));
        token
    }

    pub(crate) fn has_session(&self, token: &str, now: Duration) -> bool {
        self.sessions.get(token).is_some_and(|end| now < *end)
    }

    /// Returns the current temporary keys: the last ones while more than half of their lifetime
    /// remains. Earlier ones stay valid until they expire.
    pub(crate) fn temporary(
        &mut self,
        life: Duration,
        now: Duration,
    ) -> Result<Temporary, SimError> {
        if let Some(last) = &self.temporary
            && last.ends.saturating_sub(now) > life / 2
        {
            return Ok(last.clone());
        }
        let keys = Temporary {
            access: seed::letters(&mut self.rng, 20),
            secret: seed::letters(&mut self.rng, 40),
            token: seed::letters(&mut self.rng, 120),
            ends: now.saturating_add(life),
        };
        let pair = pair(&keys.access, &keys.secret)?
            .with_security_token(&*keys.token)
            .map_err(|error| SimError::config("a security token").with_source(error))?;
        let key = Key::new(pair, Some(keys.ends));
        self.keys.insert(keys.access.clone(), key);
        self.temporary = Some(keys.clone());
        Ok(keys)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("keys", &self.keys.len())
            .field("tokens", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

pub(crate) fn pair(id: &str, secret: &str) -> Result<AccessKey, SimError> {
    AccessKey::new(id, secret)
        .map_err(|error| SimError::config("the access key cannot be one").with_source(error))
}
