//! A simulated region.
//!
//! It implements the documented behaviour of the Elastic Cloud Server API for restarts, starts and
//! stops of many servers, for jobs and for servers: on its own clock, from a seed, without an
//! account, for development and tests.
//!
//! Clients authenticate as with the real one: by a token or by a signature. At the same address the
//! region has an identity service (`GET /v3`, `GET /v3/auth/tokens`, `POST /v3/auth/tokens` by
//! password, with a passcode, by a token, by an agency; `GET /v3/projects`), a metadata service
//! with temporary keys (`/openstack/latest/securitykey`, sessions at `/meta-data/latest/api/token`,
//! server, region and project in `/openstack/latest/meta_data.json`), and Auto Scaling (`GET
//! /autoscaling-api/v1/{project_id}/scaling_group` and `…/scaling_group_instance/{id}/list`).
//! Tokens and temporary keys expire, and a signature may be off by 15 minutes, by the region's
//! calendar ([`RegionBuilder::epoch`]; signatures always at the speed of real time);
//! [`WRONG_SIGNATURES`] in a row lock a key for [`KEY_LOCK`].
//!
//! It can be used in three ways, from the inside out:
//! - [`Region`] is a pure state machine: it maps a request and a time to an answer.
//! - [`SimTransport`] is a region as a [`Transport`](ecs_transport::Transport): without sockets,
//!   and without waiting under a paused tokio clock.
//! - [`Server`] serves it over HTTP or HTTPS, also to other clients; [`SimServer`] does so in the
//!   background.
//!
//! A restart of three servers, on virtual time:
//!
//! ```
//! use std::time::Duration;
//! use ecs_model::{BatchRebootServers, JobStatus, Operation, RebootType, ShowJob};
//! use ecs_sim::{Region, SimTransport};
//! use ecs_transport::{Attempt, Transport};
//! use secrecy::ExposeSecret;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
//! let region = Region::builder().servers(3).seed(1).build()?;
//! let servers: Vec<_> = region.servers().collect();
//! let identity = region.identity().clone();
//! let transport = SimTransport::new(region);
//! let send = async |mut request: http::Request<bytes::Bytes>| {
//!     let token = identity.token.expose_secret().parse()?;
//!     request.headers_mut().insert("x-auth-token", token);
//!     let (head, body) = transport.send(request, &Attempt::first()).await?.into_parts();
//!     Ok::<_, Box<dyn std::error::Error>>((head.status, head.headers, body))
//! };
//!
//! let restart = BatchRebootServers::new(RebootType::Soft, servers)?;
//! let (status, headers, body) = send(restart.encode(&identity.project_id)).await?;
//! let accepted = BatchRebootServers::decode(status, &headers, &body)?;
//!
//! tokio::time::sleep(Duration::from_secs(40)).await; // virtual: over at once
//! let query = ShowJob::new(accepted.job_id);
//! let (status, headers, body) = send(query.encode(&identity.project_id)).await?;
//! assert_eq!(ShowJob::decode(status, &headers, &body)?.status, Some(JobStatus::Success));
//!
//! // The region's own record, whatever the client received:
//! assert_eq!(transport.region().with(|region| region.accepted().most_times()), 1);
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `config`, `settings` | [`RegionBuilder`]; [`Throttling`], [`Metadata`], the defaults |
//! | `action` | [`Action`]: actions on servers |
//! | `region` | [`Region`]; in it `routes` (dispatch of requests), `gate` (authentication), `actions` (restart, start, stop), `iam`, `metadata` and `scaling` (the other services) |
//! | `fleet`, `jobs` | servers and jobs, whose state is a function of the time |
//! | `listing` | [`ListQuirk`]: misbehaving lists |
//! | `scaling` | [`ScalingGroup`] |
//! | `records` | [`ActionRecords`], [`OtherAction`]: records of actions, with their users |
//! | `quota` | the window of 60 seconds |
//! | `query` | filters and pages of the list |
//! | `answer`, `render`, `attributes` | the families of errors; servers and jobs as JSON |
//! | `accepted` | [`AcceptanceLog`]: the accepted requests, for tests |
//! | `identity`, `seed` | [`Identity`]: invented credentials; randomness |
//! | `admission` | issued tokens and keys, and their locks |
//! | `clock`, `shared` | the region's time on tokio's; [`SharedRegion`] |
//! | `transport` | [`SimTransport`] |
//! | `faults` | [`FaultyTransport`]: faults on the way and at the service, by seed ([`Faults`], [`Trace`]) |
//! | `serve` | [`Server`], [`SimServer`], [`Tls`], [`ServerInfo`] |
//!
//! It does not support: users, projects and agencies other than one of each, revoking tokens,
//! locking a user after wrong passwords; a token of an agency has the rights of the user. The
//! region itself never misbehaves: it loses no request and answers without extra delay.
//! [`FaultyTransport`] adds faults.

mod accepted;
mod action;
mod admission;
mod answer;
mod attributes;
mod clock;
mod config;
mod error;
mod faults;
mod fleet;
mod identity;
mod jobs;
mod listing;
mod query;
mod quota;
mod records;
mod region;
mod render;
mod scaling;
mod seed;
mod serve;
mod settings;
mod shared;
mod traces;
mod transport;

pub use accepted::{Acceptance, AcceptanceLog};
pub use action::{Action, ActionKind};
pub use config::RegionBuilder;
pub use error::{SimError, SimErrorKind};
pub use faults::{
    Asked, Exchange, Fault, Faults, FaultyTransport, Part, Received, Shape, ShownJob, Target, Trace,
};
pub use identity::Identity;
pub use listing::{FILTERED_IDS, IdFilter, ListQuirk};
pub use records::{ActionRecords, OtherAction};
pub use region::Region;
pub use scaling::ScalingGroup;
pub use serve::{DEFAULT_LISTEN, REQUEST_LIMIT, Server, ServerBuilder, ServerInfo, SimServer, Tls};
pub use settings::{
    DEFAULT_DURATIONS, DEFAULT_KEY_LIFE, DEFAULT_QUOTA, DEFAULT_SERVERS, DEFAULT_TOKEN_LIFE,
    HANG_LIMIT, JOB_RETENTION, KEY_LOCK, MAX_SERVERS, Metadata, PERMISSIONS, QUOTA_WINDOW,
    Throttling, WRONG_SIGNATURES,
};
pub use shared::SharedRegion;
pub use traces::TraceAccess;
pub use transport::SimTransport;
