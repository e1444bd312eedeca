//! Files of version 1 of the journal stay readable.

use super::*;

/// A file of version 1, with every kind of record.
pub(super) const V1: &[u8] = include_bytes!("../fixtures/v1.jsonl");

/// The text of the record.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn v1() -> Vec<Entry> {
    let mut rolling = run(6);
    rolling.deadline_ms = Some(3_600_000);
    rolling.verify_ms = Some(120_000);
    rolling.rolling = Some(RollingRecord {
        health_timeout_ms: None,
        waves: vec![servers(1), servers(6).split_off(1)],
        pause_ms: 30_000,
        max_failures: Some(1),
        canary: true,
        canary_pause_ms: None,
        health: Some("curl -f https://shop.example".to_owned()),
        escalate_after_ms: Some(300_000),
        escalate_hang_ms: None,
        recheck: None,
        brake: false,
    });
    let job_id = |request: usize| job(request).parse().unwrap();
    let intent = |request, attempt, purpose, servers| Record::Intent {
        request,
        attempt,
        purpose,
        servers,
    };
    let outcome_records = |servers| Record::Outcomes { servers };
    let remote = Some("2026-11-24T01:00:03.5Z".parse().unwrap());
    let accepted = |request| Record::Accepted {
        request,
        job_id: job_id(request),
        request_id: Some("req-1".to_owned()),
    };
    let too_fast = ErrorRecord {
        code: Some("Common.1503".to_owned()),
        message: "slower, please".to_owned(),
    };
    let failed = outcome_record(server(0), OutcomeKind::Failed, Some("job-1"));
    entries([
        Record::Run(Box::new(rolling)),
        Record::InitialState {
            servers: vec![ServerSnapshot {
                id: server(0),
                status: Some("ACTIVE".to_owned()),
                task: None,
                updated: Some("2026-11-23T10:00:00Z".to_owned()),
            }],
        },
        Record::WaveBegan { wave: 0 },
        intent(1, 1, Purpose::First, vec![server(0)]),
        Record::Sending {
            request: 1,
            attempt: 1,
            remote,
        },
        Record::NotExecuted {
            request: 1,
            throttled: true,
            retry_after_ms: Some(2000),
            error: too_fast,
        },
        intent(1, 2, Purpose::First, vec![server(0)]),
        Record::Sending {
            request: 1,
            attempt: 2,
            remote: None,
        },
        accepted(1),
        Record::Escalating {
            servers: vec![failed],
        },
        Record::JobFinished {
            job_id: job_id(1),
            status: Some("FAIL".to_owned()),
        },
        intent(2, 1, Purpose::Escalate, vec![server(0)]),
        Record::Sending {
            request: 2,
            attempt: 1,
            remote: None,
        },
        accepted(2),
        outcome_records(vec![outcome_record(
            server(0),
            OutcomeKind::Succeeded,
            Some("job-2"),
        )]),
        Record::JobFinished {
            job_id: job_id(2),
            status: None,
        },
        Record::WaveChecked {
            wave: 0,
            healthy: true,
            message: None,
        },
        Record::Answered { proceed: true },
        Record::WaveBegan { wave: 1 },
        intent(3, 1, Purpose::First, vec![server(1), server(2)]),
        Record::Sending {
            request: 3,
            attempt: 1,
            remote: None,
        },
        Record::AnswerLost {
            request: 3,
            error: error_record("the connection ended"),
        },
        intent(4, 1, Purpose::Resubmit, vec![server(1)]),
        Record::Sending {
            request: 4,
            attempt: 1,
            remote: None,
        },
        Record::Stopping {
            reason: "asked to".to_owned(),
            cause: None,
        },
        outcome_records(vec![
            outcome_record(server(2), OutcomeKind::Unknown, None),
            outcome_record(server(3), OutcomeKind::NotAttempted, None),
        ]),
        Record::Ended {},
        Record::Resumed {
            program: "a test".to_owned(),
            continues_stopped: false,
            invocation: None,
        },
    ])
}

/// If this fails, the format has changed: it needs a new version, and this file stays readable.
#[test]
fn files_of_version_1() {
    let contents = read(V1).unwrap();
    assert_eq!(contents.entries, v1());
    assert_eq!(contents.tail, None);
    assert_eq!(
        file(&contents.entries),
        V1,
        "{}",
        String::from_utf8_lossy(&file(&v1()))
    );
    let recovered = Recovered::from_entries(contents.entries).unwrap();
    assert_eq!(recovered.unsent(), [server(3), server(4), server(5)]);
    assert_eq!(recovered.unknown_requests().len(), 2);
    assert_eq!(recovered.jobs().len(), 2);
    assert!(!recovered.is_ended());
}

/// Values that the other file does not have.
pub(super) const V1_MORE: &[u8] = include_bytes!("../fixtures/v1_more.jsonl");

pub(super) fn v1_more() -> Vec<Entry> {
    let succeeded = |number, evidence| OutcomeRecord {
        evidence: Some(evidence),
        ..outcome_record(server(number), OutcomeKind::Succeeded, Some("job-1"))
    };
    let mut stop = run(4);
    stop.action = crate::PowerAction::Stop(None);
    stop.reconcile = true;
    stop.resubmit_unknown = true;
    stop.stalled_after_ms = Some(60_000);
    stop.rolling = Some(RollingRecord {
        waves: vec![servers(4)],
        pause_ms: 0,
        max_failures: None,
        canary: true,
        canary_pause_ms: Some(1000),
        health: Some("probe".to_owned()),
        health_timeout_ms: Some(30_000),
        escalate_after_ms: None,
        escalate_hang_ms: None,
        recheck: None,
        brake: false,
    });
    entries([
        Record::Run(Box::new(stop)),
        Record::WaveBegan { wave: 0 },
        Record::Intent {
            request: 1,
            attempt: 1,
            purpose: Purpose::First,
            servers: servers(4),
        },
        Record::Sending {
            request: 1,
            attempt: 1,
            remote: None,
        },
        Record::Accepted {
            request: 1,
            job_id: job(1).parse().unwrap(),
            request_id: None,
        },
        Record::Outcomes {
            servers: vec![
                succeeded(0, crate::Evidence::SubJob),
                succeeded(1, crate::Evidence::Job),
                succeeded(2, crate::Evidence::Server),
                outcome_record(server(3), OutcomeKind::Failed, Some("job-1")),
            ],
        },
        Record::WaveChecked {
            wave: 0,
            healthy: false,
            message: Some("HTTP 503".to_owned()),
        },
        Record::Answered { proceed: false },
        Record::Ended {},
    ])
}

#[test]
fn more_values_of_version_1() {
    let contents = read(V1_MORE).unwrap();
    assert_eq!(contents.entries, v1_more());
    assert_eq!(file(&contents.entries), V1_MORE);
}

/// A first record with names.
pub(super) const V1_NAMED: &[u8] = include_bytes!("../fixtures/v1_named.jsonl");

#[test]
fn names_of_version_1() {
    let mut named = run(2);
    named.names = [(server(1), "db \"1\""), (server(0), "web-001")]
        .into_iter()
        .collect();
    let contents = read(V1_NAMED).unwrap();
    assert_eq!(contents.entries, entries([Record::Run(Box::new(named))]));
    assert_eq!(
        file(&contents.entries),
        V1_NAMED,
        "{}",
        String::from_utf8_lossy(&file(&contents.entries))
    );
    let report = Recovered::from_entries(contents.entries).unwrap().report();
    let names = report.servers.iter().map(|server| server.name.as_deref());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [Some("web-001"), Some("db \"1\"")]
    );
}
