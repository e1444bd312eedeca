use super::*;

#[test]
fn an_older_program_reads_and_does_not_write() {
    let installed = InstalledSchema {
        version: 5,
        oldest_writer: 4,
        oldest_reader: 2,
    };
    assert!(installed.check(5, true).is_ok() && installed.check(4, true).is_ok());
    assert!(installed.check(3, false).is_ok() && installed.check(2, false).is_ok());
    let advice = |installed: InstalledSchema, program, writes| {
        let error = installed.check(program, writes).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, message) = advice(installed, 3, true);
    assert!(kind == StoreErrorKind::Schema && message.contains("not write"));
    let (kind, message) = advice(installed, 1, false);
    assert!(kind == StoreErrorKind::Schema && message.contains("use a later program"));
    assert_eq!(advice(installed, 6, true).0, StoreErrorKind::OldTables);
    assert_eq!(
        advice(InstalledSchema::default(), 1, true).0,
        StoreErrorKind::NoTables
    );
}
