use super::*;

#[test]
fn each_commit_is_synced_and_readers_are_not_locked_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.db");
    create(&file).unwrap();
    let connection = connect(&file).unwrap();
    let text = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0));
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    assert_eq!(text("journal_mode").unwrap(), "wal");
    // FULL: the log is synced with each commit.
    assert_eq!(number("synchronous").unwrap(), 2);
    assert_eq!(number("foreign_keys").unwrap(), 1);
}
