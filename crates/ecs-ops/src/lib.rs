//! Restart, start and stop fleets of Elastic Cloud Servers, and know server by server what became of each.
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`]: who talks to which project of which service, and how |
//! | `batch` | [`RunBuilder`], [`Run`], [`Plan`]: a list of servers, split, submitted, watched, reported |
//! | `report` | [`Report`]: one [`Outcome`] for each server |
//! | `event` | [`Event`]: what happens on the way |
//! | `control` | [`Control`]: stopping a run from outside |
//! | `jobs` | [`JobWait`], [`Polling`]: waiting for jobs |
//! | `exec` | the one retry loop |
//! | [`policy`] | what to do after an attempt: pure decisions |
//! | `pace` | never more servers than the quota in any window |
//!
//! [`model`], [`transport`] and [`auth`] are the crates below, so that one dependency is enough.
//!
//! # Never twice
//!
//! A restart is sent again only if it is certain that the service did not execute it. Where that is not certain, the
//! servers are reported as [`Outcome::Unknown`], and nobody sends anything behind your back.

mod batch;
mod client;
mod clock;
mod control;
mod endpoint;
mod error;
mod event;
mod exec;
mod jobs;
mod pace;
pub mod policy;
mod report;

pub use ecs_auth as auth;
pub use ecs_model as model;
pub use ecs_transport as transport;

pub use batch::{Plan, Run, RunBuilder};
pub use client::{Client, ClientBuilder};
pub use control::Control;
pub use endpoint::{Endpoint, ParseEndpointError};
pub use error::{Error, ErrorKind};
pub use event::{Event, Events};
pub use jobs::{JobEnd, JobWait, Polling, WaitedJob};
pub use policy::RetryPolicy;
pub use report::{
    JobReport, Outcome, PowerAction, Problem, Report, ServerReport, Stopped, Summary,
};
