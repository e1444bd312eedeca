//! Files that are not there, not stores, of other versions, or busy.

use std::time::Duration;

use ecs_ops::store::StoreErrorKind;
use ecs_store_sqlite::SqliteStore;
use ecs_test_support::store::{accepted, append, begin, ids};

use crate::world::database;

#[tokio::test]
async fn a_file_that_is_not_a_store_is_refused_with_the_reason() {
    let database = database().await.unwrap();
    let open = |file: std::path::PathBuf| {
        let mut options = database.options("a");
        options.file = file;
        SqliteStore::open(options)
    };
    let missing = open(database.file.with_file_name("none.db"))
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), StoreErrorKind::NoTables, "{missing}");
    let text = database.file.with_file_name("text");
    std::fs::write(
        &text,
        "no database at all, but a text that is long enough".repeat(20),
    )
    .unwrap();
    let error = open(text).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Contradiction, "{error:?}");
    let empty = database.file.with_file_name("empty");
    std::fs::write(&empty, "").unwrap();
    let error = open(empty).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoTables, "{error}");

    // Again: nothing happens.
    let migrated = SqliteStore::migrate(database.options("a")).await;
    assert_eq!(migrated.unwrap(), (2, 2));
    let check = SqliteStore::check(database.options("a")).await.unwrap();
    assert_eq!((check.schema, check.program_schema, check.runs), (2, 2, 0));

    database.execute("INSERT INTO migrations VALUES (3, 3, 1, 0)");
    let error = SqliteStore::open(database.options("a")).await.unwrap_err();
    assert!(error.to_string().contains("not write"), "{error}");
    let store = SqliteStore::open_read_only(database.options("a")).await;
    assert!(store.unwrap().runs(5).await.unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_a_file_that_is_created() {
    use std::os::unix::fs::PermissionsExt as _;

    let database = database().await.unwrap();
    let mode = std::fs::metadata(&database.file)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// No record is lost: the write is tried again until the other process releases the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_keeps_locked_is_waited_for() {
    let database = database().await.unwrap();
    let store = SqliteStore::open(database.options("a")).await.unwrap();
    let journal = begin(&store, "r", ids(0..1)).await;
    let other = rusqlite::Connection::open(&database.file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let appended = tokio::spawn(async move { append(&journal, accepted(1)).await });
    // Longer than one try waits.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!appended.is_finished());
    other.execute_batch("ROLLBACK").unwrap();
    appended.await.unwrap().unwrap();
    assert_eq!(store.records("r").await.unwrap().entries.len(), 2);
}
