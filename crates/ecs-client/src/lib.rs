//! One request to the Elastic Cloud Server API, sent right: when it may be sent, with which
//! credentials, what its answer proves, and whether it may be sent again.
//!
//! The only retry loop of the workspace is here: [`Client::execute`]. For each attempt it waits for
//! its turn, takes credentials, sends, classifies what came back, decides, and tells the caller. An
//! action, a request that must not be executed twice, is sent again only on proof that it was not
//! executed.
//!
//! | module | holds |
//! |---|---|
//! | `client` | [`Client`], [`ClientBuilder`]: a project of a service, credentials, a transport; simple reads |
//! | `execute` | the retry loop: attempts, credentials that were refused |
//! | [`policy`] | what an outcome proves ([`policy::classify`]) and what follows from it ([`RetryPolicy`]): pure decisions |
//! | `context`, `hooks` | [`RequestContext`]: how long a request is worth trying; [`ActionHooks`]: what happens around its attempts |
//! | `send_state` | [`SendState`]: whether an action may have been sent, also after its future was dropped |
//! | `request_error`, `error`, `problem` | [`RequestError`], [`Error`]: why it failed; [`Problem`]: the same, as text for reports |
//! | `health` | [`ServiceHealth`]: what all requests of a client learn from each other: throttling, outages |
//! | `rate_limiter` | requests evenly spread; those that act on servers go first |
//! | [`clock`] | tokio's time, the wall clock, and the clock of the service |
//! | `endpoint` | [`Endpoint`]: where the service is |
//! | `probe` | [`Probe`]: one harmless attempt, reported in full |
//! | `service_check` | [`Client::check_service`]: whether what answers is the service, before anything is sent that acts |
//! | `freshness` | [`Stale`]: why an answer is no evidence of now |
//! | `testing` | with the feature of that name: a scripted service |
//!
//! It knows nothing of lists of servers, of jobs beyond reading one, of journals and quotas: that
//! is `ecs-ops`, which gives [`ActionHooks`] to the loop.
//!
//! ```
//! use ecs_auth::{Credentials, StaticCredentials};
//! use ecs_client::Client;
//! use ecs_transport::FnTransport;
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//!
//! // The hyper transport, or one of your own; here a service that says the same to everything.
//! let transport = FnTransport::new(|_request, _attempt| async {
//!     let job = r#"{"job_id":"ff80808288d41e1b018990260955686a","status":"RUNNING"}"#;
//!     Ok(http::Response::new(bytes::Bytes::from_static(job.as_bytes())))
//! });
//! let client = Client::builder("https://ecs.eu-de.otc.t-systems.com".parse()?, "p1".parse()?)
//!     .credentials(StaticCredentials::new(Credentials::token("a-token")?))
//!     .transport(transport)
//!     .build()?;
//! let job = client.job(&"ff80808288d41e1b018990260955686a".parse()?).await?;
//! assert!(!job.status.is_some_and(|status| status.is_over()));
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod client;
pub mod clock;
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
