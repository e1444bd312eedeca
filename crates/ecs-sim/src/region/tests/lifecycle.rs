//! Tests of actions from acceptance to their end and after it.

use std::time::Duration;

use ecs_model::JobStatus;
use ecs_model::RebootType::{Hard, Soft};
use serde_json::{Value, json};

use super::{Client, job_id};
use crate::{Action, ActionKind, JOB_RETENTION, Region};

#[test]
fn a_job_goes_from_init_to_success() {
    let epoch = "2026-11-23T20:00:00Z".parse().unwrap();
    let mut client = Client::new(Region::builder().servers(3).epoch(epoch));
    let ids = client.ids();
    client.wait(0.25);
    let accepted = client.reboot(Soft, &ids);

    // In preparation: a twentieth of 15 seconds.
    assert_eq!(
        client.job_body(&accepted).json(),
        json!({
            "status": "INIT", "entities": {}, "job_id": job_id(&accepted), "job_type": "batchRebootServer",
            "begin_time": "2026-11-23T20:00:00.250Z", "end_time": "", "error_code": null, "fail_reason": null,
        })
    );
    client.wait(0.749);
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Init));
    client.wait(0.001);
    let job = client.job_body(&accepted).json();
    assert_eq!(job["status"], "RUNNING");
    assert_eq!(job["entities"]["sub_jobs_total"], 3);
    for (sub, id) in job["entities"]["sub_jobs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&ids)
    {
        assert_eq!(sub["entities"], json!({ "server_id": id }));
        assert_eq!(sub["status"], "RUNNING");
        assert_eq!(sub["end_time"], "");
        assert_eq!(sub["error_code"], Value::Null);
    }
    // 15 seconds after the beginning none can be ready, 35 seconds after it all must be.
    client.wait(14.999);
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Running));
    client.wait(20.001);
    let job = client.job_body(&accepted).json();
    assert_eq!(job["status"], "SUCCESS");
    assert_eq!(job["error_code"], Value::Null);
    let subs = job["entities"]["sub_jobs"].as_array().unwrap();
    let ends = subs.iter().map(|sub| sub["end_time"].as_str().unwrap());
    assert_eq!(job["end_time"], ends.max().unwrap());
    assert!(job["end_time"].as_str().unwrap() > "2026-11-23T20:00:15.999Z");
    for id in &ids {
        assert_eq!(client.state(id), ("ACTIVE".into(), None, "active".into()));
    }
}

#[test]
fn sub_jobs_end_one_by_one() {
    let mut client = Client::of(60);
    let ids = client.ids();
    let accepted = client.reboot(Soft, &ids);
    client.wait(25.0);
    let job = client.job(&accepted);
    assert_eq!(job.status, Some(JobStatus::Running));
    let subs = job.entities.unwrap().sub_jobs.unwrap();
    let done = subs
        .iter()
        .filter(|sub| sub.status == Some(JobStatus::Success));
    let done: Vec<_> = done
        .map(|sub| sub.entities.clone().unwrap().server_id.unwrap())
        .collect();
    assert!((10..50).contains(&done.len()), "{}", done.len());
    // A server is at rest exactly when its sub-job is over.
    for id in &ids {
        assert_eq!(client.state(id).1.is_none(), done.contains(id));
    }
}

#[test]
fn servers_show_their_task() {
    let mut client = Client::of(4);
    let ids = client.ids();
    let before = client.server(&ids[0])["updated"].clone();
    job_id(&client.reboot(Soft, &ids[0..1]));
    job_id(&client.reboot(Hard, &ids[1..2]));
    job_id(&client.stop(&ids[2..3]));
    let state = |status: &str, task: &str, vm: &str| {
        (status.to_owned(), Some(task.to_owned()), vm.to_owned())
    };
    assert_eq!(
        client.state(&ids[0]),
        state("REBOOT", "rebooting", "active")
    );
    assert_eq!(
        client.state(&ids[1]),
        state("HARD_REBOOT", "rebooting_hard", "active")
    );
    assert_eq!(
        client.state(&ids[2]),
        state("ACTIVE", "powering-off", "active")
    );
    assert_ne!(client.server(&ids[0])["updated"], before);
    client.wait(10.0);
    assert_eq!(
        client.state(&ids[0]),
        state("REBOOT", "reboot_started", "active")
    );
    assert_eq!(
        client.state(&ids[1]),
        state("HARD_REBOOT", "reboot_started_hard", "active")
    );
    client.wait(50.0);
    assert_eq!(
        client.state(&ids[2]),
        ("SHUTOFF".into(), None, "stopped".into())
    );
    assert_eq!(client.server(&ids[2])["OS-EXT-STS:power_state"], 4);
    job_id(&client.start(&ids[2..3]));
    assert_eq!(
        client.state(&ids[2]),
        state("SHUTOFF", "powering-on", "stopped")
    );
    client.wait(50.0);
    assert_eq!(
        client.state(&ids[2]),
        ("ACTIVE".into(), None, "active".into())
    );
}

#[test]
fn servers_in_the_wanted_state_succeed_untouched() {
    let mut client = Client::new(Region::builder().servers(2).failing(1.0));
    let ids = client.ids();
    let before = client.server(&ids[0]);
    let accepted = client.start(&ids);
    client.wait(1.0);
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Success));
    assert_eq!(client.server(&ids[0]), before);

    let mut client = Client::new(Region::builder().servers(2).shutoff(1.0));
    let ids = client.ids();
    assert_eq!(client.state(&ids[0]).0, "SHUTOFF");
    let accepted = client.stop(&ids);
    client.wait(1.0);
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Success));
}

#[test]
fn one_failed_server_fails_the_job_and_only_itself() {
    let mut client = Client::of(3);
    let ids = client.ids();
    assert!(client.region.set_failing(&ids[1], true));
    let accepted = client.stop(&ids);
    client.wait(10.0);
    // The failure is not shown before its end.
    let job = client.job_body(&accepted).json();
    assert_eq!(job["entities"]["sub_jobs"][1]["error_code"], Value::Null);
    client.wait(50.0);
    let job = client.job(&accepted);
    assert_eq!(job.status, Some(JobStatus::Fail));
    assert_eq!(job.error_code.as_deref(), Some("Common.0021"));
    let subs = job.entities.unwrap().sub_jobs.unwrap();
    let statuses: Vec<_> = subs.iter().map(|sub| sub.status.clone().unwrap()).collect();
    assert_eq!(
        statuses,
        [JobStatus::Success, JobStatus::Fail, JobStatus::Success]
    );
    // The server is unchanged.
    assert_eq!(client.state(&ids[0]).0, "SHUTOFF");
    assert_eq!(client.state(&ids[1]).0, "ACTIVE");
}

#[test]
fn failures_give_their_reason_in_either_place() {
    let mut client = Client::new(Region::builder().servers(200).failing(0.5));
    let ids = client.ids();
    let accepted = client.reboot(Soft, &ids);
    client.wait(60.0);
    let job = client.job_body(&accepted).json();
    let subs = job["entities"]["sub_jobs"].as_array().unwrap();
    let failed: Vec<&Value> = subs.iter().filter(|sub| sub["status"] == "FAIL").collect();
    assert!((70..130).contains(&failed.len()), "{}", failed.len());
    let is_hidden = |sub: &Value| sub["entities"].get("errorcode_message").is_some();
    for sub in &failed {
        assert_eq!(sub["error_code"], "Ecs.0227");
        assert_eq!(sub["fail_reason"].is_null(), is_hidden(sub), "{sub}");
    }
    let hidden = failed.iter().filter(|sub| is_hidden(sub)).count();
    assert!((20..failed.len() - 20).contains(&hidden), "{hidden}");

    let mut client = Client::new(Region::builder().servers(1).shutoff(1.0).failing(1.0));
    let ids = client.ids();
    let accepted = client.start(&ids);
    client.wait(60.0);
    let job = client.job_body(&accepted).json();
    assert_eq!(job["entities"]["sub_jobs"][0]["error_code"], "Ecs.0226");
    assert_eq!(client.state(&ids[0]).0, "SHUTOFF");
}

#[test]
fn finished_jobs_are_kept_for_a_day() {
    let durations = Duration::from_secs(20)..=Duration::from_secs(20);
    let mut client = Client::new(Region::builder().servers(1).durations(durations));
    let ids = client.ids();
    let accepted = client.reboot(Soft, &ids);
    // 1 second of preparation, 20 of work, a day.
    client.now = JOB_RETENTION + Duration::from_millis(20_999);
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Success));
    client.wait(0.001);
    client
        .job_body(&accepted)
        .assert_refused(400, "Common.0011", "no job");
}

#[test]
fn time_does_not_go_backwards() {
    let mut client = Client::of(1);
    let ids = client.ids();
    let accepted = client.reboot(Soft, &ids);
    client.wait(100.0);
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Success));
    client.now = Duration::ZERO;
    assert_eq!(client.job(&accepted).status, Some(JobStatus::Success));
    assert_eq!(client.region.now(), Duration::from_secs(100));
}

#[test]
fn log_holds_the_accepted_requests() {
    let mut client = Client::of(5);
    let ids = client.ids();
    client.wait(1.0);
    let first = client.reboot(Hard, &ids[..3]);
    client.wait(60.0);
    let second = client.reboot(Soft, &ids[2..]);
    let log = client.region.accepted();
    assert_eq!(log.entries().len(), 2);
    assert_eq!(log.entries()[0].at, Duration::from_secs(1));
    assert_eq!(log.entries()[0].action, Action::Reboot(Hard));
    assert_eq!(log.entries()[1].servers, &ids[2..]);
    for (entry, got) in log.entries().iter().zip([&first, &second]) {
        assert_eq!(entry.job_id.as_str(), job_id(got));
        assert_eq!(entry.request_id, got.headers["x-request-id"]);
    }
    assert_eq!(
        (log.times(&ids[0]), log.times(&ids[2]), log.times(&ids[4])),
        (1, 2, 1)
    );
    assert_eq!((log.most_times(), log.distinct_servers()), (2, 5));
    let peak = |kind, seconds| log.peak(kind, Duration::from_secs(seconds));
    assert_eq!(peak(ActionKind::Reboot, 60), 3);
    assert_eq!(peak(ActionKind::Reboot, 61), 6);
    assert_eq!(peak(ActionKind::Reboot, 0), 3);
    assert_eq!(peak(ActionKind::Stop, 60), 0);
}

/// A service gives no id twice: a run that is resumed against a simulator that was started again meets new jobs.
#[test]
fn a_region_that_is_started_again_gives_other_jobs_to_the_same_servers() {
    let first_job = |started: Option<&str>| {
        let mut client = Client::new(Region::builder().servers(2).seed(7));
        if let Some(started) = started {
            client.region.default_epoch(started.parse().unwrap());
        }
        let ids = client.ids();
        let accepted = client.reboot(Soft, &ids);
        (ids, job_id(&accepted))
    };
    let (servers, job) = first_job(Some("2026-12-01T05:00:00Z"));
    let (same_servers, another) = first_job(Some("2026-12-01T05:00:01Z"));
    assert_eq!(servers, same_servers);
    assert_ne!(job, another);
    // In a process, without a start of its own, the seed decides everything.
    assert_eq!(first_job(None), first_job(None));
}
