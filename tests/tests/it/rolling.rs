//! Rolling restarts against the simulated region, on virtual time: waves, checks, questions, stops,
//! hard restarts.

mod gates;
mod hard;
mod world;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_ops::journal::{MemoryJournal, Recovered};
use ecs_ops::model::RebootType;
use ecs_ops::rolling::{AfterCanary, Rules, StopReason};
use ecs_ops::{ErrorKind, Event, Outcome, RunBuilder};
use ecs_sim::Region;
use tokio::time::Instant;

use world::*;

#[tokio::test(start_paused = true)]
async fn waves_follow_each_other() {
    let world = world(Region::builder().servers(1200).seed(1));
    let rules = Rules {
        pause: Duration::from_secs(30),
        ..Rules::default()
    };
    let (report, events) = play(world.rolling("10%", rules).begin().await.unwrap()).await;
    assert_eq!(report.summary().succeeded, 1200);
    assert_eq!(report.stopped, None);
    let ids: Vec<_> = report.servers.iter().map(|server| server.id).collect();
    assert_eq!(ids, world.servers);
    // The servers that are done when the next wave begins are those of all earlier waves.
    let mut done = 0;
    let mut began = Vec::new();
    for event in &events {
        match event {
            Event::WaveBegan {
                wave,
                waves: 10,
                servers: 120,
            } => {
                assert_eq!(done, 120 * (wave - 1));
                began.push(*wave);
            }
            Event::ServerDone(_) => done += 1,
            _ => {}
        }
    }
    assert_eq!(began, (1..=10).collect::<Vec<_>>());
    // By the service's log: two requests per wave, and each wave after the end of the last job, and
    // a pause.
    world.sim.region().with(|region| {
        let entries = region.accepted().entries();
        assert_eq!(entries.len(), 20);
        for pair in entries.chunks(2).collect::<Vec<_>>().windows(2) {
            assert!(pair[1][0].at - pair[0][1].at > Duration::from_secs(45));
        }
        assert_eq!(region.accepted().most_times(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_stop_the_run_in_time() {
    let world = world(Region::builder().servers(1200).seed(1).failing(0.05));
    let run = world.rolling("10%", max_failures("2%"));
    let (report, events) = play(run.begin().await.unwrap()).await;
    let summary = report.summary();
    let StopReason::Failures { failed, allowed } = stopped(&report) else {
        panic!("{:?}", report.stopped);
    };
    assert_eq!((*failed, *allowed), (summary.failed, 24));
    assert!(summary.failed > 24 && summary.failed <= 24 + 120);
    let begun = waves_begun(&events);
    assert!(begun < 10);
    assert_eq!(summary.not_attempted, 1200 - 120 * begun);
    assert_eq!(world.touched(), 120 * begun);
    for server in &report.servers {
        if let Outcome::NotAttempted { error } = &server.outcome {
            let text = format!("not sent: {failed} servers failed (limit: 24)");
            assert_eq!(error.message, text);
        }
    }
    let stops = |event: &&Event| matches!(event, Event::Stopping { .. });
    assert_eq!(events.iter().filter(stops).count(), 1);
}

/// Within a wave of several requests, too: unsent requests are not sent after a stop.
#[tokio::test(start_paused = true)]
async fn failing_waves_are_not_sent_to_their_end() {
    let world = world(Region::builder().servers(3000).seed(1).failing(1.0));
    let run = world.rolling("100%", max_failures("0"));
    let (report, _) = play(run.begin().await.unwrap()).await;
    // A minute's quota was sent before the first job ended.
    assert_eq!(report.summary().not_attempted, 2000);
    assert_eq!((report.summary().failed, world.touched()), (1000, 1000));
}

/// Failures that leave nothing to do do not stop it.
#[tokio::test(start_paused = true)]
async fn failures_in_the_last_wave_do_not_stop_the_run() {
    let world = world(Region::builder().servers(4).failing(1.0));
    let run = world.rolling("4", max_failures("1"));
    let (report, _) = play(run.begin().await.unwrap()).await;
    assert_eq!((report.summary().failed, &report.stopped), (4, &None));
}

#[tokio::test(start_paused = true)]
async fn invalid_rolling_runs_are_refused() {
    let world = world(Region::builder().servers(4));
    let wrong = |run: RunBuilder| {
        let error = run.plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    };
    let text = wrong(world.rolling("2", Rules::default()).no_wait());
    assert!(text.contains("must wait for its jobs"), "{text}");
    let three = world.servers[..3].iter().copied();
    let text = wrong(
        world
            .client
            .reboot(RebootType::Soft, three)
            .rolling(world.waves("2", None), Rules::default()),
    );
    assert!(text.contains(&format!("server {} of wave 2", world.servers[3])));
    let mut waves = world.waves("2", None);
    waves.waves.pop();
    let all = || world.servers.iter().copied();
    let run = world.client.reboot(RebootType::Soft, all());
    let text = wrong(run.rolling(waves, Rules::default()));
    assert!(text.contains("is in no wave"), "{text}");
    let text = wrong(world.client.start(all()).escalate_after(MINUTE));
    assert!(text.contains("only a soft restart"), "{text}");
    let refused = |run: RunBuilder| async { run.begin().await.unwrap_err().to_string() };
    let rules = Rules {
        check_health: true,
        ..Rules::default()
    };
    let text = refused(world.rolling("2", rules)).await;
    assert!(text.contains("health_check"), "{text}");
    let rules = Rules {
        canary: Some(AfterCanary::Ask),
        ..Rules::default()
    };
    let text = refused(world.rolling("2", rules)).await;
    assert!(text.contains("canary_question"), "{text}");
    assert_eq!(world.touched(), 0);
}

/// A lost answer does not show what the service is doing: the next wave waits until it must be
/// over.
#[tokio::test(start_paused = true)]
async fn waves_of_unknown_outcome_are_waited_for() {
    let world = world(Region::builder().servers(4));
    let faulty = Swallowing(world.sim.clone(), AtomicBool::new(true));
    let client = client(&world.sim, faulty);
    let run = client.reboot(RebootType::Soft, world.servers.iter().copied());
    let checked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&checked);
    let run = run
        .rolling(world.waves("2", None), Rules::default())
        .health_check("a test", MINUTE, move |_| {
            times.lock().unwrap().push(Instant::now());
            async { Ok(()) }
        });
    let began = Instant::now();
    let (report, events) = play(run.begin().await.unwrap()).await;
    assert_eq!(
        (report.summary().unknown, report.summary().succeeded),
        (2, 2)
    );
    assert_eq!(world.touched(), 4);
    let first = checked.lock().unwrap()[0] - began;
    assert!(first >= 3 * MINUTE && first < 4 * MINUTE, "{first:?}");
    world.sim.region().with(|region| {
        let entries = region.accepted().entries();
        assert!(entries[1].at - entries[0].at >= 3 * MINUTE - Duration::from_secs(1));
    });
    let held = events
        .iter()
        .filter(|event| matches!(event, Event::Holding { .. }));
    assert_eq!(held.count(), 1);
}

/// A resumed run keeps to its journal.
#[tokio::test(start_paused = true)]
async fn resumed_runs_keep_their_waves() {
    let world = world(Region::builder().servers(4));
    let journal = Arc::new(MemoryJournal::default());
    let run = world.rolling("2", Rules::default());
    let report = run.journal(Arc::clone(&journal)).report().await.unwrap();
    assert_eq!(report.summary().succeeded, 4);
    let resumed = || {
        let recovered = Recovered::from_entries(journal.entries()).unwrap();
        world
            .client
            .resume(MemoryJournal::default(), recovered)
            .unwrap()
    };
    for (run, expected) in [
        (
            resumed().rolling(world.waves("1", None), Rules::default()),
            "keeps the waves",
        ),
        (
            resumed().rolling(world.waves("2", None), max_failures("1")),
            "and rules of its journal",
        ),
        (
            resumed().health_check("a test", MINUTE, |_| async { Ok(()) }),
            "has no health check",
        ),
    ] {
        let text = run.plan().unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
    let _ = resumed().plan().unwrap();
    assert_eq!(world.touched(), 4);
}

/// Without waves, steps after a wave come after all servers.
#[tokio::test(start_paused = true)]
async fn runs_without_waves_have_one_group() {
    let world = world(Region::builder().servers(5).failing(1.0));
    let run = world.client.stop(None, world.servers.iter().copied());
    let run = run.health_check("a test", MINUTE, |servers| async move {
        Err(format!("{} of them", servers.len()))
    });
    let plan = run.plan().unwrap();
    assert_eq!((plan.requests().len(), plan.waves()), (1, &[1][..]));
    let report = plan.report().await.unwrap();
    let reason = stopped(&report).to_string();
    assert!(reason.ends_with("failed: 5 of them"), "{reason}");
}
