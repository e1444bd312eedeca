//! Errors of the driver as errors of the store.

use ecs_ops::store::{StoreError, StoreErrorKind};
use tokio_postgres::error::SqlState;

/// Converts an error of the driver.
pub(crate) fn of_driver(error: tokio_postgres::Error) -> StoreError {
    let Some(answer) = error.as_db_error() else {
        let message = "the connection to the store failed";
        return StoreError::new(StoreErrorKind::Unavailable, message).with_source(error);
    };
    let (kind, advice) = classify(answer.code());
    // The detail and the statement may hold data, and are omitted.
    let message = format!(
        "the store answered {:?} ({}){advice}",
        answer.message(),
        answer.code().code()
    );
    StoreError::new(kind, message)
}

/// Returns the meaning of an error code of PostgreSQL for a call (PostgreSQL manual, appendix A).
fn classify(code: &SqlState) -> (StoreErrorKind, &'static str) {
    let is_class = |class: &str| code.code().starts_with(class);
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        let advice = ": the role lacks a right, see docs/store.md, \"Rights\"";
        return (StoreErrorKind::Refused, advice);
    }
    if *code == SqlState::UNDEFINED_TABLE
        || *code == SqlState::UNDEFINED_FUNCTION
        || *code == SqlState::INVALID_SCHEMA_NAME
    {
        let advice = ": the tables are missing or of another version";
        return (StoreErrorKind::Schema, advice);
    }
    // 08 connection, 53 no resources, 57P operator intervention, 40 rolled back, 55P03 lock not
    // available, 25006 a standby.
    let temporary = ["08", "53", "57P", "40", "55P03", "25006"];
    if temporary.into_iter().any(is_class) {
        return (StoreErrorKind::Unavailable, "");
    }
    if is_class("28") || is_class("3D") {
        return (StoreErrorKind::Refused, "");
    }
    (StoreErrorKind::Other, "")
}

#[cfg(test)]
mod tests;
