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
        assert_eq!(error.kind(), StoreErrorKind::Schema);
        error.to_string()
    };
    assert!(advice(installed, 3, true).contains("not write"));
    assert!(advice(installed, 1, false).contains("use a later program"));
    assert!(advice(installed, 6, true).contains("store migrate"));
    assert!(advice(InstalledSchema::default(), 1, true).contains("store init"));
}
