//! The reads before a run acts: the servers, their states, and the services that depend on them.
//!
//! | module | holds |
//! |---|---|
//! | `filter` | what the service filters a list by |
//! | `known_place` | what a client has learned of the place that it reads servers from |
//! | `listing` | following the pages of a list until it is whole: pure |
//! | `read` | reading such a list, with new tries where its pages do not add up |
//! | `subset` | reading some servers of a project by the fewest queries |
//! | `lookup` | the states of servers that were named by their ids: [`Lookup`] |
//! | `screen` | the servers that a run skips, and the one that it acts on last: pure, [`Screen`] |
//! | `readiness` | whether an action on a server can succeed: pure, [`Unready`] |
//! | `recheck` | whether servers of a later wave are still ready: pure, [`WaveRecheck`] |
//! | `records_check` | which records of actions an account can read: [`RecordsCheck`] |
//! | `estimate` | how long a run will take: pure, [`Estimate`] |
//! | `scaling` | members of groups of auto-scaling: [`ScalingMembers`] |

mod estimate;
mod filter;
mod known_place;
mod listing;
mod lookup;
mod read;
mod readiness;
mod recheck;
mod records_check;
mod scaling;
mod screen;
mod subset;

pub use estimate::{Estimate, Pace, USUAL_JOB};
pub use lookup::Lookup;
pub use readiness::{Unready, UnreadyServer};
pub use recheck::WaveRecheck;
pub use records_check::{RecordAccess, RecordsCheck};
pub use scaling::{ScalingGroupSummary, ScalingMembers, endangers_members};
pub use screen::{Choice, Screen, Screened, SkipReason, SkippedServer};

pub(crate) use filter::ListFilter;
pub(crate) use known_place::KnownPlace;
pub(crate) use read::{filtered_servers, servers};
pub(crate) use recheck::reasons;
pub(crate) use subset::ReadPurpose;
