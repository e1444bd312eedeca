//! Results as JSON.

use serde::Serialize;
use serde_json::json;

use ecs_ops::auth::ResolvedTarget;
use ecs_ops::fleet::{SkippedServer, UnreadyServer};
use ecs_ops::rolling::{AfterCanary, Rules};
use ecs_ops::{Event, Plan, Report};
use jiff::Timestamp;

use crate::connect::Connection;
use crate::expectation::Expectation;
use crate::term::clean_json;

/// The version of these documents. A report has its own.
pub(crate) const VERSION: u32 = 1;

/// Formats an indented document.
pub(crate) fn document(value: &impl Serialize) -> String {
    // None of these types has keys or numbers that JSON cannot represent.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    clean_json(json) + "\n"
}

/// Formats an object on one line.
pub(crate) fn line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    clean_json(json) + "\n"
}

/// Formats an event on one line, with its time by the local clock.
pub(crate) fn event(event: &Event, at: Timestamp) -> String {
    let event = line(event);
    // The name comes first in all events.
    let name = event.find([',', '}']).unwrap_or_default();
    let (name, rest) = event.split_at(name);
    format!("{name},\"at\":\"{at}\"{rest}")
}

/// The members that this program adds to the library's report.
#[derive(Debug, Serialize)]
pub(crate) struct Extras {
    pub(crate) endpoint: String,
    pub(crate) project_id: String,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Timestamp,
    /// The reason that the run ended early as text; `stopped` has it for programs.
    pub(crate) stop_reason: Option<String>,
    /// Servers that were restarted hard because their soft restart failed.
    pub(crate) hard_restarts: usize,
    /// The limit of failures as it was typed; `None` if none was given.
    pub(crate) max_failures: Option<String>,
    /// The rules that stop the run because of failures; `None` if there are none.
    pub(crate) brake: Option<Brake>,
    /// The exit code of the process.
    pub(crate) exit_code: u8,
}

/// The rules that stop a run because of failures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Brake {
    /// The most servers that may fail; `None` for no limit.
    max_failures: Option<usize>,
    /// `true` if a wave without a success stops the run.
    wave_without_success: bool,
    /// `true` if a failure in the canary stops the run.
    canary_failure: bool,
    /// `true` if these are the default rules.
    default: bool,
}

impl Brake {
    /// Returns the brake of a run of this many servers.
    pub(crate) fn of(rules: &Rules, servers: usize) -> Option<Self> {
        let brake = Self {
            max_failures: rules.max_failures.map(|limit| limit.of(servers)),
            wave_without_success: rules.brake,
            canary_failure: rules.brake && matches!(rules.canary, Some(AfterCanary::Pause(_))),
            default: rules.brake,
        };
        (brake.max_failures.is_some() || rules.brake).then_some(brake)
    }
}

/// Formats the report as a document.
pub(crate) fn report(report: &Report, extras: &Extras) -> String {
    let (report, extras) = (document(report), document(extras));
    let report = report.strip_suffix("\n}\n").unwrap_or_default();
    let extras = extras.strip_prefix('{').unwrap_or_default();
    format!("{report},{extras}")
}

/// Formats the report as the last event.
pub(crate) fn report_line(report: &Report, extras: &Extras) -> String {
    let (report, more) = (line(report), line(extras));
    let report = report
        .trim_end()
        .strip_prefix('{')
        .and_then(|item| item.strip_suffix('}'));
    let (report, more) = (
        report.unwrap_or_default(),
        more.strip_prefix('{').unwrap_or_default(),
    );
    let at = extras.ended_at;
    format!("{{\"event\":\"report\",\"at\":\"{at}\",{report},{more}")
}

/// The output of `--dry-run`.
#[derive(Debug, Serialize)]
pub(crate) struct DryRun<'a> {
    version: u32,
    dry_run: bool,
    operation: &'static str,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    endpoint: String,
    project_id: &'a str,
    servers: usize,
    pub(crate) requests: Vec<Request>,
    /// Operator, account, project, region and endpoint with their origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a ResolvedTarget>,
    /// The servers that the selection skips.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skipped: &'a [SkippedServer],
    /// The servers that are not ready and would be reported as not attempted.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unready: &'a [UnreadyServer],
    /// The expected duration of the run.
    pub(crate) duration: &'a Expectation,
}

/// A request of a plan, without credentials.
#[derive(Debug, Serialize)]
pub(crate) struct Request {
    /// Its wave, counted from 1; `None` in a run without waves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wave: Option<usize>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) servers: usize,
    pub(crate) body: serde_json::Value,
}

impl Request {
    /// Returns the first server of the request.
    pub(crate) fn first(&self) -> &str {
        self.ids().next().unwrap_or_default()
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        let action = self.body.as_object().and_then(|body| body.values().next());
        let servers = action.and_then(|action| action.get("servers")?.as_array());
        let servers = servers.into_iter().flatten();
        servers.filter_map(|server| server.get("id")?.as_str())
    }
}

impl<'a> DryRun<'a> {
    /// Returns the dry run of a plan; `None` if a request cannot be encoded, which does not occur in a checked plan.
    pub(crate) fn new(
        plan: &Plan,
        connection: &'a Connection,
        (skipped, unready): (&'a [SkippedServer], &'a [UnreadyServer]),
        expectation: &'a Expectation,
    ) -> Option<Self> {
        let requests = plan.http_requests(&connection.project).ok()?;
        let requests =
            requests
                .into_iter()
                .zip(plan.requests())
                .enumerate()
                .map(|(index, (request, ids))| {
                    Some(Request {
                        wave: wave_of(plan.waves(), index),
                        method: request.method().to_string(),
                        path: request.uri().to_string(),
                        servers: ids.len(),
                        body: serde_json::from_slice(request.body()).ok()?,
                    })
                });
        Some(Self {
            version: VERSION,
            dry_run: true,
            operation: plan.action().name(),
            kind: plan.action().type_name(),
            endpoint: connection.endpoint.to_string(),
            project_id: connection.project.as_str(),
            servers: plan.servers(),
            requests: requests.collect::<Option<_>>()?,
            target: connection.target.as_ref(),
            skipped,
            unready,
            duration: expectation,
        })
    }

    /// Formats the ids of the servers, one per line, with a header for CSV.
    pub(crate) fn ids(&self, header: bool) -> String {
        let header = if header { "id\n" } else { "" };
        let ids = self.requests.iter().flat_map(Request::ids);
        header
            .chars()
            .chain(ids.flat_map(|id| id.chars().chain(['\n'])))
            .collect()
    }

    /// Formats one line for each request.
    pub(crate) fn lines(&self) -> String {
        let requests = self.requests.iter().enumerate();
        let object = |(index, request): (usize, &Request)| {
            let mut object = json!({
                "event": "request",
                "number": index + 1,
                "method": request.method,
                "path": request.path,
                "servers": request.servers,
                "body": request.body,
            });
            if let (Some(wave), Some(object)) = (request.wave, object.as_object_mut()) {
                object.insert("wave".to_owned(), wave.into());
            }
            line(&object)
        };
        requests.map(object).collect()
    }
}

/// Returns the wave of each request, counted from 1. `waves` has the number of requests of each wave.
fn wave_of(waves: &[usize], request: usize) -> Option<usize> {
    let mut before = 0_usize;
    let wave = waves.iter().position(|requests| {
        before = before.saturating_add(*requests);
        request < before
    });
    wave.map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_in_its_wave() {
        let wave = |request| wave_of(&[1, 3, 2], request);
        let waves: Vec<_> = (0..7).map(wave).collect();
        let expected = [1, 2, 2, 2, 3, 3].map(Some);
        assert_eq!(waves[..6], expected);
        assert_eq!((waves[6], wave_of(&[], 0)), (None, None));
    }
}
