use ecs_model::ServerId;

use super::{RecordList, read_into};
use crate::scripted::{Script, ids, service};

/// The servers with records, if the service answers the queries of both with the actions on
/// the first one.
async fn recorded(names_server: bool) -> Vec<ServerId> {
    let servers = ids(2);
    let server = names_server.then_some(servers[0]);
    let action = serde_json::json!({
        "action": "reboot", "instance_uuid": server, "user_id": "u", "request_id": "r",
        "start_time": "2026-11-24T01:00:00.000000",
    });
    let body = serde_json::json!({"instanceActions": [action]}).to_string();
    let (builder, _) =
        service(move |_, _| Script::AnswerWithHeaders(200, body.clone(), Vec::new()));
    let mut list = RecordList::default();
    read_into(&mut list, &builder.build().unwrap(), servers).await;
    assert!(list.refused.is_none());
    let mut recorded: Vec<_> = list.actions.into_keys().collect();
    recorded.sort();
    recorded
}

#[tokio::test(start_paused = true)]
async fn the_actions_on_another_server_are_no_evidence() {
    assert_eq!(recorded(true).await, ids(1));
    assert_eq!(recorded(false).await, ids(2));
}
