//! The store that `--store` or `ECSCTL_STORE` names, and how its password is found.

#[cfg(not(feature = "postgres"))]
mod absent;
#[cfg(feature = "postgres")]
mod postgres;

#[cfg(not(feature = "postgres"))]
pub(crate) use absent::{Store, admin};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Store, admin};

use std::path::Path;

use crate::args::Global;
use crate::fail::Fail;

/// The variable that names the store.
pub(crate) const VARIABLE: &str = "ECSCTL_STORE";

/// The address of a store.
pub(crate) struct Named {
    pub(crate) address: String,
    /// Whether it stands on the command line, where others can see it.
    pub(crate) is_argument: bool,
}

/// The store that is to be used, if one is named.
pub(crate) fn named(global: &Global) -> Option<Named> {
    if let Some(address) = &global.store.store {
        return Some(Named {
            address: address.clone(),
            is_argument: true,
        });
    }
    let address = std::env::var(VARIABLE).ok();
    let address = address.filter(|address| !address.is_empty())?;
    Some(Named {
        address,
        is_argument: false,
    })
}

/// Whether a run that is named like this is in the store. One that only the environment names leaves files to themselves.
pub(crate) fn has_run(global: &Global, run: &Path) -> bool {
    named(global).is_some_and(|named| named.is_argument || !run.is_file())
}

/// A command that needs a store.
pub(crate) fn not_named() -> Fail {
    Fail::usage("no store is named").hint(format!(
        "add --store postgres://USER@HOST/DATABASE, or set {VARIABLE}"
    ))
}
