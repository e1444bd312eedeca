use super::arbitrary_journal::*;
use super::*;
use crate::rolling;

mod found_jobs;

fn recover(records: &[Record]) -> Result<Recovered, JournalError> {
    Recovered::from_entries(entries(records.to_vec()))
}

fn outcome_records(outcome_records: &[(usize, OutcomeKind, Option<&str>)]) -> Record {
    let outcome_record = |(id, outcome, job): &(usize, OutcomeKind, Option<&str>)| {
        outcome_record(server(*id), *outcome, *job)
    };
    Record::Outcomes {
        servers: outcome_records.iter().map(outcome_record).collect(),
    }
}

fn escalating(id: usize, job: &str) -> Record {
    Record::Escalating {
        servers: vec![outcome_record(server(id), OutcomeKind::Failed, Some(job))],
    }
}

/// Three servers: the run, then these.
fn after(records: &[Record]) -> Result<Recovered, JournalError> {
    let mut all = vec![Record::Run(Box::new(run(3)))];
    all.extend_from_slice(records);
    recover(&all)
}

#[test]
fn a_contradiction_is_refused_with_its_line() {
    use OutcomeKind::{Failed, NotAttempted, Succeeded, Unknown};
    use Purpose::{Escalate, First, Resubmit};
    let taken = [intent(1, 1, First, &[0]), sending(1, 1), accepted(1)];
    let lost_one = [intent(1, 1, First, &[0]), sending(1, 1), lost(1)];
    let free = [intent(1, 1, First, &[0]), sending(1, 1), not_executed(1)];
    let mut failed = taken.to_vec();
    failed.push(outcome_records(&[(0, Failed, Some("job-1"))]));
    let cases: Vec<(&[Record], Record)> = vec![
        (&[], Record::Run(Box::new(run(3)))),
        (&[], intent(1, 1, First, &[7])),
        (&[], intent(1, 1, First, &[])),
        (&[], intent(1, 1, First, &[1, 1])),
        (&[], intent(1, 2, First, &[1])),
        (&[], intent(1, 1, Resubmit, &[1])),
        (&[], intent(1, 1, Escalate, &[1])),
        (&[], sending(1, 1)),
        (&[], outcome_records(&[(0, Succeeded, None)])),
        (&[], outcome_records(&[(0, Unknown, None)])),
        (&[], outcome_records(&[(9, NotAttempted, None)])),
        (
            &[],
            Record::JobFinished {
                job_id: "job-1".parse().unwrap(),
                status: None,
            },
        ),
        // Accepted: never again.
        (&taken, intent(2, 1, First, &[0])),
        (&taken, intent(2, 1, Resubmit, &[0])),
        (&taken, intent(2, 1, Escalate, &[0])),
        (&taken, intent(1, 2, First, &[0])),
        (&taken, accepted(1)),
        (&taken, lost(1)),
        (&taken, not_executed(1)),
        (&taken, outcome_records(&[(0, NotAttempted, None)])),
        (&taken, outcome_records(&[(0, Failed, None)])),
        (&taken, outcome_records(&[(0, Succeeded, Some("job-2"))])),
        (
            &taken,
            outcome_records(&[(0, Succeeded, Some("job-1")), (0, Failed, Some("job-1"))]),
        ),
        (&taken[..1], sending(1, 2)),
        (&failed, intent(2, 1, Escalate, &[0])),
        (&failed, escalating(0, "job-1")),
        // A server with an unknown outcome is sent again on purpose only.
        (&lost_one, intent(2, 1, First, &[0])),
        (&lost_one, intent(1, 2, First, &[0])),
        (&lost_one, not_executed(1)),
        (&lost_one, outcome_records(&[(0, Failed, None)])),
        // Certainly not executed.
        (&free, intent(1, 3, First, &[0])),
        (&free, intent(1, 2, First, &[1])),
        (&free, intent(1, 2, Resubmit, &[0])),
        (&free, sending(1, 2)),
        (&free, accepted(1)),
        (&free, outcome_records(&[(0, Unknown, None)])),
    ];
    for (initial_state, wrong) in cases {
        let mut records = initial_state.to_vec();
        assert!(after(&records).is_ok(), "{records:?}");
        records.push(wrong);
        let error = after(&records).unwrap_err();
        assert_eq!(error.kind(), JournalErrorKind::Contradiction, "{records:?}");
        assert_eq!(error.line(), Some(records.len() as u64 + 1), "{records:?}");
    }
    let error = recover(&[sending(1, 1)]).unwrap_err();
    assert_eq!(error.line(), Some(1));
    let twice = RunRecord {
        servers: vec![server(1), server(1)],
        ..run(0)
    };
    assert!(recover(&[Record::Run(Box::new(twice))]).is_err());
    let error = Recovered::from_entries([]).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Empty);
}

#[test]
fn a_split_request_continues_in_its_halves() {
    let records = [
        intent(1, 1, Purpose::First, &[0, 1, 2]),
        sending(1, 1),
        not_executed(1),
        intent(2, 1, Purpose::First, &[0]),
    ];
    let recovered = after(&records).unwrap();
    assert_eq!(recovered.unsent(), [server(1), server(2)]);
    assert_eq!(recovered.next_request(), 3);
    // The whole cannot come again, since a part of it is elsewhere.
    let mut wrong = records.to_vec();
    wrong.push(intent(1, 2, Purpose::First, &[0, 1, 2]));
    assert!(after(&wrong).is_err());
}

#[test]
fn an_intent_without_an_answer_is_unknown_and_may_be_resubmitted_once() {
    let mut records = vec![intent(1, 1, Purpose::First, &[0])];
    let unknown = |records: &[Record]| after(records).unwrap().unknown_requests();
    assert_eq!(unknown(&records)[0].sent, None);
    records.push(sending(1, 1));
    assert!(unknown(&records)[0].sent.is_some());
    records.push(outcome_records(&[(0, OutcomeKind::Unknown, None)]));
    assert_eq!(unknown(&records)[0].request, 1);
    records.push(intent(2, 1, Purpose::Resubmit, &[0]));
    records.push(sending(2, 1));
    // A proof that the second was not executed proves nothing about the first.
    let mut refused = records.clone();
    refused.push(not_executed(2));
    assert_eq!(unknown(&refused)[0].request, 1);
    refused.push(intent(2, 2, Purpose::Resubmit, &[0]));
    assert_eq!(unknown(&refused)[0].request, 2);
    let mut thrice = records.clone();
    thrice.extend([lost(2), intent(3, 1, Purpose::Resubmit, &[0])]);
    assert!(after(&thrice).is_err());
    records.extend([
        accepted(2),
        outcome_records(&[(0, OutcomeKind::Succeeded, Some("job-2"))]),
    ]);
    let recovered = after(&records).unwrap();
    assert!(matches!(
        recovered.progress(server(0)),
        Some(ServerProgress::Finished(_))
    ));
}

#[test]
fn listing_servers_may_resolve_unknown_outcomes() {
    let mut records = vec![
        intent(1, 1, Purpose::First, &[0, 1]),
        sending(1, 1),
        lost(1),
    ];
    records.push(outcome_records(&[
        (0, OutcomeKind::Unknown, None),
        (1, OutcomeKind::Unknown, None),
    ]));
    records.push(outcome_records(&[
        (0, OutcomeKind::Succeeded, None),
        (1, OutcomeKind::NotAttempted, None),
    ]));
    let recovered = after(&records).unwrap();
    assert_eq!(recovered.unsent(), [server(1), server(2)]);
    assert_eq!(recovered.final_outcomes().count(), 1);
    records.push(intent(2, 1, Purpose::First, &[1]));
    after(&records).unwrap();
}

#[test]
fn a_second_restart_only_after_a_first_that_ended_badly_and_once() {
    let mut records = vec![
        intent(1, 1, Purpose::First, &[0]),
        sending(1, 1),
        accepted(1),
    ];
    let mut early = records.clone();
    early.push(intent(2, 1, Purpose::Escalate, &[0]));
    assert!(after(&early).is_err());
    let going_on = outcome_record(server(0), OutcomeKind::Unknown, Some("job-1"));
    let mut early = records.clone();
    early.push(Record::Escalating {
        servers: vec![going_on.clone()],
    });
    assert!(after(&early).is_err(), "the job has not ended");
    early.insert(
        3,
        Record::JobFinished {
            job_id: "job-1".parse().unwrap(),
            status: Some("SUCCESS".to_owned()),
        },
    );
    assert_eq!(after(&early).unwrap().escalating(), [server(0)]);

    // A request with an unknown outcome may still be executed, whatever the outcome of the one that was sent in its
    // place.
    let resubmitted = [
        intent(1, 1, Purpose::First, &[0]),
        sending(1, 1),
        lost(1),
        intent(2, 1, Purpose::Resubmit, &[0]),
        sending(2, 1),
        accepted(2),
        escalating(0, "job-2"),
    ];
    assert!(after(&resubmitted[..6]).is_ok());
    assert!(after(&resubmitted).is_err());

    records.push(escalating(0, "job-1"));
    let recovered = after(&records).unwrap();
    assert_eq!(recovered.escalating(), [server(0)]);
    assert!(recovered.unsent().iter().all(|id| *id != server(0)));
    records.extend([intent(2, 1, Purpose::Escalate, &[0]), sending(2, 1)]);
    assert_eq!(after(&records).unwrap().unknown_requests()[0].request, 2);
    // Both restarts may be executed: there is no third one.
    let mut third = records.clone();
    third.push(lost(2));
    assert!(after(&third).is_ok());
    third.push(intent(3, 1, Purpose::Resubmit, &[0]));
    assert!(after(&third).is_err());
    let mut refused = records.clone();
    refused.push(not_executed(2));
    assert_eq!(after(&refused).unwrap().escalating(), [server(0)]);
    refused.push(outcome_records(&[(0, OutcomeKind::Failed, Some("job-1"))]));
    let recovered = after(&refused).unwrap();
    assert!(recovered.escalating().is_empty());
    assert!(matches!(
        recovered.progress(server(0)),
        Some(ServerProgress::Finished(_))
    ));
    records.push(accepted(2));
    let waiting = after(&records).unwrap().accepted_requests().remove(0);
    assert_eq!(waiting.request, 2);
    let kind = waiting.ticket.kind().unwrap();
    assert!(kind.starts_with("reboot HARD"), "{kind}");
    for again in [
        escalating(0, "job-2"),
        intent(3, 1, Purpose::Escalate, &[0]),
    ] {
        let mut records = records.clone();
        records.push(again);
        assert!(after(&records).is_err());
    }
    let mut hard = run(3);
    hard.action = crate::PowerAction::Reboot(ecs_model::RebootType::Hard);
    records[..4].iter().cloned().enumerate().fold(
        vec![Record::Run(Box::new(hard))],
        |mut all, (number, record)| {
            all.push(record);
            assert_eq!(recover(&all).is_err(), number == 3);
            all
        },
    );
}

#[test]
fn another_project_or_endpoint() {
    let recovered = after(&[]).unwrap();
    let project = recovered.run().project.clone();
    let other = "other".parse().unwrap();
    assert!(
        recovered
            .belongs_to(&"https://ECS.example/".parse().unwrap(), &project)
            .is_ok()
    );
    for (endpoint, project) in [
        ("https://ecs.example", &other),
        ("http://ecs.example", &project),
        ("https://ecs.example:444", &project),
    ] {
        let error = recovered
            .belongs_to(&endpoint.parse().unwrap(), project)
            .unwrap_err();
        assert_eq!(error.kind(), JournalErrorKind::Foreign);
        assert!(error.to_string().contains(endpoint), "{error}");
    }
}

/// A rolling run is brought to where it was by what its journal says.
#[test]
fn waves_continue_where_they_were() {
    use rolling::{Rules, WaveAction};
    let waves = vec![vec![server(0), server(1)], vec![server(2)]];
    let mut run = run(3);
    let rules = Rules {
        max_failures: Some(rolling::CountOrPercent::Count(0)),
        ..Rules::default()
    };
    run.rolling = Some(RollingRecord::new(waves.clone(), &rules));
    let mut torn = run.clone();
    torn.rolling.as_mut().unwrap().waves.pop();
    assert!(recover(&[Record::Run(Box::new(torn))]).is_err());
    let mut records = vec![Record::Run(Box::new(run)), Record::WaveBegan { wave: 0 }];
    let action = |records: &[Record]| {
        let recovered = recover(records).unwrap();
        let rolling = recovered.rolling().unwrap();
        (rolling.action(), recovered.unsent())
    };
    records.extend([
        intent(1, 1, Purpose::First, &[0]),
        sending(1, 1),
        accepted(1),
    ]);
    records.push(outcome_records(&[
        (0, OutcomeKind::Failed, Some("job-1")),
        (1, OutcomeKind::NotAttempted, None),
    ]));
    let (stopped, unsent) = action(&records);
    assert!(matches!(stopped, WaveAction::Stop(_)));
    assert_eq!(unsent, [server(1), server(2)]);
    let resumed = || Record::Resumed {
        program: String::new(),
        continues_stopped: false,
        invocation: None,
    };
    // A process that reported nothing is followed by one that stops for the same reason, and reports
    // so.
    records.push(resumed());
    assert_eq!(action(&records).0, stopped);
    records.extend([Record::Ended {}, resumed()]);
    assert_eq!(action(&records).0, WaveAction::Await { wave: 0 });
    records.extend([intent(2, 1, Purpose::First, &[1]), sending(2, 1), lost(2)]);
    records.push(outcome_records(&[(1, OutcomeKind::Succeeded, None)]));
    assert_eq!(action(&records).0, WaveAction::Start { wave: 1 });
    // A server whose list showed that it was not acted on comes again.
    records.pop();
    records.push(outcome_records(&[(1, OutcomeKind::NotAttempted, None)]));
    assert_eq!(action(&records).0, WaveAction::Await { wave: 0 });
    let resumption = recover(&records).unwrap().resumption();
    let unsent = vec![server(1), server(2)];
    let expected = rolling::WaveEvent::Resumed {
        reported: false,
        awaited: Vec::new(),
        unsent,
    };
    assert_eq!(resumption, expected);
}
