//! Callbacks of a rolling run: health check and canary question.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::ServerId;
use futures_util::FutureExt as _;

type Check = dyn Fn(Vec<ServerId>) -> BoxFuture<'static, Result<(), String>> + Send + Sync;
type Ask = dyn Fn() -> BoxFuture<'static, bool> + Send + Sync;

/// The caller's check after each wave.
#[derive(Clone)]
pub(super) struct HealthCheck {
    /// What is checked, as stored in the journal.
    pub(super) description: String,
    pub(super) within: Duration,
    check: Arc<Check>,
}

impl HealthCheck {
    pub(super) fn new<C, F>(description: String, within: Duration, check: C) -> Self
    where
        C: Fn(Vec<ServerId>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check = move |servers| -> BoxFuture<'static, _> { Box::pin(check(servers)) };
        Self {
            description,
            within,
            check: Arc::new(check),
        }
    }

    /// Checks the servers of a wave. A timeout or a panic is a failure.
    pub(super) async fn check(&self, servers: Vec<ServerId>) -> Result<(), String> {
        // A panic is also possible while the future is made.
        let checking = AssertUnwindSafe(async { (self.check)(servers).await }).catch_unwind();
        match tokio::time::timeout(self.within, checking).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(_)) => Err("the check panicked".to_owned()),
            Err(_) => Err(format!("it did not finish within {:?}", self.within)),
        }
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck")
            .field("words", &self.description)
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
        let asking = AssertUnwindSafe(async { (self.0)().await }).catch_unwind();
        asking.await.unwrap_or(false)
    }
}

impl fmt::Debug for CanaryQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}
