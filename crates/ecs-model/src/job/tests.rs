//! Tests of statuses in other case.

use proptest::prelude::*;

use super::*;
use crate::SubJob;

fn asked() -> JobId {
    "ff80808288d41e1b018990260955686a".parse().unwrap()
}

fn job(status: &str, part: &str, id: Option<JobId>) -> Job {
    let sub_job = SubJob {
        status: Some(JobStatus::from(part)),
        ..SubJob::default()
    };
    let entities = crate::JobEntities {
        sub_jobs: Some(vec![sub_job]),
        ..crate::JobEntities::default()
    };
    Job {
        status: Some(JobStatus::from(status)),
        job_id: id,
        entities: Some(entities),
        ..Job::default()
    }
}

fn statuses(job: &Job) -> [JobStatus; 2] {
    let part = &job.entities.as_ref().unwrap().sub_jobs.as_ref().unwrap()[0];
    [job.status.clone().unwrap(), part.status.clone().unwrap()]
}

#[test]
fn documented_statuses_are_read_in_any_case() {
    let read = job("Success", "fail", Some(asked())).with_documented_statuses(&asked());
    assert_eq!(statuses(&read), [JobStatus::Success, JobStatus::Fail]);
    let read = job("running", "init", Some(asked())).with_documented_statuses(&asked());
    assert_eq!(statuses(&read), [JobStatus::Running, JobStatus::Init]);
    // A status that only resembles a documented one, and answers about another job or no job.
    for (status, id) in [
        ("succeeded", Some(asked())),
        (" success", Some(asked())),
        ("success", None),
        ("success", Some("0".repeat(32).parse().unwrap())),
    ] {
        let shown = job(status, status, id);
        assert_eq!(
            shown.clone().with_documented_statuses(&asked()),
            shown,
            "{status}"
        );
    }
}

proptest! {
    /// Only the four documented statuses in other case change, each to its own variant.
    #[test]
    fn other_statuses_are_unchanged(status in "[A-Za-z_ ]{0,9}|(?i)(init|running|success|fail)") {
        let read = job(&status, &status, Some(asked())).with_documented_statuses(&asked());
        for found in statuses(&read) {
            prop_assert!(found.as_str().eq_ignore_ascii_case(&status));
            let known = DOCUMENTED.iter().any(|known| known.as_str().eq_ignore_ascii_case(&status));
            prop_assert_eq!(known, !matches!(found, JobStatus::Unknown(_)));
        }
    }
}
