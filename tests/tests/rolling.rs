//! Rolling restarts against the simulated region, on virtual time: waves, checks, questions, stops, second tries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::future::IntoFuture as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{MemoryJournal, Recovered};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::{AfterCanary, Member, Order, Rules, StopReason, Waves};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, ErrorKind, Event, Outcome, Report, Run, RunBuilder, Stopped};
use ecs_sim::{Action, Region, RegionBuilder, SimTransport};
use http::{Method, Request, Response};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

struct World {
    sim: SimTransport,
    servers: Vec<ServerId>,
    client: Client,
}

fn world(region: RegionBuilder) -> World {
    let region = region.build().unwrap();
    let servers = region.servers().collect();
    let millis = Duration::from_millis;
    let sim = SimTransport::new(region).with_latency(millis(5)..=millis(300));
    World {
        client: client(&sim, sim.clone()),
        sim,
        servers,
    }
}

fn client(sim: &SimTransport, transport: impl Transport) -> Client {
    let identity = sim.region().with(|region| region.identity().clone());
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let endpoint = "https://ecs.sim.example".parse().unwrap();
    let client = Client::builder(endpoint, identity.project_id);
    let client = client.credentials(StaticCredentials::new(token)).seed(7);
    client.transport(transport).build().unwrap()
}

/// Loses the answer to the first request that acts.
#[derive(Debug)]
struct Swallowing(SimTransport, AtomicBool);

impl Transport for Swallowing {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let acts = *request.method() == Method::POST;
            let answer = self.0.send(request, attempt).await;
            match acts && self.1.swap(false, Ordering::SeqCst) {
                true => Ok(Response::builder().status(502).body(Bytes::new()).unwrap()),
                false => answer,
            }
        })
    }
}

impl World {
    fn waves(&self, wave: &str, canary: Option<usize>) -> Waves {
        let members: Vec<_> = self.servers.iter().map(|id| Member::new(*id)).collect();
        Waves::plan(&members, wave.parse().unwrap(), canary, Order::AsGiven).unwrap()
    }

    fn rolling(&self, wave: &str, rules: Rules) -> RunBuilder {
        let canary = rules.canary.map(|_| 1);
        let run = self
            .client
            .reboot(RebootType::Soft, self.servers.iter().copied());
        run.rolling(self.waves(wave, canary), rules)
    }

    fn touched(&self) -> usize {
        self.sim.region().with(|region| {
            assert!(region.accepted().most_times() <= 2);
            region.accepted().distinct_servers()
        })
    }
}

fn max_failures(share: &str) -> Rules {
    Rules {
        max_failures: Some(share.parse().unwrap()),
        ..Rules::default()
    }
}

/// Runs it, with all of its events.
async fn play(mut run: Run) -> (Report, Vec<Event>) {
    let mut reader = run.events();
    let report = run.await;
    let mut events = Vec::new();
    while let Some(event) = reader.next().await {
        events.push(event);
    }
    (report, events)
}

fn waves_begun(events: &[Event]) -> usize {
    let began = |event: &&Event| matches!(event, Event::WaveBegan { .. });
    events.iter().filter(began).count()
}

fn stopped(report: &Report) -> &StopReason {
    match &report.stopped {
        Some(Stopped::Rolling(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn waves_come_one_after_the_other() {
    let world = world(Region::builder().servers(1200).seed(1));
    let rules = Rules {
        pause: Duration::from_secs(30),
        ..Rules::default()
    };
    let (report, events) = play(world.rolling("10%", rules).start().await.unwrap()).await;
    assert_eq!(report.summary().succeeded, 1200);
    assert_eq!(report.stopped, None);
    let ids: Vec<_> = report.servers.iter().map(|server| server.id).collect();
    assert_eq!(ids, world.servers);
    // Who is done when the next wave begins is all of the waves before.
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
    // As the service saw it: two requests a wave, and each wave after the end of the last job, and a pause.
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
async fn too_many_failures_stop_it_in_time() {
    let world = world(Region::builder().servers(1200).seed(1).failing(0.05));
    let run = world.rolling("10%", max_failures("2%"));
    let (report, events) = play(run.start().await.unwrap()).await;
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
            let words = format!("not sent: {failed} servers did not succeed, and 24 may fail");
            assert_eq!(error.message, words);
        }
    }
    let stops = |event: &&Event| matches!(event, Event::Stopping { .. });
    assert_eq!(events.iter().filter(stops).count(), 1);
}

/// Within a wave of several requests, too: what was not sent when it stops is not sent.
#[tokio::test(start_paused = true)]
async fn a_wave_that_fails_is_not_sent_to_its_end() {
    let world = world(Region::builder().servers(3000).seed(1).failing(1.0));
    let run = world.rolling("100%", max_failures("0"));
    let (report, _) = play(run.start().await.unwrap()).await;
    // A minute's quota was sent before the first job ended.
    assert_eq!(report.summary().not_attempted, 2000);
    assert_eq!((report.summary().failed, world.touched()), (1000, 1000));
}

/// Failures that leave nothing undone don't stop it.
#[tokio::test(start_paused = true)]
async fn failures_in_the_last_wave_stop_nothing() {
    let world = world(Region::builder().servers(4).failing(1.0));
    let run = world.rolling("4", max_failures("1"));
    let (report, _) = play(run.start().await.unwrap()).await;
    assert_eq!((report.summary().failed, &report.stopped), (4, &None));
}

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
    let (report, events) = play(run.start().await.unwrap()).await;
    let asked = asked.lock().unwrap();
    assert_eq!(asked[..], [&world.servers[..3], &world.servers[3..6]]);
    let unhealthy = StopReason::Unhealthy {
        wave: 1,
        words: "no answer from web-04".to_owned(),
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

/// After the last wave nothing is left to be stopped, and still somebody has to know.
#[tokio::test(start_paused = true)]
async fn the_last_health_check_counts() {
    let world = world(Region::builder().servers(2));
    let run = world.rolling("2", Rules::default());
    let run = run.health_check("a test", MINUTE, |_| async { Err("down".to_owned()) });
    let report = run.start().await.unwrap().await;
    assert_eq!(report.summary().succeeded, 2);
    assert!(matches!(
        stopped(&report),
        StopReason::Unhealthy { wave: 0, .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_or_panics_is_a_no() {
    for hangs in [true, false] {
        let world = world(Region::builder().servers(4));
        let run = world.rolling("2", Rules::default());
        let run = run.health_check("a test", MINUTE, move |_| async move {
            match hangs {
                true => std::future::pending().await,
                false => panic!("by the test"),
            }
        });
        let report = run.start().await.unwrap().await;
        let StopReason::Unhealthy { words, .. } = stopped(&report) else {
            panic!("{:?}", report.stopped);
        };
        let expected = match hangs {
            true => "it did not end within 60s",
            false => "the check panicked",
        };
        assert_eq!((words.as_str(), world.touched()), (expected, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_and_its_question() {
    for yes in [true, false] {
        let world = world(Region::builder().servers(7));
        let rules = Rules {
            canary: Some(AfterCanary::Ask),
            ..Rules::default()
        };
        let run = world.rolling("3", rules);
        let run = run.canary_question(move || async move { yes });
        let (report, events) = play(run.start().await.unwrap()).await;
        assert!(events.contains(&Event::Asking { wave: 1 }));
        assert!(events.contains(&Event::Answered { go_on: yes }));
        match yes {
            true => assert_eq!((report.summary().succeeded, waves_begun(&events)), (7, 3)),
            false => {
                assert_eq!(stopped(&report), &StopReason::Declined);
                assert_eq!((report.summary().not_attempted, world.touched()), (6, 1));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_and_its_pause() {
    let world = world(Region::builder().servers(3));
    let rules = Rules {
        canary: Some(AfterCanary::Pause(30 * MINUTE)),
        ..Rules::default()
    };
    let start = Instant::now();
    let report = world.rolling("1", rules).start().await.unwrap().await;
    assert_eq!(report.summary().succeeded, 3);
    let took = start.elapsed();
    assert!(took > 30 * MINUTE && took < 33 * MINUTE, "{took:?}");
}

/// Between waves it can be stopped at once, whatever it is waiting for.
#[tokio::test(start_paused = true)]
async fn what_comes_between_waves_ends_when_the_run_is_stopped() {
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
        run = run.canary_question(std::future::pending);
        if let In::Check = place {
            run = run.health_check("a test", day, |_| std::future::pending());
        }
        if deadline {
            run = run.deadline(10 * MINUTE);
        }
        let run = run.start().await.unwrap();
        let control = run.control();
        let start = Instant::now();
        let run = tokio::spawn(run.into_future());
        tokio::time::sleep(5 * MINUTE).await;
        if !deadline {
            control.stop_submitting();
        }
        let report = run.await.unwrap();
        let expected = match deadline {
            true => (Stopped::Deadline, 10 * MINUTE),
            false => (Stopped::Asked, 5 * MINUTE),
        };
        assert_eq!(report.stopped, Some(expected.0), "{place:?}");
        assert!(start.elapsed() < expected.1 + Duration::from_secs(1));
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.not_attempted), (1, 3));
    }
}

/// What fails softly is tried hard, once, and the report says so.
#[tokio::test(start_paused = true)]
async fn a_soft_restart_that_failed_is_tried_hard() {
    let world = world(Region::builder().servers(40).seed(4).failing(0.4));
    let run = world.rolling("10", Rules::default()).escalate_after(MINUTE);
    let (report, events) = play(run.start().await.unwrap()).await;
    let (mut mended, mut failed_twice) = (0, 0);
    world.sim.region().with(|region| {
        let log = region.accepted();
        for server in &report.servers {
            let ours = log
                .entries()
                .iter()
                .filter(|one| one.servers.contains(&server.id));
            let actions: Vec<_> = ours.map(|one| one.action).collect();
            let soft = Action::Reboot(RebootType::Soft);
            let hard = Action::Reboot(RebootType::Hard);
            let json = serde_json::to_value(server).unwrap();
            let note = json
                .get("note")
                .map(|note| note.as_str().unwrap().to_owned());
            match (&server.outcome, &server.escalated) {
                (Outcome::Succeeded { .. }, None) => {
                    assert_eq!((actions, note), (vec![soft], None))
                }
                (outcome, Some(first)) => {
                    assert_eq!(actions, [soft, hard]);
                    let note = note.unwrap();
                    assert!(
                        note.starts_with("restarted hard, since the soft restart ended badly: ")
                    );
                    assert!(note.ends_with(&first.to_string()));
                    match outcome {
                        Outcome::Succeeded { .. } => mended += 1,
                        Outcome::Failed {
                            job_id: Some(_), ..
                        } => failed_twice += 1,
                        other => panic!("{other:?}"),
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(mended > 4 && failed_twice > 2, "{mended} {failed_twice}");
    let escalated = events.iter().filter_map(|event| match event {
        Event::Escalating { servers } => Some(servers.len()),
        _ => None,
    });
    assert_eq!(escalated.sum::<usize>(), mended + failed_twice);
    // Each is done once, and its wave is over only then.
    let done = |event: &&Event| matches!(event, Event::ServerDone(_));
    assert_eq!(events.iter().filter(done).count(), 40);
    let mut done = 0;
    for event in &events {
        match event {
            Event::WaveBegan { wave, .. } => assert_eq!(done, 10 * (wave - 1)),
            Event::ServerDone(_) => done += 1,
            _ => {}
        }
    }
}

/// A server that was mended counts as a success, one that failed twice as one failure.
#[tokio::test(start_paused = true)]
async fn a_failure_counts_when_the_hard_restart_failed_too() {
    let world = world(Region::builder().servers(40).seed(4).failing(0.4));
    let run = world
        .rolling("10", max_failures("2"))
        .escalate_after(MINUTE);
    let report = run.start().await.unwrap().await;
    let StopReason::Failures { failed, .. } = stopped(&report) else {
        panic!("{:?}", report.stopped);
    };
    assert_eq!(*failed, report.summary().failed);
    assert!(report.servers.iter().any(|server| {
        server.escalated.is_some() && matches!(server.outcome, Outcome::Succeeded { .. })
    }));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_rolling_run_is_refused() {
    let world = world(Region::builder().servers(4));
    let wrong = |run: RunBuilder| {
        let error = run.plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    };
    let words = wrong(world.rolling("2", Rules::default()).wait(false));
    assert!(words.contains("have to be waited for"), "{words}");
    let three = world.servers[..3].iter().copied();
    let words = wrong(
        world
            .client
            .reboot(RebootType::Soft, three)
            .rolling(world.waves("2", None), Rules::default()),
    );
    assert!(words.contains(&format!("server {} of wave 2", world.servers[3])));
    let mut waves = world.waves("2", None);
    waves.waves.pop();
    let all = || world.servers.iter().copied();
    let run = world.client.reboot(RebootType::Soft, all());
    let words = wrong(run.rolling(waves, Rules::default()));
    assert!(words.contains("is in no wave"), "{words}");
    let words = wrong(world.client.start(all()).escalate_after(MINUTE));
    assert!(words.contains("only a soft restart"), "{words}");
    let refused = |run: RunBuilder| async { run.start().await.unwrap_err().to_string() };
    let rules = Rules {
        check_health: true,
        ..Rules::default()
    };
    let words = refused(world.rolling("2", rules)).await;
    assert!(words.contains("health_check"), "{words}");
    let rules = Rules {
        canary: Some(AfterCanary::Ask),
        ..Rules::default()
    };
    let words = refused(world.rolling("2", rules)).await;
    assert!(words.contains("canary_question"), "{words}");
    assert_eq!(world.touched(), 0);
}

/// A lost answer says nothing of what goes on at the service: the next wave waits until that must be over.
#[tokio::test(start_paused = true)]
async fn a_wave_of_unknown_fate_is_given_its_time() {
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
    let (report, events) = play(run.start().await.unwrap()).await;
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

/// What was to come after the last wave, and did not, is no success.
#[tokio::test(start_paused = true)]
async fn a_last_health_check_that_is_cut_off_counts() {
    for deadline in [true, false] {
        let world = world(Region::builder().servers(2));
        let run = world.rolling("2", Rules::default());
        let run = run.health_check("a test", 60 * MINUTE, |_| std::future::pending());
        let run = if deadline {
            run.deadline(10 * MINUTE)
        } else {
            run
        };
        let run = run.start().await.unwrap();
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
            Stopped::Asked
        };
        assert_eq!(
            (report.summary().succeeded, report.stopped),
            (2, Some(expected))
        );
    }
    // Nor is one that too many failures kept from being made.
    let world = world(Region::builder().servers(2).failing(1.0));
    let run = world.rolling("2", max_failures("0"));
    let run = run.health_check("a test", MINUTE, |_| async { panic!("not to be made") });
    let report = run.start().await.unwrap().await;
    assert!(matches!(
        stopped(&report),
        StopReason::Failures { failed: 2, .. }
    ));
}

/// A canary that did not come through stops the run, however many may fail; whoever goes on has seen it.
#[tokio::test(start_paused = true)]
async fn a_canary_that_did_not_succeed_stops_it() {
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
        let run = run.canary_question(|| async { panic!("nothing to ask") });
        let report = run.start().await.unwrap().await;
        assert_eq!(stopped(&report), &StopReason::Canary);
        assert_eq!((report.summary().not_attempted, world.touched()), (3, 1));
        let recovered = Recovered::from_entries(journal.entries()).unwrap();
        let run = world
            .client
            .resume(Arc::clone(&journal), recovered)
            .unwrap();
        let report = run
            .canary_question(|| async { true })
            .start()
            .await
            .unwrap()
            .await;
        assert_eq!((report.summary().failed, world.touched()), (4, 4));
    }
}

/// Whoever goes on keeps to what the journal says.
#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_keeps_its_waves() {
    let world = world(Region::builder().servers(4));
    let journal = Arc::new(MemoryJournal::default());
    let run = world.rolling("2", Rules::default());
    let report = run
        .journal(Arc::clone(&journal))
        .start()
        .await
        .unwrap()
        .await;
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
            "and their rules",
        ),
        (
            resumed().health_check("a test", MINUTE, |_| async { Ok(()) }),
            "health is not checked",
        ),
    ] {
        let words = run.plan().unwrap_err().to_string();
        assert!(words.contains(expected), "{words}");
    }
    resumed().plan().unwrap();
    assert_eq!(world.touched(), 4);
}

/// What comes after servers comes after all of them, where there are no waves.
#[tokio::test(start_paused = true)]
async fn without_waves_all_servers_are_one() {
    let world = world(Region::builder().servers(5).failing(1.0));
    let run = world.client.stop(None, world.servers.iter().copied());
    let run = run.health_check("a test", MINUTE, |servers| async move {
        Err(format!("{} of them", servers.len()))
    });
    let plan = run.plan().unwrap();
    assert_eq!((plan.batches.len(), plan.waves.as_slice()), (1, &[1][..]));
    let report = run.start().await.unwrap().await;
    let reason = stopped(&report).to_string();
    assert!(reason.ends_with("failed: 5 of them"), "{reason}");
}
