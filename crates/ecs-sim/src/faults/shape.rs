//! Unusual forms of a truthful job.

use bytes::Bytes;
use ecs_model::ServerId;
use http::Response;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

use crate::seed::pick;

/// An unusual form in which a job is shown. None of them makes a false claim about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Shape {
    /// Some of its servers have no sub-job, each with a probability of one half.
    PartlyItemised,
    /// An unrequested server has a sub-job.
    Stranger,
    /// The job is over, and the sub-job of one of its servers is shown as not over.
    OverEarly,
    /// The job is shown as running when it is over; its sub-jobs are shown as they are.
    NeverOver,
    /// Reasons of failures are only in `entities.errorcode_message`, and codes nowhere.
    ReasonHidden,
    /// The server of a job with one sub-job is named by the job's own entities, without sub-jobs.
    Flat,
    /// Server ids are in upper case.
    UpperCase,
    /// No server has a sub-job: entities are absent, null, empty, or have an empty list.
    NotItemised,
}

/// Shows the job of this answer in these forms. The same randomness gives the same result.
pub(super) fn reshaped(
    response: Response<Bytes>,
    shapes: &[Shape],
    rng: &(impl Rng + Clone),
) -> Response<Bytes> {
    let (head, body) = response.into_parts();
    let job = serde_json::from_slice::<Value>(&body).ok();
    let Some(mut job) = job.filter(|job| head.status.is_success() && job.get("status").is_some())
    else {
        return Response::from_parts(head, body);
    };
    let mut shapes = shapes.to_vec();
    shapes.sort_unstable();
    for shape in shapes {
        // The draws of one form do not affect another.
        shape.apply(&mut job, &mut rng.clone());
    }
    Response::from_parts(head, job.to_string().into())
}

impl Shape {
    fn apply(self, job: &mut Value, rng: &mut impl Rng) {
        match self {
            Self::PartlyItemised => {
                if let Some(parts) = parts(job) {
                    parts.retain(|_| rng.random());
                }
            }
            Self::Stranger => {
                if let Some(parts) = parts(job)
                    && let Some(mut unrequested) = parts.first().cloned()
                {
                    let fails = rng.random();
                    unrequested["status"] = if fails { "FAIL" } else { "SUCCESS" }.into();
                    unrequested["error_code"] = fails.then_some("Ecs.0000").into();
                    unrequested["fail_reason"] = fails.then_some("of no concern").into();
                    let id = ServerId::from_bytes(rng.random());
                    unrequested["entities"] = json!({"server_id": id});
                    parts.insert(rng.random_range(0..=parts.len()), unrequested);
                }
            }
            Self::OverEarly => {
                if is_over(job)
                    && let Some(parts) = parts(job)
                    && !parts.is_empty()
                {
                    let open = rng.random_range(0..parts.len());
                    reopen(&mut parts[open], pick(rng, &["INIT", "RUNNING"]));
                }
            }
            Self::NeverOver => {
                if is_over(job) {
                    reopen(job, "RUNNING");
                }
            }
            Self::ReasonHidden => {
                let nothing = pick(rng, &[Value::Null, json!("")]);
                for part in parts(job).into_iter().flatten() {
                    let reason = part["fail_reason"].take();
                    if reason.is_string() {
                        part["entities"]["errorcode_message"] = reason;
                    }
                    part["fail_reason"] = nothing.clone();
                    part["error_code"] = nothing.clone();
                }
                job["error_code"] = nothing.clone();
                job["fail_reason"] = nothing;
            }
            Self::Flat => {
                if let Some([part]) = parts(job).map(|parts| parts.as_mut_slice()) {
                    let mut part = part.take();
                    job["entities"] = part["entities"].take();
                    if is_over(job) {
                        job["error_code"] = part["error_code"].take();
                        job["fail_reason"] = part["fail_reason"].take();
                    }
                }
            }
            Self::UpperCase => {
                let upper = |entities: &mut Value| {
                    if let Some(Value::String(id)) = entities.get_mut("server_id") {
                        id.make_ascii_uppercase();
                    }
                };
                let parts = parts(job).into_iter().flatten();
                parts
                    .filter_map(|part| part.get_mut("entities"))
                    .for_each(upper);
                job.get_mut("entities").into_iter().for_each(upper);
            }
            Self::NotItemised => {
                let entities = [
                    None,
                    Some(Value::Null),
                    Some(json!({})),
                    Some(json!({"sub_jobs": []})),
                    Some(json!({"sub_jobs_total": 2, "sub_jobs": null})),
                ];
                match (pick(rng, &entities), job.as_object_mut()) {
                    (None, Some(job)) => drop(job.remove("entities")),
                    (entities, _) => job["entities"] = entities.into(),
                }
            }
        }
    }
}

fn parts(job: &mut Value) -> Option<&mut Vec<Value>> {
    job.get_mut("entities")?.get_mut("sub_jobs")?.as_array_mut()
}

fn is_over(job: &Value) -> bool {
    matches!(job["status"].as_str(), Some("SUCCESS" | "FAIL"))
}

/// Shows a job or a sub-job as not over.
fn reopen(job: &mut Value, status: &str) {
    job["status"] = status.into();
    job["end_time"] = "".into();
    job["error_code"] = Value::Null;
    job["fail_reason"] = Value::Null;
    if let Some(Value::Object(entities)) = job.get_mut("entities") {
        entities.remove("errorcode_message");
    }
}

#[cfg(test)]
mod tests;
