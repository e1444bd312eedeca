use super::*;
use crate::journal::{ErrorRecord, OutcomeRecord};

fn error() -> ErrorRecord {
    ErrorRecord::default()
}

#[test]
fn an_answer_or_its_loss_starts_the_window() {
    let job_id = "j".parse().unwrap();
    let accepted = Record::Accepted {
        request: 3,
        job_id,
        request_id: None,
    };
    let lost = Record::AnswerLost {
        request: 3,
        error: error(),
    };
    for record in [accepted, lost] {
        let effects = Effects::of(&record);
        assert_eq!(effects.answered, [3]);
        assert!(effects.freed.is_empty() && effects.over.is_empty() && !effects.ended);
    }
}

#[test]
fn only_proof_gives_a_share_back_and_a_retry_keeps_the_servers() {
    let not_executed = |retry_after_ms| Record::NotExecuted {
        request: 2,
        throttled: true,
        retry_after_ms,
        error: error(),
    };
    let effects = Effects::of(&not_executed(Some(1000)));
    assert_eq!((effects.freed, effects.over), (vec![2], vec![]));
    let effects = Effects::of(&not_executed(None));
    assert_eq!((effects.freed, effects.over), (vec![2], vec![2]));
}

#[test]
fn a_server_of_unknown_outcome_stays_held() {
    let id = |n: u8| ServerId::from_bytes([n; 16]);
    let outcome = |n, outcome| OutcomeRecord {
        id: id(n),
        outcome,
        job_id: None,
        evidence: None,
        error: None,
    };
    let servers = vec![
        outcome(1, OutcomeKind::Succeeded),
        outcome(2, OutcomeKind::Unknown),
        outcome(3, OutcomeKind::Failed),
        outcome(4, OutcomeKind::NotAttempted),
    ];
    let released = Effects::of(&Record::Outcomes { servers }).released;
    assert_eq!(released, [1, 3, 4].map(id));
    assert!(Effects::of(&Record::Ended {}).ended);
    assert_eq!(
        Effects::of(&Record::WaveBegan { wave: 0 }),
        Effects::default()
    );
}
