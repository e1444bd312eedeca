use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::{Instant, advance, sleep};

use super::{AFTER_REFUSAL, Fetched, MAX_WAIT, PAUSE, RefreshingCredentials, Source};
use crate::{AuthError, AuthErrorKind, BoxFuture, Credentials, CredentialsProvider};

const LIFE: Duration = Duration::from_secs(3600);
const AHEAD: Duration = Duration::from_secs(300);

/// A source that returns `token-1`, `token-2`, … or fails on request, after a while.
#[derive(Debug, Default)]
struct Fake {
    calls: Mutex<usize>,
    takes: Mutex<Duration>,
    fails: Mutex<VecDeque<AuthErrorKind>>,
    unknown_end: bool,
    always_the_same: bool,
}

impl Source for Fake {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, AuthError>> {
        Box::pin(async {
            let call = {
                let mut calls = self.calls.lock().unwrap();
                *calls += 1;
                *calls
            };
            let takes = *self.takes.lock().unwrap();
            sleep(takes).await;
            if let Some(kind) = self.fails.lock().unwrap().pop_front() {
                return Err(AuthError::new(kind, format!("call {call} failed")));
            }
            Ok(Fetched {
                credentials: if self.always_the_same {
                    Credentials::token("token")?
                } else {
                    Credentials::token(format!("token-{call}"))?
                },
                lifetime: (!self.unknown_end).then_some(LIFE),
                renew_ahead: AHEAD,
            })
        })
    }
}

fn renewing() -> RefreshingCredentials<Fake> {
    RefreshingCredentials::new(Fake::default())
}

impl RefreshingCredentials<Fake> {
    fn calls(&self) -> usize {
        *self.source.calls.lock().unwrap()
    }

    fn takes(&self, time: Duration) {
        *self.source.takes.lock().unwrap() = time;
    }

    fn fails(&self, kinds: impl IntoIterator<Item = AuthErrorKind>) {
        self.source.fails.lock().unwrap().extend(kinds);
    }

    async fn token(&self) -> Result<String, AuthError> {
        self.credentials()
            .await
            .map(|credentials| name(&credentials))
    }
}

fn name(credentials: &Credentials) -> String {
    let mut request = http::Request::new(bytes::Bytes::new());
    credentials.authenticate(&mut request, jiff::Timestamp::now());
    let token = request.headers()["x-auth-token"].to_str();
    token.unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn fetched_credentials_are_kept_until_due() {
    let provider = renewing();
    assert_eq!(
        provider.calls(),
        0,
        "nothing happens before it is asked for"
    );
    assert_eq!(provider.token().await.unwrap(), "token-1");
    advance(LIFE - AHEAD - Duration::from_millis(1)).await;
    assert_eq!(provider.token().await.unwrap(), "token-1");
    advance(Duration::from_millis(1)).await;
    assert_eq!(provider.token().await.unwrap(), "token-2");
    assert_eq!(provider.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_fetch_serves_all_waiting_callers() {
    let provider = renewing();
    provider.takes(Duration::from_secs(3));
    let tokens = join_all((0..100).map(|_| provider.token())).await;
    assert!(
        tokens
            .iter()
            .all(|token| token.as_ref().unwrap() == "token-1")
    );
    assert_eq!(provider.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_failure_is_returned_to_all_waiting_callers() {
    for kind in [AuthErrorKind::Unavailable, AuthErrorKind::Refused] {
        let provider = renewing();
        provider.takes(Duration::from_secs(3));
        provider.fails([kind]);
        let results = join_all((0..100).map(|_| provider.token())).await;
        for result in results {
            let error = result.unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string()),
                (kind, "call 1 failed".to_owned())
            );
        }
        assert_eq!(provider.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_and_refusals_only_later() {
    let provider = renewing();
    provider.fails([AuthErrorKind::Unavailable, AuthErrorKind::Refused]);
    assert!(provider.token().await.unwrap_err().is_temporary());
    let refused = provider.token().await.unwrap_err();
    assert!(!refused.is_temporary());
    assert_eq!(provider.calls(), 2);
    advance(AFTER_REFUSAL - Duration::from_millis(1)).await;
    let again = provider.token().await.unwrap_err();
    assert_eq!(again.to_string(), refused.to_string());
    assert_eq!(
        provider.calls(),
        2,
        "a wrong password is not tried over and over"
    );
    advance(Duration::from_millis(1)).await;
    assert_eq!(provider.token().await.unwrap(), "token-3");
}

#[tokio::test(start_paused = true)]
async fn old_credentials_are_used_until_the_new_ones_arrive() {
    let provider = renewing();
    provider.token().await.unwrap();
    advance(LIFE - AHEAD).await;
    provider.takes(Duration::from_secs(3));
    let began = Instant::now();
    let mut first = Box::pin(provider.token());
    assert!(first.as_mut().now_or_never().is_none(), "it fetches");
    for _ in 0..10 {
        assert_eq!(provider.token().await.unwrap(), "token-1");
    }
    assert_eq!(began.elapsed(), Duration::ZERO, "nobody else waits");
    assert_eq!(first.await.unwrap(), "token-2");
    assert_eq!(provider.token().await.unwrap(), "token-2");
    assert_eq!(provider.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn old_credentials_are_used_until_they_expire() {
    let provider = renewing();
    provider.token().await.unwrap();
    provider.fails(vec![AuthErrorKind::Unavailable; 1000]);
    advance(LIFE - AHEAD).await;
    assert_eq!(provider.token().await.unwrap(), "token-1");
    assert_eq!(provider.calls(), 2);
    advance(PAUSE - Duration::from_millis(1)).await;
    assert_eq!(provider.token().await.unwrap(), "token-1");
    assert_eq!(provider.calls(), 2, "and it does not hammer");
    advance(Duration::from_millis(1)).await;
    assert_eq!(provider.token().await.unwrap(), "token-1");
    assert_eq!(provider.calls(), 3);
    advance(AHEAD - PAUSE - Duration::from_millis(1)).await;
    assert_eq!(provider.token().await.unwrap(), "token-1");
    advance(Duration::from_millis(1)).await;
    assert!(provider.token().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn hanging_source_does_not_block_while_credentials_are_valid() {
    let provider = renewing();
    provider.token().await.unwrap();
    advance(LIFE - AHEAD).await;
    provider.takes(Duration::from_secs(100_000));
    let began = Instant::now();
    assert_eq!(provider.token().await.unwrap(), "token-1");
    assert_eq!(began.elapsed(), MAX_WAIT);
    assert_eq!(provider.token().await.unwrap(), "token-1");
    assert_eq!(began.elapsed(), MAX_WAIT, "and the next one not at all");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_expire_during_a_failed_fetch_are_not_used() {
    let provider = renewing();
    provider.token().await.unwrap();
    advance(LIFE - Duration::from_secs(1)).await;
    provider.takes(Duration::from_secs(3));
    provider.fails([AuthErrorKind::Unavailable]);
    assert!(provider.token().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn credentials_that_expire_during_a_slow_fetch_are_not_used() {
    let provider = renewing();
    provider.token().await.unwrap();
    advance(LIFE - Duration::from_secs(1)).await;
    provider.takes(MAX_WAIT * 2);
    assert_eq!(provider.token().await.unwrap(), "token-2");
    assert_eq!(provider.calls(), 2, "it is one fetch");
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_replaced_once_for_all_callers() {
    let provider = renewing();
    let refused = provider.credentials().await.unwrap();
    provider.takes(Duration::from_secs(3));
    let others = join_all((0..100).map(|_| provider.renew(&refused))).await;
    for other in others {
        assert_eq!(name(&other.unwrap().unwrap()), "token-2");
    }
    assert_eq!(provider.calls(), 2);
    // A late caller with it gets the new one, too.
    let late = provider.renew(&refused).await.unwrap().unwrap();
    assert_eq!(name(&late), "token-2");
    assert_eq!(provider.calls(), 2);
    // The new one can be refused as well.
    let third = provider.renew(&late).await.unwrap().unwrap();
    assert_eq!(name(&third), "token-3");
}

#[tokio::test(start_paused = true)]
async fn failed_replacement_is_one_failure_for_all_callers() {
    let provider = renewing();
    let refused = provider.credentials().await.unwrap();
    provider.takes(Duration::from_secs(3));
    provider.fails([AuthErrorKind::Unavailable]);
    let others = join_all((0..100).map(|_| provider.renew(&refused))).await;
    assert!(others.iter().all(Result::is_err));
    assert_eq!(provider.calls(), 2);
    let other = provider.renew(&refused).await.unwrap().unwrap();
    assert_eq!(name(&other), "token-3");
}

#[tokio::test(start_paused = true)]
async fn abandoned_fetch_is_continued_by_the_next_caller() {
    let provider = renewing();
    provider.takes(Duration::from_secs(3));
    let mut first = Box::pin(provider.token());
    let mut second = Box::pin(provider.token());
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    assert_eq!(second.await.unwrap(), "token-2");
    assert_eq!(provider.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn credentials_without_expiry_are_used_until_refused() {
    let provider = RefreshingCredentials::new(Fake {
        unknown_end: true,
        ..Fake::default()
    });
    let first = provider.credentials().await.unwrap();
    advance(Duration::from_secs(1_000_000)).await;
    assert_eq!(provider.token().await.unwrap(), "token-1");
    assert!(provider.renew(&first).await.unwrap().is_some());
    assert_eq!(provider.token().await.unwrap(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn identical_credentials_are_no_replacement() {
    let provider = RefreshingCredentials::new(Fake {
        always_the_same: true,
        ..Fake::default()
    });
    let refused = provider.credentials().await.unwrap();
    assert!(provider.renew(&refused).await.unwrap().is_none());
    assert_eq!(provider.calls(), 2);
}
