//! Runs whose ids and journals the caller names, and what a health check is given.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_model::RebootType;
use http::Method;

use crate::journal::{JsonlJournal, Recovered};
use crate::rolling::{AfterCanary, CountOrPercent, Member, Order, Rules, Waves};
use crate::scripted::{DONE, JOB, Script, accepts, client_of, ids, service};
use crate::{Client, ErrorKind, Event, Outcome};

fn client() -> Client {
    let (builder, _) = client_of(vec![Script::Answer(200, JOB)]);
    builder.build().unwrap()
}

/// The name is in journal, events and report; a run that is refused leaves no file.
#[tokio::test]
async fn a_run_is_named_by_its_caller() {
    let client = client();
    let directory = tempfile::tempdir().unwrap();
    let reboot = |servers| {
        let run = client.reboot(RebootType::Soft, servers).no_wait();
        run.journal_in(directory.path())
    };
    for wrong in ["", ".hidden", "../up", "a b", "a/b"] {
        let error = reboot(ids(2)).run_id(wrong).begin().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("run id"), "{error}");
    }
    let error = reboot(Vec::new()).run_id("night-7").begin().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);

    let run = reboot(ids(2)).run_id("night-7").begin().await.unwrap();
    assert_eq!(run.run_id(), "night-7");
    let mut events = run.events();
    let report = run.await;
    assert_eq!(report.run_id, "night-7");
    let planned = events.next().await.unwrap();
    assert!(matches!(planned, Event::Planned { run_id, .. } if run_id == "night-7"));
    let path = directory.path().join("night-7.jsonl");
    let contents = JsonlJournal::read(&path).unwrap();
    let known = Recovered::from_entries(contents.entries).unwrap();
    assert_eq!(known.run().run_id, "night-7");
    assert_eq!(known.report().summary(), report.summary());
    // Another one of that name does not overwrite it.
    let error = reboot(ids(2)).run_id("night-7").begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRecorded, "{error}");
    // It keeps its name.
    let (journal, contents) = JsonlJournal::open(&path).unwrap();
    let known = Recovered::from_entries(contents.entries).unwrap();
    let resumed = client.resume(journal, known).unwrap();
    let error = resumed.run_id("night-8").begin().await.unwrap_err();
    assert!(error.to_string().contains("keeps its id"), "{error}");
    // Without an id of the caller it is random, and names the file too.
    let run = reboot(ids(2)).begin().await.unwrap();
    let file = directory.path().join(format!("{}.jsonl", run.run_id()));
    assert!(file.is_file());
}

/// A canary that nothing follows would be no canary.
#[tokio::test(start_paused = true)]
async fn a_canary_needs_its_rule() {
    let client = client();
    let members: Vec<_> = ids(10).into_iter().map(Member::new).collect();
    let waves = |canary| Waves::plan(&members, "50%".parse().unwrap(), canary, Order::AsGiven);
    let run = |canary, rules| {
        let run = client.reboot(RebootType::Soft, ids(10));
        run.rolling(waves(canary).unwrap(), rules)
    };
    let error = run(Some(1), Rules::default()).plan().unwrap_err();
    assert!(
        error.to_string().contains("the first wave is a canary"),
        "{error}"
    );
    let rules = || Rules {
        canary: Some(AfterCanary::Pause(Duration::from_secs(60))),
        ..Rules::default()
    };
    let _ = run(Some(1), rules()).plan().unwrap();
    let error = run(None, rules()).plan().unwrap_err();
    assert!(
        error.to_string().contains("Waves::plan was given none"),
        "{error}"
    );
    let _ = run(None, Rules::default()).plan().unwrap();
    // Of waves of the caller's own, the first one is.
    let own = Waves::of(ids(10).chunks(5).map(<[_]>::to_vec).collect());
    let run = client.reboot(RebootType::Soft, ids(10));
    let _ = run.rolling(own, rules()).plan().unwrap();
    // One that is no smaller than the others is none.
    let error = waves(Some(6)).unwrap_err().to_string();
    assert!(
        error.contains("a canary of 6 is larger than the waves of 5"),
        "{error}"
    );
    let percent = CountOrPercent::Percent(101);
    assert!(Waves::plan(&members, percent, None, Order::AsGiven).is_err());
    let small = Waves::plan(
        &members[..3],
        "50".parse().unwrap(),
        Some(6),
        Order::AsGiven,
    );
    assert_eq!(small.unwrap().waves.len(), 1);
}

/// A server that was named twice is reported once.
#[tokio::test(start_paused = true)]
async fn a_duplicate_in_a_rolling_run_is_reported_once() {
    let client = client();
    let mut servers = ids(3);
    servers.push(servers[0]);
    let members: Vec<_> = servers.iter().copied().map(Member::new).collect();
    let waves = Waves::plan(&members, "2".parse().unwrap(), None, Order::AsGiven).unwrap();
    let run = client.reboot(RebootType::Soft, servers.clone());
    let message = run
        .rolling(waves, Rules::default())
        .plan()
        .unwrap_err()
        .to_string();
    assert_eq!(
        message.matches(&servers[0].to_string()).count(),
        1,
        "{message}"
    );
}

/// The check gets the number of its wave, and the outcomes of its servers.
#[tokio::test(start_paused = true)]
async fn a_health_check_gets_wave_and_outcomes() {
    let (builder, _) = service(|request, number| match *request.method() {
        Method::POST => accepts(number),
        _ if request.uri().path().ends_with("job-1") => Script::Answer(
            200,
            r#"{"status":"FAIL","error_code":"Ecs.0000","fail_reason":"it did not come back"}"#,
        ),
        _ => Script::Answer(200, r#"{"status":"SUCCESS","entities":{}}"#),
    });
    let client = builder.build().unwrap();
    let members: Vec<_> = ids(3).into_iter().map(Member::new).collect();
    let waves = Waves::plan(&members, "1".parse().unwrap(), None, Order::AsGiven).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let run = client
        .reboot(RebootType::Soft, ids(3))
        .rolling(waves, Rules::default());
    let run = run.health_check_of_wave("a test", Duration::from_secs(60), move |wave| {
        log.lock().unwrap().push(wave);
        async { Ok::<_, std::io::Error>(()) }
    });
    let report = run.report().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for (index, wave) in seen.iter().enumerate() {
        assert_eq!((wave.number, wave.waves), (index + 1, 3));
        assert_eq!(wave.servers, report.servers[index..=index]);
    }
    assert!(matches!(
        seen[0].servers[0].outcome,
        Outcome::Succeeded { .. }
    ));
    assert!(!matches!(
        seen[1].servers[0].outcome,
        Outcome::Succeeded { .. }
    ));
}

/// Waves by their size alone: a canary of one server if the rules have one.
#[test]
fn waves_of_a_size() {
    let (builder, _) = service(|_, _| Script::Answer(200, DONE));
    let client = builder.build().unwrap();
    let run = |size: &str, rules: Rules| {
        let run = client.reboot(RebootType::Soft, ids(10));
        run.waves(size.parse().unwrap(), rules)
    };
    let plan = run("40%", Rules::default()).plan().unwrap();
    let sizes = |plan: &crate::Plan| plan.requests().iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(
        (sizes(&plan), plan.waves()),
        (vec![4, 4, 2], &[1, 1, 1][..])
    );
    let canary = Some(AfterCanary::Pause(Duration::from_secs(1)));
    let rules = Rules {
        canary,
        ..Rules::default()
    };
    assert_eq!(sizes(&run("6", rules).plan().unwrap()), [1, 6, 3]);
    let error = run("0", Rules::default()).plan().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a wave needs at least one server"),
        "{error}"
    );
}
