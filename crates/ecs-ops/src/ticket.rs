//! Job tickets.

use std::fmt;
use std::sync::Arc;

use ecs_model::{JobId, ProjectId, ServerId};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Endpoint;
use crate::action::PowerAction;

/// A job ticket: what another process needs to wait for a job. Holds no credentials.
///
/// Serializes to a versioned form. Convert a [`JobId`] if only that is known.
///
/// ```
/// use ecs_ops::{JobTicket, model::JobId};
///
/// let ticket = JobTicket::from("ff80808288d41e1b018990260955686a".parse::<JobId>()?);
/// let json = serde_json::to_string(&ticket)?;
/// assert_eq!(json, r#"{"version":1,"job_id":"ff80808288d41e1b018990260955686a"}"#);
/// assert_eq!(serde_json::from_str::<JobTicket>(&json)?, ticket);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(into = "TicketWire")]
pub struct JobTicket {
    job_id: JobId,
    /// Shared by all tickets of a client.
    origin: Option<Arc<JobOrigin>>,
    action: Option<TicketAction>,
    servers: Vec<ServerId>,
    accepted_at: Option<Timestamp>,
    request_id: Option<String>,
}

/// The origin of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobOrigin {
    /// The endpoint; `None` for any endpoint of the project.
    pub(crate) endpoint: Option<String>,
    pub(crate) project_id: ProjectId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TicketAction {
    Known(PowerAction),
    /// A kind of a later version.
    Other(Box<OtherAction>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OtherAction {
    operation: String,
    kind: Option<String>,
}

impl TicketAction {
    fn from_names(operation: String, kind: Option<String>) -> Self {
        let known = PowerAction::from_names(&operation, kind.as_deref());
        let is_same =
            |known: &PowerAction| known.name() == operation && known.type_name() == kind.as_deref();
        match known.filter(is_same) {
            Some(known) => Self::Known(known),
            None => Self::Other(Box::new(OtherAction { operation, kind })),
        }
    }

    /// The operation and its type.
    fn names(&self) -> (&str, Option<&str>) {
        match self {
            Self::Known(action) => (action.name(), action.type_name()),
            Self::Other(other) => (&other.operation, other.kind.as_deref()),
        }
    }
}

/// The serialized form.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "a job ticket")]
struct TicketWire {
    version: u32,
    job_id: JobId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project_id: Option<ProjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    servers: Vec<ServerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// A ticket of another version.
#[derive(Debug)]
struct TicketError {
    version: u64,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "job ticket version {} is not supported (supported: {}); use a newer program",
            self.version,
            JobTicket::VERSION
        )
    }
}

impl fmt::Debug for JobTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobTicket")
            .field("job_id", &self.job_id)
            .field("servers", &self.servers.len())
            .field("accepted_at", &self.accepted_at)
            .finish_non_exhaustive()
    }
}

impl From<JobId> for JobTicket {
    fn from(job_id: JobId) -> Self {
        Self {
            job_id,
            origin: None,
            action: None,
            servers: Vec::new(),
            accepted_at: None,
            request_id: None,
        }
    }
}

impl JobOrigin {
    /// Returns `true` if a job of there is one of this project at this endpoint. Endpoints are
    /// compared by what they mean.
    pub(crate) fn is_at(&self, endpoint: &Endpoint, project_id: &ProjectId) -> bool {
        let is_same = |text: &String| text.parse().ok().as_ref() == Some(endpoint);
        self.project_id == *project_id && self.endpoint.as_ref().is_none_or(is_same)
    }
}

impl JobTicket {
    /// The version of the serialized form.
    pub const VERSION: u32 = 1;

    pub(crate) fn new(
        job_id: JobId,
        origin: Option<Arc<JobOrigin>>,
        action: PowerAction,
        servers: Vec<ServerId>,
        accepted_at: Timestamp,
        request_id: Option<String>,
    ) -> Self {
        Self {
            job_id,
            origin,
            action: Some(TicketAction::Known(action)),
            servers,
            accepted_at: Some(accepted_at),
            request_id,
        }
    }

    /// The job.
    pub fn job_id(&self) -> &JobId {
        &self.job_id
    }

    /// The servers of the job; empty if they are not known.
    pub fn servers(&self) -> &[ServerId] {
        &self.servers
    }

    /// Returns the time at which the service accepted it, by the clock of the submitting process.
    pub fn accepted_at(&self) -> Option<Timestamp> {
        self.accepted_at
    }

    /// The service's id of the exchange that created the job, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the ticket for any endpoint of its project: for clients that reach the service by another
    /// name, as through a bastion host.
    #[must_use]
    pub fn at_any_endpoint(mut self) -> Self {
        if let Some(origin) = &mut self.origin {
            Arc::make_mut(origin).endpoint = None;
        }
        self
    }

    pub(crate) fn origin(&self) -> Option<&JobOrigin> {
        self.origin.as_deref()
    }

    /// The kind of job, for learning durations: a job takes as long as the slowest of its servers,
    /// so its size is a part of the kind.
    pub(crate) fn kind(&self) -> Option<Arc<str>> {
        let names = self.action.as_ref()?.names();
        Some(kind_of_job(names, self.servers.len()))
    }
}

/// The kind of a job of this action and its type, as [`JobTicket::kind`].
pub(crate) fn kind_of_job((operation, kind): (&str, Option<&str>), servers: usize) -> Arc<str> {
    let (kind, size) = (kind.unwrap_or_default(), servers.next_power_of_two());
    format!("{operation} {kind} {size}").into()
}

impl From<JobTicket> for TicketWire {
    fn from(ticket: JobTicket) -> Self {
        let (endpoint, project_id) = match ticket.origin {
            Some(origin) => {
                let origin = Arc::unwrap_or_clone(origin);
                (origin.endpoint, Some(origin.project_id))
            }
            None => (None, None),
        };
        let names = ticket.action.as_ref().map(TicketAction::names);
        let operation = names.map(|(operation, _)| operation.to_owned());
        let kind = names.and_then(|(_, kind)| kind.map(str::to_owned));
        Self {
            version: JobTicket::VERSION,
            job_id: ticket.job_id,
            endpoint,
            project_id,
            operation,
            kind,
            servers: ticket.servers,
            accepted_at: ticket.accepted_at,
            request_id: ticket.request_id,
        }
    }
}

impl<'de> Deserialize<'de> for JobTicket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The version is read first, since a later version may have any shape.
        let value = serde_json::Value::deserialize(deserializer)?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if let Some(version) = version.filter(|version| *version != u64::from(Self::VERSION)) {
            return Err(D::Error::custom(TicketError { version }));
        }
        let wire: TicketWire = serde_json::from_value(value).map_err(D::Error::custom)?;
        let endpoint = wire.endpoint;
        if endpoint.is_some() && wire.project_id.is_none() {
            // Without its project it would be of any place.
            let message = "a job ticket with an endpoint needs its project_id: take the ticket as it was written";
            return Err(D::Error::custom(message));
        }
        Ok(Self {
            job_id: wire.job_id,
            origin: wire.project_id.map(|project_id| {
                Arc::new(JobOrigin {
                    endpoint,
                    project_id,
                })
            }),
            action: wire
                .operation
                .map(|operation| TicketAction::from_names(operation, wire.kind)),
            servers: wire.servers,
            accepted_at: wire.accepted_at,
            request_id: wire.request_id,
        })
    }
}

#[cfg(test)]
mod tests;
