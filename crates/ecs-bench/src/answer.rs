//! A job, as a tool written by hand reads it: owned strings, and no field that the service may omit is required.

use serde::Deserialize;

/// A job.
#[derive(Debug, Deserialize)]
pub struct Job {
    /// The status of the job.
    pub status: String,
    /// The servers that it works on.
    pub entities: Option<Entities>,
    /// Its id.
    pub job_id: Option<String>,
    /// The kind of the job.
    pub job_type: Option<String>,
    /// The time at which it began.
    pub begin_time: Option<String>,
    /// The time at which it ended.
    pub end_time: Option<String>,
    /// The code of its failure.
    pub error_code: Option<String>,
    /// The message of its failure.
    pub fail_reason: Option<String>,
}

/// The servers of a job.
#[derive(Debug, Deserialize)]
pub struct Entities {
    /// The server, of a sub-job.
    pub server_id: Option<String>,
    /// The number of sub-jobs.
    pub sub_jobs_total: Option<u64>,
    /// The sub-jobs, one for each server.
    pub sub_jobs: Option<Vec<Job>>,
    /// The message of its failure, which is sometimes only here.
    pub errorcode_message: Option<String>,
}

/// A job with this many sub-jobs, as the service writes it.
///
/// ```
/// assert!(ecs_bench::job_body(2).contains(r#""sub_jobs_total":2"#));
/// ```
pub fn job_body(sub_jobs: usize) -> String {
    let subs: Vec<String> = (0..sub_jobs)
        .map(|number| {
            let (status, end) = if number % 3 == 0 {
                ("RUNNING", "\"\"")
            } else {
                ("SUCCESS", "\"2026-11-23T12:59:31.221Z\"")
            };
            format!(
                r#"{{"status":"{status}","entities":{{"server_id":"{number:08x}-46ca-475e-917e-2563e5a8cd19"}},"job_id":"ff80808288d41e1b01899026{number:08x}","job_type":"rebootServer","begin_time":"2026-11-23T12:59:00.102Z","end_time":{end},"error_code":null,"fail_reason":null}}"#
            )
        })
        .collect();
    format!(
        r#"{{"status":"RUNNING","entities":{{"sub_jobs_total":{sub_jobs},"sub_jobs":[{}]}},"job_id":"ff80808288d41e1b018990260955{sub_jobs:04}","job_type":"batchRebootServer","begin_time":"2026-11-23T12:59:00.102Z","end_time":"","error_code":null,"fail_reason":null}}"#,
        subs.join(",")
    )
}
