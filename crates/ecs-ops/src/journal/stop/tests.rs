use jiff::SignedDuration;

use super::super::arbitrary_journal::{entries, error_record, run, server};
use super::super::{Purpose, Record};
use super::*;

fn stopping(reason: &str, cause: Option<Stopped>) -> Record {
    Record::Stopping {
        reason: reason.to_owned(),
        cause,
    }
}

fn resumed(continues_stopped: bool) -> Record {
    Record::Resumed {
        program: "a test".to_owned(),
        continues_stopped,
        invocation: None,
    }
}

fn recovered(records: Vec<Record>) -> Recovered {
    let first = Record::Run(Box::new(run(4)));
    Recovered::from_entries(entries([first].into_iter().chain(records))).unwrap()
}

/// A requested stop binds until the run is continued in spite of it.
#[test]
fn a_stop_binds_until_the_run_is_continued() {
    let asked = Stopped::Requested {
        reason: Some("cancelled by alice".to_owned()),
    };
    let stop = stopping("cancelled by alice", Some(asked.clone()));
    let mut records = vec![stop];
    let state = recovered(records.clone());
    assert_eq!(
        (state.stopped(), state.stop_request()),
        (Some(&asked), Some(&asked))
    );
    records.push(resumed(false));
    assert_eq!(recovered(records.clone()).stop_request(), Some(&asked));
    // Another reason to stop does not end it.
    records.push(stopping("the deadline passed", Some(Stopped::Deadline)));
    let state = recovered(records.clone());
    assert_eq!(state.stopped(), Some(&Stopped::Deadline));
    assert_eq!(state.stop_request(), Some(&asked));
    records.push(resumed(true));
    let state = recovered(records);
    assert_eq!((state.stopped(), state.stop_request()), (None, None));
}

/// Journals of before have the reason as text only.
#[test]
fn a_stop_without_a_typed_reason() {
    for (text, stopped, binds) in [
        (
            "on request",
            Some(Stopped::Requested { reason: None }),
            true,
        ),
        ("the deadline passed", Some(Stopped::Deadline), false),
        ("declined after the canary", None, false),
    ] {
        let state = recovered(vec![stopping(text, None), Record::Ended {}]);
        assert_eq!(state.stopped(), stopped.as_ref(), "{text}");
        assert_eq!(state.stop_request().is_some(), binds, "{text}");
    }
}

/// A request that may have been executed may have been counted, at the latest when the answer was awaited no
/// longer.
#[test]
fn requests_that_the_service_may_have_counted() {
    let intent = |request, number| Record::Intent {
        request,
        attempt: 1,
        purpose: Purpose::First,
        servers: vec![server(number)],
    };
    let sending = |request| Record::Sending {
        request,
        attempt: 1,
        remote: None,
    };
    // A record each second, from 1 on.
    let state = recovered(vec![
        intent(1, 0),
        sending(1),
        Record::Accepted {
            request: 1,
            job_id: "job-1".parse().unwrap(),
            request_id: None,
        },
        intent(2, 1),
        sending(2),
        Record::NotExecuted {
            request: 2,
            throttled: true,
            retry_after_ms: None,
            error: error_record("slow down"),
        },
        intent(3, 2),
        sending(3),
        Record::AnswerLost {
            request: 3,
            error: error_record("no answer"),
        },
        intent(4, 3),
    ]);
    let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let at = |second| start + SignedDuration::from_secs(second);
    let open = Duration::from_secs(60);
    // Soon after, nothing is certain but what was answered.
    let counted = state.counted(at(12), open);
    assert_eq!(counted, [(1, at(3)), (1, at(12)), (1, at(12))]);
    let counted = state.counted(at(3600), open);
    assert_eq!(counted, [(1, at(3)), (1, at(68)), (1, at(70))]);
}
