//! The versions of a store's tables, and which programs may use them. Pure.

use super::{StoreError, StoreErrorKind};

/// A step to a later version of the tables.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The version that it leads to.
    pub version: i32,
    /// What makes it.
    pub statements: &'static str,
    /// The oldest version of a program that may still write after it.
    pub oldest_writer: i32,
    /// The oldest version of a program that may still read after it.
    pub oldest_reader: i32,
}

/// The version of the tables that are there, and which programs may write and read them. Version 0:
/// there are none.
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
    /// Whether a program of this version may use the tables: to write, or to list and show runs only.
    ///
    /// # Errors
    /// [`Schema`](StoreErrorKind::Schema): it may not, with what to do.
    pub fn check(self, program: i32, writes: bool) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests;
