//! What a job says about its servers. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use ecs_client::Problem;
use ecs_model::{Job, JobId, JobStatus, ServerId, SubJob};

use crate::report::{Evidence, Outcome};

/// What a job says about the end of its servers.
#[derive(Debug, Default)]
pub(crate) struct JobOutcomes {
    /// Those whose end it tells.
    pub(crate) reported: Vec<(ServerId, Outcome)>,
    /// Those of them of which another part goes on: it has failed, and may still be acted on.
    pub(crate) still_running: HashSet<ServerId>,
    /// Why the job, though it has ended, does not tell the end of the others.
    pub(crate) contradiction: Option<Problem>,
    /// Servers of which it tells although nobody asked for them.
    pub(crate) unrequested: Vec<ServerId>,
}

/// What a job says about the end of these servers.
///
/// - A sub-job that ended decides for its server, also while the job goes on.
/// - A job that succeeded has succeeded for every server of which it does not say otherwise. It is doubted where it
///   holds a sub-job for the server that has not ended, or one that did not succeed and does not say for which server.
/// - A job that failed without saying for which servers leaves them unknown: some may have been restarted.
///
/// A job that contradicts itself is not taken at its word as a whole, unless this is the `last` look at it.
pub(crate) fn job_outcomes(
    job_id: &JobId,
    servers: &[ServerId],
    job: &Job,
    last: bool,
) -> JobOutcomes {
    let itemised = itemised(job_id, job);
    let mut rest = match &job.status {
        Some(JobStatus::Success) => Some(Outcome::Succeeded {
            job_id: Some(job_id.clone()),
            evidence: Evidence::Job,
        }),
        Some(JobStatus::Fail) => Some(Outcome::Unknown {
            job_id: Some(job_id.clone()),
            error: reason(job.error_code.as_deref(), &[job.fail_reason.as_deref()])
                .because("the job failed and does not say for this server"),
        }),
        _ => None,
    };
    let (unfinished, stray) = unfinished_parts(job);
    let stray_success = job.status == Some(JobStatus::Success) && stray.is_some();
    if stray_success || (contradicts_itself(job) && !last) {
        rest = None;
    }
    let reported = |id: &ServerId| {
        let open = unfinished.contains_key(id);
        let rest = rest.as_ref().filter(|_| !open);
        let own = itemised.get(id);
        // Of two parts for one server a failure decides, and a success only together with the other one.
        let own = own.filter(|own| !open || own.error().is_some());
        Some((*id, own.or(rest)?.clone()))
    };
    let reported: Vec<_> = servers.iter().filter_map(reported).collect();
    let still_running = reported.iter().map(|(id, _)| *id);
    let still_running = still_running
        .filter(|id| unfinished.contains_key(id))
        .collect();
    let status = unfinished.values().next().copied();
    let contradiction = match stray {
        _ if !is_over(job) || reported.len() == servers.len() => None,
        Some(reasons) => Some(reasons),
        None => status.map(|status| format!("its part for this server is {status}")),
    };
    let asked: HashSet<&ServerId> = servers.iter().collect();
    let named = named(job);
    JobOutcomes {
        reported,
        still_running,
        contradiction: contradiction.map(Problem::new),
        unrequested: named.into_iter().filter(|id| !asked.contains(id)).collect(),
    }
}

impl JobOutcomes {
    /// Those of which it tells although nobody asked for them, where that was not `reported_before` before.
    pub(crate) fn unrequested(&mut self, reported_before: &mut bool) -> Option<Vec<ServerId>> {
        let news = !self.unrequested.is_empty() && !std::mem::replace(reported_before, true);
        news.then(|| std::mem::take(&mut self.unrequested))
    }
}

/// What became of the servers of which a job that is over does not tell.
pub(crate) fn unreported(job_id: &JobId, contradiction: Option<Problem>) -> Outcome {
    let contradiction = contradiction.unwrap_or_else(|| Problem::new("it does not tell"));
    Outcome::Unknown {
        job_id: Some(job_id.clone()),
        error: contradiction.because("the job is over and contradicts itself"),
    }
}

/// The servers that it names.
fn named(job: &Job) -> BTreeSet<ServerId> {
    let Some(entities) = &job.entities else {
        return BTreeSet::new();
    };
    let parts = entities.sub_jobs.iter().flatten();
    let of_parts = parts.filter_map(|part| part.entities.as_ref()?.server_id);
    entities.server_id.into_iter().chain(of_parts).collect()
}

/// Whether a job that says that it ended has a part that says otherwise.
pub(super) fn contradicts_itself(job: &Job) -> bool {
    let (unfinished, stray) = unfinished_parts(job);
    let success = job.status == Some(JobStatus::Success);
    is_over(job) && (!unfinished.is_empty() || (success && stray.is_some()))
}

/// Whether a part of it failed.
pub(super) fn has_failed_parts(job: &Job) -> bool {
    let parts = job.entities.iter().flat_map(|entities| &entities.sub_jobs);
    parts
        .flatten()
        .any(|part| part.status == Some(JobStatus::Fail))
}

/// Its status, where the vendor's pages do not know it and that was not `reported_before` before.
pub(crate) fn undocumented(job: &Job, reported_before: &mut bool) -> Option<JobStatus> {
    let status = job.status.as_ref();
    let status = status.filter(|status| matches!(status, JobStatus::Unknown(_)))?;
    (!std::mem::replace(reported_before, true)).then(|| status.clone())
}

/// Whether the job says that it ended.
pub(super) fn is_over(job: &Job) -> bool {
    job.status.as_ref().is_some_and(JobStatus::is_over)
}

/// The servers whose sub-job has not ended; and what a sub-job says that did not succeed, without a server.
fn unfinished_parts(job: &Job) -> (HashMap<ServerId, &JobStatus>, Option<String>) {
    let sub_jobs = job.entities.iter().flat_map(|entities| &entities.sub_jobs);
    let mut unfinished = HashMap::new();
    let mut stray = None;
    for sub_job in sub_jobs.flatten() {
        let entities = sub_job.entities.as_ref();
        match (
            &sub_job.status,
            entities.and_then(|entities| entities.server_id),
        ) {
            (None | Some(JobStatus::Success), _) | (Some(JobStatus::Fail), Some(_)) => {}
            (Some(status), Some(id)) => {
                unfinished.insert(id, status);
            }
            (Some(status), None) => {
                stray = Some(format!("a part of it is {status} and names no server"));
            }
        }
    }
    (unfinished, stray)
}

/// What the sub-jobs that ended say about their servers.
fn itemised(job_id: &JobId, job: &Job) -> HashMap<ServerId, Outcome> {
    let Some(entities) = &job.entities else {
        return HashMap::new();
    };
    let sub_jobs = entities.sub_jobs.iter().flatten();
    let mut reported: HashMap<ServerId, Outcome> = HashMap::new();
    for sub_job in sub_jobs {
        let Some((id, outcome)) = sub_job_outcome(job_id, sub_job) else {
            continue;
        };
        // Two sub-jobs for one server: a failure is not hidden by a success.
        let failed_before = matches!(reported.get(&id), Some(Outcome::Failed { .. }));
        if !failed_before {
            reported.insert(id, outcome);
        }
    }
    // A job for a single server may name it itself, without sub-jobs.
    if let Some(id) = entities.server_id
        && !reported.contains_key(&id)
    {
        let reasons = [
            job.fail_reason.as_deref(),
            entities.errorcode_message.as_deref(),
        ];
        let own = outcome_of(
            job_id,
            job.status.as_ref(),
            job.error_code.as_deref(),
            &reasons,
        );
        reported.extend(own.map(|outcome| (id, outcome)));
    }
    reported
}

fn sub_job_outcome(job_id: &JobId, sub_job: &SubJob) -> Option<(ServerId, Outcome)> {
    let entities = sub_job.entities.as_ref()?;
    let reasons = [
        sub_job.fail_reason.as_deref(),
        entities.errorcode_message.as_deref(),
    ];
    let (status, code) = (sub_job.status.as_ref(), sub_job.error_code.as_deref());
    Some((
        entities.server_id?,
        outcome_of(job_id, status, code, &reasons)?,
    ))
}

/// What a status says about the server that it stands beside.
fn outcome_of(
    job_id: &JobId,
    status: Option<&JobStatus>,
    code: Option<&str>,
    reasons: &[Option<&str>],
) -> Option<Outcome> {
    let job_id = Some(job_id.clone());
    match status? {
        JobStatus::Success => Some(Outcome::Succeeded {
            job_id,
            evidence: Evidence::SubJob,
        }),
        JobStatus::Fail => Some(Outcome::Failed {
            job_id,
            error: reason(code, reasons),
        }),
        _ => None,
    }
}

/// The reason of a failure: the first words that there are, and the catalogue's where there are none.
fn reason(code: Option<&str>, reasons: &[Option<&str>]) -> Problem {
    let documented = || Some(ecs_model::ErrorInfo::of(code?)?.meaning);
    let message = reasons.iter().copied().flatten().next().or_else(documented);
    Problem::new(message.unwrap_or("the service gave no reason")).with_code(code)
}

#[cfg(test)]
mod tests;
