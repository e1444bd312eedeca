//! What happened, exchange by exchange: what was asked, how far it got, what the client was told.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use ecs_model::{JobId, JobStatus, ServerId};
use ecs_transport::{Delivery, TransportErrorKind};
use http::{Response, StatusCode};
use serde_json::Value;

use super::fault::Fault;

/// Everything that went through a [`FaultyTransport`](super::FaultyTransport), in the order of sending. `Display`
/// shows one line for each exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
    /// When the region's clock was set, and by how many seconds.
    pub clock_steps: Vec<(Duration, i64)>,
}

/// One exchange. Times are counted as [`SimTransport::now`](crate::SimTransport::now) does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// What was asked for.
    pub asked: Asked,
    /// What went wrong, if anything did.
    pub fault: Option<Fault>,
    /// When the transport was given the request.
    pub begun: Duration,
    /// When the request left: from then on it is marked as sent.
    pub left: Option<Duration>,
    /// When the region saw it.
    pub arrived: Option<Duration>,
    /// The job that it made.
    pub accepted: Option<JobId>,
    /// What the job said that was underway to the client as the answer. It learned it if it was told an answer.
    pub shown_job: Option<ShownJob>,
    /// When the client was told, or stopped waiting, and what it learned.
    pub ended: Option<(Duration, Received)>,
}

impl Exchange {
    /// Returns whether the region saw it when the client no longer waited for it.
    pub fn is_late(&self) -> bool {
        matches!((self.arrived, self.ended), (Some(arrived), Some((ended, _))) if arrived > ended)
    }
}

/// What a job said of itself and its servers, read from the answer without the client's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShownJob {
    /// How far it is.
    pub status: JobStatus,
    /// What it said of servers, one for each that it named.
    pub parts: Vec<Part>,
}

/// What a job said of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The server.
    pub server: ServerId,
    /// Whether the job named it itself, without a sub-job.
    pub by_itself: bool,
    /// How far the work on it is.
    pub status: JobStatus,
    /// Why it failed, in the service's words, wherever they stood.
    pub reasons: Vec<String>,
}

impl ShownJob {
    /// Reads an answer to the query for a job. `None` if it shows no job.
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
        // A job may name its server itself.
        parts.extend(Part::read(&job, true));
        Some(Self { status, parts })
    }

    /// What it said of this server.
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

/// What an exchange asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// To restart, start or stop these servers.
    Action(Vec<ServerId>),
    /// How far this job is.
    Job(JobId),
    /// Anything else.
    Other,
}

/// What a client learned of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// An answer with this status.
    Answer(StatusCode),
    /// A failure.
    Failure(TransportErrorKind, Delivery),
    /// Nothing: it dropped the future.
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
