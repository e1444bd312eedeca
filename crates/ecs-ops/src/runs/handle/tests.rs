use std::error::Error as _;
use std::time::Duration;

use ecs_model::RebootType;
use futures_util::StreamExt as _;

use crate::scripted::{DONE, Script, accepts, client_of, ids, service};
use crate::{ErrorKind, Event, Stopped};

#[tokio::test(start_paused = true)]
async fn a_spawned_run_with_a_late_reader_of_its_events() {
    let (builder, _) = service(|request, number| match *request.method() {
        http::Method::POST => accepts(number),
        _ => Script::Answer(200, DONE),
    });
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(30)).batch_size(10);
    let run = run.run_id("tonight").keep_events().begin().await.unwrap();
    let early = run.events();
    let run = run.spawn();
    assert_eq!(run.run_id(), "tonight");
    let (control, early): (_, Vec<_>) = (run.control(), early.collect().await);
    assert!(matches!(early[0], Event::Planned { servers: 30, .. }));
    let done = early
        .iter()
        .filter(|event| matches!(event, Event::ServerDone(_)));
    assert_eq!(done.count(), 30);
    // After the end, from a handle that outlives it.
    let report = run.await.unwrap();
    assert!(report.is_success());
    assert_eq!(report.tickets().count(), 3);
    assert_eq!(control.events().collect::<Vec<_>>().await, early);
}

#[tokio::test(start_paused = true)]
async fn a_spawned_run_is_stopped_by_its_control_and_outlives_its_handle() {
    let hang = Script::Hang {
        armed: true,
        sent: true,
    };
    let (builder, seen) = client_of(vec![hang]);
    let client = builder.concurrent_submissions(1).build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(20)).batch_size(10);
    let run = run.begin().await.unwrap().spawn();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!run.is_finished());
    run.control().end_because("cancelled by alice");
    let report = run.await.unwrap();
    let reason = Some("cancelled by alice".to_owned());
    assert_eq!(report.stopped, Some(Stopped::Requested { reason }));
    let (unknown, rest) = (report.unknown().count(), report.not_attempted().count());
    assert_eq!((unknown, rest, seen.posts()), (10, 10, 1));

    let run = client.reboot(RebootType::Soft, ids(10));
    let run = run.begin().await.unwrap();
    let events = run.events();
    drop(run.spawn());
    let events: Vec<_> = events.collect().await;
    assert!(matches!(events.last(), Some(Event::ServerDone(_))));
}

#[test]
fn a_run_whose_runtime_is_gone_is_an_error_with_its_cause() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let (builder, _) = client_of(vec![Script::Answer(200, DONE)]);
    let client = builder.build().unwrap();
    let first = runtime();
    let run = client.reboot(RebootType::Soft, ids(1)).run_id("lost");
    let run = first.block_on(run.begin()).unwrap();
    let run = {
        let _inside = first.enter();
        run.spawn()
    };
    drop(first);
    let error = runtime().block_on(run).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskLost);
    assert!(
        error.problem().message.contains("run lost ended"),
        "{error:?}"
    );
    assert!(error.source().unwrap().is::<tokio::task::JoinError>());
}
