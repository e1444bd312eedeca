use ecs_ops::Report;

use super::*;

fn sample() -> Report {
    serde_json::from_value(serde_json::json!({
        "version": 1, "run_id": "r", "operation": "reboot", "type": "SOFT", "jobs": [],
        "servers": [
            {"id": "616fb98f-46ca-475e-917e-2563e5a8cd19", "outcome": "succeeded", "job_id": "j", "name": "a,b",
                "at": "2026-11-30T12:00:00Z"},
            {"id": "616fb98f-46ca-475e-917e-2563e5a8cd18", "outcome": "failed",
                "error": {"code": "Ecs.0227", "message": "line\none"}, "escalated": {"code": null, "message": "soft"}},
        ],
    }))
    .unwrap()
}

#[test]
fn every_server_has_a_row() {
    assert_eq!(
        report(&sample(), Show::Summary),
        "id,name,outcome,at,job_id,code,message,hard_restart,note\n\
         616fb98f-46ca-475e-917e-2563e5a8cd19,\"a,b\",succeeded,2026-11-30T12:00:00Z,j,,,false,\n\
         616fb98f-46ca-475e-917e-2563e5a8cd18,,failed,,,Ecs.0227,line\\none,true,\
         restarted hard because the soft restart failed: soft\n"
    );
    assert_eq!(report(&sample(), Show::Failed).lines().count(), 2);
}

#[test]
fn ids_can_be_limited_to_servers_that_did_not_succeed() {
    assert_eq!(ids(&sample(), Show::Summary).lines().count(), 2);
    assert_eq!(
        ids(&sample(), Show::Failed),
        "616fb98f-46ca-475e-917e-2563e5a8cd18\n"
    );
}
