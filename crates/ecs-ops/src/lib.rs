//! Restart, start and stop fleets of Elastic Cloud Servers, and get one outcome for every server.
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`]: sends requests to one project of one endpoint |
//! | `runs` | [`RunBuilder`], [`Run`], [`Plan`]: a list of servers, split into requests, submitted, polled, reported |
//! | `action`, `report` | [`PowerAction`]; [`Report`]: one [`Outcome`] for each server; [`Problem`]: why not |
//! | `event` | [`Event`]: what happens during a run |
//! | [`active`] | which runs are active now, so that no two act on the same server: the trait of a store |
//! | `control` | [`Control`]: stops a run from outside |
//! | `jobs`, `ticket` | [`JobWatch`], [`JobsWatch`], [`JobTicket`], [`Polling`]: waits for jobs |
//! | `quota` | never more servers than the quota in any window |
//! | [`fleet`] | what is read before a run: whole lists, states, members of auto-scaling groups |
//! | [`journal`] | what a run did, on disk, so that another process can resume it |
//! | [`selection`] | which servers are meant: by id, name, tag, status and more |
//! | [`rolling`] | waves, failure budgets, stops: pure decisions |
//!
//! The retry loop, and everything about one request, is the crate `ecs-client`: [`RetryPolicy`],
//! [`Error`], [`Endpoint`] and [`Probe`] come from there. [`model`], [`transport`] and [`auth`]
//! re-export the other crates, so one dependency is enough.
//!
//! ```
//! use ecs_ops::auth::{Credentials, StaticCredentials};
//! use ecs_ops::model::RebootType;
//! use ecs_ops::Client;
//! # use ecs_sim::{Region, SimTransport};
//! # use secrecy::ExposeSecret as _;
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! # let region = Region::builder().servers(3).build()?;
//! # let servers: Vec<_> = region.servers().collect();
//! # let project = region.identity().project_id.clone();
//! # let token = region.identity().token.expose_secret().to_owned();
//! # let transport = SimTransport::new(region);
//!
//! // `transport`: the hyper transport, one of your own, or here the simulator.
//! let client = Client::builder("https://ecs.eu-de.otc.t-systems.com".parse()?, project)
//!     .credentials(StaticCredentials::new(Credentials::token(token)?))
//!     .transport(transport)
//!     .build()?;
//! let mut run = client.reboot(RebootType::Soft, servers).start().await?; // checks everything, sends nothing
//! let mut events = run.events();
//! let report = run.await; // one outcome for each server
//! assert_eq!(report.summary().succeeded, 3);
//! while let Some(event) = events.next().await {
//!     println!("{event:?}");
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Events of a run that has a task of its own:
//!
//! ```
//! # use ecs_ops::{Client, Event, model::ServerId};
//! # async fn example(client: Client, servers: Vec<ServerId>) -> Result<(), Box<dyn std::error::Error>> {
//! let mut run = client.start(servers).start().await?;
//! let mut events = run.events();
//! let control = run.control();
//! let run = tokio::spawn(run.into_future()); // needs `use std::future::IntoFuture`
//! # use std::future::IntoFuture as _;
//! while let Some(event) = events.next().await {
//!     if let Event::Throttled { .. } = event {
//!         control.stop_submitting(); // what was accepted is still watched
//!     }
//! }
//! let report = run.await?;
//! # let _ = report; Ok(()) }
//! ```
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
mod jobs;
pub mod journal;
mod quota;
mod report;
pub mod rolling;
mod runs;
#[cfg(test)]
mod scripted;
pub mod selection;
mod ticket;

pub use ecs_auth as auth;
pub use ecs_model as model;
pub use ecs_transport as transport;

pub use action::PowerAction;
pub use client::{Client, ClientBuilder};
pub use control::Control;
pub use ecs_client::{
    Endpoint, Error, ErrorKind, ParseEndpointError, Probe, ProbeEnd, Problem, RetryPolicy,
};
pub use event::{Event, Events};
pub use jobs::{JobEnd, JobEvent, JobEvents, JobWatch, JobsWatch, Polling, WatchedJob};
pub use report::{Evidence, JobReport, Outcome, Report, ServerReport, Stopped, Summary};
pub use runs::{FinishedWave, Plan, Run, RunBuilder};
pub use selection::{Selection, ServerRef};
pub use ticket::JobTicket;
