use super::super::story::server;
use super::*;

/// What a report says is read back as it was.
#[test]
fn verdicts_are_outcomes() {
    let job_id: JobId = "job-1".parse().unwrap();
    let with_job = || Some(job_id.clone());
    let error = Problem::new("it did not come back").with_code(Some("Ecs.0227"));
    let succeeded = |shown_by| Outcome::Succeeded {
        job_id: with_job(),
        shown_by,
    };
    let outcomes = [
        succeeded(ShownBy::Part),
        succeeded(ShownBy::Job),
        succeeded(ShownBy::Server),
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
            ServerVerdict::of(&report).unwrap().outcome(),
            report.outcome
        );
    }
    let outcome = Outcome::Running { job_id };
    let id = server(1);
    assert_eq!(ServerVerdict::of(&ServerReport::new(id, outcome)), None);
}
