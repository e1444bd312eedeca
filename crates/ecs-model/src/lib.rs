//! The ECS API as values: its requests, their encoding, and the meaning of the answers.
//!
//! A request is a checked value that implements [`Operation`]: it encodes itself as an
//! [`http::Request`] and decodes the answer. The crate has no sockets, no clocks and no `async`;
//! sending is the caller's part.
//!
//! - Requests are strict: an id is a UUID, an action names 1 to 1,000 different servers, and all
//!   violations are reported at once, each with its JSON pointer ([`ValidationError`]).
//! - Answers are read leniently: unknown states and codes are kept, unknown fields are ignored
//!   (those of a job's entities are kept), and a field that is absent, null, blank or of the wrong
//!   type loses only its own value. No answer causes a panic.
//! - An answer that is not the expected success is a [`ResponseError`], which keeps the status, the
//!   request id, and the code and message of every form that the service and its gateways use.
//!
//! The description of the API is `api/ecs.openapi.yaml`; types, operations and catalogue entries
//! are generated from it.
//!
//! # Example
//!
//! Restart two servers, read the answer, read a refusal:
//!
//! ```
//! use ecs_model::{BatchRebootServers, Executed, Operation, ProjectId, RebootType};
//! use http::{HeaderMap, StatusCode};
//!
//! let project: ProjectId = "5dd3c0b24cdc4d31952c49589182a89d".parse()?;
//! let servers = vec![
//!     "616fb98f-46ca-475e-917e-2563e5a8cd19".parse()?,
//!     "726FB98F-46CA-475E-917E-2563E5A8CD20".parse()?,
//! ];
//! let request = BatchRebootServers::new(RebootType::Soft, servers)?.encode(&project);
//! assert_eq!(request.uri(), "/v1/5dd3c0b24cdc4d31952c49589182a89d/cloudservers/action");
//! assert!(request.body().starts_with(br#"{"reboot":{"type":"SOFT","servers":[{"id":"616fb98f-"#));
//!
//! // … the request travels, and one of these comes back:
//! let headers = HeaderMap::new();
//! let body = br#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;
//! let accepted = BatchRebootServers::decode(StatusCode::OK, &headers, body)?;
//! assert_eq!(accepted.job_id.as_str(), "ff80808288d41e1b018990260955686a");
//!
//! let body = br#"{"error":{"code":"Ecs.0114","message":"The server does not exist."}}"#;
//! let error = BatchRebootServers::decode(StatusCode::NOT_FOUND, &headers, body).unwrap_err();
//! assert_eq!(error.to_string(), "HTTP 404 Ecs.0114: The server does not exist.");
//! let info = error.info().expect("a documented code");
//! assert_eq!(info.disposition.executed, Executed::No);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map
//!
//! | module | holds |
//! |---|---|
//! | `ids` | [`ServerId`], [`ProjectId`], [`JobId`], [`ScalingGroupId`] |
//! | `operation`, `action`, `query` | [`Operation`]: a request as a value; encoding and decoding of bodies and query strings |
//! | `validate` | [`ValidationError`]: all violations of a request, with JSON pointers |
//! | `open_enum`, `lenient` | how unknown values are read and kept |
//! | `addresses` | [`Addresses`] of a server, by network |
//! | `short` | [`ShortText`]: usually held without an allocation |
//! | `job` | [`JobStatus::is_over`] |
//! | `error` | [`ResponseError`]: an error of any form; [`AnswerOrigin`]: who made an answer |
//! | `schema`, `route` | `AnyOperation::from_request`: requests checked and read back, as a service does, with the feature `server` |
//! | `catalogue`, `lookup` | [`ErrorInfo`]: what the error codes mean, and what they prove |
//! | `generated` | the types, operations and catalogue entries |
//! | `arbitrary` | strategies for your own property tests, with the feature `proptest` |
//!
//! # Features
//!
//! `server`: the parsing of requests, which only a service needs: `AnyOperation`, `from_json`,
//! `from_query`, `RequestError`.
//! `proptest`: the public module `arbitrary`, and `server`.

mod action;
mod addresses;
#[cfg(any(test, feature = "proptest"))]
pub mod arbitrary;
mod catalogue;
mod error;
#[allow(clippy::too_many_lines, reason = "a table of the operations")]
mod generated;
mod ids;
mod job;
mod lenient;
mod lookup;
mod open_enum;
mod operation;
mod query;
#[cfg(any(test, feature = "server"))]
mod route;
#[cfg(any(test, feature = "server"))]
mod schema;
mod short;
mod validate;

#[cfg(test)]
mod tests;

pub use addresses::{Address, Addresses};
pub use catalogue::{Disposition, ErrorInfo, Executed};
pub use error::{
    AnswerOrigin, BodyShape, ErrorDetail, ResponseError, ResponseErrorKind, intermediary,
    request_id,
};
pub use generated::operations::*;
pub use generated::types::*;
pub use ids::{JobId, ParseIdError, ProjectId, ScalingGroupId, ServerId};
pub use open_enum::ParseValueError;
pub use operation::{Accepted, Idempotency, Operation};
#[cfg(any(test, feature = "server"))]
pub use route::{RequestError, RequestErrorKind};
pub use short::ShortText;
pub use validate::{ValidationError, Violation};
