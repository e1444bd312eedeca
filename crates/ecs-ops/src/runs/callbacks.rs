//! Callbacks of a rolling run: health check and canary question.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_client::{Contained, Panicked};
use tokio::time::Instant;

use crate::report::ServerReport;

type Check = dyn Fn(FinishedWave) -> BoxFuture<'static, Result<(), String>> + Send + Sync;
type Ask = dyn Fn() -> BoxFuture<'static, bool> + Send + Sync;

/// A wave whose servers have ended, as a health check gets it, and may hand it to another process.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct FinishedWave {
    /// The number of the wave, counted from 1, as in events.
    pub number: usize,
    /// The number of waves.
    pub waves: usize,
    /// The outcome of each of its servers, in the order of the wave. A server that is unknown may
    /// still be at work.
    pub servers: Vec<ServerReport>,
}

/// The caller's check after each wave.
#[derive(Clone)]
pub(super) struct HealthCheck {
    /// The description of the check, as stored in the journal.
    pub(super) description: String,
    pub(super) within: Duration,
    check: Arc<Check>,
}

impl HealthCheck {
    pub(super) fn new<C, F, E>(description: String, within: Duration, check: C) -> Self
    where
        C: Fn(FinishedWave) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let check = move |wave| -> BoxFuture<'static, _> {
            let checking = check(wave);
            Box::pin(async move { checking.await.map_err(|error| error.to_string()) })
        };
        Self {
            description,
            within,
            check: Arc::new(check),
        }
    }

    /// Checks a wave. What takes too long, or panics, is not well.
    pub(super) async fn check(&self, wave: FinishedWave) -> Result<(), String> {
        let began = Instant::now();
        let outlasted = || format!("it did not finish within {:?}", self.within);
        let checking = Contained::new(|| (self.check)(wave));
        match tokio::time::timeout(self.within, checking).await {
            // A check that blocks the thread is not interrupted.
            Ok(Ok(Ok(()))) if began.elapsed() > self.within => Err(outlasted()),
            Ok(Ok(checked)) => checked,
            Ok(Err(Panicked)) => Err("the check panicked".to_owned()),
            Err(_) => Err(outlasted()),
        }
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck")
            .field("description", &self.description)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

/// The caller's answer whether to continue after the canary.
#[derive(Clone)]
pub(super) struct CanaryQuestion(Arc<Ask>);

impl CanaryQuestion {
    pub(super) fn new<A, F>(ask: A) -> Self
    where
        A: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        Self(Arc::new(move || -> BoxFuture<'static, bool> {
            Box::pin(ask())
        }))
    }

    /// Asks. A panic counts as no.
    pub(super) async fn ask(&self) -> bool {
        Contained::new(|| (self.0)()).await.unwrap_or(false)
    }
}

impl fmt::Debug for CanaryQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanaryQuestion")
    }
}

#[cfg(test)]
mod tests;
