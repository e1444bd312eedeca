//! Servers and jobs in the form of the service.

use std::fmt::Write as _;
use std::time::Duration;

use ecs_model::{RebootType, ServerId};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Action;
use crate::attributes::{reservation_id, tags_of};
use crate::fleet::{Flavor, Moment, Server};
use crate::identity::Identity;
use crate::jobs::{Failure, Job, Progress};
use crate::query::Page;
use crate::seed::hex;

const NETWORK: &str = "b7c1a9de-5a0e-4c53-9b7e-2d7f4a1c6e90";
const IMAGE: &str = "0c8f6f6e-0f3a-4f7b-8f53-3f1f5b7f9d21";

/// The region's calendar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    pub(crate) epoch: Timestamp,
}

impl Calendar {
    fn at(self, offset: SignedDuration) -> Timestamp {
        // The calendar stops far beyond the year 9999.
        self.epoch.saturating_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// Returns the calendar time at a time of the region's clock.
    pub(crate) fn time(self, at: Duration) -> Timestamp {
        self.at(SignedDuration::try_from(at).unwrap_or(SignedDuration::MAX))
    }

    /// Formats a time as `2019-05-22T03:30:52Z`, for servers.
    fn seconds(self, at: Moment) -> String {
        format!("{:.0}", self.at(SignedDuration::from_secs(at)))
    }

    /// Formats a time as `2019-05-22T03:30:52.000000`, for the launch of a server.
    fn microseconds(self, at: Moment) -> String {
        let text = format!("{:.6}", self.at(SignedDuration::from_secs(at)));
        text.trim_end_matches('Z').to_owned()
    }

    /// Formats a time of the region's clock like `seconds`, truncated, for records of actions.
    pub(crate) fn whole_seconds(self, at: Duration) -> String {
        let text = self.time(at).strftime("%Y-%m-%dT%H:%M:%S.000000");
        text.to_string()
    }

    /// Formats a time as `Wed, 22 May 2019 03:30:52 GMT`, for the `Date` of an answer.
    pub(crate) fn http_date(self, at: Duration) -> Option<String> {
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.time(at))
            .ok()
    }

    /// Formats a time as `2019-05-22T03:30:52.123Z`, for jobs.
    fn millis(self, at: Duration) -> String {
        format!("{:.3}", self.time(at))
    }

    /// Formats a time as `2019-05-22T03:30:52.000000Z`, for tokens and temporary keys.
    pub(crate) fn iso(self, at: Duration) -> String {
        format!("{:.6}", self.time(at))
    }
}

/// The approximate length of a server as text, in bytes.
const SERVER: usize = 1600;

/// Writes `{"server":…}`.
pub(crate) fn one_server(
    server: &Server,
    identity: &Identity,
    calendar: Calendar,
    now: Duration,
) -> String {
    let mut text = String::with_capacity(SERVER);
    text.push_str("{\"server\":");
    push_server(&mut text, server, identity, calendar, now);
    text.push('}');
    text
}

/// Writes `{"count":…,"servers":[…]}`.
pub(crate) fn page(
    page: &Page<'_>,
    identity: &Identity,
    calendar: Calendar,
    now: Duration,
) -> String {
    let mut text = String::with_capacity(SERVER * (page.servers.len() + 1));
    text.push('{');
    if let Some(count) = page.count {
        push(&mut text, format_args!("\"count\":{count},"));
    }
    text.push_str("\"servers\":[");
    for (at, server) in page.servers.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_server(&mut text, server, identity, calendar, now);
    }
    for (at, id) in page.absent.iter().enumerate() {
        if at > 0 || !page.servers.is_empty() {
            text.push(',');
        }
        // Any text may have been requested as an id.
        let id = serde_json::Value::from(id.as_str());
        push(
            &mut text,
            format_args!(
                "{{\"id\":{id},\"name\":null,\"status\":null,\"updated\":null,\"OS-EXT-STS:task_state\":null,\
                 \"fault\":{{\"message\":\"the server does not exist\"}}}}"
            ),
        );
    }
    text.push_str("]}");
    text
}

/// Writing to a `String` cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

/// Writes a server directly: a page of them through `serde_json::Value` takes twenty times as long.
/// Nothing in it needs escaping: names, tags and ids are the simulator's own.
fn push_server(
    text: &mut String,
    server: &Server,
    identity: &Identity,
    calendar: Calendar,
    now: Duration,
) {
    let view = server.view(now);
    let power_state = if view.vm_state == "active" { 1 } else { 4 };
    let id = server.id.to_string();
    let instance = id.get(..8).unwrap_or_default();
    let (name, role, zone, flavor) = (
        server.name.as_str(),
        server.role(),
        server.zone(),
        server.flavor(),
    );
    let (created, launched) = (
        calendar.seconds(server.created),
        calendar.microseconds(server.created),
    );
    let updated = calendar.seconds(view.updated);
    let [role_tag, env_tag] = tags_of(server);
    let (reservation, ip, host, locked) = (
        reservation_id(server),
        server.ip(),
        &server.host,
        server.locked,
    );
    let Flavor {
        id: flavor,
        vcpus,
        ram,
    } = flavor;
    push(
        text,
        format_args!(
            r#"{{"OS-DCF:diskConfig":"MANUAL","OS-EXT-AZ:availability_zone":"{zone}","OS-EXT-SRV-ATTR:hostname":"{name}","OS-EXT-SRV-ATTR:instance_name":"instance-{instance}","OS-EXT-SRV-ATTR:reservation_id":"{reservation}","OS-EXT-SRV-ATTR:root_device_name":"/dev/vda","OS-EXT-STS:power_state":{power_state},"OS-EXT-STS:task_state":"#
        ),
    );
    match view.task_state {
        Some(state) => push(text, format_args!("\"{state}\"")),
        None => text.push_str("null"),
    }
    push(
        text,
        format_args!(
            r#","OS-EXT-STS:vm_state":"{}","OS-SRV-USG:launched_at":"{launched}","OS-SRV-USG:terminated_at":null,"accessIPv4":"","accessIPv6":"","addresses":{{"{NETWORK}":[{{"OS-EXT-IPS:type":"fixed","addr":"{ip}","version":"4"}}]}},"config_drive":"","created":"{created}","description":"{role}","fault":null,"flavor":{{"disk":"0","id":"{flavor}","name":"{flavor}","ram":"{ram}","vcpus":"{vcpus}"}},"hostId":"{host}","host_status":"UP","id":"{id}","image":{{"id":"{IMAGE}"}},"locked":{locked},"metadata":{{"charging_mode":"0","os_type":"Linux","vpc_id":"{NETWORK}"}},"name":"{name}","security_groups":[{{"name":"default"}}],"status":"{}","sys_tags":[],"tags":["{role_tag}","{env_tag}"],"tenant_id":"{}","updated":"{updated}"}}"#,
            view.vm_state, view.status, identity.project_id,
        ),
    );
}

#[derive(Serialize)]
struct JobBody {
    status: &'static str,
    entities: Option<Entities>,
    job_id: String,
    job_type: &'static str,
    begin_time: String,
    end_time: String,
    error_code: Option<&'static str>,
    fail_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Entities {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_jobs_total: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_jobs: Option<Vec<SubJobBody>>,
}

#[derive(Serialize)]
struct SubJobBody {
    status: &'static str,
    entities: SubEntities,
    job_id: String,
    job_type: &'static str,
    begin_time: String,
    end_time: String,
    error_code: Option<&'static str>,
    fail_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct SubEntities {
    server_id: ServerId,
    #[serde(skip_serializing_if = "Option::is_none")]
    errorcode_message: Option<String>,
}

/// Returns the JSON of a job. One that is not over has an empty `end_time`, and while it is
/// prepared its `entities` are empty.
pub(crate) fn job(job: &Job, calendar: Calendar, now: Duration) -> impl Serialize {
    let progress = job.progress(now);
    let entities = match progress {
        Progress::Init => Entities {
            sub_jobs_total: None,
            sub_jobs: None,
        },
        _ => Entities {
            sub_jobs_total: Some(job.subs.len()),
            sub_jobs: Some(sub_jobs(job, calendar, now)),
        },
    };
    let failed = progress == Progress::Fail;
    let (job_type, _) = job_types(job.action);
    JobBody {
        status: progress.as_str(),
        entities: Some(entities),
        job_id: hex(job.id),
        job_type,
        begin_time: calendar.millis(job.accepted),
        end_time: ended(progress, calendar, job.end),
        error_code: failed.then_some("Common.0021"),
        fail_reason: failed.then_some("at least one sub-job failed"),
    }
}

fn sub_jobs(job: &Job, calendar: Calendar, now: Duration) -> Vec<SubJobBody> {
    let (_, job_type) = job_types(job.action);
    let begin_time = calendar.millis(job.begin);
    let sub_job = |sub: &crate::jobs::SubJob| {
        let progress = job.sub_progress(sub, now);
        let failure: Option<Failure> = sub.failure.filter(|_| progress == Progress::Fail);
        let (open, hidden) = match failure {
            Some(failure) if failure.hidden => (None, Some(failure)),
            failure => (failure, None),
        };
        SubJobBody {
            status: progress.as_str(),
            entities: SubEntities {
                server_id: sub.server,
                errorcode_message: hidden.map(|failure| failure.reason.to_owned()),
            },
            job_id: hex(sub.id),
            job_type,
            begin_time: begin_time.clone(),
            end_time: ended(progress, calendar, sub.end),
            error_code: failure.map(|failure| failure.code),
            fail_reason: open.map(|failure| failure.reason),
        }
    };
    job.subs.iter().map(sub_job).collect()
}

fn ended(progress: Progress, calendar: Calendar, end: Duration) -> String {
    if progress.is_over() {
        calendar.millis(end)
    } else {
        String::new()
    }
}

/// Returns the types of a job and of its sub-jobs. No page lists them, so clients must accept any.
fn job_types(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Reboot(RebootType::Soft) => ("batchRebootServer", "rebootServer"),
        Action::Reboot(RebootType::Hard) => ("batchHardRebootServer", "hardRebootServer"),
        Action::Start => ("batchStartServer", "startServer"),
        Action::Stop(_) => ("batchStopServer", "stopServer"),
    }
}
