//! Reports as JSON: written, and read back.

use ecs_auth::ResolvedTarget;
use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, ServerId};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Evidence, JobReport, Outcome, Report, ServerReport, Stopped};
use crate::action::PowerAction;
use crate::fleet::{SkippedServer, UnreadyServer};
use crate::ticket::JobTicket;

impl Serialize for ServerReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (job_id, error) = (self.outcome.job_id(), self.outcome.error());
        let (note, escalated) = (self.note(), self.escalated.as_ref());
        let evidence = match &self.outcome {
            Outcome::Succeeded { evidence, .. } => Some(evidence),
            _ => None,
        };
        let evidence = evidence.filter(|evidence| !evidence.is_usual());
        let optional = [
            job_id.is_some(),
            error.is_some(),
            note.is_some(),
            evidence.is_some(),
            escalated.is_some(),
            self.name.is_some(),
            self.at.is_some(),
        ];
        let fields = 2 + optional.into_iter().filter(|there| *there).count();
        let mut server = serializer.serialize_struct("ServerReport", fields)?;
        server.serialize_field("id", &self.id)?;
        server.serialize_field("outcome", self.outcome.name())?;
        field::<S, _>(&mut server, "job_id", job_id)?;
        field::<S, _>(&mut server, "error", error)?;
        field::<S, _>(&mut server, "note", note.as_ref())?;
        field::<S, _>(&mut server, "evidence", evidence)?;
        field::<S, _>(&mut server, "escalated", escalated)?;
        field::<S, _>(&mut server, "name", self.name.as_ref())?;
        field::<S, _>(&mut server, "at", self.at.as_ref())?;
        server.end()
    }
}

/// Writes a field that is there.
fn field<S: Serializer, T: Serialize>(
    to: &mut S::SerializeStruct,
    key: &'static str,
    value: Option<&T>,
) -> Result<(), S::Error> {
    match value {
        Some(value) => to.serialize_field(key, value),
        None => to.skip_field(key),
    }
}

#[derive(Deserialize)]
struct ServerReportWire {
    id: ServerId,
    outcome: String,
    job_id: Option<JobId>,
    error: Option<Problem>,
    #[serde(default)]
    evidence: Evidence,
    escalated: Option<Problem>,
    name: Option<String>,
    at: Option<Timestamp>,
}

impl<'de> Deserialize<'de> for ServerReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = ServerReportWire::deserialize(deserializer)?;
        let job_id = wire.job_id;
        let error = wire.error.ok_or_else(|| D::Error::missing_field("error"));
        let outcome = match wire.outcome.as_str() {
            "succeeded" => Outcome::Succeeded {
                job_id,
                evidence: wire.evidence,
            },
            "failed" => Outcome::Failed {
                job_id,
                error: error?,
            },
            "running" => Outcome::Running {
                job_id: job_id.ok_or_else(|| D::Error::missing_field("job_id"))?,
            },
            "not_attempted" => Outcome::NotAttempted { error: error? },
            "unknown" => Outcome::Unknown {
                job_id,
                error: error?,
            },
            other => return Err(unknown_outcome(other)),
        };
        Ok(Self {
            escalated: wire.escalated,
            name: wire.name,
            at: wire.at,
            ..Self::new(wire.id, outcome)
        })
    }
}

fn unknown_outcome<E: serde::de::Error>(outcome: &str) -> E {
    E::unknown_variant(
        outcome,
        &["succeeded", "failed", "running", "not_attempted", "unknown"],
    )
}

/// A job, with or without its ticket: reports of before have none.
#[derive(Deserialize)]
pub(super) struct JobReportWire {
    job_id: JobId,
    status: Option<JobStatus>,
    servers: usize,
    request_id: Option<String>,
    ticket: Option<JobTicket>,
}

impl From<JobReportWire> for JobReport {
    fn from(wire: JobReportWire) -> Self {
        let ticket = wire.ticket.unwrap_or_else(|| wire.job_id.clone().into());
        Self {
            job_id: wire.job_id,
            status: wire.status,
            servers: wire.servers,
            request_id: wire.request_id,
            ticket,
        }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let skipped = Some(&self.skipped).filter(|skipped| !skipped.is_empty());
        let unready = Some(&self.unready).filter(|unready| !unready.is_empty());
        let optional = [
            self.target.is_some(),
            skipped.is_some(),
            unready.is_some(),
            self.stopped.is_some(),
            self.refused.is_some(),
        ];
        let fields = 7 + optional.into_iter().filter(|there| *there).count();
        let mut report = serializer.serialize_struct("Report", fields)?;
        report.serialize_field("version", &Self::VERSION)?;
        report.serialize_field("run_id", &self.run_id)?;
        report.serialize_field("operation", self.action.name())?;
        report.serialize_field("type", &self.action.type_name())?;
        report.serialize_field("summary", &self.summary())?;
        report.serialize_field("jobs", &self.jobs)?;
        report.serialize_field("servers", &self.servers)?;
        field::<S, _>(&mut report, "target", self.target.as_ref())?;
        field::<S, _>(&mut report, "skipped", skipped)?;
        field::<S, _>(&mut report, "unready", unready)?;
        field::<S, _>(&mut report, "stopped", self.stopped.as_ref())?;
        field::<S, _>(&mut report, "refused", self.refused.as_ref())?;
        report.end()
    }
}

#[derive(Deserialize)]
struct ReportWire {
    version: u32,
    run_id: String,
    operation: String,
    r#type: Option<String>,
    jobs: Vec<JobReport>,
    servers: Vec<ServerReport>,
    target: Option<ResolvedTarget>,
    #[serde(default)]
    skipped: Vec<SkippedServer>,
    #[serde(default)]
    unready: Vec<UnreadyServer>,
    stopped: Option<Stopped>,
    refused: Option<Problem>,
}

impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = ReportWire::deserialize(deserializer)?;
        if wire.version != Self::VERSION {
            return Err(D::Error::custom(format!(
                "a report of version {}, of which this program knows only version {}: a newer one is needed",
                wire.version,
                Self::VERSION
            )));
        }
        let action = PowerAction::from_names(&wire.operation, wire.r#type.as_deref());
        let action = action.ok_or_else(|| D::Error::custom(PowerAction::UNKNOWN))?;
        Ok(Self {
            run_id: wire.run_id,
            action,
            jobs: wire.jobs,
            servers: wire.servers,
            stopped: wire.stopped,
            refused: wire.refused,
            target: wire.target,
            skipped: wire.skipped,
            unready: wire.unready,
        })
    }
}
