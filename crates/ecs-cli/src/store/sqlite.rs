//! With the feature `sqlite`: a store in a file.

use ecs_ops::auth::BoxFuture;
use ecs_ops::store::{Store, StoreError, StoreErrorKind};
use ecs_store_sqlite::{SqliteOptions, SqliteStore};

use super::target::{FILE, StoreStatus, Target};

impl Target for SqliteOptions {
    fn address(&self) -> String {
        format!("{FILE}{}", self.file.display())
    }

    fn open(self: Box<Self>, writes: bool) -> BoxFuture<'static, Result<Store, StoreError>> {
        Box::pin(async move {
            let store = if writes {
                SqliteStore::open(*self).await?
            } else {
                SqliteStore::open_read_only(*self).await?
            };
            Ok((*store).clone())
        })
    }

    fn migrate(
        self: Box<Self>,
        grant_to: Vec<String>,
    ) -> BoxFuture<'static, Result<(i32, i32), StoreError>> {
        Box::pin(async move {
            if !grant_to.is_empty() {
                let message = "a store in a file has no roles: remove --grant-to, and change the permissions of the file";
                return Err(StoreError::new(StoreErrorKind::Invalid, message));
            }
            SqliteStore::migrate(*self).await
        })
    }

    fn check(self: Box<Self>) -> BoxFuture<'static, Result<StoreStatus, StoreError>> {
        Box::pin(async move {
            let check = SqliteStore::check(*self).await?;
            Ok(StoreStatus {
                engine: "SQLite",
                server: check.sqlite,
                role: None,
                schema: check.schema,
                program_schema: check.program_schema,
                runs: check.runs,
            })
        })
    }
}
