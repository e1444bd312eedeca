//! Restart, start and stop fleets of Elastic Cloud Servers, and get one outcome for every server.
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`]: sends requests to one project of one endpoint; [`Client::builder_of`] the credentials of this machine |
//! | `runs` | [`RunBuilder`], [`Plan`], [`Run`], [`RunHandle`]: a list of servers, split into requests, submitted, polled, reported |
//! | `action`, `report` | [`PowerAction`]; [`Report`]: one [`Outcome`] for each server; [`Problem`]: why not |
//! | `event` | [`Event`], [`Events`]: what happens during a run, as a stream |
//! | [`active`] | which runs are active now, so that no two act on the same server: the trait of a store |
//! | `control` | [`Control`]: stops a run from outside |
//! | [`jobs`] | [`JobWatcher`] waits for jobs, also of other processes: [`JobTicket`] |
//! | `quota` | never more servers than the quota in any window |
//! | [`fleet`] | what is read before a run: whole lists, states, members of auto-scaling groups |
//! | [`journal`] | what a run did, on disk, so that another process can resume it |
//! | [`selection`] | which servers are meant: by id, name, tag, status and more |
//! | [`rolling`] | waves, failure budgets, stops: pure decisions |
//! | [`store`] | runs that processes share: journals, quota and leases in a database |
//!
//! The retry loop, and everything about one request, is the crate `ecs-client`: [`RetryPolicy`],
//! [`Error`], [`Endpoint`] and [`Probe`] come from there. [`model`], [`transport`] and [`auth`]
//! re-export the other crates, so that a tool which only runs needs one dependency; one with a
//! transport of its own also needs `http` and `bytes`.
//!
//! ```
//! use ecs_ops::auth::StaticCredentials;
//! use ecs_ops::model::RebootType;
//! use ecs_ops::Client;
//! # use ecs_sim::{Region, SimTransport};
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! # let region = Region::builder().servers(3).build()?;
//! # let servers: Vec<_> = region.servers().collect();
//! # let project = region.identity().project_id.clone();
//! # let credentials = region.identity().credentials()?;
//! # let transport = SimTransport::new(region);
//!
//! // `transport`: the hyper transport, one of your own, or here the simulator.
//! let client = Client::builder("https://ecs.eu-de.otc.t-systems.com".parse()?, project)
//!     .credentials(StaticCredentials::new(credentials))
//!     .transport(transport)
//!     .build()?;
//! let plan = client.reboot(RebootType::Soft, servers).plan()?; // checks everything, sends nothing
//! let run = plan.begin().await?;
//! let mut events = run.events();
//! let report = run.await; // one outcome for each server
//! assert_eq!(report.succeeded().count(), 3);
//! while let Some(event) = events.next().await {
//!     println!("{event:?}");
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! [`RunBuilder::report`] does all of it in one call; [`Run::spawn`] gives a run a task of its own,
//! and [`RunHandle::control`] stops it. [`JobWatcher`] waits for jobs of other processes.
//!
//! # Never twice
//!
//! A restart is sent again only if the service certainly did not execute it. Otherwise the servers
//! are reported as [`Outcome::Unknown`], and nothing is sent again without your consent.

mod action;
pub mod active;
mod client;
mod control;
mod event;
pub mod fleet;
pub mod jobs;
pub mod journal;
mod quota;
mod report;
pub mod rolling;
mod runs;
#[cfg(test)]
mod scripted;
pub mod selection;
pub mod store;
mod ticket;

pub use ecs_auth as auth;
pub use ecs_model as model;
pub use ecs_transport as transport;

// The main job, in the order of use.
pub use client::{Client, ClientBuilder};
pub use ecs_client::{Endpoint, Error, ErrorKind, Problem};
pub use event::{Event, Events};
pub use report::{Evidence, JobReport, Outcome, Report, ServerReport, Stopped, Summary};
pub use runs::{OnUnknown, Plan, Run, RunBuilder, RunHandle};
pub use {action::PowerAction, control::Control};

pub use ecs_client::{ParseEndpointError, Probe, ProbeEnd, RetryPolicy, chain};
pub use jobs::JobWatcher;
pub use runs::FinishedWave;
pub use selection::Selection;
pub use ticket::JobTicket;
