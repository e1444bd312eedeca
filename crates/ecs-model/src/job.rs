//! What the documented statuses of a job mean.

use crate::JobStatus;

impl JobStatus {
    /// Whether the job or sub-job has ended and stays as it is. A status that no page explains does not say so.
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
