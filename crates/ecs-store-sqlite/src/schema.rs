//! The tables of the store, in versions.

use ecs_ops::store::{InstalledSchema, Migration, StoreError};
use rusqlite::{OptionalExtension as _, Transaction};

use crate::error::of_sqlite;

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        statements: include_str!("schema/0001.sql"),
        oldest_writer: 1,
        oldest_reader: 1,
    },
    Migration {
        version: 2,
        statements: include_str!("schema/0002.sql"),
        oldest_writer: 1,
        oldest_reader: 1,
    },
];

/// The version that this program writes.
pub(crate) const VERSION: i32 = 2;

/// Reads the installed schema, from its table of migrations.
pub(crate) fn installed(transaction: &Transaction<'_>) -> rusqlite::Result<InstalledSchema> {
    let exists = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'";
    if transaction.query_row(exists, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(InstalledSchema::default());
    }
    let latest = "SELECT version, oldest_writer, oldest_reader FROM migrations ORDER BY version DESC LIMIT 1";
    let latest = transaction.query_row(latest, [], |row| {
        Ok(InstalledSchema {
            version: row.get(0)?,
            oldest_writer: row.get(1)?,
            oldest_reader: row.get(2)?,
        })
    });
    Ok(latest.optional()?.unwrap_or_default())
}

/// Applies the migrations that are missing, and returns the versions before and after.
pub(crate) fn migrate(transaction: &Transaction<'_>, now: i64) -> Result<(i32, i32), StoreError> {
    apply_missing(transaction, now).map_err(of_sqlite)
}

fn apply_missing(transaction: &Transaction<'_>, now: i64) -> rusqlite::Result<(i32, i32)> {
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
}

#[cfg(test)]
mod tests;
