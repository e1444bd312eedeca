//! Output: results and progress.

pub(crate) mod auth;
pub(crate) mod closing;
pub(crate) mod csv;
pub(crate) mod duration;
pub(crate) mod job;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod plan_page;
pub(crate) mod progress;
pub(crate) mod server_actions;
pub(crate) mod servers;
pub(crate) mod show;
pub(crate) mod table;
pub(crate) mod tally;
pub(crate) mod target;
pub(crate) mod text_table;
pub(crate) mod timeline;
mod unready;
