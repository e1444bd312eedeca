use ecs_model::{Job, JobId, ServerId};
use serde_json::{Value, json};

use super::{JobOutcomes, is_over, job_outcomes, undocumented};
use crate::report::Outcome;

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";
const FOREIGN: &str = "826fb98f-46ca-475e-917e-2563e5a8cd21";

/// The outcomes of A and B, with code and message where there is an error; `-` if the job
/// does not report it yet.
fn reported(job: Value) -> [String; 2] {
    let job: Job = serde_json::from_value(job).unwrap();
    let job_id: JobId = "j1".parse().unwrap();
    let servers: Vec<ServerId> = [A, B].iter().map(|id| id.parse().unwrap()).collect();
    let JobOutcomes {
        reported,
        contradiction,
        ..
    } = job_outcomes(&job_id, &servers, &job, true);
    // A finished job that omits a server is doubted, with the reason.
    assert_eq!(
        contradiction.is_some(),
        is_over(&job) && reported.len() < servers.len(),
        "{contradiction:?}"
    );
    assert!(
        reported.iter().all(|(id, _)| servers.contains(id)),
        "{reported:?}"
    );
    let reasons = |outcome: &Outcome| match outcome.error() {
        Some(error) => {
            format!(
                "{}|{}|{}",
                outcome.name(),
                error.code.as_deref().unwrap_or("-"),
                error.message
            )
        }
        None => outcome.name().to_owned(),
    };
    [0, 1].map(|index| {
        let id = servers[index];
        reported
            .iter()
            .find(|(reported, _)| *reported == id)
            .map_or("-".to_owned(), |(_, outcome)| reasons(outcome))
    })
}

fn sub(id: &str, status: &str) -> Value {
    json!({"status": status, "entities": {"server_id": id}, "job_id": "s", "error_code": "", "fail_reason": null})
}

fn job(status: &str, subs: &[Value]) -> Value {
    json!({"status": status, "entities": {"sub_jobs_total": subs.len(), "sub_jobs": subs}, "job_id": "j1"})
}

#[test]
fn sub_jobs_that_ended_decide_for_their_servers() {
    let failed = json!({"status": "FAIL", "entities": {"server_id": B}, "error_code": "Ecs.0227", "fail_reason": "no"});
    assert_eq!(
        reported(job("SUCCESS", &[sub(A, "SUCCESS"), sub(B, "SUCCESS")])),
        ["succeeded", "succeeded"]
    );
    assert_eq!(
        reported(job("FAIL", &[sub(A, "SUCCESS"), failed.clone()])),
        ["succeeded", "failed|Ecs.0227|no"]
    );
    // Also while the job is running …
    assert_eq!(
        reported(job("RUNNING", &[sub(A, "RUNNING"), failed])),
        ["-", "failed|Ecs.0227|no"]
    );
    assert_eq!(
        reported(job("INIT", &[sub(A, "SUCCESS")])),
        ["succeeded", "-"]
    );
    // … and whatever the case of the id.
    assert_eq!(
        reported(job("SUCCESS", &[sub(&A.to_uppercase(), "FAIL")]))[0]
            .split('|')
            .next(),
        Some("failed")
    );
}

#[test]
fn the_reason_is_read_from_any_field() {
    let entities = json!({"server_id": A, "errorcode_message": "deep down"});
    let reason = |code: Value, reason: Value| {
        reported(job("FAIL", &[json!({"status": "FAIL", "entities": entities, "error_code": code, "fail_reason": reason})]))[0]
            .clone()
    };
    assert_eq!(
        reason(json!("Ecs.0227"), json!("on top")),
        "failed|Ecs.0227|on top"
    );
    assert_eq!(
        reason(json!("Ecs.0227"), json!("")),
        "failed|Ecs.0227|deep down"
    );
    assert_eq!(reason(Value::Null, Value::Null), "failed|-|deep down");
    assert_eq!(
        reported(job("FAIL", &[sub(A, "FAIL")]))[0],
        "failed|-|the service gave no reason"
    );
}

/// Places in which no page shows it.
#[test]
fn a_reason_in_an_odd_place() {
    for (part, expected) in [
        (
            json!({"status": "FAIL", "entities": {"server_id": A, "fail_reason": "here"}}),
            "failed|-|here",
        ),
        (
            json!({"status": "FAIL", "entities": {"server_id": A}, "error": {"code": "Ecs.1", "message": "here"}}),
            "failed|Ecs.1|here",
        ),
        (
            json!({"status": "FAIL", "entities": {"server_id": A, "error": {"message": "here"}}}),
            "failed|-|here",
        ),
        (
            json!({"status": "FAIL", "entities": {"server_id": A}, "error": "here"}),
            "failed|-|here",
        ),
        (
            json!({"status": "FAIL", "entities": {"server_id": A, "fault": {"code": "500", "message": "here"}}}),
            "failed|500|here",
        ),
    ] {
        assert_eq!(
            reported(job("FAIL", std::slice::from_ref(&part)))[0],
            expected,
            "{part}"
        );
    }
}

/// A sub-job without a reason has that of its job, named as such.
#[test]
fn the_reason_of_the_job() {
    let failed =
        |code: &str| json!({"status": "FAIL", "entities": {"server_id": A}, "error_code": code});
    let with = |part: Value, reason: Value| {
        let mut job = job("FAIL", &[part]);
        job.as_object_mut()
            .unwrap()
            .extend(reason.as_object().unwrap().clone());
        reported(job)[0].clone()
    };
    let reason = || json!({"error_code": "Ecs.0605", "fail_reason": "locked"});
    assert_eq!(
        with(failed(""), reason()),
        "failed|Ecs.0605|reason of the job: locked"
    );
    assert_eq!(
        with(failed("Ecs.0227"), reason()),
        "failed|Ecs.0227|restarting the server failed; reason of the job: locked"
    );
    assert_eq!(
        with(failed("Ecs.9999"), json!({"message": "broken"})),
        "failed|Ecs.9999|reason of the job: broken"
    );
    let part = json!({"status": "FAIL", "entities": {"server_id": A}, "error_msg": "its own"});
    assert_eq!(with(part, reason()), "failed|-|its own");
}

#[test]
fn a_job_without_items() {
    for entities in [
        Value::Null,
        json!({}),
        json!({"sub_jobs": []}),
        json!({"sub_jobs": null}),
        json!("?"),
    ] {
        let with = |status: &str| json!({"status": status, "entities": entities, "error_code": "Ecs.0611"});
        assert_eq!(reported(with("SUCCESS")), ["succeeded", "succeeded"]);
        // Some may have been restarted.
        assert!(
            reported(with("FAIL"))
                .iter()
                .all(|reasons| reasons.starts_with("unknown|Ecs.0611|")),
            "{entities}"
        );
        assert_eq!(reported(with("RUNNING")), ["-", "-"]);
        assert_eq!(reported(with("PENDING_PAYMENT")), ["-", "-"]);
    }
}

#[test]
fn a_job_that_names_its_server_itself() {
    let job = |status: &str| json!({"status": status, "entities": {"server_id": A}, "error_code": "Ecs.0605", "fail_reason": "locked"});
    assert_eq!(reported(job("SUCCESS")), ["succeeded", "succeeded"]);
    let [a, b] = reported(job("FAIL"));
    assert_eq!(a, "failed|Ecs.0605|locked");
    assert!(b.starts_with("unknown|"), "{b}");
}

#[test]
fn unrequested_servers_are_not_counted() {
    assert_eq!(
        reported(job(
            "RUNNING",
            &[sub(FOREIGN, "SUCCESS"), sub(A, "SUCCESS")]
        )),
        ["succeeded", "-"]
    );
}

#[test]
fn two_sub_jobs_for_one_server_do_not_hide_a_failure() {
    for subs in [
        [sub(A, "SUCCESS"), sub(A, "FAIL")],
        [sub(A, "FAIL"), sub(A, "SUCCESS")],
    ] {
        assert!(reported(job("SUCCESS", &subs))[0].starts_with("failed|"));
    }
}

/// A success that its own parts contradict is not believed.
#[test]
fn a_job_that_contradicts_itself_tells_no_success() {
    let done = sub(A, "SUCCESS");
    for status in ["RUNNING", "INIT", "PENDING_PAYMENT"] {
        assert_eq!(
            reported(job("SUCCESS", &[done.clone(), sub(B, status)])),
            ["succeeded", "-"]
        );
        assert_eq!(
            reported(job("FAIL", &[done.clone(), sub(B, status)])),
            ["succeeded", "-"]
        );
        assert_eq!(
            reported(job("RUNNING", &[done.clone(), sub(B, status)])),
            ["succeeded", "-"]
        );
    }
    for nobody in [json!({}), json!(null), json!({"server_id": "no id"})] {
        for status in ["FAIL", "RUNNING"] {
            let stray = json!({"status": status, "entities": nobody});
            assert_eq!(
                reported(job("SUCCESS", &[done.clone(), stray.clone()])),
                ["succeeded", "-"]
            );
            assert_eq!(reported(job("SUCCESS", &[stray])), ["-", "-"]);
        }
        let fine = json!({"status": "SUCCESS", "entities": nobody});
        assert_eq!(
            reported(job("SUCCESS", &[fine])),
            ["succeeded", "succeeded"]
        );
    }
    // A part that says nothing contradicts nothing.
    let silent = json!({"status": null, "entities": {"server_id": B}});
    assert_eq!(
        reported(job("SUCCESS", &[silent])),
        ["succeeded", "succeeded"]
    );
}

/// A cached or mixed-up answer: the job of another request.
#[test]
fn a_job_of_other_servers_tells_no_success() {
    for status in ["SUCCESS", "FAIL", "RUNNING"] {
        assert_eq!(
            reported(job("SUCCESS", &[sub(FOREIGN, status)])),
            ["-", "-"]
        );
        assert_eq!(
            reported(job("SUCCESS", &[sub(A, "SUCCESS"), sub(FOREIGN, status)])),
            ["succeeded", "-"]
        );
    }
    let silent = json!({"status": null, "entities": {"server_id": A}});
    assert_eq!(
        reported(job("SUCCESS", &[silent, sub(FOREIGN, "SUCCESS")])),
        ["succeeded", "-"]
    );
    let itself = json!({"status": "SUCCESS", "entities": {"server_id": FOREIGN}});
    assert_eq!(reported(itself), ["-", "-"]);
}

/// The sub-jobs of a job that names its server itself count too.
#[test]
fn a_job_that_names_its_server_and_contradicts_itself() {
    for (part, expected) in [
        (json!({"status": "FAIL", "entities": {}}), ["-", "-"]),
        (json!({"status": "RUNNING"}), ["-", "-"]),
        (sub(A, "RUNNING"), ["-", "succeeded"]),
        (sub(A, "SUCCESS"), ["succeeded", "succeeded"]),
    ] {
        let job = json!({"status": "SUCCESS", "entities": {"server_id": A, "sub_jobs": [part]}});
        assert_eq!(reported(job.clone()), expected, "{job}");
    }
}

#[test]
fn oddities_are_reported_once() {
    let job: Job = serde_json::from_value(job("PAUSED", &[sub(FOREIGN, "SUCCESS")])).unwrap();
    let servers = [A.parse().unwrap()];
    let [mut undocumented_reported, mut unrequested_reported] = [false; 2];
    let mut poll = || {
        let mut job_outcomes = job_outcomes(&"j1".parse().unwrap(), &servers, &job, false);
        let status = undocumented(&job, &mut undocumented_reported);
        let unrequested = job_outcomes.unrequested(&mut unrequested_reported);
        (status.map(|status| status.to_string()), unrequested)
    };
    let reported_before = (
        Some("PAUSED".to_owned()),
        FOREIGN.parse().ok().map(|id| vec![id]),
    );
    assert_eq!([poll(), poll()], [reported_before, (None, None)]);
}
