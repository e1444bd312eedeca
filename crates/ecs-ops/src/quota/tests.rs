use std::time::Duration;

use ecs_transport::SendMark;
use futures_util::FutureExt as _;
use proptest::prelude::*;
use tokio::time::Instant;

use super::ServerQuota;

const WINDOW: Duration = Duration::from_secs(60);

fn on_paused_time<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// The most servers that any window of a service can see if it counts each request at `seen`.
fn peak(requests: &[(Instant, usize)]) -> usize {
    let in_window = |start: Instant| {
        requests
            .iter()
            .filter(move |(seen, _)| *seen >= start && seen.duration_since(start) < WINDOW)
    };
    requests
        .iter()
        .map(|(start, _)| in_window(*start).map(|(_, n)| n).sum())
        .max()
        .unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever between sending and answer the service counts a request, no window holds more than
    /// the quota.
    #[test]
    fn no_window_holds_more_than_the_quota(
        requests in prop::collection::vec((1_usize..=100, 0_u64..90, 0.0_f64..=1.0, any::<bool>()), 1..60),
        limit in 100_usize..=300,
    ) {
        let seen = on_paused_time(async move {
            let quota = ServerQuota::new(limit, WINDOW);
            let tasks = requests.into_iter().map(|(servers, latency, at, delivered)| {
                let quota = quota.clone();
                async move {
                    let mut permit = quota.acquire(servers).await;
                    let sent = Instant::now();
                    permit.may_be_counted(SendMark::new());
                    let latency = Duration::from_secs(latency);
                    tokio::time::sleep(latency).await;
                    if !delivered {
                        permit.not_counted();
                    }
                    delivered.then(|| (sent + latency.mul_f64(at), servers))
                }
            });
            futures_util::future::join_all(tasks).await
        });
        let seen: Vec<_> = seen.into_iter().flatten().collect();
        prop_assert!(peak(&seen) <= limit, "{} of {limit}", peak(&seen));
    }
}

#[test]
fn a_fleet_takes_about_the_shortest_possible_time() {
    let elapsed = on_paused_time(async {
        let quota = ServerQuota::new(1000, WINDOW);
        let start = Instant::now();
        for _ in 0..1000 {
            let mut permit = quota.acquire(100).await;
            permit.may_be_counted(SendMark::new());
        }
        start.elapsed()
    });
    // 100,000 servers: the first 1,000 at once, then 1,000 a minute.
    assert!(elapsed >= WINDOW * 99, "{elapsed:?}");
    assert!(elapsed <= (WINDOW * 99).mul_f64(1.02), "{elapsed:?}");
}

#[test]
fn permits_are_given_in_order_of_request() {
    let order = on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        let order = std::cell::RefCell::new(Vec::new());
        let tasks = [(0, 100), (1, 100), (2, 1), (3, 1)].map(|(name, servers)| {
            let (quota, order) = (quota.clone(), &order);
            async move {
                let mut permit = quota.acquire(servers).await;
                permit.may_be_counted(SendMark::new());
                order.borrow_mut().push(name);
            }
        });
        futures_util::future::join_all(tasks).await;
        order.into_inner()
    });
    assert_eq!(order, [0, 1, 2, 3]);
}

#[test]
fn a_share_that_was_not_used_is_given_back_at_once() {
    let elapsed = on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        let unused = quota.acquire(100).await;
        let start = Instant::now();
        let waiting = quota.acquire(100);
        let giving_back = async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(unused);
        };
        let (permit, ()) = futures_util::future::join(waiting, giving_back).await;
        drop(permit);
        start.elapsed()
    });
    assert_eq!(elapsed, Duration::from_secs(1));
}

#[test]
fn a_waiter_that_gives_up_delays_no_other() {
    on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        let mut first = quota.acquire(100).await;
        first.may_be_counted(SendMark::new());
        drop(first);
        let short_limit = tokio::time::timeout(Duration::from_secs(5), quota.acquire(100));
        assert!(short_limit.await.is_err());
        let start = Instant::now();
        drop(quota.acquire(100).await);
        assert_eq!(start.elapsed(), Duration::from_secs(55));
    });
}

/// Also while it is known when other shares come back.
#[test]
fn a_waiter_gets_a_permit_that_was_not_used() {
    let elapsed = on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        let mut used = quota.acquire(50).await;
        used.may_be_counted(SendMark::new());
        drop(used);
        let unused = quota.acquire(50).await;
        let start = Instant::now();
        let giving_back = async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(unused);
        };
        drop(futures_util::future::join(quota.acquire(50), giving_back).await);
        start.elapsed()
    });
    assert_eq!(elapsed, Duration::from_secs(1));
}

/// A small request does not overtake a larger one that waits.
#[test]
fn no_waiter_overtakes_another() {
    on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        let held = quota.try_acquire(60).unwrap();
        let mut waiting = Box::pin(quota.acquire(50));
        let at_once = tokio::time::timeout(Duration::ZERO, &mut waiting);
        assert!(at_once.await.is_err());
        assert!(quota.try_acquire(1).is_none());
        drop(held);
        drop(waiting.await);
        assert!(quota.try_acquire(1).is_some());
    });
}

/// The requests of another process hold their permits until the service's minute is over.
#[test]
fn shares_of_another_process_are_held() {
    on_paused_time(async {
        let quota = ServerQuota::new(10, WINDOW);
        let start = Instant::now();
        quota.restore(6, Duration::from_secs(20));
        quota.restore(100, Duration::from_secs(50));
        quota.restore(10, WINDOW);
        assert!(quota.try_acquire(1).is_none());
        drop(quota.acquire(4).await);
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        drop(quota.acquire(5).await);
        assert_eq!(start.elapsed(), Duration::from_secs(40));
    });
}

/// The predicted wait is exact where all permits in use come back at known times, also behind other waiters.
#[test]
fn the_wait_for_a_permit_is_predicted() {
    on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        assert_eq!(quota.room_in(100), Duration::ZERO);
        for share in [60, 40] {
            let mut permit = quota.acquire(share).await;
            permit.may_be_counted(SendMark::new());
            drop(permit);
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        for (servers, seconds) in [(60, 40), (61, 50), (100, 50), (1000, 50)] {
            let expected = Duration::from_secs(seconds);
            assert_eq!(quota.room_in(servers), expected, "{servers}");
        }
        let start = Instant::now();
        let waits = [50, 50, 100].map(|servers| {
            let quota = quota.clone();
            async move {
                let expected = quota.room_in(servers);
                let mut permit = quota.acquire(servers).await;
                permit.may_be_counted(SendMark::new());
                (expected, start.elapsed())
            }
        });
        let waits = futures_util::future::join_all(waits).await;
        for (expected, waited) in waits {
            assert!(
                expected.abs_diff(waited) <= Duration::from_secs(10),
                "{expected:?} {waited:?}"
            );
        }
    });
}

/// A request that is underway holds its share for a window after its answer.
#[test]
fn permits_underway_return_after_a_window() {
    on_paused_time(async {
        let quota = ServerQuota::new(100, WINDOW);
        let underway = quota.acquire(100).await;
        assert_eq!(quota.room_in(1), WINDOW);
        let waiting = quota.acquire(100);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(quota.room_in(1), WINDOW * 2);
        drop(underway);
        drop(waiting.await);
        assert_eq!(quota.room_in(100), Duration::ZERO);
    });
}
