//! Jobs.

use std::sync::Arc;

use ecs_ops::model::{Job, JobId, JobStatus, SubJob};
use ecs_ops::{Problem, jobs::JobEnd};
use serde::Serialize;

use super::table::{Table, reason};
use crate::exit::{self, Exit};

/// The state of a job that was queried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownJob {
    pub(crate) job_id: JobId,
    /// `succeeded`, `failed`, `running`, `stalled` (no progress for too long), `unclear` (it ended, and its sub-jobs
    /// contradict its status), `unknown` (to the service), `refused` (no permission to query it), `unreachable`.
    pub(crate) state: &'static str,
    /// The job as the service described it.
    #[serde(serialize_with = "shared")]
    job: Option<Arc<Job>>,
    /// The reason that there is no (newer) state.
    pub(crate) error: Option<Problem>,
    #[serde(skip)]
    pub(crate) exit: Exit,
}

fn shared<S: serde::Serializer>(job: &Option<Arc<Job>>, serializer: S) -> Result<S::Ok, S::Error> {
    job.as_deref().serialize(serializer)
}

#[derive(Serialize)]
pub(crate) struct Document<'a> {
    version: u32,
    jobs: &'a [ShownJob],
}

#[derive(Serialize)]
pub(crate) struct JobEvent<'a> {
    event: &'static str,
    job_id: &'a JobId,
    state: &'static str,
    job: Option<&'a Job>,
    error: Option<&'a Problem>,
}

impl ShownJob {
    /// Returns the state of a job that was queried once.
    pub(crate) fn of_job(job_id: JobId, job: Arc<Job>) -> Self {
        let state = match job.status {
            Some(JobStatus::Success) => "succeeded",
            Some(JobStatus::Fail) => "failed",
            _ => "running",
        };
        Self {
            job_id,
            state,
            job: Some(job),
            error: None,
            exit: Exit::Success,
        }
    }

    /// Returns the state of a job that could not be queried.
    pub(crate) fn without(job_id: JobId, state: &'static str, error: Problem) -> Self {
        Self {
            job_id,
            state,
            job: None,
            error: Some(error),
            exit: Exit::Success,
        }
    }

    /// Returns the state of a job that was waited for. `last` is its last known state, `last_error` the error of
    /// later polls.
    pub(crate) fn of_end(
        job_id: JobId,
        end: JobEnd,
        last: Option<Arc<Job>>,
        last_error: Option<Problem>,
    ) -> Self {
        let exit = exit::of_job_end(&end);
        let (state, job, error) = match end {
            JobEnd::Ended(job) => {
                let state = match exit {
                    Exit::Success => "succeeded",
                    Exit::Failed => "failed",
                    _ => "unclear",
                };
                (state, Some(job), None)
            }
            JobEnd::Lost(error) => ("unknown", last, Some(error)),
            JobEnd::Denied(error) => ("refused", last, Some(error)),
            JobEnd::Stalled(_) => ("stalled", last, None),
            // A job that was never polled successfully has no known state.
            _ if last.is_none() => ("unreachable", None, last_error),
            _ => ("running", last, last_error),
        };
        Self {
            job_id,
            state,
            job,
            error,
            exit,
        }
    }

    /// Returns the state as an event.
    pub(crate) fn event(&self) -> JobEvent<'_> {
        JobEvent {
            event: "job",
            job_id: &self.job_id,
            state: self.state,
            job: self.job.as_deref(),
            error: self.error.as_ref(),
        }
    }
}

pub(crate) fn document(jobs: &[ShownJob]) -> Document<'_> {
    Document { version: 1, jobs }
}

/// Describes the status of a job, such as `RUNNING, 3 of 10 parts ended`.
pub(crate) fn status(job: &Job) -> String {
    let status = job.status.as_ref().map_or("no status", JobStatus::as_str);
    match parts(job) {
        [] => status.to_owned(),
        parts => {
            let statuses = parts.iter().filter_map(|part| part.status.as_ref());
            let ended = statuses.filter(|status| status.is_over()).count();
            format!("{status}, {ended} of {} parts ended", parts.len())
        }
    }
}

fn parts(job: &Job) -> &[SubJob] {
    let parts = job
        .entities
        .as_ref()
        .and_then(|entities| entities.sub_jobs.as_deref());
    parts.unwrap_or_default()
}

/// Formats a row for each job, then for each of their servers, then for each of their other resources.
pub(crate) fn table(jobs: &[ShownJob]) -> String {
    let mut table = Table::new(&["JOB", "KIND", "STATE", "STATUS", "BEGAN", "ENDED", "REASON"]);
    let mut servers = Table::new(&["SERVER", "STATUS", "JOB", "REASON"]);
    let mut others = Table::new(&["WORKS ON", "VALUE", "JOB"]);
    for shown in jobs {
        let text = |field: fn(&Job) -> Option<&String>| {
            shown
                .job
                .as_deref()
                .and_then(field)
                .cloned()
                .unwrap_or_else(|| "-".to_owned())
        };
        let reason = shown.error.as_ref().map(reason);
        let reason = reason.or_else(|| shown.job.as_deref().map(failure_reason));
        table.row([
            shown.job_id.to_string(),
            text(|job| job.job_type.as_ref()),
            shown.state.to_owned(),
            shown.job.as_deref().map_or_else(|| "-".to_owned(), status),
            text(|job| job.begin_time.as_ref()),
            text(|job| job.end_time.as_ref()),
            reason.unwrap_or_default(),
        ]);
        // A job without sub-jobs can name its only server itself.
        let whole = shown.job.as_deref().filter(|job| parts(job).is_empty());
        if let Some(job) = whole
            && let Some(server) = job
                .entities
                .as_ref()
                .and_then(|entities| entities.server_id)
        {
            servers.row([
                server.to_string(),
                job.status
                    .as_ref()
                    .map_or("-", JobStatus::as_str)
                    .to_owned(),
                shown.job_id.to_string(),
                failure_reason(job),
            ]);
        }
        for (name, value) in shown.job.iter().flat_map(|job| works_on(job)) {
            others.row([name, value, shown.job_id.to_string()]);
        }
        for part in shown.job.iter().flat_map(|job| parts(job)) {
            let entities = part.entities.as_ref();
            let server = entities.and_then(|entities| entities.server_id);
            servers.row([
                server.map_or_else(|| "-".to_owned(), |id| id.to_string()),
                part.status
                    .as_ref()
                    .map_or("-", JobStatus::as_str)
                    .to_owned(),
                shown.job_id.to_string(),
                joined(&[
                    part.error_code.as_deref(),
                    part.fail_reason.as_deref(),
                    entities.and_then(|entities| entities.errorcode_message.as_deref()),
                ]),
            ]);
        }
    }
    let mut text = table.render();
    for more in [servers, others] {
        if !more.is_empty() {
            text.push('\n');
            text.push_str(&more.render());
        }
    }
    text
}

/// Returns the other resources of a job as the service sent them: interfaces, disks, images.
fn works_on(job: &Job) -> Vec<(String, String)> {
    let Some(entities) = &job.entities else {
        return Vec::new();
    };
    let nic = entities.nic_id.iter();
    let nic = nic.map(|id| ("nic_id".to_owned(), id.clone()));
    let rest = entities.rest.iter().map(|(name, value)| {
        let text = value.as_str().map(str::to_owned);
        (name.clone(), text.unwrap_or_else(|| value.to_string()))
    });
    nic.chain(rest).collect()
}

fn failure_reason(job: &Job) -> String {
    let entities = job.entities.as_ref();
    joined(&[
        job.error_code.as_deref(),
        job.fail_reason.as_deref(),
        entities.and_then(|entities| entities.errorcode_message.as_deref()),
    ])
}

fn joined(texts: &[Option<&str>]) -> String {
    let texts: Vec<&str> = texts
        .iter()
        .copied()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(job: &str) -> String {
        let job: Job = serde_json::from_str(job).unwrap();
        table(&[ShownJob::of_job("j1".parse().unwrap(), Arc::new(job))])
    }

    #[test]
    fn the_server_of_a_job_without_parts_is_shown() {
        let text = shown(
            r#"{"status": "FAIL", "entities": {"server_id": "616fb98f-46ca-475e-917e-2563e5a8cd19",
                "errorcode_message": "no power"}}"#,
        );
        let server = text.lines().last().unwrap();
        assert_eq!(
            server.split_whitespace().collect::<Vec<_>>(),
            [
                "616fb98f-46ca-475e-917e-2563e5a8cd19",
                "FAIL",
                "j1",
                "no",
                "power"
            ]
        );
        let text = shown(r#"{"status": "RUNNING", "entities": {}}"#);
        assert!(!text.contains("SERVER"), "{text}");
    }
}
