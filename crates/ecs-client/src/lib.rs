//! The request layer of the Elastic Cloud Server API: when a request may be sent, with which
//! credentials, what its answer proves, and whether it may be sent again.
//!
//! [`Client::execute`] is the only retry loop of the workspace. For each attempt it waits for its
//! turn, takes credentials, sends the request, classifies the answer, decides, and calls the
//! caller's hooks. An action, a request that must not be executed twice, is sent again only on
//! proof that it was not executed.
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`], [`ClientBuilder`]: a project of a service, credentials, a transport; simple reads |
//! | `execute` | the retry loop: attempts, credentials that were refused |
//! | [`policy`] | what an outcome proves ([`policy::classify`]) and what follows from it ([`RetryPolicy`]): pure decisions |
//! | `context`, `hooks` | [`RequestContext`]: the class of a request; [`ActionHooks`]: what happens around its attempts |
//! | `send_state` | [`SendState`]: whether an action may have been sent, also after its future was dropped |
//! | `request_error`, `error`, `problem` | [`RequestError`], [`Error`]: why a request or an operation failed; [`Problem`]: the same, as text for reports |
//! | `health` | [`ServiceHealth`]: throttling and outages, shared by all requests of a client |
//! | `rate_limiter` | evenly spaced requests; those that act on servers go first |
//! | [`clock`] | tokio's time, the wall clock, and the clock of the service |
//! | `contained` | [`Contained`]: keeps the panics of a caller's code in it |
//! | `endpoint` | [`Endpoint`]: the address of the service |
//! | `probe` | [`Probe`]: one harmless attempt, reported in full |
//! | `service_check` | [`Client::check_service`]: whether the service itself answers, checked before anything acts |
//! | `freshness` | [`Stale`]: why an answer is not current |
//! | `testing` | with the feature of that name: a scripted service |
//!
//! Lists of servers, watching jobs, journals and quotas belong to `ecs-ops`, which gives its
//! [`ActionHooks`] to the loop. A tool that only waits for jobs needs a client of this crate and
//! `ecs_ops::JobWatcher`.
//!
//! ```
//! use ecs_auth::Credentials;
//! use ecs_client::Client;
//! use ecs_transport::FnTransport;
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//!
//! // The hyper transport, or your own; here a service that gives every request the same answer.
//! let transport = FnTransport::new(|_request, _attempt| async {
//!     let job = r#"{"job_id":"ff80808288d41e1b018990260955686a","status":"RUNNING"}"#;
//!     Ok(http::Response::new(bytes::Bytes::from_static(job.as_bytes())))
//! });
//! let client = Client::builder("https://ecs.eu-de.otc.t-systems.com".parse()?, "p1".parse()?)
//!     .credentials(Credentials::token("a-token")?)
//!     .transport(transport)
//!     .build()?;
//! let job = client.job(&"ff80808288d41e1b018990260955686a".parse()?).await?;
//! assert!(!job.status.is_some_and(|status| status.is_over()));
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod client;
pub mod clock;
mod contained;
mod context;
mod endpoint;
mod error;
mod execute;
mod freshness;
mod health;
mod hooks;
pub mod policy;
mod probe;
mod problem;
mod rate_limiter;
mod request_error;
mod send_state;
mod service_check;
#[cfg(test)]
mod test_support;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use client::{Client, ClientBuilder};
pub use contained::{Contained, Panicked};
pub use context::RequestContext;
pub use endpoint::{Endpoint, ParseEndpointError};
pub use error::{Error, ErrorKind};
pub use freshness::Stale;
pub use health::ServiceHealth;
pub use hooks::{ActionHooks, Notice};
pub use policy::{Classification, RetryPolicy, RetryState};
pub use probe::{Probe, ProbeEnd};
pub use problem::{Problem, ProblemFacts, chain, describe_answer};
pub use request_error::{RequestError, StopCause};
pub use send_state::{NEVER_SENT, SendState, SubmissionOutcome};
pub use service_check::ServiceCheck;
