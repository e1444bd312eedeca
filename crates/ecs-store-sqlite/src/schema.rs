//! The tables of the store, in versions.

use ecs_ops::store::{StoreError, StoreErrorKind};
use rusqlite::{OptionalExtension as _, Transaction};

use crate::error::of_sqlite;

/// A version of the schema.
struct Migration {
    version: i32,
    statements: &'static str,
    /// The oldest version of a program that may still write after it, and that may still read.
    oldest_writer: i32,
    oldest_reader: i32,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    statements: include_str!("schema/0001.sql"),
    oldest_writer: 1,
    oldest_reader: 1,
}];

/// The version that this program writes.
pub(crate) const VERSION: i32 = 1;

/// What is there: the latest version, and which programs may write and read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) version: i32,
    oldest_writer: i32,
    oldest_reader: i32,
}

impl Installed {
    /// Whether a program of this version may use it. Pure.
    pub(crate) fn check(self, program: i32, writes: bool) -> Result<(), StoreError> {
        let refused = |message: String| Err(StoreError::new(StoreErrorKind::Schema, message));
        let version = self.version;
        if version == 0 {
            return refused("the store has no tables: run `ecsctl store init`".to_owned());
        }
        if version < program {
            return refused(format!(
                "the tables of the store are of version {version}, and this program needs version {program}: \
                 run `ecsctl store migrate`"
            ));
        }
        if program < self.oldest_reader {
            return refused(format!(
                "the tables of the store are of version {version}, which this program cannot read: use a later program"
            ));
        }
        if writes && program < self.oldest_writer {
            let message = "the tables of the store were changed by a later program: \
                           this one can list and show runs, but not write: use the later one";
            return refused(message.to_owned());
        }
        Ok(())
    }
}

/// What is installed, as the migrations say.
pub(crate) fn installed(transaction: &Transaction<'_>) -> rusqlite::Result<Installed> {
    let exists = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'";
    if transaction.query_row(exists, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Installed::default());
    }
    let latest = "SELECT version, oldest_writer, oldest_reader FROM migrations ORDER BY version DESC LIMIT 1";
    let latest = transaction.query_row(latest, [], |row| {
        Ok(Installed {
            version: row.get(0)?,
            oldest_writer: row.get(1)?,
            oldest_reader: row.get(2)?,
        })
    });
    Ok(latest.optional()?.unwrap_or_default())
}

/// Applies the migrations that are missing, and returns the versions before and after.
pub(crate) fn migrate(transaction: &Transaction<'_>, now: i64) -> Result<(i32, i32), StoreError> {
    let migrate = || {
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, oldest_writer INTEGER NOT NULL,
             oldest_reader INTEGER NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )?;
        let before = installed(transaction)?.version;
        for migration in MIGRATIONS
            .iter()
            .filter(|migration| migration.version > before)
        {
            transaction.execute_batch(migration.statements)?;
            transaction.execute(
                "INSERT INTO migrations VALUES (?1, ?2, ?3, ?4)",
                (
                    migration.version,
                    migration.oldest_writer,
                    migration.oldest_reader,
                    now,
                ),
            )?;
        }
        Ok((before, installed(transaction)?.version))
    };
    migrate().map_err(of_sqlite)
}

#[cfg(test)]
mod tests;
