#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use ecs_model::{JobStatus, Operation as _, ShowJob};
use http::{HeaderMap, StatusCode};

use super::super::Faults;
use super::super::trace::ShownJob;
use super::*;

const ONE: &str = "bae51750-0089-41a1-9b18-5c777978ff6d";
const TWO: &str = "bae51750-0089-41a1-9b18-5c777978ff6e";

fn part(server: &str, status: &str) -> Value {
    let failed = (status == "FAIL").then_some("because");
    json!({
        "status": status, "entities": {"server_id": server}, "end_time": "2026-11-23T12:00:00.000Z",
        "error_code": failed.map(|_| "Ecs.0227"), "fail_reason": failed,
    })
}

/// Returns a failed job: the first server succeeded, the second did not.
fn failed() -> Value {
    json!({
        "status": "FAIL", "error_code": "Common.0021", "fail_reason": "one of them",
        "entities": {"sub_jobs_total": 2, "sub_jobs": [part(ONE, "SUCCESS"), part(TWO, "FAIL")]},
    })
}

/// Returns a failed job of one server.
fn single() -> Value {
    json!({"status": "FAIL", "entities": {"sub_jobs_total": 1, "sub_jobs": [part(TWO, "FAIL")]}})
}

fn shown(job: &Value, shapes: &[Shape], draw: usize) -> (String, ShownJob) {
    let rng = Faults::none(1).rng(draw, 3);
    let response = reshaped(Response::new(job.to_string().into()), shapes, &rng);
    let again = reshaped(Response::new(job.to_string().into()), shapes, &rng);
    assert_eq!(response.body(), again.body(), "each time the same");
    // It is still a job, and the trace reads the same as a client.
    let decoded = ShowJob::decode(StatusCode::OK, &HeaderMap::new(), response.body()).unwrap();
    let shown_job = ShownJob::read(&response).unwrap();
    assert_eq!(decoded.status.as_ref(), Some(&shown_job.status));
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    (text, shown_job)
}

fn of(shown_job: &ShownJob, server: &str) -> Option<JobStatus> {
    let part = shown_job.of(&server.parse().unwrap());
    part.map(|part| part.status.clone())
}

/// Each form, drawn often: claims about the two servers are true or missing, except where the form
/// is contradictory.
#[test]
fn forms_keep_their_definition() {
    use JobStatus::{Fail, Init, Running, Success};
    let truth = (Some(Success), Some(Fail));
    let seen = |shape: Shape| -> BTreeSet<String> {
        let says = |draw| {
            let (text, shown_job) = shown(&failed(), &[shape], draw);
            let status = match shape {
                Shape::NeverOver => Running,
                _ => Fail,
            };
            assert_eq!(shown_job.status, status, "{text}");
            let parts = (of(&shown_job, ONE), of(&shown_job, TWO));
            let holds = match shape {
                Shape::PartlyItemised => {
                    parts.0.clone().is_none_or(|value| value == Success)
                        && parts.1.clone().is_none_or(|value| value == Fail)
                }
                Shape::NotItemised => parts == (None, None),
                Shape::OverEarly => {
                    let open = |value: &Option<JobStatus>| matches!(value, Some(Init | Running));
                    open(&parts.0) != open(&parts.1)
                }
                Shape::Stranger => parts == truth && shown_job.parts.len() == 3,
                _ => parts == truth && shown_job.parts.len() == 2,
            };
            assert!(holds, "{shape:?}: {text}");
            let upper = TWO.to_uppercase();
            assert_eq!(text.contains(&upper), shape == Shape::UpperCase);
            let hidden = text.contains(r#""errorcode_message":"because""#);
            assert_eq!(hidden, shape == Shape::ReasonHidden, "{text}");
            assert_eq!(
                hidden,
                !text.contains("Ecs.0227") && text.contains("because")
            );
            if let Some(part) = shown_job.of(&TWO.parse().unwrap())
                && part.status == Fail
            {
                assert_eq!(part.reasons, ["because"]);
            }
            text
        };
        (0..40).map(says).collect()
    };
    // The number of variants that are drawn of each.
    assert_eq!(seen(Shape::PartlyItemised).len(), 4);
    assert_eq!(seen(Shape::NotItemised).len(), 5);
    assert_eq!(seen(Shape::OverEarly).len(), 4);
    assert_eq!(seen(Shape::Stranger).len(), 40);
    assert_eq!(seen(Shape::ReasonHidden).len(), 2);
    for shape in [Shape::NeverOver, Shape::UpperCase] {
        assert_eq!(seen(shape).len(), 1);
    }
    // A job of two servers cannot be flat.
    let as_it_was: BTreeSet<String> = [failed().to_string()].into();
    assert_eq!(seen(Shape::Flat), as_it_was);
}

#[test]
fn a_flat_job_names_its_server_itself() {
    let (text, shown_job) = shown(&single(), &[Shape::Flat], 0);
    assert!(!text.contains("sub_jobs"), "{text}");
    assert_eq!(of(&shown_job, TWO), Some(JobStatus::Fail));
    assert_eq!(shown_job.parts[0].reasons, ["because"]);
    let (text, shown_job) = shown(
        &single(),
        &[Shape::UpperCase, Shape::Flat, Shape::ReasonHidden],
        0,
    );
    assert!(text.contains(&TWO.to_uppercase()), "{text}");
    assert_eq!(shown_job.parts[0].reasons, ["because"]);
}

/// Forms of an unfinished job claim no more than the job, and an answer without a job is unchanged.
#[test]
fn unfinished_jobs_stay_unfinished() {
    let running = json!({"status": "RUNNING", "entities": {"sub_jobs": [part(ONE, "SUCCESS")]}});
    for shape in [Shape::OverEarly, Shape::NeverOver] {
        assert_eq!(shown(&running, &[shape], 1).0, running.to_string());
    }
    let early = json!({"status": "INIT", "entities": {}});
    for shape in [
        Shape::Stranger,
        Shape::PartlyItemised,
        Shape::Flat,
        Shape::UpperCase,
    ] {
        assert_eq!(shown(&early, &[shape], 1).0, early.to_string());
    }
    let rng = Faults::none(1).rng(0, 3);
    for body in ["", "<html>", "[]", r#"{"code":"Ecs.0000"}"#] {
        let response = reshaped(Response::new(body.into()), &[Shape::NotItemised], &rng);
        assert_eq!(response.body(), body);
        assert_eq!(ShownJob::read(&response), None);
    }
}
