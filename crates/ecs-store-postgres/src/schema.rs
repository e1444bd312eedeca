//! The tables and functions of the store, in versions.

use ecs_ops::store::{InstalledSchema, Migration};

use crate::StoreError;
use crate::connection::Connection;

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
pub(crate) async fn installed(connection: &Connection) -> Result<InstalledSchema, StoreError> {
    let exists = "SELECT to_regclass('ecsctl.migrations') IS NOT NULL";
    let rows = connection.call(exists, &[]).await?;
    if !rows.first().is_some_and(|row| row.get::<_, bool>(0)) {
        return Ok(InstalledSchema::default());
    }
    let latest = "SELECT version, oldest_writer, oldest_reader FROM ecsctl.migrations \
                  ORDER BY version DESC LIMIT 1";
    let rows = connection.call(latest, &[]).await?;
    let latest = rows.first().map(|row| InstalledSchema {
        version: row.get(0),
        oldest_writer: row.get(1),
        oldest_reader: row.get(2),
    });
    Ok(latest.unwrap_or_default())
}

/// Applies the migrations that are missing, all in one transaction, and returns the versions before
/// and after. `grant_to`: roles that may use the store from now on.
pub(crate) async fn migrate(
    connection: &Connection,
    grant_to: &[String],
) -> Result<(i32, i32), StoreError> {
    let before = installed(connection).await?;
    // One process at a time migrates; the next one finds the work done, and fails on the version.
    let mut statements = "BEGIN;\n\
        SET LOCAL synchronous_commit = on;\n\
        SELECT pg_advisory_xact_lock(hashtext('ecsctl.migrations'));\n\
        CREATE SCHEMA IF NOT EXISTS ecsctl;\n\
        SET LOCAL search_path = ecsctl, pg_temp;\n\
        CREATE TABLE IF NOT EXISTS migrations (\n\
            version integer PRIMARY KEY, oldest_writer integer NOT NULL, oldest_reader integer NOT NULL,\n\
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), db_user text NOT NULL DEFAULT session_user);\n"
        .to_owned();
    for migration in MIGRATIONS
        .iter()
        .filter(|migration| migration.version > before.version)
    {
        let (version, writer) = (migration.version, migration.oldest_writer);
        let reader = migration.oldest_reader;
        statements.push_str(&format!(
            "INSERT INTO migrations (version, oldest_writer, oldest_reader) VALUES ({version}, {writer}, {reader});\n"
        ));
        statements.push_str(migration.statements);
    }
    for role in grant_to {
        // PostgreSQL quotes names so.
        let role = format!("\"{}\"", role.replace('"', "\"\""));
        statements.push_str(&format!(
            "GRANT USAGE ON SCHEMA ecsctl TO {role};\n\
             GRANT SELECT ON ALL TABLES IN SCHEMA ecsctl TO {role};\n\
             GRANT EXECUTE ON FUNCTION begin_run, append, announce, take_over, touch, release, holder, microseconds, \
             approve_plan TO {role};\n"
        ));
    }
    statements.push_str("COMMIT;\n");
    connection.execute(&statements).await?;
    Ok((before.version, installed(connection).await?.version))
}

#[cfg(test)]
mod tests;
