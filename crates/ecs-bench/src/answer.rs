//! A job, as a tool written by hand reads it: owned strings, and nothing that the service may leave out is required.

use serde::Deserialize;

/// A job.
#[derive(Debug, Deserialize)]
pub struct Job {
    /// How far it is.
    pub status: String,
    /// What it works on.
    pub entities: Option<Entities>,
    /// Its id.
    pub job_id: Option<String>,
    /// What kind of job it is.
    pub job_type: Option<String>,
    /// When it began.
    pub begin_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// Why it failed: the code.
    pub error_code: Option<String>,
    /// Why it failed: the message.
    pub fail_reason: Option<String>,
}

/// What a job works on.
#[derive(Debug, Deserialize)]
pub struct Entities {
    /// The server, of a sub-job.
    pub server_id: Option<String>,
    /// How many sub-jobs there are.
    pub sub_jobs_total: Option<u64>,
    /// The sub-jobs, one for each server.
    pub sub_jobs: Option<Vec<Job>>,
    /// Why it failed, sometimes only here.
    pub errorcode_message: Option<String>,
}
