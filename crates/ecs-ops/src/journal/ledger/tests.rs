use super::super::arbitrary_journal::*;
use super::super::progress::ServerHistory;
use super::super::{OutcomeKind, Purpose, Record, Recovered, UnknownRequest};
use super::*;

fn after(records: &[Record]) -> Recovered {
    let mut all = vec![Record::Run(Box::new(run(3)))];
    all.extend_from_slice(records);
    Recovered::from_entries(entries(all)).unwrap()
}

/// A request for these servers that is being sent.
fn sent(request: usize, purpose: Purpose, servers: &[usize]) -> Vec<Record> {
    vec![intent(request, 1, purpose, servers), sending(request, 1)]
}

/// The outcome of the first server in the report.
fn first(records: &[Record]) -> (&'static str, Option<String>) {
    let report = after(records).report();
    let outcome = &report.servers[0].outcome;
    let error = outcome.error();
    (outcome.name(), error.map(|error| error.message.clone()))
}

#[test]
fn a_server_that_was_not_attempted_keeps_the_reason_until_it_is_sent_again() {
    let recorded = |name, message: &str| (name, Some(message.to_owned()));
    let mut records = sent(1, Purpose::First, &[0]);
    records.push(not_executed(1));
    assert_eq!(first(&records), recorded("not_attempted", "refused"));
    let mut not_attempted = outcome_record(server(0), OutcomeKind::NotAttempted, None);
    not_attempted.error = Some(error_record("the service refuses all"));
    let servers = vec![not_attempted];
    records.push(Record::Outcomes { servers });
    assert_eq!(
        first(&records),
        recorded("not_attempted", "the service refuses all")
    );
    assert_eq!(after(&records).unsent().len(), 3);
    records.extend(sent(2, Purpose::First, &[0]));
    assert_eq!(first(&records).0, "unknown");
    records.push(not_executed(2));
    assert_eq!(first(&records), recorded("not_attempted", "refused"));
}

#[test]
fn a_server_that_is_sent_again_keeps_why_the_first_answer_was_lost() {
    let mut records = sent(1, Purpose::First, &[0, 1]);
    records.push(Record::AnswerLost {
        request: 1,
        error: error_record("cut off"),
    });
    let lost = |request: &UnknownRequest| request.error.clone();
    let unknown = after(&records).unknown_requests();
    assert_eq!(lost(&unknown[0]), Some(error_record("cut off")));
    assert_eq!(after(&records).resubmitted().count(), 0);
    records.extend(sent(2, Purpose::Resubmit, &[0]));
    let recovered = after(&records);
    let again: Vec<_> = recovered.resubmitted().collect();
    assert_eq!(again, [(server(0), Problem::new("cut off"))]);
}

#[test]
fn outcomes_of_one_record_share_the_text_of_their_error() {
    let failed = |number| outcome_record(server(number), OutcomeKind::Failed, Some("job-1"));
    let mut records = sent(1, Purpose::First, &[0, 1, 2]);
    records.push(Record::Accepted {
        request: 1,
        job_id: "job-1".parse().unwrap(),
        request_id: None,
    });
    let mut other = failed(2);
    other.error = Some(error_record("another"));
    let servers = vec![failed(0), failed(1), other];
    records.push(Record::Outcomes { servers });
    let recovered = after(&records);
    let texts = recovered.final_outcomes();
    let texts: Vec<_> = texts.filter_map(|(_, outcome)| outcome.error()).collect();
    assert_eq!(texts[0].message.as_ptr(), texts[1].message.as_ptr());
    assert_eq!(texts[2].message, "another");
}

#[test]
fn another_process_begins_with_the_final_outcomes() {
    let mut records = sent(1, Purpose::First, &[0, 1]);
    records.push(Record::AnswerLost {
        request: 1,
        error: error_record("cut off"),
    });
    let unknown = outcome_record(server(0), OutcomeKind::Unknown, None);
    let mut shown = outcome_record(server(1), OutcomeKind::Succeeded, None);
    shown.evidence = Some(crate::Evidence::Server);
    let servers = vec![unknown, shown];
    records.push(Record::Outcomes { servers });
    let ledger = after(&records).ledger().clone();
    assert_eq!(ledger.outcomes.len(), 2);
    let resumed = ledger.resumed();
    let open: Vec<_> = resumed.outcomes.iter().map(|(id, _)| *id).collect();
    assert_eq!(open, [server(1)]);
}

/// A hard restart never rests on such a job, in a later process either.
#[test]
fn a_job_that_was_found_after_a_lost_answer_is_known_as_such() {
    let accepted = Record::Accepted {
        request: 1,
        job_id: "job-1".parse().unwrap(),
        request_id: None,
    };
    let lost = Record::AnswerLost {
        request: 1,
        error: error_record("cut off"),
    };
    let resumed = Record::Resumed {
        program: "a test".to_owned(),
        continues_stopped: false,
        invocation: None,
    };
    for (between, is_found) in [(None, false), (Some(lost), true), (Some(resumed), true)] {
        let mut records = sent(1, Purpose::First, &[0]);
        records.extend(between);
        records.push(accepted.clone());
        assert_eq!(after(&records).jobs()[0].is_found, is_found);
    }
}

#[test]
fn requests_are_counted_from_1() {
    let mut records = vec![Record::Run(Box::new(run(3)))];
    records.extend(sent(0, Purpose::First, &[0]));
    let error = Recovered::from_entries(entries(records)).unwrap_err();
    assert_eq!(error.line(), Some(2));
}

/// There is one of each for a server that a run has finished with.
#[test]
fn the_size_of_a_server() {
    assert_eq!(size_of::<(ServerId, ServerHistory)>(), 40);
    assert_eq!(size_of::<(ServerId, Outcome)>(), 72);
}
