//! Rolling restarts, as pure decisions: which servers come when, when it stops, and which server
//! gets a second try.
//!
//! | item | decides |
//! |---|---|
//! | [`CountOrPercent`] | what `5` or `10%` of the servers is |
//! | [`Waves`] | which servers are acted on together, and in which order |
//! | [`Rolling`] | what comes next: a wave, a health check, a question, a pause, or the end |
//! | [`escalate`] | whether a server whose soft restart went badly is restarted hard |
//! | [`escalate_hang`] | whether a server that hangs in its soft restart is restarted hard |
//!
//! No clock, no I/O: whoever carries the decisions out tells [`Rolling`] what happened.
//!
//! ```
//! use ecs_ops::model::ServerId;
//! use ecs_ops::rolling::{WaveAction, WaveEvent, Member, Order, Rolling, Rules, CountOrPercent, Waves};
//!
//! let ids: Vec<_> = (1..=10).map(|n| ServerId::from_bytes([n; 16])).collect();
//! let members: Vec<_> = ids.iter().map(|id| Member::new(*id)).collect();
//! let waves = Waves::plan(&members, "40%".parse()?, None, Order::AsGiven)?;
//! let rules = Rules { max_failures: Some(CountOrPercent::Count(1)), ..Rules::default() };
//! let mut rolling = Rolling::new(waves.waves, rules);
//!
//! assert_eq!(rolling.action(), WaveAction::Start { wave: 0 });
//! rolling.on(WaveEvent::Began { wave: 0 });
//! for server in &ids[..4] {
//!     rolling.on(WaveEvent::Ended { server: *server, succeeded: false });
//! }
//! assert!(matches!(rolling.action(), WaveAction::Stop(_)));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod brake;
mod count_or_percent;
mod escalate;
mod hang;
mod plan;
mod reason;
mod state;

pub use count_or_percent::{CountOrPercent, ParseCountOrPercentError};
pub use escalate::{Escalation, FirstRestart, escalate};
pub use hang::{HangHistory, HangReading, MIN_HANG, escalate_hang};
pub use plan::{Member, Order, Waves};
pub use reason::StopReason;
pub use state::{AfterCanary, Rolling, Rules, WaveAction, WaveEvent};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
