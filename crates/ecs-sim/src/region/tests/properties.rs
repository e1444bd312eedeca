//! Properties of any sequence of requests.

use std::time::Duration;

use bytes::Bytes;
use ecs_model::RebootType::{Hard, Soft};
use ecs_model::{ServerId, arbitrary};
use proptest::prelude::*;
use serde_json::Value;

use super::Client;
use crate::{ActionKind, QUOTA_WINDOW, Region};

/// A step of a client that ignores all limits.
#[derive(Clone, Debug)]
struct Step {
    wait_millis: u64,
    from: usize,
    count: usize,
    action: u8,
}

fn step() -> impl Strategy<Value = Step> {
    // Round waits meet the edges of the window.
    let wait = prop_oneof![0..90_000_u64, (0..5_u64).prop_map(|n| n * 30_000)];
    (wait, 0..400_usize, 1..60_usize, 0..4_u8).prop_map(|(wait_millis, from, count, action)| Step {
        wait_millis,
        from,
        count,
        action,
    })
}

fn play(client: &mut Client, steps: &[Step]) -> Vec<Bytes> {
    let ids = client.ids();
    let mut answers = Vec::new();
    for step in steps {
        client.now += Duration::from_millis(step.wait_millis);
        let end = (step.from + step.count).min(ids.len());
        let servers = &ids[step.from..end];
        let got = match step.action {
            0 => client.reboot(Soft, servers),
            1 => client.reboot(Hard, servers),
            2 => client.start(servers),
            _ => client.stop(servers),
        };
        answers.push(got.body);
    }
    answers
}

/// Computes the peak the slow way: for every acceptance, over the window that begins with it.
fn slow_peak(region: &Region, kind: ActionKind) -> usize {
    let entries = region.accepted().entries();
    let of_kind = || entries.iter().filter(|entry| entry.action.kind() == kind);
    let from = |begin: Duration| {
        of_kind()
            .filter(move |entry| entry.at >= begin && entry.at < begin + QUOTA_WINDOW)
            .map(|entry| entry.servers.len())
            .sum()
    };
    of_kind().map(|entry| from(entry.at)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quota_holds_in_any_window(
        steps in prop::collection::vec(step(), 1..60),
        quota in 1..100_usize,
    ) {
        let region = Region::builder().servers(400).quota(quota).failing(0.1);
        let mut client = Client::new(region.durations(Duration::ZERO..=Duration::from_secs(1)));
        play(&mut client, &steps);
        for kind in [ActionKind::Reboot, ActionKind::Start, ActionKind::Stop] {
            let peak = slow_peak(&client.region, kind);
            prop_assert!(peak <= quota, "{peak} of {quota}");
            prop_assert_eq!(peak, client.region.accepted().peak(kind, QUOTA_WINDOW));
        }
    }

    #[test]
    fn the_same_seed_and_requests_give_the_same_answers(
        steps in prop::collection::vec(step(), 1..20),
        seed: u64,
    ) {
        let region = Region::builder().servers(400).seed(seed).failing(0.3).shutoff(0.1).locked(0.001);
        let answers = || {
            let mut client = Client::new(region.clone());
            let mut answers = play(&mut client, &steps);
            let jobs: Vec<_> = client.region.accepted().entries().iter().map(|e| e.job_id.clone()).collect();
            for job in jobs {
                answers.push(client.get(&format!("jobs/{job}")).body);
            }
            answers.push(client.get("cloudservers/detail?limit=1000").body);
            answers
        };
        prop_assert_eq!(answers(), answers());
    }

    #[test]
    fn outcome_of_a_server_is_independent_of_the_requests(seed: u64, cut in 1..50_usize) {
        let region = Region::builder().servers(50).seed(seed).failing(0.5);
        let failed = |batches: &[usize]| {
            let mut client = Client::new(region.clone());
            let ids = client.ids();
            let mut failed = Vec::new();
            for range in batches.windows(2) {
                let accepted = client.reboot(Soft, &ids[range[0]..range[1]]);
                client.wait(100.0);
                let job = client.job_body(&accepted).json();
                for sub in job["entities"]["sub_jobs"].as_array().unwrap() {
                    if sub["status"] == "FAIL" {
                        failed.push(sub["entities"]["server_id"].clone());
                    }
                }
            }
            failed
        };
        prop_assert_eq!(failed(&[0, 50]), failed(&[0, cut, 50]));
    }

    #[test]
    fn all_pages_together_hold_every_server_once(
        servers in 0..300_usize,
        limit in 9..120_usize,
        filter in prop_oneof![Just(""), Just("&status=ACTIVE"), Just("&tags=env%3Dprod")],
    ) {
        let mut client = Client::new(Region::builder().servers(servers).shutoff(0.3));
        let (mut found, mut page) = (Vec::<ServerId>::new(), 1);
        let count = loop {
            let got = client.get(&format!("cloudservers/detail?limit={limit}&offset={page}{filter}"));
            let body = got.json();
            let listed = body["servers"].as_array().unwrap();
            prop_assert!(listed.len() <= limit);
            if listed.is_empty() {
                break body["count"].clone();
            }
            let id = |server: &Value| server["id"].as_str().unwrap().parse::<ServerId>().unwrap();
            found.extend(listed.iter().map(id));
            page += 1;
        };
        prop_assert_eq!(count, found.len());
        let mut distinct = found.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), found.len());
        if filter.is_empty() {
            prop_assert_eq!(found, client.ids());
        }
    }

    #[test]
    fn no_request_panics(
        requests in prop::collection::vec(any_request(), 1..8),
        times in prop::collection::vec(any::<Duration>(), 8),
        durations in (any::<Duration>(), any::<Duration>()),
        token in prop::option::weighted(0.9, Just(())),
    ) {
        let (short, long) = (durations.0.min(durations.1), durations.0.max(durations.1));
        let mut client = Client::new(Region::builder().servers(3).durations(short..=long).failing(0.5));
        let project = client.region.identity().project_id.to_string();
        let first = client.ids()[0].to_string();
        let mut jobs = vec![String::from("none")];
        for ((method, path, body), now) in requests.into_iter().zip(times) {
            client.now = now;
            let path = path
                .replace("{project}", &project)
                .replace("{server}", &first)
                .replace("{job}", jobs.last().unwrap());
            let body = String::from_utf8_lossy(&body).replace("{server}", &first);
            let Ok(request) = http::Request::builder().method(method).uri(path).body(Bytes::from(body)) else {
                continue;
            };
            let got = match token {
                Some(()) => client.send(request),
                None => client.raw(&request),
            };
            let answer = got.json();
            prop_assert!(answer.is_object());
            jobs.extend(answer["job_id"].as_str().map(str::to_owned));
        }
    }
}

fn any_request() -> impl Strategy<Value = (http::Method, String, Vec<u8>)> {
    let method = prop_oneof![
        4 => Just(http::Method::GET),
        4 => Just(http::Method::POST),
        1 => Just(http::Method::OPTIONS),
    ];
    let query = prop_oneof![
        Just(String::new()),
        "(name|tags|limit|offset|ip|status)=[a-z0-9.%]{0,8}(&offset=[0-9]{1,22})?",
    ];
    let path = prop_oneof![
        Just("/v1/{project}/cloudservers/action".to_owned()),
        query.prop_map(|query| format!("/v1/{{project}}/cloudservers/detail?{query}")),
        Just("/v1/{project}/cloudservers/{server}".to_owned()),
        Just("/v1/{project}/jobs/{job}".to_owned()),
        "/v1/\\{project\\}/(jobs|cloudservers)/[ -~]{0,40}",
        "/[ -~]{0,60}",
    ];
    let valid = prop_oneof![
        Just(r#"{"reboot":{"type":"SOFT","servers":[{"id":"{server}"}]}}"#),
        Just(r#"{"os-start":{"servers":[{"id":"{server}"}]}}"#),
        Just(r#"{"os-stop":{"type":"HARD","servers":[{"id":"{server}"}]}}"#),
    ];
    let parsed = valid
        .clone()
        .prop_map(|body| serde_json::from_str::<Value>(body).unwrap());
    let body = prop_oneof![
        valid.prop_map(|body| body.as_bytes().to_vec()),
        arbitrary::mutated(parsed).prop_map(|body| body.to_string().into_bytes()),
        arbitrary::json().prop_map(|body| body.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
    ];
    (method, path, body)
}
