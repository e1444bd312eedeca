use super::super::arbitrary_journal::server;
use super::*;

/// An outcome of a report is read back as it was.
#[test]
fn records_and_outcomes_convert() {
    let job_id: JobId = "job-1".parse().unwrap();
    let with_job = || Some(job_id.clone());
    let error = Problem::new("it did not come back").with_code(Some("Ecs.0227"));
    let succeeded = |evidence| Outcome::Succeeded {
        job_id: with_job(),
        evidence,
    };
    let outcomes = [
        succeeded(Evidence::SubJob),
        succeeded(Evidence::Job),
        succeeded(Evidence::Server),
        succeeded(Evidence::Record),
        Outcome::Failed {
            job_id: with_job(),
            error: error.clone(),
        },
        Outcome::NotAttempted {
            error: error.clone(),
        },
        Outcome::Unknown {
            job_id: None,
            error,
        },
    ];
    for outcome in outcomes {
        let id = server(1);
        let report = ServerReport::new(id, outcome);
        assert_eq!(
            OutcomeRecord::of(&report).unwrap().outcome(),
            report.outcome
        );
    }
    let outcome = Outcome::Running { job_id };
    let id = server(1);
    assert_eq!(OutcomeRecord::of(&ServerReport::new(id, outcome)), None);
}
