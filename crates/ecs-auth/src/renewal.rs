//! Timely renewal of credentials that expire.

use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::{AuthError, AuthErrorKind, BoxFuture, Credentials, CredentialsProvider};

/// The shortest time between two attempts to replace credentials that are still valid.
const PAUSE: Duration = Duration::from_secs(30);

/// The longest wait of a caller for its fetch of new credentials while the old ones are valid.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The time for which a refused fetch is not repeated: a few wrong passwords lock an account.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// The origin of new credentials.
pub(crate) trait Source: Debug + Send + Sync + 'static {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, AuthError>>;
}

/// Newly fetched credentials.
pub(crate) struct Fetched {
    pub(crate) credentials: Credentials,
    /// From the time of the request; `None` if it is not known when they expire.
    pub(crate) lifetime: Option<Duration>,
    /// Others are fetched when less than this is left.
    pub(crate) renew_ahead: Duration,
}

/// A cache that renews the credentials of a source, by one fetch at a time for all waiting callers.
///
/// It has no task of its own. The first caller after others are due fetches them (and stops waiting
/// soon if that takes long); callers in the meantime get the old ones as long as they are valid.
pub(crate) struct RefreshingCredentials<S> {
    source: S,
    state: Mutex<State>,
    /// Held while fetching.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Cached>,
    /// The number of fetches that ended.
    fetches: u64,
    /// The error of the last fetch, if it failed.
    failed: Option<AuthError>,
    /// Valid credentials are not replaced before this time.
    pause_until: Option<Instant>,
    /// Nothing is fetched before this time.
    refused_until: Option<Instant>,
}

struct Cached {
    credentials: Credentials,
    good_until: Option<Instant>,
    renew_from: Option<Instant>,
    renew_ahead: Duration,
}

impl Cached {
    fn new(fetched: Fetched, asked_at: Instant) -> Self {
        let after = |lifetime| asked_at.checked_add(lifetime);
        let renew_from = |lifetime: Duration| after(lifetime.saturating_sub(fetched.renew_ahead));
        Self {
            credentials: fetched.credentials,
            good_until: fetched.lifetime.and_then(after),
            renew_from: fetched.lifetime.and_then(renew_from),
            renew_ahead: fetched.renew_ahead,
        }
    }
}

impl State {
    /// Returns the valid credentials, if there are any.
    fn good(&self, now: Instant) -> Option<&Cached> {
        let held = self.held.as_ref()?;
        held.good_until.is_none_or(|end| now < end).then_some(held)
    }

    fn is_due(&self, held: &Cached, now: Instant) -> bool {
        held.renew_from.is_some_and(|from| now >= from)
            && self.pause_until.is_none_or(|until| now >= until)
    }

    fn pause(&mut self) {
        let renew_ahead = self.held.as_ref().map_or(PAUSE, |held| held.renew_ahead);
        self.pause_until = Instant::now().checked_add(PAUSE.min(renew_ahead / 10));
    }

    /// Returns the result of a fetch that began after `fetches` were counted.
    fn since(&self, fetches: u64, now: Instant) -> Option<Result<Credentials, AuthError>> {
        if self.fetches == fetches {
            return None;
        }
        match &self.failed {
            Some(error) => Some(Err(error.clone())),
            None => self.good(now).map(|held| Ok(held.credentials.clone())),
        }
    }
}

impl<S: Source> RefreshingCredentials<S> {
    pub(crate) fn new(source: S) -> Self {
        Self {
            source,
            state: Mutex::default(),
            gate: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(&self) -> Result<Credentials, AuthError> {
        let (fetches, old) = {
            let (state, now) = (self.state(), Instant::now());
            match state.good(now) {
                Some(held) if !state.is_due(held, now) => return Ok(held.credentials.clone()),
                held => (state.fetches, held.map(|held| held.credentials.clone())),
            }
        };
        let Some(old) = old else {
            let _gate = self.gate.lock().await;
            let meanwhile = self.state().since(fetches, Instant::now());
            return match meanwhile {
                Some(result) => result,
                None => self.fetch().await,
            };
        };
        let Ok(_gate) = self.gate.try_lock() else {
            return Ok(old);
        };
        let meanwhile = self.state().since(fetches, Instant::now());
        if let Some(result) = meanwhile {
            return Ok(result.unwrap_or(old));
        }
        let mut fetch = std::pin::pin!(self.fetch());
        let fetched = tokio::time::timeout(MAX_WAIT, &mut fetch).await;
        let still_good = self.state().good(Instant::now()).is_some();
        match fetched {
            Ok(Ok(new)) => Ok(new),
            Ok(Err(_)) if still_good => Ok(old),
            Ok(Err(error)) => Err(error),
            Err(_) if still_good => {
                self.state().pause();
                Ok(old)
            }
            Err(_) => fetch.await,
        }
    }

    async fn replace(&self, refused: &Credentials) -> Result<Credentials, AuthError> {
        let other_than_refused = |state: &State| {
            let held = state.good(Instant::now())?;
            let other = !held.credentials.is_same(refused);
            other.then(|| held.credentials.clone())
        };
        let fetches = {
            let state = self.state();
            if let Some(other) = other_than_refused(&state) {
                return Ok(other);
            }
            state.fetches
        };
        let _gate = self.gate.lock().await;
        let meanwhile = self.state().since(fetches, Instant::now());
        match meanwhile {
            Some(result) => result,
            None => self.fetch().await,
        }
    }

    /// Fetches credentials. The caller holds the gate.
    async fn fetch(&self) -> Result<Credentials, AuthError> {
        {
            let state = self.state();
            if let (Some(until), Some(error)) = (state.refused_until, &state.failed)
                && Instant::now() < until
            {
                debug!("credentials not requested: they were refused less than a minute ago");
                return Err(error.clone());
            }
        }
        let asked_at = Instant::now();
        let result = self.source.fetch().await;
        let mut state = self.state();
        state.fetches = state.fetches.wrapping_add(1);
        let result = match result {
            Ok(fetched) => {
                let lifetime_s = fetched.lifetime.map(|lifetime| lifetime.as_secs());
                info!(fetches = state.fetches, lifetime_s, "credentials renewed");
                let credentials = fetched.credentials.clone();
                state.held = Some(Cached::new(fetched, asked_at));
                state.failed = None;
                Ok(credentials)
            }
            Err(error) => {
                warn!(fetches = state.fetches, kind = ?error.kind(), "credentials not renewed");
                if error.kind() == AuthErrorKind::Refused {
                    state.refused_until = Instant::now().checked_add(AFTER_REFUSAL);
                }
                state.failed = Some(error.clone());
                Err(error)
            }
        };
        state.pause();
        result
    }
}

impl<S: Source> CredentialsProvider for RefreshingCredentials<S> {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        Box::pin(self.get())
    }

    fn renew<'a>(
        &'a self,
        refused: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        Box::pin(async {
            let other = self.replace(refused).await?;
            // The same credentials would be refused again, and a few wrong signatures lock a key.
            Ok((!other.is_same(refused)).then_some(other))
        })
    }
}

impl<S: Debug> Debug for RefreshingCredentials<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

#[cfg(test)]
mod tests;
