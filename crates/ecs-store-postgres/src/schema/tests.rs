use super::*;

#[test]
fn an_older_program_reads_and_does_not_write() {
    let installed = Installed {
        version: 5,
        oldest_writer: 4,
        oldest_reader: 2,
    };
    assert_eq!(installed.usable_by(5).unwrap(), Use::Write);
    assert_eq!(installed.usable_by(4).unwrap(), Use::Write);
    assert_eq!(installed.usable_by(3).unwrap(), Use::ReadOnly);
    assert_eq!(installed.usable_by(2).unwrap(), Use::ReadOnly);
    let advice = |installed: Installed, program| {
        let error = installed.usable_by(program).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Schema);
        error.to_string()
    };
    assert!(advice(installed, 1).contains("use a later program"));
    assert!(advice(installed, 6).contains("store migrate"));
    assert!(advice(Installed::default(), 1).contains("store init"));
}

#[test]
fn the_migrations_lead_to_the_version_of_this_program() {
    let versions: Vec<_> = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .collect();
    assert_eq!(versions, (1..=VERSION).collect::<Vec<_>>());
}
