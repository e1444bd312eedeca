//! Servers and jobs as the service shows them.

use std::time::Duration;

use ecs_model::{RebootType, ServerId};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Action;
use crate::fleet::{Moment, Server};
use crate::identity::Identity;
use crate::jobs::{Failure, Job, Progress};
use crate::seed::hex;

const NETWORK: &str = "b7c1a9de-5a0e-4c53-9b7e-2d7f4a1c6e90";
const IMAGE: &str = "0c8f6f6e-0f3a-4f7b-8f53-3f1f5b7f9d21";

/// The time that the region's calendar shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    pub(crate) epoch: Timestamp,
}

impl Calendar {
    fn at(self, offset: SignedDuration) -> Timestamp {
        // Far beyond the year 9999 the calendar stands still.
        self.epoch.saturating_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// The time that it shows when the region's clock shows this.
    pub(crate) fn time(self, at: Duration) -> Timestamp {
        self.at(SignedDuration::try_from(at).unwrap_or(SignedDuration::MAX))
    }

    /// `2019-05-22T03:30:52Z`, as servers have it.
    fn seconds(self, at: Moment) -> String {
        format!("{:.0}", self.at(SignedDuration::from_secs(at)))
    }

    /// `2019-05-22T03:30:52.000000`, as a server's launch has it.
    fn microseconds(self, at: Moment) -> String {
        let text = format!("{:.6}", self.at(SignedDuration::from_secs(at)));
        text.trim_end_matches('Z').to_owned()
    }

    /// `Wed, 22 May 2019 03:30:52 GMT`, as the `Date` of an answer has it.
    pub(crate) fn http_date(self, at: Duration) -> Option<String> {
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.time(at))
            .ok()
    }

    /// `2019-05-22T03:30:52.123Z`, as jobs have it.
    fn millis(self, at: Duration) -> String {
        format!("{:.3}", self.time(at))
    }

    /// `2019-05-22T03:30:52.000000Z`, as tokens and temporary keys have it.
    pub(crate) fn iso(self, at: Duration) -> String {
        format!("{:.6}", self.time(at))
    }
}

/// A server's tags, as the list writes them.
pub(crate) fn tags_of(server: &Server) -> [String; 2] {
    [
        format!("role={}", server.role),
        format!("env={}", server.env),
    ]
}

/// The id of the batch that a server was created in.
pub(crate) fn reservation_id(server: &Server) -> String {
    format!("r-sim{:05}", server.reservation)
}

pub(crate) fn server(
    server: &Server,
    identity: &Identity,
    calendar: Calendar,
    now: Duration,
) -> Value {
    let view = server.view(now);
    let power_state = if view.vm_state == "active" { 1 } else { 4 };
    let id = server.id.to_string();
    json!({
        "id": id,
        "name": server.name,
        "status": view.status,
        "created": calendar.seconds(server.created),
        "updated": calendar.seconds(view.updated),
        "OS-EXT-STS:task_state": view.task_state,
        "OS-EXT-STS:vm_state": view.vm_state,
        "OS-EXT-STS:power_state": power_state,
        "OS-EXT-AZ:availability_zone": server.zone,
        "OS-SRV-USG:launched_at": calendar.microseconds(server.created),
        "OS-SRV-USG:terminated_at": null,
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-SRV-ATTR:hostname": server.name,
        "OS-EXT-SRV-ATTR:instance_name": format!("instance-{}", &id[..8]),
        "OS-EXT-SRV-ATTR:reservation_id": reservation_id(server),
        "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": {NETWORK: [{
            "version": "4",
            "addr": server.ip,
            "OS-EXT-IPS:type": "fixed",
        }]},
        "config_drive": "",
        "description": server.role,
        "fault": null,
        "flavor": {
            "id": server.flavor.id,
            "name": server.flavor.id,
            "vcpus": server.flavor.vcpus,
            "ram": server.flavor.ram,
            "disk": "0",
        },
        "hostId": &*server.host,
        "host_status": "UP",
        "image": {"id": IMAGE},
        "locked": server.locked,
        "metadata": {"vpc_id": NETWORK, "os_type": "Linux", "charging_mode": "0"},
        "security_groups": [{"name": "default"}],
        "sys_tags": [],
        "tags": tags_of(server),
        "tenant_id": identity.project_id,
    })
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

/// A job. One that isn't over has the empty text as `end_time`, and while it is prepared its `entities` are empty.
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

/// The types of a job and of its sub-jobs. No page lists them; clients must take them as they come.
fn job_types(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Reboot(RebootType::Soft) => ("batchRebootServer", "rebootServer"),
        Action::Reboot(RebootType::Hard) => ("batchHardRebootServer", "hardRebootServer"),
        Action::Start => ("batchStartServer", "startServer"),
        Action::Stop(_) => ("batchStopServer", "stopServer"),
    }
}
