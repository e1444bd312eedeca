//! The versions of a store's tables, and which programs may use them. Pure.

use super::{StoreError, StoreErrorKind};

/// A step to a later version of the tables.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The version that it leads to.
    pub version: i32,
    /// The statements that create it.
    pub statements: &'static str,
    /// The oldest version of a program that may still write after it.
    pub oldest_writer: i32,
    /// The oldest version of a program that may still read after it.
    pub oldest_reader: i32,
}

/// The version of the installed tables, and which programs may write and read them. Version 0: no
/// tables are installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstalledSchema {
    /// The version.
    pub version: i32,
    /// The oldest version of a program that may write.
    pub oldest_writer: i32,
    /// The oldest version of a program that may read.
    pub oldest_reader: i32,
}

impl InstalledSchema {
    /// `true` if a program of this version may use the tables: to write, or to list and show runs only.
    ///
    /// # Errors
    /// [`NoTables`](StoreErrorKind::NoTables), [`OldTables`](StoreErrorKind::OldTables): the tables must be
    /// created or migrated; [`Schema`](StoreErrorKind::Schema): a later program is needed.
    pub fn check(self, program: i32, writes: bool) -> Result<(), StoreError> {
        let refused = |kind, message: String| Err(StoreError::new(kind, message));
        let version = self.version;
        if version == 0 {
            return refused(
                StoreErrorKind::NoTables,
                "the store has no tables".to_owned(),
            );
        }
        if version < program {
            return refused(
                StoreErrorKind::OldTables,
                format!(
                    "the tables of the store are of version {version}, and this program needs version {program}"
                ),
            );
        }
        if program < self.oldest_reader {
            return refused(
                StoreErrorKind::Schema,
                format!(
                    "the tables of the store are of version {version}, which this program cannot read: use a later program"
                ),
            );
        }
        if writes && program < self.oldest_writer {
            let message = "the tables of the store were changed by a later program: \
                           this one can list and show runs, but not write: use the later one";
            return refused(StoreErrorKind::Schema, message.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
