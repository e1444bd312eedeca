//! The report of `auth check`.

use ecs_ops::auth::{Difference, ResolvedTarget, Skipped};
use ecs_ops::fleet::{RecordAccess, RecordsCheck};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::target;
use crate::credentials;
use crate::diagnosis::{Clocks, Diagnosis};
use crate::exit::Exit;
use crate::term::clean;

/// The report of a check. Unknown values are null.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CheckReport {
    version: u32,
    ok: bool,
    finding: &'static str,
    #[serde(rename = "what")]
    message: String,
    advice: Vec<String>,
    pub(crate) source: Option<String>,
    pub(crate) kind: Option<&'static str>,
    pub(crate) access_key: Option<String>,
    pub(crate) agency: Option<String>,
    pub(crate) skipped: Vec<SkippedSource>,
    pub(crate) warnings: Vec<String>,
    pub(crate) operator: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) iam_endpoint: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) roles: Vec<String>,
    #[serde(serialize_with = "second")]
    pub(crate) expires_at: Option<Timestamp>,
    #[serde(serialize_with = "both")]
    pub(crate) clocks: Option<Clocks>,
    pub(crate) servers: Option<u64>,
    pub(crate) request_id: Option<String>,
    /// The proxy or web server that the answer names.
    pub(crate) gateway: Option<String>,
    /// Operator, account, project, region and endpoint with their origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<ResolvedTarget>,
    /// The readable records of actions, if that was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<RecordsCheck>,
    permission: Option<String>,
    difference: Option<Differs>,
}

/// A source that was skipped.
#[derive(Debug, Serialize)]
pub(crate) struct SkippedSource {
    source: String,
    #[serde(rename = "why")]
    reason: String,
}

impl From<&Skipped> for SkippedSource {
    fn from(skipped: &Skipped) -> Self {
        Self {
            source: credentials::origin(&skipped.source).to_owned(),
            reason: skipped.reason.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Differs {
    part: &'static str,
    signed: String,
    read: String,
}

impl From<Difference> for Differs {
    fn from(difference: Difference) -> Self {
        Self {
            part: difference.part,
            signed: difference.signed,
            read: difference.read,
        }
    }
}

impl CheckReport {
    pub(crate) fn skip(&mut self, source: &str, reason: &str) {
        self.skipped.push(SkippedSource {
            source: source.to_owned(),
            reason: reason.to_owned(),
        });
    }

    pub(crate) fn conclude(&mut self, diagnosis: Diagnosis) {
        self.version = 1;
        self.ok = diagnosis.exit == Exit::Success;
        self.finding = diagnosis.finding;
        self.message = diagnosis.message;
        self.advice = diagnosis.advice;
        self.permission = diagnosis.permission;
        self.difference = diagnosis.difference.map(Into::into);
    }
}

/// Serializes a time in whole seconds.
fn second<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| format!("{time:.0}")).serialize(serializer)
}

fn both<S: Serializer>(clocks: &Option<Clocks>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Both {
        ours: String,
        service: String,
    }
    let both = clocks.map(|clocks| Both {
        ours: format!("{:.0}", clocks.ours),
        service: format!("{:.0}", clocks.service),
    });
    both.serialize(serializer)
}

/// Describes whether records can be read.
fn access(access: Option<&RecordAccess>, not_asked: &str) -> String {
    match access {
        None => not_asked.to_owned(),
        Some(RecordAccess::Readable) => "readable".to_owned(),
        Some(RecordAccess::Empty) => {
            "none of the last hour: nothing was done, or the service is not enabled".to_owned()
        }
        Some(RecordAccess::Refused { error }) => format!("not readable: {error}"),
        Some(RecordAccess::Unknown { error }) => format!("not known: {error}"),
        Some(_) => "not known".to_owned(),
    }
}

/// Formats the report as text.
pub(crate) fn text(checked: &CheckReport) -> String {
    let mut lines = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{name:<13} {}", clean(&value)));
        }
    };
    row("credentials", checked.source.clone());
    for skipped in &checked.skipped {
        row(
            "  skipped",
            Some(format!("{}: {}", skipped.source, skipped.reason)),
        );
    }
    let kind = checked.kind.map(|kind| match &checked.access_key {
        Some(key) => format!("{kind} {key}"),
        None => kind.to_owned(),
    });
    row("kind", kind);
    row("agency", checked.agency.clone());
    row(
        "user",
        checked.user.as_ref().map(|user| match &checked.domain {
            Some(domain) => format!("{user} of {domain}"),
            None => user.clone(),
        }),
    );
    let account = checked.target.as_ref().map(|target| &target.account);
    let not_looked_up = account.and_then(|account| account.not_looked_up.as_ref());
    row(
        "account",
        not_looked_up.map(|reason| format!("not looked up: {reason}")),
    );
    let roles = (!checked.roles.is_empty()).then(|| checked.roles.join(", "));
    row("roles", roles);
    let endpoint = checked.endpoint.as_deref().unwrap_or_default();
    let known = checked
        .target
        .as_ref()
        .map(|target| target::of(target, endpoint));
    let known = known.unwrap_or_default();
    let of_target = |label: &str, fallback: &Option<String>| {
        let found = known.iter().find(|(known, _)| *known == label);
        found
            .map(|(_, value)| value.clone())
            .or_else(|| fallback.clone())
    };
    row("operator", of_target("operator", &checked.operator));
    row("region", of_target("region", &checked.region));
    row("endpoint", of_target("endpoint", &checked.endpoint));
    row("IAM", checked.iam_endpoint.clone());
    row("project", of_target("project", &checked.project_id));
    row("gateway", checked.gateway.clone());
    row("expires", checked.expires_at.map(|end| format!("{end:.0}")));
    row(
        "clocks",
        checked.clocks.map(|clocks| {
            format!(
                "here {:.0}, at the service {:.0}",
                clocks.ours, clocks.service
            )
        }),
    );
    row(
        "servers",
        checked.servers.map(|servers| servers.to_string()),
    );
    if let Some(records) = &checked.records {
        row(
            "actions",
            Some(access(
                records.actions.as_ref(),
                "not checked: the project has no server",
            )),
        );
        let unknown =
            "not checked: the address of Cloud Trace Service is not known; --cts-endpoint names it";
        row("traces", Some(access(records.traces.as_ref(), unknown)));
    }
    for warning in &checked.warnings {
        row("warning", Some(warning.clone()));
    }
    lines.push(String::new());
    lines.extend(conclusion(checked));
    lines.join("\n") + "\n"
}

/// Formats the result, and the advice if the credentials do not work.
fn conclusion(checked: &CheckReport) -> Vec<String> {
    if checked.ok {
        return vec![format!("ok: {}", checked.message)];
    }
    let finding = checked.finding.replace('_', " ");
    let mut lines = vec![format!("{finding}: {}", checked.message)];
    if let Some(difference) = &checked.difference {
        lines.push(format!("  signed as  {:?}", difference.signed));
        lines.push(format!("  read as    {:?}", difference.read));
    }
    let advice = checked.advice.iter();
    lines.extend(advice.map(|advice| format!("  what to do: {advice}")));
    let id = checked.request_id.as_ref();
    lines.extend(id.map(|id| format!("  Request ID for support: {id}")));
    lines.iter().map(|line| clean(line)).collect()
}
