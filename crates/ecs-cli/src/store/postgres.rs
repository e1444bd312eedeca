//! With the feature `postgres`: a store in a PostgreSQL database.

mod password;

use ecs_ops::auth::BoxFuture;
use ecs_ops::store::{Store, StoreError};
use ecs_store_postgres::{PostgresStore, StoreAddress, StoreOptions};

use super::target::{StoreStatus, Target, process};
use super::{Named, VARIABLE, fail};
use crate::args::Global;
use crate::fail::CliError;

impl Target for StoreOptions {
    fn address(&self) -> String {
        self.address.to_string()
    }

    fn open(self: Box<Self>, writes: bool) -> BoxFuture<'static, Result<Store, StoreError>> {
        Box::pin(async move {
            let store = if writes {
                PostgresStore::open(*self).await?
            } else {
                PostgresStore::open_read_only(*self).await?
            };
            Ok((*store).clone())
        })
    }

    fn migrate(
        self: Box<Self>,
        grant_to: Vec<String>,
    ) -> BoxFuture<'static, Result<(i32, i32), StoreError>> {
        Box::pin(async move { PostgresStore::migrate(*self, &grant_to).await })
    }

    fn check(self: Box<Self>) -> BoxFuture<'static, Result<StoreStatus, StoreError>> {
        Box::pin(async move {
            let check = PostgresStore::check(*self).await?;
            Ok(StoreStatus {
                engine: "PostgreSQL",
                server: check.server,
                role: Some(check.role),
                schema: check.schema,
                program_schema: check.program_schema,
                runs: check.runs,
            })
        })
    }
}

/// Returns the address without its password.
pub(super) fn shown(address: &str) -> String {
    match address.parse::<StoreAddress>() {
        Ok(address) => address.to_string(),
        // The address may contain a password.
        Err(error) => format!("({error})"),
    }
}

pub(super) fn options(named: Named, global: &Global) -> Result<StoreOptions, CliError> {
    let address: StoreAddress = named.address.parse().map_err(|error| fail(&error))?;
    if named.origin != VARIABLE && address.has_password() {
        return Err(CliError::usage(format!(
            "{} contains a password, which other users can see: an argument in the list of processes, a setting in its file",
            named.origin
        ))
        .hint("remove it from the address, and change it: then use --store-password-file, PGPASSWORD or ~/.pgpass"));
    }
    let address = password::complete(address, global)?;
    Ok(StoreOptions::new(address, process()))
}
