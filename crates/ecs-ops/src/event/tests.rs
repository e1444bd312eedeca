use std::collections::HashSet;
use std::sync::Arc;

use ecs_model::RebootType;
use serde_json::to_string;

use super::*;
use crate::action::PowerAction;
use crate::fleet::{Unready, UnreadyServer};
use crate::report::{Evidence, Outcome};
use crate::ticket::JobOrigin;

/// Every event as one line, as `ecsctl -o jsonl` writes it.
const LINES: &str = include_str!("fixtures/events.jsonl");

const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const JOB: &str = "ff80808288d41e1b018990260955686a";

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn events() -> Vec<Event> {
    let id: ServerId = ID.parse().unwrap();
    let job_id: JobId = JOB.parse().unwrap();
    let (request, servers, wave, job) = (2, 3, 1, Some(job_id.clone()));
    let status = JobStatus::Unknown("PENDING_PAYMENT".to_owned());
    let pause = Duration::from_millis(1500);
    let error = Problem::new("slower, please").with_code(Some("Common.1503"));
    let bare = Problem::new("the connection ended");
    let outcomes = [
        Outcome::Succeeded {
            job_id: job.clone(),
            evidence: Evidence::SubJob,
        },
        Outcome::Failed {
            job_id: job.clone(),
            error: error.clone(),
        },
        Outcome::Running {
            job_id: job_id.clone(),
        },
        Outcome::NotAttempted {
            error: bare.clone(),
        },
        Outcome::Unknown {
            job_id: None,
            error: bare.clone(),
        },
    ];
    let done = outcomes.map(|outcome| Event::ServerDone(ServerReport::new(id, outcome)));
    let mut events = vec![
        Event::Planned {
            run_id: "run".to_owned(),
            servers,
            requests: 2,
        },
        Event::Resumed {
            done: 1,
            watched: 2,
            unknown: 3,
            unsent: 4,
        },
        Event::WaveBegan {
            wave,
            waves: 4,
            servers,
        },
        Event::CheckingHealth { wave },
        Event::HealthChecked {
            wave,
            healthy: true,
            message: None,
        },
        Event::HealthChecked {
            wave,
            healthy: false,
            message: Some("HTTP 503".to_owned()),
        },
        Event::Asking { wave },
        Event::Answered { proceed: true },
        Event::Holding { pause },
        Event::Pausing { wave, pause },
        Event::Escalating { servers: vec![id] },
        Event::WaitingForQuota {
            request,
            servers,
            retry_after: None,
        },
        Event::Submitting { request, servers },
        Event::Accepted {
            request,
            servers,
            job_id: job_id.clone(),
            ticket: None,
        },
        Event::Throttled {
            request,
            error: error.clone(),
            retry_after: pause,
        },
        Event::Retrying {
            request,
            error: bare.clone(),
            retry_after: pause,
        },
        Event::Split {
            request,
            servers,
            error: error.clone(),
        },
        Event::RequestEnded {
            request,
            servers,
            outcome: OutcomeKind::Failed,
            error: error.clone(),
        },
        Event::Reconciling {
            request,
            servers,
            error: bare.clone(),
        },
        Event::Resubmitting {
            request,
            servers,
            maybe_executed: true,
        },
        Event::Verifying { servers },
        Event::ServiceWarning {
            error: bare.clone(),
        },
        Event::ListFailed {
            error: bare.clone(),
        },
        Event::JobProgress {
            job_id: job_id.clone(),
            status: JobStatus::Running,
            done: 1,
            servers,
        },
        Event::UndocumentedStatus {
            job_id: job_id.clone(),
            status: status.clone(),
        },
        Event::UnrequestedServers {
            job_id: job_id.clone(),
            servers: vec![id],
        },
        Event::JobStalled {
            job_id: job_id.clone(),
            status: Some(status),
        },
        Event::JobStalled {
            job_id: job_id.clone(),
            status: None,
        },
        Event::QueryFailed {
            job_id,
            error,
            retry_after: pause,
        },
        Event::Stopping {
            reason: "asked to".to_owned(),
            cause: None,
        },
        Event::WaveRechecked {
            wave,
            unready: vec![UnreadyServer::new(
                id,
                Some("web-1".to_owned()),
                Unready::Changed("2026-11-24T01:00:00Z".to_owned()),
            )],
            skipped: true,
        },
    ];
    events.extend(done);
    events.extend(events_of_new_jobs());
    events.extend(other_events());
    events
}

/// New jobs have their tickets since version 1 had its first lines.
fn events_of_new_jobs() -> [Event; 2] {
    let (id, job_id): (ServerId, JobId) = (ID.parse().unwrap(), JOB.parse().unwrap());
    let ticket = JobTicket::new(
        job_id.clone(),
        Some(Arc::new(JobOrigin {
            endpoint: Some("https://ecs.example".to_owned()),
            project_id: "p1".parse().unwrap(),
        })),
        PowerAction::Reboot(RebootType::Soft),
        vec![id],
        "2026-11-24T01:00:00Z".parse().unwrap(),
        Some("req-1".to_owned()),
    );
    let (request, servers, ticket) = (2, 1, Some(Box::new(ticket)));
    [
        Event::Accepted {
            request,
            servers,
            job_id: job_id.clone(),
            ticket: ticket.clone(),
        },
        Event::JobFound {
            request,
            servers,
            job_id,
            ticket,
        },
    ]
}

fn other_events() -> [Event; 5] {
    let (id, job_id): (ServerId, JobId) = (ID.parse().unwrap(), JOB.parse().unwrap());
    let since = "2026-11-24T01:00:00Z".parse().unwrap();
    let (request, retry_after) = (2, Duration::from_millis(1500));
    [
        Event::WaitingForServers {
            request,
            servers: vec![HeldServer::new(id, "run", "alice", "host", since)],
        },
        Event::ServiceDown { retry_after },
        Event::Waiting {
            done: 1,
            servers: 3,
            jobs: 2,
        },
        Event::JobHidden {
            job_id,
            error: Problem::new("not yours"),
        },
        Event::stopping(Stopped::Requested { reason: None }),
    ]
}

/// The number of kinds of events, by which [`number`] counts them.
const KINDS: usize = 35;

/// The number of an event's kind: a new kind has none until it is named here, and in the table.
fn number(event: &Event) -> usize {
    match event {
        Event::Planned { .. } => 0,
        Event::Resumed { .. } => 1,
        Event::WaveBegan { .. } => 2,
        Event::WaveRechecked { .. } => 3,
        Event::CheckingHealth { .. } => 4,
        Event::HealthChecked { .. } => 5,
        Event::Asking { .. } => 6,
        Event::Answered { .. } => 7,
        Event::Holding { .. } => 8,
        Event::Pausing { .. } => 9,
        Event::Escalating { .. } => 10,
        Event::WaitingForQuota { .. } => 11,
        Event::WaitingForServers { .. } => 12,
        Event::Submitting { .. } => 13,
        Event::Accepted { .. } => 14,
        Event::Throttled { .. } => 15,
        Event::Retrying { .. } => 16,
        Event::Split { .. } => 17,
        Event::RequestEnded { .. } => 18,
        Event::ServiceDown { .. } => 19,
        Event::Reconciling { .. } => 20,
        Event::JobFound { .. } => 21,
        Event::Resubmitting { .. } => 22,
        Event::Verifying { .. } => 23,
        Event::ServiceWarning { .. } => 24,
        Event::ListFailed { .. } => 25,
        Event::JobProgress { .. } => 26,
        Event::UndocumentedStatus { .. } => 27,
        Event::UnrequestedServers { .. } => 28,
        Event::JobStalled { .. } => 29,
        Event::Waiting { .. } => 30,
        Event::JobHidden { .. } => 31,
        Event::QueryFailed { .. } => 32,
        Event::ServerDone(_) => 33,
        Event::Stopping { .. } => 34,
    }
}

#[test]
fn every_kind_of_event_is_in_the_table() {
    let numbers: HashSet<_> = events().iter().map(number).collect();
    assert_eq!(numbers, (0..KINDS).collect());
}

/// If this fails, programs that read `-o jsonl` break: names of events and keys are kept by
/// `#[serde(rename = "…")]`.
#[test]
fn the_lines_of_version_1() {
    let lines: String = events()
        .iter()
        .map(|event| to_string(event).unwrap() + "\n")
        .collect();
    assert_eq!(lines, LINES);
}

/// An event is read back as it was written, such as from a log or another process.
#[test]
fn events_are_read_back() {
    let read: Vec<Event> = LINES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read, events());
    assert!(serde_json::from_str::<Event>(r#"{"event":"of a later version"}"#).is_err());
}
