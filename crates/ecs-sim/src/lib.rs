//! A region that isn't there.
mod accepted;
mod answer;
mod config;
mod error;
mod fleet;
mod identity;
mod jobs;
mod query;
mod quota;
mod region;
mod render;
mod seed;

pub use accepted::{Acceptance, AcceptanceLog};
pub use config::{
    DEFAULT_DURATIONS, DEFAULT_QUOTA, DEFAULT_SERVERS, JOB_RETENTION, MAX_SERVERS, QUOTA_WINDOW,
    RegionBuilder, Throttling,
};
pub use error::{SimError, SimErrorKind};
pub use fleet::{Action, ActionKind};
pub use identity::Identity;
pub use region::Region;
