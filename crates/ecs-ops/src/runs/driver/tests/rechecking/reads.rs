//! The reads of the servers of a wave.

use super::*;

/// An empty list proves nothing of the servers, and is read again like a list that fails.
#[tokio::test(start_paused = true)]
async fn servers_that_an_empty_list_does_not_show_are_not_sent() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    let denied = Script::Answer(403, r#"{"error":{"code":"Ecs.0004","message":"no right"}}"#);
    let empty = Script::Answer(200, r#"{"count":0,"servers":[]}"#);
    shown.lock().unwrap().insert(ids[2], denied.clone());
    shown.lock().unwrap().insert(ids[3], denied);
    shown.lock().unwrap().insert(list(), empty);
    let began = Instant::now();
    let run = run(&client, WaveRecheck::skip());
    let report = run.report().await.unwrap();
    let Some(Stopped::Rolling(StopReason::NotRead { wave: 2, message })) = &report.stopped else {
        panic!("{report:?}");
    };
    assert!(
        message.contains("the list of servers is empty"),
        "{message}"
    );
    assert_eq!(sent(&seen), [1, 1, 0, 0, 0, 0]);
    assert!((540..620).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_for_a_minute_only_delays_the_wave() {
    let ids = ids(6);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    let fails = Script::Answer(503, "{}");
    shown.lock().unwrap().insert(ids[2], fails.clone());
    shown.lock().unwrap().insert(list(), fails);
    let recover = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        shown.lock().unwrap().clear();
    };
    let run = run(&client, WaveRecheck::stop());
    let (report, ()) = futures_util::future::join(run.report(), recover).await;
    assert!(report.unwrap().is_success());
    assert_eq!(sent(&seen), [1; 6]);
}

#[tokio::test(start_paused = true)]
async fn many_servers_are_read_by_one_list() {
    let servers = ids(40);
    let shown: Shown = Arc::default();
    let (client, seen) = region(&shown);
    let listed = servers.iter().skip(1).map(|id| {
        let locked = *id == servers[30];
        format!(r#"{{"id":"{id}","status":"ACTIVE","updated":"{BEFORE}","locked":{locked}}}"#)
    });
    let listed: Vec<_> = listed.collect();
    let body = format!(r#"{{"count":39,"servers":[{}]}}"#, listed.join(","));
    shown
        .lock()
        .unwrap()
        .insert(list(), Script::AnswerWithHeaders(200, body, Vec::new()));
    let waves = Waves::of(servers.chunks(20).map(<[_]>::to_vec).collect());
    let run = client.reboot(RebootType::Soft, servers);
    let run = run.rolling(waves, Rules::default());
    let report = run
        .recheck_waves(WaveRecheck::skip())
        .report()
        .await
        .unwrap();
    assert_eq!(report.summary().succeeded, 39);
    let lists = seen.requests(Method::GET);
    let lists = lists
        .iter()
        .filter(|request| request.uri().path().ends_with("/detail"));
    // Read to its first page without servers, or without new ones.
    assert!((1..=3).contains(&lists.count()));
}
