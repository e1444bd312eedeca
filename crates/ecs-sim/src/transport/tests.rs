//! Tests of the in-process transport, on paused time.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use ecs_model::{BatchRebootServers, Operation, RebootType};
use ecs_transport::{Attempt, Delivery, Transport, TransportErrorKind};
use futures_util::FutureExt;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::SimTransport;
use crate::{Region, RegionBuilder};

const SECOND: Duration = Duration::from_secs(1);

fn transport(builder: RegionBuilder) -> SimTransport {
    SimTransport::new(builder.build().unwrap())
}

fn reboot(transport: &SimTransport) -> http::Request<Bytes> {
    transport.region().with(|region| {
        let servers = region.servers().collect();
        let operation = BatchRebootServers::new(RebootType::Soft, servers).unwrap();
        let mut request = operation.encode(&region.identity().project_id);
        let token = region.identity().token.expose_secret().parse().unwrap();
        request.headers_mut().insert("x-auth-token", token);
        request
    })
}

fn accepted(transport: &SimTransport) -> usize {
    transport
        .region()
        .with(|region| region.accepted().entries().len())
}

#[tokio::test(start_paused = true)]
async fn clock_is_tokios_times_the_speed() {
    for speed in [1, 60] {
        let transport = transport(Region::builder()).with_speed(NonZeroU32::new(speed).unwrap());
        tokio::time::sleep(SECOND).await;
        assert_eq!(transport.now(), Duration::ZERO); // starts with the first reading
        tokio::time::sleep(SECOND * 3).await;
        assert_eq!(transport.clone().now(), SECOND * 3 * speed);
        let request = reboot(&transport);
        transport.send(request, &Attempt::first()).await.unwrap();
        let at = transport
            .region()
            .with(|region| region.accepted().entries()[0].at);
        assert_eq!(at, SECOND * 3 * speed);
    }
}

#[tokio::test(start_paused = true)]
async fn each_way_takes_its_latency() {
    let transport = transport(Region::builder()).with_latency(SECOND * 2..=SECOND * 2);
    transport.now();
    let begin = Instant::now();
    let request = reboot(&transport);
    transport.send(request, &Attempt::first()).await.unwrap();
    assert_eq!(begin.elapsed(), SECOND * 4);
    let at = transport
        .region()
        .with(|region| region.accepted().entries()[0].at);
    assert_eq!(at, SECOND * 2);
}

#[tokio::test(start_paused = true)]
async fn latency_comes_from_the_seed() {
    let times = async |seed| {
        let latency = Duration::from_millis(1)..=Duration::from_millis(90);
        let transport = transport(Region::builder().seed(seed)).with_latency(latency);
        let mut times = Vec::new();
        for _ in 0..5 {
            let begin = Instant::now();
            let request = reboot(&transport);
            transport.send(request, &Attempt::first()).await.unwrap();
            times.push(begin.elapsed());
        }
        times
    };
    assert_eq!(times(1).await, times(1).await);
    assert_ne!(times(1).await, times(2).await);
}

#[tokio::test(start_paused = true)]
async fn mark_shows_whether_a_dropped_request_left() {
    let transport = transport(Region::builder()).with_latency(SECOND..=SECOND);
    let attempt = Attempt::first();
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    let mut sending = transport.send(reboot(&transport), &attempt);
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent); // armed, never polled
    assert!((&mut sending).now_or_never().is_none());
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    drop(sending);
    tokio::time::sleep(SECOND * 9).await;
    assert_eq!(accepted(&transport), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_timeout_on_either_way() {
    for (timeout, arrived) in [(500, 0), (1500, 1)] {
        let transport = transport(Region::builder()).with_latency(SECOND..=SECOND);
        let attempt = Attempt::first().with_timeout(Duration::from_millis(timeout));
        let begin = Instant::now();
        let error = transport
            .send(reboot(&transport), &attempt)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Timeout);
        assert_eq!(error.delivery(), Delivery::MaybeSent);
        assert_eq!(begin.elapsed(), Duration::from_millis(timeout));
        assert_eq!(accepted(&transport), arrived);
    }
}

#[tokio::test(start_paused = true)]
async fn panic_while_inspecting_does_not_spread() {
    let transport = transport(Region::builder());
    let inspect = || {
        transport
            .region()
            .with(|_| -> () { panic!("a test that failed") })
    };
    assert!(catch_unwind(AssertUnwindSafe(inspect)).is_err());
    let request = reboot(&transport);
    let response = transport.send(request, &Attempt::first()).await.unwrap();
    assert_eq!(response.status(), 200);
}
