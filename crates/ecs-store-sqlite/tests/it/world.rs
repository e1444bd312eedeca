//! A file for each test.

use std::path::PathBuf;
use std::time::Duration;

use ecs_ops::store::{Store, StoreTimes};
use ecs_store_sqlite::{SqliteOptions, SqliteStore};
use ecs_test_support::store::{self, process};
use tempfile::TempDir;

pub(crate) struct Database {
    pub(crate) file: PathBuf,
    _folder: TempDir,
}

/// A new file with the tables.
pub(crate) async fn database() -> Option<Database> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.db");
    let database = Database {
        file,
        _folder: folder,
    };
    let migrated = SqliteStore::migrate(database.options("setup")).await;
    assert_eq!(migrated.unwrap(), (0, 2));
    Some(database)
}

impl Database {
    pub(crate) fn options(&self, host: &str) -> SqliteOptions {
        let mut options = SqliteOptions::new(&self.file, process(host));
        options.retry_limit = Duration::from_secs(60);
        options
    }

    pub(crate) fn execute(&self, statements: &str) {
        let connection = rusqlite::Connection::open(&self.file).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.execute_batch(statements).unwrap();
    }
}

impl store::Database for Database {
    async fn open(&self, host: &str, times: StoreTimes) -> Store {
        let mut options = self.options(host);
        options.times = times;
        let store = SqliteStore::open(options).await.unwrap();
        (*store).clone()
    }

    async fn age(&self, by: Duration) {
        let by = by.as_micros();
        self.execute(&format!(
            "UPDATE runs SET seen_at = seen_at - {by}, ended_at = ended_at - {by};
             UPDATE shares SET until = until - {by};
             UPDATE queue SET seen_at = seen_at - {by}"
        ));
    }

    async fn forget_last_record(&self, run_id: &str) {
        self.execute(&format!(
            "UPDATE runs SET next_seq = next_seq - 1 WHERE run_id = '{run_id}';
             DELETE FROM records WHERE run_id = '{run_id}'
                 AND seq = (SELECT next_seq FROM runs WHERE run_id = '{run_id}')"
        ));
    }
}
