//! The ECS API as values.
//!
//! | module | holds |
//! |---|---|
//! | `ids` | [`ServerId`], [`ProjectId`], [`JobId`] |
//! | `operation` | [`Operation`]: a request as a value |
//! | `validate` | [`ValidationError`]: everything that is wrong with a request, with JSON pointers |
//! | `error` | [`ResponseError`]: every shape that errors come in |
//! | `catalogue` | [`ErrorInfo`]: what the error codes mean |
//! | `generated` | the types, operations and catalogue entries, from `api/ecs.openapi.yaml` |
//!

mod action;
#[cfg(any(test, feature = "proptest"))]
pub mod arbitrary;
mod catalogue;
mod error;
mod generated;
mod ids;
mod lenient;
mod open_enum;
mod operation;
mod query;
mod route;
mod validate;

#[cfg(test)]
mod tests;

pub use catalogue::{Disposition, ErrorInfo, Executed};
pub use error::{BodyShape, ErrorDetail, ResponseError, ResponseErrorKind, request_id};
pub use generated::operations::*;
pub use generated::types::*;
pub use ids::{JobId, ParseIdError, ProjectId, ServerId};
pub use operation::{Accepted, Idempotency, Operation};
pub use route::{RequestError, RequestErrorKind};
pub use validate::{ValidationError, Violation};
