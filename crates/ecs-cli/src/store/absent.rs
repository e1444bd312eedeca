//! Without the feature `postgres`: a store that is named is refused.

use std::convert::Infallible;
use std::sync::Arc;

use ecs_ops::journal::{Contents, HeldServer, Journal};
use ecs_ops::model::ServerId;

use super::named;
use crate::args::{Global, StoreCommand};
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::term::{Notes, Results};

/// There is none.
pub(crate) struct Store(Infallible);

impl Store {
    pub(crate) async fn open(global: &Global) -> Result<Option<Self>, Fail> {
        match named(global) {
            None => Ok(None),
            Some(_) => Err(without()),
        }
    }

    pub(crate) async fn open_to_read(global: &Global) -> Result<Option<Self>, Fail> {
        Self::open(global).await
    }

    pub(crate) fn address(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        match self.0 {}
    }

    pub(crate) async fn resume(
        &self,
        _: &str,
        _: bool,
    ) -> Result<(Arc<dyn Journal>, Contents), Fail> {
        match self.0 {}
    }

    pub(crate) async fn records(&self, _: &str) -> Result<Contents, Fail> {
        match self.0 {}
    }

    pub(crate) async fn is_active(&self, _: &str) -> Result<bool, Fail> {
        match self.0 {}
    }

    pub(crate) async fn held(
        &self,
        _: &Connection,
        _: &[ServerId],
    ) -> Result<Vec<HeldServer>, Fail> {
        match self.0 {}
    }

    pub(crate) async fn list(&self, _: u32) -> Result<Vec<serde_json::Value>, Fail> {
        match self.0 {}
    }
}

/// An address without its password, for people.
pub(crate) fn shown(_: &str) -> String {
    "(not used by this build)".to_owned()
}

/// `store …`.
pub(crate) async fn admin(
    _: &StoreCommand,
    _: &Global,
    _: &Notes,
    _: &mut Results,
) -> Result<Exit, Fail> {
    Err(without())
}

fn without() -> Fail {
    Fail::usage("this ecsctl was built without the feature `postgres`, so it cannot use a store").hint(
        "build it with `cargo build --release -p ecs-cli --features postgres`, or leave --store and ECSCTL_STORE out",
    )
}
