//! Steps between waves: health checks, a canary, pauses.

use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_ops::journal::{MemoryJournal, Recovered};
use ecs_ops::rolling::{AfterCanary, Rules, StopReason};
use ecs_ops::{Event, Stopped};
use ecs_sim::Region;
use tokio::time::Instant;

use super::world::*;

#[tokio::test(start_paused = true)]
async fn health_is_checked_after_each_wave() {
    let world = world(Region::builder().servers(9).seed(1));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let run = world.rolling("3", Rules::default());
    let run = run.health_check("a test", MINUTE, move |servers| {
        let mut seen = seen.lock().unwrap();
        seen.push(servers);
        let checks = seen.len();
        async move {
            match checks {
                2 => Err("no answer from web-04".to_owned()),
                _ => Ok(()),
            }
        }
    });
    let journal = Arc::new(MemoryJournal::default());
    let run = run.journal(Arc::clone(&journal));
    let (report, events) = play(run.begin().await.unwrap()).await;
    let recovered = Recovered::from_entries(journal.entries()).unwrap();
    let planned = recovered.run().rolling.as_ref().unwrap();
    assert_eq!(planned.health_timeout_ms, Some(60_000));
    let asked = asked.lock().unwrap();
    assert_eq!(asked[..], [&world.servers[..3], &world.servers[3..6]]);
    let unhealthy = StopReason::Unhealthy {
        wave: 2,
        message: "no answer from web-04".to_owned(),
    };
    assert_eq!(stopped(&report), &unhealthy);
    assert_eq!(
        unhealthy.to_string(),
        "the health check after wave 2 failed: no answer from web-04"
    );
    let summary = report.summary();
    assert_eq!((summary.succeeded, summary.not_attempted), (6, 3));
    let checked = events.iter().filter_map(|event| match event {
        Event::HealthChecked { wave, healthy, .. } => Some((*wave, *healthy)),
        _ => None,
    });
    assert_eq!(checked.collect::<Vec<_>>(), [(1, true), (2, false)]);
}

/// After the last wave nothing is left to stop, and the failure is still reported.
#[tokio::test(start_paused = true)]
async fn the_last_health_check_counts() {
    let world = world(Region::builder().servers(2));
    let run = world.rolling("2", Rules::default());
    let run = run.health_check("a test", MINUTE, |_| async { Err("down".to_owned()) });
    let report = run.report().await.unwrap();
    assert_eq!(report.summary().succeeded, 2);
    assert!(matches!(
        stopped(&report),
        StopReason::Unhealthy { wave: 1, .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn hanging_or_panicking_checks_fail() {
    for hangs in [true, false] {
        let world = world(Region::builder().servers(4));
        let run = world.rolling("2", Rules::default());
        let run = run.health_check("a test", MINUTE, move |_| async move {
            if hangs {
                std::future::pending().await
            } else {
                panic!("by the test")
            }
        });
        let report = run.report().await.unwrap();
        let StopReason::Unhealthy { message: text, .. } = stopped(&report) else {
            panic!("{:?}", report.stopped);
        };
        let expected = if hangs {
            "it did not finish within 60s"
        } else {
            "the check panicked"
        };
        assert_eq!((text.as_str(), world.touched()), (expected, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn canary_asks_for_confirmation() {
    for yes in [true, false] {
        let world = world(Region::builder().servers(7));
        let rules = Rules {
            canary: Some(AfterCanary::Ask),
            ..Rules::default()
        };
        let run = world.rolling("3", rules);
        let run = run.canary_question(move || async move { yes });
        let (report, events) = play(run.begin().await.unwrap()).await;
        assert!(events.contains(&Event::Asking { wave: 1 }));
        assert!(events.contains(&Event::Answered { proceed: yes }));
        if yes {
            assert_eq!((report.summary().succeeded, waves_begun(&events)), (7, 3))
        } else {
            assert_eq!(stopped(&report), &StopReason::Declined);
            assert_eq!((report.summary().not_attempted, world.touched()), (6, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn canary_pauses_the_run() {
    let world = world(Region::builder().servers(3));
    let rules = Rules {
        canary: Some(AfterCanary::Pause(30 * MINUTE)),
        ..Rules::default()
    };
    let start = Instant::now();
    let report = world.rolling("1", rules).report().await.unwrap();
    assert_eq!(report.summary().succeeded, 3);
    let took = start.elapsed();
    assert!(took > 30 * MINUTE && took < 33 * MINUTE, "{took:?}");
}

/// Between waves a run can be stopped at once, whatever it is waiting for.
#[tokio::test(start_paused = true)]
async fn stop_ends_the_steps_between_waves() {
    #[derive(Clone, Copy, Debug)]
    enum In {
        Pause,
        Check,
        Question,
    }
    for (place, deadline) in [
        (In::Pause, false),
        (In::Check, false),
        (In::Question, false),
        (In::Pause, true),
        (In::Check, true),
        (In::Question, true),
    ] {
        let world = world(Region::builder().servers(4));
        let day = 24 * 60 * MINUTE;
        let rules = match place {
            In::Pause => Rules {
                pause: day,
                ..Rules::default()
            },
            In::Check => Rules::default(),
            In::Question => Rules {
                canary: Some(AfterCanary::Ask),
                ..Rules::default()
            },
        };
        let mut run = world.rolling("1", rules);
        run = match place {
            In::Pause => run,
            In::Check => run.health_check("a test", day, |_| std::future::pending()),
            In::Question => run.canary_question(std::future::pending),
        };
        if deadline {
            run = run.deadline(10 * MINUTE);
        }
        let run = run.begin().await.unwrap();
        let control = run.control();
        let start = Instant::now();
        let run = tokio::spawn(run.into_future());
        tokio::time::sleep(5 * MINUTE).await;
        if !deadline {
            control.stop_submitting();
        }
        let report = run.await.unwrap();
        let expected = if deadline {
            (Stopped::Deadline, 10 * MINUTE)
        } else {
            (Stopped::Requested { reason: None }, 5 * MINUTE)
        };
        assert_eq!(report.stopped, Some(expected.0), "{place:?}");
        assert!(start.elapsed() < expected.1 + Duration::from_secs(1));
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.not_attempted), (1, 3));
    }
}

/// A step that was to follow the last wave and did not is no success.
#[tokio::test(start_paused = true)]
async fn interrupted_last_health_check_counts() {
    for deadline in [true, false] {
        let world = world(Region::builder().servers(2));
        let run = world.rolling("2", Rules::default());
        let run = run.health_check("a test", 60 * MINUTE, |_| std::future::pending());
        let run = if deadline {
            run.deadline(10 * MINUTE)
        } else {
            run
        };
        let run = run.begin().await.unwrap();
        let control = run.control();
        let run = tokio::spawn(run.into_future());
        tokio::time::sleep(5 * MINUTE).await;
        if !deadline {
            control.stop_submitting();
        }
        let report = run.await.unwrap();
        let expected = if deadline {
            Stopped::Deadline
        } else {
            Stopped::Requested { reason: None }
        };
        assert_eq!(
            (report.summary().succeeded, report.stopped),
            (2, Some(expected))
        );
    }
    // Nor is one that too many failures prevented.
    let world = world(Region::builder().servers(2).failing(1.0));
    let run = world.rolling("2", max_failures("0"));
    let run = run.health_check("a test", MINUTE, |_| async { panic!("not to be made") });
    let report = run.report().await.unwrap();
    assert!(matches!(
        stopped(&report),
        StopReason::Failures { failed: 2, .. }
    ));
}

/// A canary that did not succeed stops the run, however many servers may fail; a resumed run
/// remembers it.
#[tokio::test(start_paused = true)]
async fn failed_canary_stops_the_run() {
    for asks in [true, false] {
        let region = Region::builder().servers(4);
        let world = world(region.failing(1.0));
        let pause = AfterCanary::Pause(MINUTE);
        let rules = Rules {
            canary: Some(if asks { AfterCanary::Ask } else { pause }),
            ..Rules::default()
        };
        let journal = Arc::new(MemoryJournal::default());
        let run = world.rolling("3", rules).journal(Arc::clone(&journal));
        let run = if asks {
            run.canary_question(|| async { panic!("nothing to ask") })
        } else {
            run
        };
        let report = run.report().await.unwrap();
        assert_eq!(stopped(&report), &StopReason::Canary);
        assert_eq!((report.summary().not_attempted, world.touched()), (3, 1));
        let recovered = Recovered::from_entries(journal.entries()).unwrap();
        let run = world
            .client
            .resume(Arc::clone(&journal), recovered)
            .unwrap();
        let run = if asks {
            run.canary_question(|| async { true })
        } else {
            run
        };
        let report = run.report().await.unwrap();
        assert_eq!((report.summary().failed, world.touched()), (4, 4));
    }
}
