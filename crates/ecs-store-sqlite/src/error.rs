//! Errors of SQLite as errors of the store.

use ecs_ops::store::{StoreError, StoreErrorKind};
use rusqlite::ErrorCode;

/// Converts an error of SQLite (SQLite manual, "Result and Error Codes").
pub(crate) fn of_sqlite(error: rusqlite::Error) -> StoreError {
    let kind = match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory,
        ) => StoreErrorKind::Unavailable,
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::AuthorizationForStatementDenied,
        ) => StoreErrorKind::Refused,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Contradiction,
        _ => StoreErrorKind::Other,
    };
    StoreError::new(kind, "the file of the store cannot be used").with_source(error)
}
