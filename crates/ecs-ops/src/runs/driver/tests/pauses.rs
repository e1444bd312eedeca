//! Pauses between waves, and processes that die in them.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use ecs_model::RebootType;
use http::Method;
use tokio::time::{Instant, sleep};

use crate::Event;
use crate::journal::{MemoryJournal, Recovered};
use crate::rolling::{Rules, Waves};
use crate::scripted::{DONE, Script, accepts, ids, service};

const MINUTE: Duration = Duration::from_secs(60);

/// Plays two waves with a pause of 10 minutes, of which the first process dies 4 minutes after its
/// beginning; the next one comes this much later. Returns when the second wave began, from the
/// beginning of the run, and the pause that the second process announced.
async fn second_wave(died_for: Duration, loses_first: bool) -> (Duration, Duration) {
    let (builder, _) = service(move |request, number| match *request.method() {
        Method::POST if number == 0 && loses_first => Script::Answer(500, "{}"),
        Method::POST => accepts(number),
        _ => Script::Answer(200, DONE),
    });
    let client = builder
        .epoch("2026-11-24T01:00:00Z".parse().unwrap())
        .build()
        .unwrap();
    let servers = ids(4);
    let waves = Waves::of(servers.chunks(2).map(<[_]>::to_vec).collect());
    let rules = Rules {
        pause: 10 * MINUTE,
        ..Rules::default()
    };
    let journal = Arc::new(MemoryJournal::default());
    let run = client.reboot(RebootType::Soft, servers);
    let run = run.rolling(waves, rules).journal(Arc::clone(&journal));
    let began = Instant::now();
    let run = run.begin().await.unwrap();
    let mut events = run.events();
    let first = tokio::spawn(run.into_future());
    loop {
        if let Some(Event::Pausing { pause, .. }) = events.next().await {
            assert_eq!(pause, 10 * MINUTE);
            break;
        }
    }
    sleep(4 * MINUTE).await;
    first.abort();
    drop(first.await);
    sleep(died_for).await;
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let run = client.resume(Arc::clone(&journal), recovered).unwrap();
    let run = run.begin().await.unwrap();
    let mut events = run.events();
    let second = tokio::spawn(run.into_future());
    let mut announced = Duration::MAX;
    loop {
        match events.next().await.unwrap() {
            Event::Pausing { pause, .. } => announced = pause,
            Event::WaveBegan { wave: 2, .. } => break,
            _ => {}
        }
    }
    let at = began.elapsed();
    assert_eq!(second.await.unwrap().servers.len(), 4);
    (at, announced)
}

fn is_about(time: Duration, expected: Duration) -> bool {
    time.abs_diff(expected) < MINUTE
}

/// The pause continues where it was: the time without a process counts.
#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_pause() {
    let (at, pause) = second_wave(3 * MINUTE, false).await;
    assert!(is_about(at, 10 * MINUTE), "{at:?}");
    assert!(is_about(pause, 3 * MINUTE), "{pause:?}");
    let (at, pause) = second_wave(30 * MINUTE, false).await;
    assert!(is_about(at, 34 * MINUTE), "{at:?}");
    assert_eq!(pause, Duration::ZERO);
}

/// A pause that began after a lost answer was held for is not shorter for that.
#[tokio::test(start_paused = true)]
async fn a_pause_after_a_hold() {
    let (at, _) = second_wave(MINUTE, true).await;
    // The hold takes 3 minutes by default.
    assert!(is_about(at, 13 * MINUTE), "{at:?}");
}
