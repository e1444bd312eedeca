use ecs_model::{RebootType, Server};
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::PowerAction;
use crate::runs::evidence::{RestState, rest_state};
use crate::scripted::{Script, accepts, ids, outcome_of, service};
use crate::{ClientBuilder, Evidence, Outcome, Report, Stopped};

fn server(status: &str, task: Value) -> Server {
    serde_json::from_value(json!({"status": status, "OS-EXT-STS:task_state": task})).unwrap()
}

#[test]
fn the_state_of_a_server_decides() {
    let reboot = PowerAction::Reboot(RebootType::Soft);
    let stop = PowerAction::Stop(None);
    for (action, status, task, message) in [
        (reboot, "ACTIVE", json!(null), "AtRest"),
        (reboot, "ACTIVE", json!(""), "AtRest"),
        (PowerAction::Start, "ACTIVE", json!(null), "AtRest"),
        (stop, "SHUTOFF", json!(null), "AtRest"),
        (reboot, "ACTIVE", json!("rebooting"), "its task rebooting"),
        (reboot, "REBOOT", json!(null), "status is REBOOT"),
        (reboot, "SHUTOFF", json!(null), "Unsettled"),
        (stop, "ACTIVE", json!(null), "Unsettled"),
        (stop, "SHUTOFF", json!("powering-off"), "Unsettled"),
        (reboot, "ERROR", json!(null), "Broken"),
        (reboot, "ERROR", json!("rebuilding"), "Unsettled"),
        (reboot, "NEW_STATUS", json!(null), "Unsettled"),
    ] {
        let shown = format!("{:?}", rest_state(action, Some(&server(status, task))));
        assert!(shown.contains(message), "{status}: {shown}");
    }
    assert_eq!(
        rest_state(reboot, Some(&Server::default())),
        RestState::Unsettled("its status is unknown".to_owned())
    );
    assert_eq!(rest_state(reboot, None), RestState::Missing);
}

/// A service whose jobs succeed at once, and whose servers are listed so, by the seconds since the
/// beginning.
fn listing(
    list: impl Fn(u64) -> Option<Vec<Value>> + Send + Sync + 'static,
) -> (ClientBuilder, crate::scripted::Seen) {
    let began = Instant::now();
    let id = ids(1)[0].to_string();
    service(move |request, number| match request.method() {
        &Method::POST => accepts(number),
        _ if request.uri().path().contains("/jobs/") => {
            let sub = json!({"status": "SUCCESS", "entities": {"server_id": id}});
            let job = json!({"status": "SUCCESS", "entities": {"sub_jobs": [sub]}});
            Script::AnswerWithHeaders(200, job.to_string(), Vec::new())
        }
        _ => match list(began.elapsed().as_secs()) {
            Some(servers) => {
                let list = json!({"count": servers.len(), "servers": servers});
                Script::AnswerWithHeaders(200, list.to_string(), Vec::new())
            }
            None => Script::Answer(500, ""),
        },
    })
}

fn listed(status: &str, task: Value) -> Vec<Value> {
    vec![json!({"id": ids(1)[0].to_string(), "status": status, "OS-EXT-STS:task_state": task})]
}

const MINUTE: Duration = Duration::from_secs(60);

async fn reboot(builder: ClientBuilder) -> (Report, Duration) {
    let began = Instant::now();
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(1)).verify(MINUTE);
    let report = run.deadline(10 * MINUTE).report().await.unwrap();
    (report, began.elapsed())
}

/// It has succeeded when it is at rest, and not before.
#[tokio::test(start_paused = true)]
async fn a_server_that_settles() {
    let (builder, seen) = listing(|now| match now {
        0..30 => Some(listed("REBOOT", json!("rebooting"))),
        _ => Some(listed("ACTIVE", json!(null))),
    });
    let (report, last_list_took) = reboot(builder).await;
    let evidence = Evidence::SubJob;
    assert!(
        matches!(&report.servers[0].outcome, Outcome::Succeeded { evidence: by, job_id: Some(_) } if *by == evidence)
    );
    assert!(
        (30..60).contains(&last_list_took.as_secs()),
        "{last_list_took:?}"
    );
    assert!(seen.count(Method::GET) < 10);
    assert_eq!(report.stopped, None);
}

#[tokio::test(start_paused = true)]
async fn servers_that_do_not() {
    type List = fn(u64) -> Option<Vec<Value>>;
    let cases: [(List, &str, &str, std::ops::Range<u64>); 4] = [
        (
            |_| Some(listed("ACTIVE", json!("rebooting"))),
            "failed",
            "60s later its status is ACTIVE, its task rebooting",
            69..80,
        ),
        (
            |_| Some(listed("ERROR", json!(null))),
            "failed",
            "but its status is ERROR",
            9..20,
        ),
        (
            |_| Some(Vec::new()),
            "unknown",
            "not in the list of servers",
            69..80,
        ),
        (
            |_| None,
            "unknown",
            "the servers could not be listed",
            69..90,
        ),
    ];
    for (list, outcome, message, range) in cases {
        let (builder, _) = listing(list);
        let (report, last_list_took) = reboot(builder).await;
        let (name, text) = outcome_of(&report);
        assert_eq!(name, outcome, "{text}");
        assert!(text.contains(message), "{text}");
        assert!(report.servers[0].outcome.job_id().is_some());
        assert!(
            range.contains(&last_list_took.as_secs()),
            "{message}: {last_list_took:?}"
        );
    }
}

/// A run that stops waiting before a server is at rest does not know that it succeeded.
#[tokio::test(start_paused = true)]
async fn the_deadline_comes_first() {
    let (builder, _) = listing(|_| Some(listed("REBOOT", json!(null))));
    let client = builder.build().unwrap();
    let run = client.reboot(RebootType::Soft, ids(1)).verify(MINUTE);
    let report = run.deadline(MINUTE / 2).report().await.unwrap();
    assert_eq!(outcome_of(&report).0, "running");
    assert_eq!(report.stopped, Some(Stopped::Deadline));
}
