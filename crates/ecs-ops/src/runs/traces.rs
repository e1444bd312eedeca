//! Interprets the traces of Cloud Trace Service after a lost answer. Pure.
//!
//! A trace is a request with its answer: whose, when, on which servers, and mostly the job that came
//! of it. A trace of the lost request that has a job is the lost answer itself. As with the
//! [records](super::records) of actions, the absence of a trace proves something only after the time
//! that traces take, which is measured by other requests of the same run.

mod reader;
mod tracker;

use std::collections::{BTreeSet, HashMap, HashSet};

use ecs_model::{ErrorInfo, Executed, JobId, ServerId, Trace};
use jiff::Timestamp;
use serde_json::Value;

use crate::action::PowerAction;

pub(super) use reader::TraceQuery;
pub(super) use tracker::TraceTracker;

/// The action and its servers, by the body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TracedAction {
    /// The operation and its type, in capitals.
    kind: (&'static str, Option<String>),
    servers: BTreeSet<ServerId>,
}

/// A trace of an action on servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionTrace {
    name: String,
    at: Option<Timestamp>,
    user: Option<String>,
    request_id: Option<String>,
    resource_id: Option<String>,
    /// The action and its servers; `None` if the trace does not show them.
    action: Option<TracedAction>,
    /// The job of the answer.
    job_id: Option<JobId>,
    /// The reason why the service refused the request, if it did.
    refusal: Option<String>,
    /// `true` if the error does not prove that nothing was executed, as with an answer of HTTP.
    proves_nothing: bool,
}

/// The name of an action in traces.
pub(crate) fn trace_name(action: PowerAction) -> &'static str {
    match action {
        PowerAction::Reboot(_) => "rebootServer",
        PowerAction::Start => "startServer",
        PowerAction::Stop(_) => "stopServer",
    }
}

/// A member of a trace that is shown as an object or as a text that holds one.
fn object(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        value => value.is_object().then(|| value.clone()),
    }
}

fn action_of(request: &Value) -> Option<TracedAction> {
    const KEYS: [&str; 3] = ["reboot", "os-start", "os-stop"];
    let (key, body) = KEYS
        .into_iter()
        .find_map(|key| Some((key, request.get(key)?)))?;
    let kind = body.get("type").and_then(Value::as_str);
    let servers = body.get("servers")?.as_array()?.iter();
    let id = |server: &Value| server.get("id")?.as_str()?.parse::<ServerId>().ok();
    Some(TracedAction {
        kind: (key, kind.map(str::to_ascii_uppercase)),
        servers: servers.map(id).collect::<Option<_>>()?,
    })
}

/// Returns `true` if two requests do the same; a type that is not given may be any.
fn is_same_kind(one: &(&str, Option<String>), other: &(&str, Option<String>)) -> bool {
    one.0 == other.0 && (one.1 == other.1 || one.1.is_none() || other.1.is_none())
}

fn kind_of(action: PowerAction) -> (&'static str, Option<String>) {
    let key = match action {
        PowerAction::Reboot(_) => "reboot",
        PowerAction::Start => "os-start",
        PowerAction::Stop(_) => "os-stop",
    };
    let kind = action.type_name().map(str::to_ascii_uppercase);
    (key, kind)
}

/// Returns `true` if an error proves that nothing was executed, by the rules for an answer of HTTP:
/// see `docs/decisions/0001-what-an-answer-proves.md`.
fn proves_refusal(status: Option<u16>, info: Option<&ErrorInfo>) -> bool {
    let not_executed = |info: &ErrorInfo| info.disposition.executed == Executed::No;
    match (status, info) {
        // A wait ended, for the client or for the service: 408, 499.
        (Some(400..=407 | 409..=498), info) => {
            info.is_none_or(|info| info.disposition.executed != Executed::Maybe)
        }
        (Some(status @ (202 | 501)), Some(info)) => {
            info.status == Some(status) && info.disposition.throttling && not_executed(info)
        }
        (Some(_), _) => false,
        // The trace does not show the status: the code alone must say it.
        (None, info) => info.is_some_and(not_executed),
    }
}

impl ActionTrace {
    /// Reads a trace.
    pub(crate) fn read(trace: &Trace) -> Option<Self> {
        let member = |name: &str| trace.rest.get(name);
        let response = object(member("response"));
        let response = response.as_ref();
        let status = trace.code.as_deref().and_then(|code| code.parse().ok());
        let error = response.and_then(|response| {
            let error = response.get("error").unwrap_or(response);
            let text = |name: &str| error.get(name).and_then(Value::as_str);
            text("code")
                .or_else(|| text("error_code"))
                .map(str::to_owned)
        });
        let failed = status.is_some_and(|status: u16| status >= 400);
        let proves_nothing = !proves_refusal(status, error.as_deref().and_then(ErrorInfo::of));
        // 202 with an error is a refusal, too.
        let refusal = (failed || error.is_some()).then(|| match (error, status) {
            (Some(code), Some(status)) => format!("HTTP {status} {code}"),
            (Some(code), None) => code,
            (None, status) => format!("HTTP {}", status.unwrap_or_default()),
        });
        let job_id = response
            .and_then(|response| response.get("job_id")?.as_str()?.parse().ok())
            .filter(|_| !failed);
        Some(Self {
            name: trace.trace_name.clone()?,
            at: trace
                .time
                .and_then(|time| Timestamp::from_millisecond(i64::try_from(time).ok()?).ok()),
            user: trace.user.as_ref().and_then(|user| user.id.clone()),
            request_id: trace.request_id.clone(),
            resource_id: trace.resource_id.clone(),
            action: object(member("request")).as_ref().and_then(action_of),
            proves_nothing: proves_nothing && refusal.is_some() && job_id.is_none(),
            refusal: refusal.filter(|_| job_id.is_none()),
            job_id,
        })
    }

    fn describe(&self) -> String {
        let at = self
            .at
            .map_or("an unknown time".to_owned(), |at| format!("{at:.0}"));
        let user = self.user.as_deref().unwrap_or("unknown");
        let request = self.request_id.as_deref().unwrap_or("unknown");
        format!(
            "{} at {at} by user {user} (request {request}), not by this run",
            self.name
        )
    }

    /// Returns `true` if it shows that just these servers were acted on.
    fn is_of(&self, servers: &[ServerId]) -> bool {
        let servers: BTreeSet<ServerId> = servers.iter().copied().collect();
        let action = self.action.as_ref();
        action.is_some_and(|action| action.servers == servers)
    }

    fn touches(&self, server: &ServerId) -> bool {
        match &self.action {
            Some(action) => action.servers.contains(server),
            None => self.resource_id.as_deref().and_then(|id| id.parse().ok()) == Some(*server),
        }
    }
}

/// A request whose answer was lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostRequest<'a> {
    pub(crate) action: PowerAction,
    pub(crate) servers: &'a [ServerId],
    /// The service's id of the exchange, if it was seen.
    pub(crate) request_id: Option<&'a str>,
    /// The user of this run, if it is known.
    pub(crate) user: Option<&'a str>,
    /// The earliest time at which the service can have had it, by its own clock; `None` if that is not
    /// known: then only the trace with the id of the request is recognized.
    pub(crate) earliest: Option<Timestamp>,
    /// The jobs of other requests of this run.
    pub(crate) known_jobs: &'a HashSet<&'a JobId>,
}

/// Returns `true` if one of these traces has the id of the lost exchange: then it is the trace of that
/// exchange, however late traces come.
pub(crate) fn has_trace_by_id(request: LostRequest<'_>, traces: &[ActionTrace]) -> bool {
    let mut ids = traces.iter().map(|trace| trace.request_id.as_deref());
    request.request_id.is_some() && ids.any(|id| id == request.request_id)
}

/// The evidence of the traces about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TraceFinding {
    /// It was accepted, with this job.
    Accepted(JobId),
    /// It was accepted; the trace does not show the job.
    Executed,
    /// It was refused, for this reason.
    Refused(String),
    /// The traces do not decide, with a description.
    Inconclusive(String),
    /// There is no trace of it. What others did to its servers since, by server.
    Nothing(HashMap<ServerId, String>),
}

/// Finds the trace of a request: by its id if that is known and found, otherwise by user,
/// action, time and the whole set of servers.
pub(crate) fn find(request: LostRequest<'_>, traces: &[ActionTrace]) -> TraceFinding {
    let name = trace_name(request.action);
    let servers: BTreeSet<ServerId> = request.servers.iter().copied().collect();
    let of_other_requests = |trace: &ActionTrace| {
        let known = trace.job_id.as_ref();
        known.is_some_and(|job| request.known_jobs.contains(&job))
    };
    let traces: Vec<&ActionTrace> = traces
        .iter()
        .filter(|trace| !of_other_requests(trace))
        .collect();
    let is_ours_by_id = |trace: &&&ActionTrace| {
        request.request_id.is_some() && trace.request_id.as_deref() == request.request_id
    };
    let mut ours: Vec<&ActionTrace> = traces.iter().filter(is_ours_by_id).copied().collect();
    let wanted = kind_of(request.action);
    let is_alike = |trace: &ActionTrace| {
        let action = trace.action.as_ref();
        action
            .is_some_and(|action| is_same_kind(&action.kind, &wanted) && action.servers == servers)
    };
    if ours
        .iter()
        .any(|trace| trace.action.is_some() && !is_alike(trace))
    {
        return TraceFinding::Inconclusive(
            "the trace with the id of the request is of another action".to_owned(),
        );
    }
    if ours.is_empty() && request.earliest.is_none() {
        return TraceFinding::Inconclusive(
            "the service's clock was set meanwhile, so that its traces cannot be placed in time"
                .to_owned(),
        );
    }
    let since = |trace: &ActionTrace| trace.at.is_none_or(|at| Some(at) >= request.earliest);
    let later = traces
        .iter()
        .filter(|trace| trace.name == name && since(trace));
    if ours.is_empty() {
        for trace in later {
            let same_user = request.user.is_some() && trace.user.as_deref() == request.user;
            let other_user = request.user.is_some() && trace.user.is_some() && !same_user;
            let may_be_it = is_alike(trace) || trace.action.is_none();
            if other_user || !may_be_it {
                continue;
            }
            if !same_user || trace.action.is_none() || trace.at.is_none() {
                return TraceFinding::Inconclusive(format!(
                    "the trace may be that of this request: {}",
                    trace.describe().replace(", not by this run", "")
                ));
            }
            ours.push(trace);
        }
    }
    if let Some(trace) = ours.iter().find(|trace| trace.proves_nothing) {
        let refusal = trace.refusal.as_deref().unwrap_or_default();
        return TraceFinding::Inconclusive(format!(
            "the service's trace shows an error that does not prove that nothing was executed: {refusal}"
        ));
    }
    let mut accepted: Vec<&&ActionTrace> = ours
        .iter()
        .filter(|trace| trace.refusal.is_none())
        .collect();
    let refusal = ours.iter().find_map(|trace| trace.refusal.clone());
    match (accepted.pop(), accepted.len(), refusal) {
        (Some(one), 0, _) => match &one.job_id {
            Some(job_id) => TraceFinding::Accepted(job_id.clone()),
            None => TraceFinding::Executed,
        },
        (Some(_), more, _) => TraceFinding::Inconclusive(format!(
            "the service shows {} accepted requests like this one",
            more + 1
        )),
        (None, _, Some(refusal)) => TraceFinding::Refused(refusal),
        (None, _, None) => {
            let last = |id: &ServerId| {
                let touching = traces.iter().filter(|trace| trace.touches(id));
                let touching = touching.filter(|trace| trace.at.is_some() && since(trace));
                let latest = touching.max_by_key(|trace| trace.at)?;
                Some((*id, latest.describe()))
            };
            TraceFinding::Nothing(request.servers.iter().filter_map(last).collect())
        }
    }
}

#[cfg(test)]
mod tests;
