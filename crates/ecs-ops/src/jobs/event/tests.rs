use super::*;
use crate::Outcome;

/// Events are read back as they were written, such as from a log or another process.
#[test]
fn events_of_jobs_are_read_back() {
    let job_id: JobId = "ff80808288d41e1b018990260955686a".parse().unwrap();
    let server = ServerId::from_bytes([1; 16]);
    let job: Job =
        serde_json::from_str(r#"{"status":"RUNNING","job_id":"ff80808288d41e1b018990260955686a"}"#)
            .unwrap();
    let job = Arc::new(job);
    let status = Some(JobStatus::Running);
    let error = Problem::new("no such job").with_code(Some("Common.0011"));
    let ends = [
        JobEnd::Ended(Arc::clone(&job)),
        JobEnd::Deadline(status.clone()),
        JobEnd::Cancelled(None),
        JobEnd::Stalled(status),
        JobEnd::Lost(error.clone()),
        JobEnd::Denied(error.clone()),
    ];
    let ended = ends.into_iter().map(|end| {
        let outcome = Outcome::Running {
            job_id: job_id.clone(),
        };
        JobEvent::Ended(WatchedJob {
            job_id: job_id.clone(),
            end,
            servers: vec![ServerReport::new(server, outcome)],
        })
    });
    let mut events = vec![
        JobEvent::Polled {
            job_id: job_id.clone(),
            job,
        },
        JobEvent::UndocumentedStatus {
            job_id: job_id.clone(),
            status: JobStatus::from("PENDING_PAYMENT"),
        },
        JobEvent::UnrequestedServers {
            job_id: job_id.clone(),
            servers: vec![server],
        },
        JobEvent::NotFoundYet {
            job_id: job_id.clone(),
        },
        JobEvent::QueryFailed {
            job_id: job_id.clone(),
            error,
            retry_after: Duration::from_millis(1500),
        },
        JobEvent::Waiting { jobs: 2 },
    ];
    events.extend(ended);
    for event in events {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            serde_json::from_str::<JobEvent>(&json).unwrap(),
            event,
            "{json}"
        );
    }
}
