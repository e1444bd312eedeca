//! Futures dropped at any moment, on several threads: the server never sees a request that the mark
//! reports as unsent.

use std::collections::HashSet;
use std::future::poll_fn;
use std::task::Poll;

use crate::common::{get, post, transport};
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{Attempt, Delivery, Transport};
use http::StatusCode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_marked_unsent_are_never_seen() {
    let answers = (0..1000).fold(Play::new(), |play, _| play.reply(StatusCode::OK, "{}"));
    let server = Tarpit::always(answers).await.unwrap();
    let transport = transport();
    let mut unsent = HashSet::new();
    let mut dropped_after_sending = 0;
    for number in 0..2000_u32 {
        let url = format!("{}/{number}", server.url());
        // Both pooled and unpooled connections.
        let request = if number % 2 == 0 { get(url) } else { post(url) };
        // Dropped after this number of polls; one in three counts them only from when a connection has the
        // request.
        let counts_from_start = number % 3 != 0;
        let mut polls = number % 40;
        let attempt = Attempt::first();
        let mut sending = transport.send(request, &attempt);
        let mut ended = false;
        while polls > 0 && !ended {
            ended = poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx).is_ready())).await;
            tokio::task::yield_now().await;
            if counts_from_start || attempt.mark().delivery() == Delivery::MaybeSent {
                polls -= 1;
            }
        }
        drop(sending);
        match attempt.mark().delivery() {
            Delivery::NotSent => assert!(!ended && unsent.insert(number)),
            Delivery::MaybeSent => dropped_after_sending += usize::from(!ended),
        }
    }
    // Everything still on its way has arrived before this request, or its connection is closed.
    let end = format!("{}/end", server.url());
    transport.send(get(end), &Attempt::first()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;

    assert!(
        !unsent.is_empty() && dropped_after_sending > 0,
        "{} {dropped_after_sending}",
        unsent.len()
    );
    let mut seen = HashSet::new();
    for request in server.seen() {
        let path = request.uri().path().to_owned();
        if let Ok(number) = path[1..].parse() {
            assert!(
                !unsent.contains(&number),
                "{number} was seen, and its mark says that it was not sent"
            );
        }
        assert!(seen.insert(path), "seen twice");
    }
}
