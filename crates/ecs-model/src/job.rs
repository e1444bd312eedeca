//! The meaning of a job's documented statuses.

use crate::{Job, JobId, JobStatus};

impl JobStatus {
    /// Returns whether the job or sub-job has ended and does not change any more; `false` for
    /// undocumented statuses.
    ///
    /// Source: `job_status_management/querying_job_execution_status` of the vendor's API reference.
    ///
    /// ```
    /// use ecs_model::JobStatus;
    ///
    /// assert!(JobStatus::Fail.is_over());
    /// assert!(!JobStatus::Running.is_over());
    /// assert!(!JobStatus::from("PENDING_PAYMENT").is_over());
    /// ```
    pub fn is_over(&self) -> bool {
        match self {
            Self::Success | Self::Fail => true,
            Self::Init | Self::Running | Self::Unknown(_) => false,
        }
    }
}

/// The documented statuses.
const DOCUMENTED: [JobStatus; 4] = [
    JobStatus::Init,
    JobStatus::Running,
    JobStatus::Success,
    JobStatus::Fail,
];

/// Replaces a documented status in other case by its variant.
fn read_case(status: &mut Option<JobStatus>) {
    let Some(JobStatus::Unknown(text)) = status else {
        return;
    };
    let is_meant = |known: &JobStatus| known.as_str().eq_ignore_ascii_case(text);
    if let Some(known) = DOCUMENTED.into_iter().find(is_meant) {
        *status = Some(known);
    }
}

impl Job {
    /// Returns this job as the answer to the query for the job `asked`, with the documented statuses
    /// in place of others such as `success` if it names its id.
    ///
    /// # Errors
    /// The id of the job that is shown instead: a cache, or a connection that mixed up its answers,
    /// may show another job, which proves nothing about this one. Case does not count, and an answer
    /// without an id can be that of any job.
    ///
    /// ```
    /// use ecs_model::{Job, JobId, JobStatus};
    ///
    /// let asked: JobId = "ff80808288d41e1b018990260955686a".parse()?;
    /// let mut job = Job::default();
    /// job.status = Some(JobStatus::from("success"));
    /// assert!(!job.clone().answer_to(&asked).unwrap().status.unwrap().is_over());
    /// job.job_id = Some(asked.clone());
    /// assert_eq!(job.clone().answer_to(&asked).unwrap().status, Some(JobStatus::Success));
    /// let other: JobId = "70a599e0-31e7-49b7-b260-868f441e862b".parse()?;
    /// job.job_id = Some(other.clone());
    /// assert_eq!(job.answer_to(&asked), Err(other));
    /// # Ok::<_, ecs_model::ParseIdError>(())
    /// ```
    pub fn answer_to(self, asked: &JobId) -> Result<Self, JobId> {
        match &self.job_id {
            Some(shown) if !shown.as_str().eq_ignore_ascii_case(asked.as_str()) => {
                Err(shown.clone())
            }
            _ => Ok(self.with_documented_statuses(asked)),
        }
    }

    /// Returns the same job with statuses such as `success` replaced by the documented ones, if the
    /// job names `asked` as its id. An answer that does not name the job may come from anything:
    /// many programs answer `{"status":"success"}`.
    fn with_documented_statuses(mut self, asked: &JobId) -> Self {
        if self.job_id.as_ref() != Some(asked) {
            return self;
        }
        read_case(&mut self.status);
        let parts = self
            .entities
            .iter_mut()
            .flat_map(|entities| &mut entities.sub_jobs);
        parts.flatten().for_each(|part| read_case(&mut part.status));
        self
    }
}

#[cfg(test)]
mod tests;
