use ecs_model::StopType;

use super::*;

const SOFT: PowerAction = PowerAction::Reboot(RebootType::Soft);
const HARD: PowerAction = PowerAction::Reboot(RebootType::Hard);

fn server(status: &str) -> Server {
    let mut server = Server::default();
    server.status = Some(status.into());
    server
}

#[test]
fn each_status_decides_each_action() {
    let stop = PowerAction::Stop(Some(StopType::Hard));
    for (status, soft, hard, start) in [
        ("ACTIVE", None, None, None),
        ("SHUTOFF", Some("stopped (SHUTOFF)"), None, None),
        ("ERROR", None, None, None),
        (
            "VERIFY_RESIZE",
            Some("in the status VERIFY_RESIZE"),
            None,
            None,
        ),
        (
            "BUILD",
            Some("busy (BUILD)"),
            Some("busy (BUILD)"),
            Some("busy (BUILD)"),
        ),
        (
            "REBOOT",
            Some("busy (REBOOT)"),
            Some("busy (REBOOT)"),
            Some("busy (REBOOT)"),
        ),
        (
            "DELETED",
            Some("not found in the project"),
            Some("not found in the project"),
            Some("not found in the project"),
        ),
        ("NEW_STATUS", None, None, None),
    ] {
        let server = server(status);
        let shown = |action| Unready::of(action, &server).map(|reason| reason.to_string());
        assert_eq!(shown(SOFT).as_deref(), soft, "{status}");
        assert_eq!(shown(HARD).as_deref(), hard, "{status}");
        assert_eq!(shown(PowerAction::Start).as_deref(), start, "{status}");
        assert_eq!(shown(stop).as_deref(), start, "{status}");
    }
}

#[test]
fn a_lock_and_a_task_count_in_any_status() {
    let mut locked = server("ACTIVE");
    locked.locked = Some(true);
    assert_eq!(Unready::of(HARD, &locked), Some(Unready::Locked));
    let mut busy = server("ACTIVE");
    for (task, is_busy) in [("powering-off", true), ("", false), ("null", false)] {
        busy.task_state = Some(task.to_owned());
        assert_eq!(Unready::of(HARD, &busy).is_some(), is_busy, "{task:?}");
    }
    assert_eq!(Unready::of(SOFT, &Server::default()), None);
}

/// A flavor of physical servers, or the tag of such servers.
#[test]
fn a_physical_server_takes_forced_actions_only() {
    let soft_stop = PowerAction::Stop(None);
    let hard_stop = PowerAction::Stop(Some(StopType::Hard));
    let physical = |flavor: &str, tags: &[&str]| {
        let mut server = server("ACTIVE");
        server.flavor = Some(serde_json::from_value(serde_json::json!({"id": flavor})).unwrap());
        server.tags = Some(tags.iter().map(|tag| (*tag).to_owned()).collect());
        server
    };
    for (flavor, tags, is_physical) in [
        ("physical.o2.medium", &[][..], true),
        ("Physical.o2.medium", &[], true),
        ("s3.medium.2", &["__type_baremetal"], true),
        ("s3.medium.2", &["a=b", "__type_baremetal="], true),
        ("s3.medium.2", &["note=__type_baremetal"], false),
        ("metaphysical.1", &[], false),
        ("ph", &[], false),
    ] {
        let server = physical(flavor, tags);
        let reason = is_physical.then(|| Unready::Physical(flavor.to_owned()));
        assert_eq!(Unready::of(SOFT, &server), reason, "{flavor}");
        assert_eq!(Unready::of(soft_stop, &server), reason, "{flavor}");
        for forced in [HARD, hard_stop, PowerAction::Start] {
            assert_eq!(Unready::of(forced, &server), None, "{flavor}");
        }
    }
}

#[test]
fn readiness_round_trips() {
    let reasons = [
        Unready::Absent,
        Unready::Busy("reboot_started".to_owned()),
        Unready::Physical("physical.1".to_owned()),
        Unready::Changed("2026-11-24T01:00:00Z".to_owned()),
    ];
    for reason in reasons {
        let server = UnreadyServer::new(ServerId::from_bytes([0; 16]), None, reason);
        let text = serde_json::to_string(&server).unwrap();
        assert_eq!(
            serde_json::from_str::<UnreadyServer>(&text).unwrap(),
            server
        );
    }
}
