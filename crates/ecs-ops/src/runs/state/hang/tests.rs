//! What a list shows of a server that may hang.

use super::*;

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
