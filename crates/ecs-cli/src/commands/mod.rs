//! What each command does.

pub(crate) mod auth;
pub(crate) mod explain;
pub(crate) mod job;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod sim;
