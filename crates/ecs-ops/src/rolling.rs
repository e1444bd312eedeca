//! Rolling restarts: which servers come when, and when it stops.
//!
//! | item | says |
//! |---|---|
//! | [`CountOrPercent`] | what `5` or `10%` of the servers is |
//! | [`Waves`], [`Member`], [`Order`] | which servers are acted on together, and in which order |
//! | [`Rules`], [`AfterCanary`] | when the run pauses, asks and stops |
//! | [`StopReason`] | which rule stopped it |
//!
//! [`RunBuilder::waves`](crate::RunBuilder::waves) takes a size and rules,
//! [`RunBuilder::rolling`](crate::RunBuilder::rolling) waves that were planned here.
//!
//! Within the crate, `state` decides what comes next: a wave, a health check, a question, a pause,
//! or the end; `escalate` and `hang`, whether a server whose soft restart failed, or that hangs in it,
//! is restarted hard. All are pure.

mod brake;
mod count_or_percent;
mod escalate;
mod hang;
mod plan;
mod reason;
mod state;

pub use count_or_percent::{CountOrPercent, ParseCountOrPercentError};
pub(crate) use escalate::{Escalation, FirstRestart, escalate};
pub use hang::MIN_HANG;
pub(crate) use hang::{HangHistory, HangReading, escalate_hang};
pub use plan::{Member, Order, Waves};
pub use reason::StopReason;
pub use state::{AfterCanary, Rules};
pub(crate) use state::{Rolling, WaveAction, WaveEvent};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
