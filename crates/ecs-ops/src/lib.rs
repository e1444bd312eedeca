//! Restart, start and stop fleets of Elastic Cloud Servers, and know server by server what became of each.
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`]: who talks to which project of which service, and how |
//! | `runs` | [`RunBuilder`], [`Run`], [`Plan`]: a list of servers, split, submitted, watched, reported |
//! | `action`, `report` | [`PowerAction`]; [`Report`]: one [`Outcome`] for each server; [`Problem`]: why not |
//! | `event` | [`Event`]: what happens on the way |
//! | `control` | [`Control`]: stopping a run from outside |
//! | `jobs`, `ticket` | [`JobWatch`], [`JobsWatch`], [`JobTicket`], [`Polling`]: waiting for jobs |
//! | `quota` | never more servers than the quota in any window |
//! | [`fleet`] | what is looked at before a run: whole lists, states, members of auto-scaling groups |
//! | [`journal`] | what a run did, on disk, so that another process can go on |
//! | [`selection`] | which servers are meant: by id, name, tag, status and more |
//! | [`rolling`] | waves, failure budgets, stops: pure decisions |
//!
//! The retry loop, and all that is about one request, is the crate `ecs-client`: [`RetryPolicy`], [`Error`], [`Endpoint`] and
//! [`Probe`] come from there. [`model`], [`transport`] and [`auth`] are the other crates below, so that one dependency is
//! enough.
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
//! Events on the way, beside a run that has a task of its own:
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
//! A restart is sent again only if it is certain that the service did not execute it. Where that is not certain, the
//! servers are reported as [`Outcome::Unknown`], and nobody sends anything behind your back.

mod action;
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
pub use runs::{Plan, Run, RunBuilder};
pub use selection::{Selection, ServerRef};
pub use ticket::JobTicket;
