//! Results for programs.

use serde::Serialize;
use serde_json::json;

use ecs_ops::{Event, Plan, Report};

use crate::connect::Connection;
use crate::term::clean_json;

/// The version of what is written here. A report has its own.
const VERSION: u32 = 1;

/// One indented document.
pub(crate) fn document(value: &impl Serialize) -> String {
    // Nothing that is written here has keys or numbers that JSON cannot hold.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    clean_json(&json) + "\n"
}

/// One object on one line.
pub(crate) fn line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    clean_json(&json) + "\n"
}

/// One event on one line.
pub(crate) fn event(event: &Event) -> String {
    line(event)
}

/// The report as the last line of the events.
pub(crate) fn report_line(report: &Report) -> String {
    let report = line(report);
    format!(
        "{{\"event\":\"report\",{}",
        report.strip_prefix('{').unwrap_or_default()
    )
}

/// What `--dry-run` shows.
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
}

/// One request of a plan, without credentials.
#[derive(Debug, Serialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) servers: usize,
    pub(crate) body: serde_json::Value,
}

impl<'a> DryRun<'a> {
    /// `None` if the plan has a request that cannot be encoded, which a checked plan has not.
    pub(crate) fn new(plan: &Plan, connection: &'a Connection) -> Option<Self> {
        let requests = plan.requests(&connection.project).ok()?;
        let requests = requests
            .into_iter()
            .zip(&plan.batches)
            .map(|(request, servers)| {
                Some(Request {
                    method: request.method().to_string(),
                    path: request.uri().to_string(),
                    servers: servers.len(),
                    body: serde_json::from_slice(request.body()).ok()?,
                })
            });
        Some(Self {
            version: VERSION,
            dry_run: true,
            operation: plan.action.name(),
            kind: plan.action.kind(),
            endpoint: connection.endpoint.to_string(),
            project_id: connection.project.as_str(),
            servers: plan.servers(),
            requests: requests.collect::<Option<_>>()?,
        })
    }

    /// One line for each request.
    pub(crate) fn lines(&self) -> String {
        let requests = self.requests.iter().enumerate();
        let object = |(index, request): (usize, &Request)| {
            line(&json!({
                "event": "request",
                "number": index + 1,
                "method": request.method,
                "path": request.path,
                "servers": request.servers,
                "body": request.body,
            }))
        };
        requests.map(object).collect()
    }
}
