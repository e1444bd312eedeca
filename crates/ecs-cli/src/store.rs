//! The store that `--store` or `ECSCTL_STORE` names, and how its password is found.

#[cfg(not(feature = "postgres"))]
mod absent;
#[cfg(feature = "postgres")]
mod postgres;

#[cfg(not(feature = "postgres"))]
pub(crate) use absent::{Store, admin, shown};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Store, admin, shown};

use std::path::Path;

use crate::args::Global;
use crate::fail::Fail;

/// The variable that names the store.
pub(crate) const VARIABLE: &str = "ECSCTL_STORE";

/// The address of a store.
pub(crate) struct Named {
    pub(crate) address: String,
    /// What names it.
    pub(crate) origin: String,
}

const OPTION: &str = "--store";

/// The store that is to be used, if one is named.
pub(crate) fn named(global: &Global) -> Option<Named> {
    let option = global.store.store.clone();
    let option = option.map(|address| (address, OPTION.to_owned()));
    let (address, origin) = option.or_else(|| global.settings.store.clone())?;
    Some(Named { address, origin })
}

/// Whether a run that is named like this is in the store. One that only settings name leaves files to themselves.
pub(crate) fn has_run(global: &Global, run: &Path) -> bool {
    named(global).is_some_and(|named| named.origin == OPTION || !run.is_file())
}

/// A command that needs a store.
pub(crate) fn not_named() -> Fail {
    Fail::usage("no store is named").hint(format!(
        "add --store postgres://USER@HOST/DATABASE, or set {VARIABLE}"
    ))
}
