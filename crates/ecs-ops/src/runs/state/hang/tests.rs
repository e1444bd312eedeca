//! The readings of servers that may hang.

use super::*;
use crate::journal::{Acceptance, Purpose};
use crate::runs::request_plan::RequestPlan;
use crate::runs::state::RunOptions;

fn reading(status: &str, task: Option<&str>, updated: Option<&str>) -> HangReading {
    let mut server = Server::default();
    server.status = Some(ServerStatus::from(status));
    server.task_state = task.map(str::to_owned);
    server.updated = updated.map(str::to_owned);
    hang_reading(Some(&server))
}

#[test]
fn only_the_task_of_a_soft_restart_is_a_hang() {
    const AT: &str = "2026-11-30T10:00:00Z";
    let at = Some(AT);
    for task in ["rebooting", "reboot_pending", "reboot_started"] {
        let shown = HangReading::Restarting {
            task: task.to_owned(),
            updated: AT.to_owned(),
        };
        assert_eq!(reading("REBOOT", Some(task), at), shown);
        assert_eq!(reading("ACTIVE", Some(task), at), HangReading::Other);
        assert_eq!(reading("HARD_REBOOT", Some(task), at), HangReading::Other);
        assert_eq!(reading("REBOOT", Some(task), None), HangReading::Other);
    }
    for task in [
        None,
        Some(""),
        Some("reboot_started_hard"),
        Some("rebooting_hard"),
        Some("powering-off"),
    ] {
        assert_eq!(reading("REBOOT", task, at), HangReading::Other, "{task:?}");
    }
    assert_eq!(hang_reading(None), HangReading::Other);
}

/// A hard restart of one server of a request makes no hard one of its other soft restarts.
#[test]
fn other_servers_of_the_request_are_watched_on() {
    let soft = PowerAction::Reboot(RebootType::Soft);
    let servers: Vec<_> = (1..=2).map(|id| ServerId::from_bytes([id; 16])).collect();
    let options = RunOptions {
        escalate_hang: Some(Duration::from_secs(600)),
        escalate_after: Some(Duration::ZERO),
        ..RunOptions::default()
    };
    let plan = RequestPlan::new(soft, &servers, 2);
    let mut state = RunState::new("run".to_owned(), servers.clone(), plan, options);
    let request = state.next_request().unwrap();
    state.accepted(Acceptance {
        request: request + 1,
        at: "2026-01-01T12:00:00Z".parse().unwrap(),
        job_id: "job".parse().unwrap(),
        request_id: None,
    });
    let hangs = Outcome::Failed {
        job_id: state.job(request).cloned(),
        error: Problem::new("it hangs"),
    };
    state.restart_hard(servers[0], hangs);
    assert_eq!(state.restarting(), [(request, servers[1])]);
    assert_eq!(state.action_of(request), soft);
    let decided = state.conclude(Vec::new());
    assert_eq!(decided.records.len(), 1);
    let hard = state.next_request().unwrap();
    assert_eq!(state.purpose(hard), Purpose::Escalate);
}
