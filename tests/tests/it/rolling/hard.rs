//! Hard restarts after soft ones.

use ecs_ops::model::RebootType;
use ecs_ops::rolling::{Rules, StopReason};
use ecs_ops::{Event, Outcome};
use ecs_sim::{Action, Region};

use super::world::*;

/// A failed soft restart is followed by a hard one, once, and the report says so.
#[tokio::test(start_paused = true)]
async fn failed_soft_restart_is_followed_by_a_hard_one() {
    let world = world(Region::builder().servers(40).seed(4).failing(0.4));
    let run = world.rolling("10", Rules::default()).escalate_after(MINUTE);
    let (report, events) = play(run.begin().await.unwrap()).await;
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
                    assert!(note.starts_with("restarted hard because the soft restart failed: "));
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
    // Each server is done once, and its wave is over only then.
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

/// A server whose hard restart succeeded counts as a success, one that failed twice as one failure.
#[tokio::test(start_paused = true)]
async fn failure_counts_if_the_hard_restart_failed_too() {
    let world = world(Region::builder().servers(40).seed(4).failing(0.4));
    let run = world
        .rolling("10", max_failures("2"))
        .escalate_after(MINUTE);
    let report = run.report().await.unwrap();
    let StopReason::Failures { failed, .. } = stopped(&report) else {
        panic!("{:?}", report.stopped);
    };
    assert_eq!(*failed, report.summary().failed);
    assert!(report.servers.iter().any(|server| {
        server.escalated.is_some() && matches!(server.outcome, Outcome::Succeeded { .. })
    }));
}

/// Some servers hang forever in their soft restart: each of them, and no other, is restarted hard,
/// after half an hour.
#[tokio::test(start_paused = true)]
async fn hanging_server_is_restarted_hard() {
    let world = world(
        Region::builder()
            .servers(40)
            .seed(4)
            .hanging(0.2)
            .failing(0.1),
    );
    let run = world
        .rolling("20", Rules::default())
        .escalate_hang(30 * MINUTE);
    let (report, _) = play(run.begin().await.unwrap()).await;
    assert_eq!(report.stopped, None);
    let mut hung = 0;
    world.sim.region().with(|region| {
        for server in &report.servers {
            let ours = region.accepted().entries().iter();
            let ours: Vec<_> = ours
                .filter(|one| one.servers.contains(&server.id))
                .collect();
            match &server.escalated {
                // Failed servers are not those that hang.
                None => assert_eq!(ours.len(), 1),
                Some(first) => {
                    hung += 1;
                    assert_eq!(ours[1].action, Action::Reboot(RebootType::Hard));
                    assert!(ours[1].at - ours[0].at >= 30 * MINUTE);
                    assert!(
                        first.message.contains("hangs in its soft restart"),
                        "{first}"
                    );
                }
            }
        }
    });
    assert!((4..16).contains(&hung), "{hung}");
    assert_eq!(report.summary().running + report.summary().unknown, 0);
}
