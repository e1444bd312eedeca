use super::super::arbitrary_journal::{entries, run};
use super::*;

fn kind(result: Result<(), JournalError>) -> Result<(), JournalErrorKind> {
    result.map_err(|error| error.kind())
}

#[test]
fn a_journal_is_lent_to_one_run_at_a_time() {
    let lease = JournalLease::new();
    assert_eq!(
        kind(lease.lend_to_resume("a", 1)),
        Err(JournalErrorKind::Foreign)
    );
    lease.lend("a").unwrap();
    assert_eq!(kind(lease.lend("b")), Err(JournalErrorKind::InUse));
    assert_eq!(
        kind(lease.lend_to_resume("a", 0)),
        Err(JournalErrorKind::InUse)
    );
    // Nothing was written: another run may have it.
    lease.give_back();
    lease.lend("b").unwrap();
    lease.write_begun(1);
    lease.write_ended(1);
    lease.give_back();
    let error = lease.lend("c").unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Begun);
    assert!(
        error.to_string().contains("already holds a run (b)"),
        "{error}"
    );
    assert_eq!(
        kind(lease.lend_to_resume("a", 1)),
        Err(JournalErrorKind::Foreign)
    );
    lease.lend_to_resume("b", 1).unwrap();
}

/// A resuming run must have read every record of the journal.
#[test]
fn a_run_is_resumed_from_all_of_its_records() {
    let records = [Record::Run(Box::new(run(1))), Record::WaveBegan { wave: 0 }];
    let lease = JournalLease::of_entries(&entries(records));
    for (records, expected) in [
        (1, Err(JournalErrorKind::Foreign)),
        (3, Err(JournalErrorKind::Foreign)),
        (2, Ok(())),
    ] {
        assert_eq!(kind(lease.lend_to_resume("run-1", records)), expected);
    }
    // A write that was cut off may have left its record, or leave it later.
    lease.write_begun(1);
    lease.give_back();
    for records in [2, 3] {
        let error = lease.lend_to_resume("run-1", records).unwrap_err();
        assert!(
            error.to_string().contains("open the journal anew"),
            "{error}"
        );
    }
}
