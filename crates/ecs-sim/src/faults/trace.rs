//! The record of each exchange: its request, how far it got, and what the client received.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use ecs_model::{JobId, JobStatus, ServerId};
use ecs_transport::{Delivery, TransportErrorKind};
use http::{Response, StatusCode};
use serde_json::Value;

use super::fault::Fault;

/// Everything that passed through a [`FaultyTransport`](super::FaultyTransport), in the order of
/// sending. `Display` shows one line for each exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
    /// The times at which the region's clock was set, and by how many seconds.
    pub clock_steps: Vec<(Duration, i64)>,
}

/// An exchange. Times are those of [`SimTransport::now`](crate::SimTransport::now).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// The request.
    pub asked: Asked,
    /// Its fault, if there was one.
    pub fault: Option<Fault>,
    /// The time at which the transport was given the request.
    pub begun: Duration,
    /// The time at which the request left and was marked as sent.
    pub left: Option<Duration>,
    /// The time at which the region received it.
    pub arrived: Option<Duration>,
    /// The job that the region accepted it as.
    pub accepted: Option<JobId>,
    /// The job that the answer showed. The client received it only if it received an answer.
    pub shown_job: Option<ShownJob>,
    /// The time at which the client received a result or stopped waiting, and what it received.
    pub ended: Option<(Duration, Received)>,
}

impl Exchange {
    /// Returns whether the region received it after the client stopped waiting.
    pub fn is_late(&self) -> bool {
        matches!((self.arrived, self.ended), (Some(arrived), Some((ended, _))) if arrived > ended)
    }
}

/// A job's claims about itself and its servers, read from the answer independently of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownJob {
    /// The status.
    pub status: JobStatus,
    /// The claims about servers, one for each that it named.
    pub parts: Vec<Part>,
}

/// A job's claim about one server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The server.
    pub server: ServerId,
    /// `true` if the job named it directly, without a sub-job.
    pub by_itself: bool,
    /// The status of the work on it.
    pub status: JobStatus,
    /// The reasons of its failure, in the service's messages of all places.
    pub reasons: Vec<String>,
}

impl ShownJob {
    /// Parses an answer to the query of a job; `None` if it shows no job.
    pub(super) fn read(answer: &Response<Bytes>) -> Option<Self> {
        let job: Value = serde_json::from_slice(answer.body()).ok()?;
        let status = status(&job)?;
        let entities = &job["entities"];
        let subs = entities["sub_jobs"].as_array();
        let mut parts: Vec<Part> = subs
            .into_iter()
            .flatten()
            .filter_map(|sub| Part::read(sub, false))
            .collect();
        // A job may name its server directly.
        parts.extend(Part::read(&job, true));
        Some(Self { status, parts })
    }

    /// Returns the claim about this server.
    pub fn of(&self, server: &ServerId) -> Option<&Part> {
        self.parts.iter().find(|part| part.server == *server)
    }
}

impl Part {
    fn read(job: &Value, by_itself: bool) -> Option<Self> {
        let entities = &job["entities"];
        let reasons = [&job["fail_reason"], &entities["errorcode_message"]];
        let reasons = reasons.into_iter().filter_map(Value::as_str);
        Some(Self {
            server: entities["server_id"].as_str()?.parse().ok()?,
            by_itself,
            status: status(job)?,
            reasons: reasons
                .filter(|expected| !expected.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn status(job: &Value) -> Option<JobStatus> {
    job["status"].as_str().map(JobStatus::from)
}

/// The request of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// An action on these servers.
    Action(Vec<ServerId>),
    /// A query of this job.
    Job(JobId),
    /// Anything else.
    Other,
}

/// The result that a client received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// An answer with this status.
    Answer(StatusCode),
    /// An error.
    Failure(TransportErrorKind, Delivery),
    /// None: it dropped the future.
    Nothing,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, seconds) in &self.clock_steps {
            writeln!(f, "{at:>10.3?}  the region's clock is set by {seconds:+} s")?;
        }
        for (index, exchange) in self.exchanges.iter().enumerate() {
            writeln!(f, "{:>10.3?}  #{index} {exchange}", exchange.begun)?;
        }
        Ok(())
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Asked::Action(servers) => {
                let first = servers.first().map(ToString::to_string).unwrap_or_default();
                write!(f, "act on {} ({first:.8} …)", servers.len())?;
            }
            Asked::Job(job) => write!(f, "job {:.8}", job.as_str())?,
            Asked::Other => f.write_str("other")?,
        }
        if let Some(fault) = &self.fault {
            write!(f, " [{fault:?}]")?;
        }
        if let Some(left) = self.left {
            write!(f, ", left {left:.3?}")?;
        }
        if let Some(arrived) = self.arrived {
            write!(f, ", arrived {arrived:.3?}")?;
        }
        if let Some(job) = &self.accepted {
            write!(f, ", accepted as {:.8}", job.as_str())?;
        }
        if let Some(shown_job) = &self.shown_job {
            write!(f, ", says {}", shown_job.status.as_str())?;
        }
        match self.ended {
            Some((at, Received::Answer(status))) => write!(f, ", told {status} {at:.3?}"),
            Some((at, Received::Failure(kind, delivery))) => {
                write!(f, ", told {kind:?} {delivery:?} {at:.3?}")
            }
            Some((at, Received::Nothing)) => write!(f, ", dropped {at:.3?}"),
            None => Ok(()),
        }
    }
}
