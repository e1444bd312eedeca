//! `server actions`, as a process against a simulated region.

use crate::common::{Sim, ecsctl};

#[test]
fn actions_on_a_server_are_shown_with_their_user() {
    let sim = Sim::start(60, |region| region.servers(2));
    let ids: Vec<String> = sim.ids();
    let actions = |arguments: &[&str]| {
        let arguments = [&["server", "actions"], arguments].concat();
        ecsctl(&arguments, &sim.options())
    };
    let nothing = actions(&[&ids[1]]).expect(0).stdout;
    assert_eq!(nothing, "no actions are recorded\n");
    ecsctl(&["reboot", "--yes", &ids[0]], &sim.options()).expect(0);
    let table = actions(&[&ids[0], &ids[1]]).expect(0).stdout;
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert!(
        rows[1].starts_with(&ids[0]) && rows[1].contains("reboot"),
        "{table}"
    );
    let json = actions(&[&ids[0], "-o", "json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &json["servers"][0]["actions"][0];
    assert_eq!(first["action"], "reboot");
    assert_eq!(first["user_id"].as_str().map(str::len), Some(32));
    let by_name = actions(&["web-001"]).expect(0).stdout;
    assert!(by_name.contains(&ids[0]), "{by_name}");
    let failed = actions(&["web-009"]).expect(2).stderr;
    assert!(
        failed.contains("no server of the project is called"),
        "{failed}"
    );
    let missing = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let failed = actions(&[missing]).expect(1).stderr;
    assert!(
        failed.contains("cannot read the actions on server"),
        "{failed}"
    );
}

#[test]
fn a_missing_permission_is_reported() {
    let sim = Sim::start(60, |region| {
        region
            .servers(1)
            .action_records(ecs_sim::ActionRecords::Denied)
    });
    let ids = sim.ids();
    let denied = ecsctl(&["server", "actions", &ids[0]], &sim.options());
    let denied = denied.expect(4).stderr;
    assert!(denied.contains("Policy does not allow"), "{denied}");
}
