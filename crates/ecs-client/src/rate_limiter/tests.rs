use std::sync::{Arc, Mutex as StdMutex};

use super::*;

/// Requests that act on servers are sent first, however long polls have waited, and no two requests
/// are closer than the interval.
#[tokio::test(start_paused = true)]
async fn actions_precede_polls() {
    let limiter = Arc::new(RateLimiter::new(Duration::from_millis(20)));
    let sent = Arc::new(StdMutex::new(Vec::new()));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (limiter, sent) = (Arc::clone(&limiter), Arc::clone(&sent));
        tasks.spawn(async move {
            limiter.acquire_low().await;
            sent.lock()
                .unwrap()
                .push((began.elapsed().as_millis(), format!("look {number}")));
        });
    }
    tokio::task::yield_now().await;
    for number in 0..3 {
        let (limiter, sent) = (Arc::clone(&limiter), Arc::clone(&sent));
        tasks.spawn(async move {
            limiter.acquire_high().await;
            sent.lock()
                .unwrap()
                .push((began.elapsed().as_millis(), format!("action {number}")));
        });
    }
    while tasks.join_next().await.is_some() {}
    let sent = sent.lock().unwrap();
    let order: Vec<_> = sent.iter().map(|(_, caller)| caller.as_str()).collect();
    assert_eq!(
        order[..5],
        ["look 0", "action 0", "action 1", "action 2", "look 1"]
    );
    assert_eq!(order.len(), 13);
    assert!(
        sent.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 20),
        "{sent:?}"
    );
    assert_eq!(sent[12].0, 240);
}

/// A request that is given up takes no slot but its own.
#[tokio::test(start_paused = true)]
async fn abandoned_request_takes_only_its_slot() {
    let limiter = RateLimiter::new(Duration::from_millis(20));
    limiter.acquire_high().await;
    let given_up = tokio::time::timeout(Duration::from_millis(1), limiter.acquire_low()).await;
    assert!(given_up.is_err());
    let began = Instant::now();
    limiter.acquire_low().await;
    assert!(began.elapsed() <= Duration::from_millis(20));
}

/// A pause saves up no slots: the requests after it are spread anyway.
#[tokio::test(start_paused = true)]
async fn pauses_do_not_allow_bursts() {
    let limiter = RateLimiter::new(Duration::from_millis(20));
    limiter.acquire_high().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let began = Instant::now();
    for _ in 0..3 {
        limiter.acquire_high().await;
    }
    limiter.acquire_low().await;
    assert_eq!(began.elapsed(), Duration::from_millis(60));
}
