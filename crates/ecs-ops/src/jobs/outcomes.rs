//! The outcomes that a job reports for its servers. Pure.

mod reason;

use std::collections::HashSet;

use ecs_client::Problem;
use ecs_model::{Job, JobId, JobStatus, ServerId, SubJob};
use rustc_hash::{FxHashMap, FxHashSet};

use self::reason::Reason;
use crate::report::{Evidence, Outcome};

/// The outcomes that a job reports.
#[derive(Debug, Default)]
pub(crate) struct JobOutcomes {
    /// The servers with an outcome.
    pub(crate) reported: Vec<(ServerId, Outcome)>,
    /// Servers among them with another sub-job that is still running: they failed and may still be
    /// acted on.
    pub(crate) still_running: HashSet<ServerId>,
    /// The reason why a finished job does not report the other servers.
    pub(crate) contradiction: Option<Problem>,
    /// Servers that the job reports although they were not in its request.
    pub(crate) unrequested: Vec<ServerId>,
}

/// Reads the outcomes of these servers from a job.
///
/// - A finished sub-job decides for its server, also while the job is running.
/// - A successful job succeeded for every server that it does not report otherwise: with an
///   unfinished sub-job, or with a sub-job that did not succeed and names no server. If it names
///   servers that were not in its request, it may be the job of another request, and decides only
///   for those that it names.
/// - A failed job that does not name servers leaves them unknown: some may have been restarted.
///
/// A contradictory job does not decide as a whole, unless this is its `last` poll.
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
            error: Reason::of_job(job)
                .problem()
                .because("the job failed and does not report this server"),
        }),
        _ => None,
    };
    let (unfinished, stray) = unfinished_parts(job);
    let unrequested = unrequested(servers, job);
    let is_success = job.status == Some(JobStatus::Success);
    let is_of_others = is_success && !unrequested.is_empty();
    if (is_success && stray.is_some()) || (contradicts_itself(job) && !last) {
        rest = None;
    }
    let named = if is_of_others {
        named(job).collect()
    } else {
        FxHashSet::default()
    };
    let reported = |id: &ServerId| {
        let open = unfinished.contains_key(id);
        let is_meant = !open && (!is_of_others || named.contains(id));
        let rest = rest.as_ref().filter(|_| is_meant);
        let own = itemised.get(id);
        // Of two sub-jobs of a server a failure decides; a success decides only if both have ended.
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
        None if is_of_others => Some("it names servers of another request".to_owned()),
        None => status.map(|status| format!("its sub-job for this server is {status}")),
    };
    JobOutcomes {
        reported,
        still_running,
        contradiction: contradiction.map(Problem::new),
        unrequested,
    }
}

impl JobOutcomes {
    /// The unrequested servers, unless they were reported before.
    pub(crate) fn unrequested(&mut self, reported_before: &mut bool) -> Option<Vec<ServerId>> {
        let news = !self.unrequested.is_empty() && !std::mem::replace(reported_before, true);
        news.then(|| std::mem::take(&mut self.unrequested))
    }
}

/// The outcome of servers that a finished job does not report.
pub(crate) fn unreported(job_id: &JobId, contradiction: Option<Problem>) -> Outcome {
    let contradiction =
        contradiction.unwrap_or_else(|| Problem::new("it does not report this server"));
    Outcome::Unknown {
        job_id: Some(job_id.clone()),
        error: contradiction.because("the job finished and contradicts itself"),
    }
}

/// The servers that a job names.
fn named(job: &Job) -> impl Iterator<Item = ServerId> + Clone {
    let entities = job.entities.as_ref();
    let itself = entities.and_then(|entities| entities.server_id);
    let parts = entities.and_then(|entities| entities.sub_jobs.as_ref());
    let of_parts = parts
        .into_iter()
        .flatten()
        .filter_map(|part| part.entities.as_ref()?.server_id);
    itself.into_iter().chain(of_parts)
}

/// The servers that a job names and that are not among these, once each.
fn unrequested(servers: &[ServerId], job: &Job) -> Vec<ServerId> {
    let named = named(job);
    // A job mostly names the requested servers, in their order: then nothing is looked up.
    if named.clone().eq(servers.iter().copied()) {
        return Vec::new();
    }
    let asked: FxHashSet<&ServerId> = servers.iter().collect();
    let mut others: Vec<_> = named.filter(|id| !asked.contains(id)).collect();
    others.sort_unstable();
    others.dedup();
    others
}

/// Returns `true` if a finished job has a sub-job that says otherwise.
pub(super) fn contradicts_itself(job: &Job) -> bool {
    if !is_over(job) {
        return false;
    }
    let (unfinished, stray) = unfinished_parts(job);
    let success = job.status == Some(JobStatus::Success);
    !unfinished.is_empty() || (success && stray.is_some())
}

/// Returns `true` if a sub-job failed.
pub(super) fn has_failed_parts(job: &Job) -> bool {
    let parts = job.entities.iter().flat_map(|entities| &entities.sub_jobs);
    parts
        .flatten()
        .any(|part| part.status == Some(JobStatus::Fail))
}

/// The status, if it is undocumented and was not reported before.
pub(crate) fn undocumented(job: &Job, reported_before: &mut bool) -> Option<JobStatus> {
    let status = job.status.as_ref();
    let status = status.filter(|status| matches!(status, JobStatus::Unknown(_)))?;
    (!std::mem::replace(reported_before, true)).then(|| status.clone())
}

/// Returns `true` if the job's status is final.
pub(super) fn is_over(job: &Job) -> bool {
    job.status.as_ref().is_some_and(JobStatus::is_over)
}

/// The servers with an unfinished sub-job, and a description of a sub-job that did not succeed and
/// names no server.
fn unfinished_parts(job: &Job) -> (FxHashMap<ServerId, &JobStatus>, Option<String>) {
    let sub_jobs = job.entities.iter().flat_map(|entities| &entities.sub_jobs);
    let mut unfinished = FxHashMap::default();
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
                stray = Some(format!("a sub-job is {status} and names no server"));
            }
        }
    }
    (unfinished, stray)
}

/// The outcomes that finished sub-jobs report.
fn itemised(job_id: &JobId, job: &Job) -> FxHashMap<ServerId, Outcome> {
    let mut reported = FxHashMap::default();
    let Some(entities) = &job.entities else {
        return reported;
    };
    let sub_jobs = entities.sub_jobs.iter().flatten();
    let of_job = Reason::of_job(job);
    for sub_job in sub_jobs {
        let Some((id, outcome)) = sub_job_outcome(job_id, sub_job, &of_job) else {
            continue;
        };
        // Of two sub-jobs of a server, a success does not hide a failure.
        let failed_before = matches!(reported.get(&id), Some(Outcome::Failed { .. }));
        if !failed_before {
            reported.insert(id, outcome);
        }
    }
    // A job of a single server may name it directly, without sub-jobs. A success that its
    // sub-jobs contradict is not believed.
    let is_doubted = job.status == Some(JobStatus::Success) && contradicts_itself(job);
    if let Some(id) = entities.server_id
        && !is_doubted
        && !reported.contains_key(&id)
    {
        let own = outcome_of(job_id, job.status.as_ref(), || of_job.problem());
        reported.extend(own.map(|outcome| (id, outcome)));
    }
    reported
}

fn sub_job_outcome(
    job_id: &JobId,
    sub_job: &SubJob,
    of_job: &Reason<'_>,
) -> Option<(ServerId, Outcome)> {
    let server_id = sub_job.entities.as_ref()?.server_id?;
    let problem = || Reason::of_sub_job(sub_job).or_of_job(of_job);
    Some((
        server_id,
        outcome_of(job_id, sub_job.status.as_ref(), problem)?,
    ))
}

/// The outcome that a status means for its server.
fn outcome_of(
    job_id: &JobId,
    status: Option<&JobStatus>,
    problem: impl FnOnce() -> Problem,
) -> Option<Outcome> {
    let job_id = Some(job_id.clone());
    match status? {
        JobStatus::Success => Some(Outcome::Succeeded {
            job_id,
            evidence: Evidence::SubJob,
        }),
        JobStatus::Fail => Some(Outcome::Failed {
            job_id,
            error: problem(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
