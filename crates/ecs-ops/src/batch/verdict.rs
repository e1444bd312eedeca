//! What a job says about its servers. Pure.

use std::collections::HashMap;

use ecs_model::{Job, JobId, JobStatus, ServerId, SubJob};

use crate::report::{Outcome, Problem};

/// What a job says about the end of these servers: those whose end it does not tell yet are left out.
///
/// - A sub-job that ended decides for its server, also while the job goes on.
/// - A job that succeeded has succeeded for every server of which it does not say otherwise.
/// - A job that failed without saying for which servers leaves them unknown: some may have been restarted.
pub(crate) fn verdicts(
    job_id: &JobId,
    servers: &[ServerId],
    job: &Job,
) -> Vec<(ServerId, Outcome)> {
    let itemised = itemised(job_id, job);
    let rest = match &job.status {
        Some(JobStatus::Success) => Some(Outcome::Succeeded {
            job_id: job_id.clone(),
        }),
        Some(JobStatus::Fail) => Some(Outcome::Unknown {
            job_id: Some(job_id.clone()),
            error: {
                let reason = reason(job.error_code.as_deref(), &[job.fail_reason.as_deref()]);
                let message = format!(
                    "the job failed and does not say for this server: {}",
                    reason.message
                );
                Problem { message, ..reason }
            },
        }),
        _ => None,
    };
    let told = |id: &ServerId| Some((*id, itemised.get(id).or(rest.as_ref())?.clone()));
    servers.iter().filter_map(told).collect()
}

/// What the sub-jobs that ended say about their servers.
fn itemised(job_id: &JobId, job: &Job) -> HashMap<ServerId, Outcome> {
    let Some(entities) = &job.entities else {
        return HashMap::new();
    };
    let sub_jobs = entities.sub_jobs.iter().flatten();
    let mut told: HashMap<ServerId, Outcome> = HashMap::new();
    for sub_job in sub_jobs {
        let Some((id, outcome)) = sub_verdict(job_id, sub_job) else {
            continue;
        };
        // Two sub-jobs for one server: a failure is not hidden by a success.
        let failed_before = matches!(told.get(&id), Some(Outcome::Failed { .. }));
        if !failed_before {
            told.insert(id, outcome);
        }
    }
    // A job for a single server may name it itself, without sub-jobs.
    if let Some(id) = entities.server_id
        && job.status == Some(JobStatus::Fail)
        && !told.contains_key(&id)
    {
        let error = reason(
            job.error_code.as_deref(),
            &[
                job.fail_reason.as_deref(),
                entities.errorcode_message.as_deref(),
            ],
        );
        let job_id = Some(job_id.clone());
        told.insert(id, Outcome::Failed { job_id, error });
    }
    told
}

fn sub_verdict(job_id: &JobId, sub_job: &SubJob) -> Option<(ServerId, Outcome)> {
    let entities = sub_job.entities.as_ref()?;
    let id = entities.server_id?;
    let job_id = job_id.clone();
    match sub_job.status.as_ref()? {
        JobStatus::Success => Some((id, Outcome::Succeeded { job_id })),
        JobStatus::Fail => {
            let words = [
                sub_job.fail_reason.as_deref(),
                entities.errorcode_message.as_deref(),
            ];
            let error = reason(sub_job.error_code.as_deref(), &words);
            let job_id = Some(job_id);
            Some((id, Outcome::Failed { job_id, error }))
        }
        _ => None,
    }
}

/// The reason of a failure: the first words that there are, and the catalogue's where there are none.
fn reason(code: Option<&str>, words: &[Option<&str>]) -> Problem {
    let documented = || Some(ecs_model::ErrorInfo::of(code?)?.meaning);
    let message = words.iter().copied().flatten().next().or_else(documented);
    Problem::new(message.unwrap_or("the service gave no reason")).with_code(code)
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
