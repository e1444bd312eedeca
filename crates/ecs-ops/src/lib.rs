//! Restart, start and stop fleets of Elastic Cloud Servers, and get one outcome for every server.
//!
//! ```
//! use ecs_ops::auth::Credentials;
//! use ecs_ops::{Client, RebootType};
//! # use ecs_sim::{Region, SimTransport};
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! # let region = Region::builder().servers(3).build()?;
//! # let servers: Vec<_> = region.servers().collect();
//! # let project = region.identity().project_id.clone();
//! # let credentials: Credentials = region.identity().credentials()?;
//! # let transport = SimTransport::new(region);
//!
//! // `transport`: the hyper transport, one of your own, or here the simulator.
//! let client = Client::builder("https://ecs.eu-de.otc.t-systems.com".parse()?, project)
//!     .credentials(credentials)
//!     .transport(transport)
//!     .build()?;
//! let plan = client.reboot(RebootType::Soft, servers).plan()?; // checks everything, sends nothing
//! let report = plan.report().await?; // one outcome for each server
//! assert_eq!(report.succeeded().count(), 3);
//! for server in report.failed().chain(report.unknown()) {
//!     println!("{}: {:?}", server.id, server.outcome);
//! }
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | call |
//! |---|---|
//! | use the credentials of this machine, as `ecsctl` finds them | [`CredentialChain::from_env`](auth::CredentialChain::from_env), [`Client::builder_of`] |
//! | choose servers by name, tag, status and more | [`Selection`], [`Client::servers`] |
//! | check a run, show it, ask, and begin it | [`RunBuilder::plan`], [`Plan::begin`] |
//! | survive a crash | [`RunBuilder::journal_in`], [`Client::resume`] |
//! | restart in waves, with a canary and health checks | [`RunBuilder::waves`] |
//! | see what happens, in this task or another | [`Run::events`], [`Run::spawn`] |
//! | stop a run, or let another process resume it | [`Control`] |
//! | wait for jobs, also of other processes | [`Client::watch`], [`JobWatcher`], [`JobTicket`] |
//! | bring a transport | [`transport::Transport`], and what a careless one meets: `docs/own-transport.md` |
//! | print an error with its causes | [`chain`], [`Error::problem`] |
//!
//! # Never twice
//!
//! A restart is sent again only if the service certainly did not execute it. Otherwise the servers
//! are reported as [`Outcome::Unknown`], and nothing is sent again without your consent.
//!
//! # Modules
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`]: sends requests to one project of one endpoint |
//! | `runs` | [`RunBuilder`], [`Plan`], [`Run`], [`RunHandle`]: a list of servers, split into requests, submitted, polled, reported |
//! | `action`, `report` | [`PowerAction`]; [`Report`]: one [`Outcome`] for each server; [`Problem`]: why not |
//! | `event` | [`Event`], [`Events`]: what happens during a run, as a stream |
//! | `control` | [`Control`]: stops a run from outside |
//! | `quota` | never more servers than the quota in any window |
//! | [`jobs`] | waits for jobs: watches, their events, how often jobs are polled |
//! | [`fleet`] | what is read before a run: whole lists, states, members of auto-scaling groups |
//! | [`selection`] | which servers are meant |
//! | [`rolling`] | waves, failure budgets, stops: pure decisions |
//! | [`journal`] | what a run did, on disk, so that another process can resume it |
//! | [`store`], [`active`] | runs that processes share: journals, quota and leases in a database; which runs are active |
//!
//! The retry loop, and everything about one request, is the crate `ecs-client`: [`RetryPolicy`],
//! [`Error`], [`Endpoint`] and [`Probe`] come from there. [`model`], [`transport`] and [`auth`]
//! re-export the other crates, so that a tool needs one dependency; [`transport`] also has the
//! crates `http` and `bytes`, whose types a transport of one's own needs, and [`journal`] has `jiff`.

mod action;
pub mod active;
mod client;
mod control;
#[cfg(test)]
mod error_chain_tests;
mod event;
pub mod fleet;
pub mod jobs;
pub mod journal;
mod milliseconds;
mod quota;
mod report;
pub mod rolling;
#[cfg(test)]
mod round_trip_tests;
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
pub use ecs_model::{RebootType, ServerId};
pub use event::{Event, Events};
pub use report::{Evidence, JobReport, Outcome, Report, ServerReport, Stopped, Summary};
pub use runs::{OnUnknown, Plan, Run, RunBuilder, RunHandle};
pub use {action::PowerAction, control::Control};

pub use ecs_client::{ParseEndpointError, Probe, ProbeEnd, RetryPolicy, chain};
pub use jobs::JobWatcher;
pub use runs::FinishedWave;
pub use selection::Selection;
pub use ticket::JobTicket;
