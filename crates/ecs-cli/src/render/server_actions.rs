//! What was done to servers, for people and for programs.

use ecs_ops::model::{ServerAction, ServerId};
use serde_json::{Value, json};

use super::table::Table;

/// A row for each action.
pub(crate) fn table(servers: &[(ServerId, Vec<ServerAction>)]) -> String {
    let mut table = Table::new(&["SERVER", "STARTED", "ACTION", "RESULT", "USER", "REQUEST"]);
    for (id, actions) in servers {
        for action in actions {
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            table.row([
                id.to_string(),
                text(&action.start_time),
                text(&action.action),
                text(&action.message),
                text(&action.user_id),
                text(&action.request_id),
            ]);
        }
    }
    if table.is_empty() {
        return "no actions are recorded\n".to_owned();
    }
    table.render()
}

/// All servers as one document.
pub(crate) fn document(servers: &[(ServerId, Vec<ServerAction>)]) -> Value {
    let servers = servers.iter().map(|(id, actions)| object(*id, actions));
    json!({"version": 1, "servers": servers.collect::<Vec<_>>()})
}

/// One server as an object; what the service says nothing of is null.
pub(crate) fn object(id: ServerId, actions: &[ServerAction]) -> Value {
    let actions = actions.iter().map(|action| {
        json!({
            "action": action.action,
            "started_at": action.start_time,
            "message": action.message,
            "user_id": action.user_id,
            "request_id": action.request_id,
        })
    });
    json!({"id": id, "actions": actions.collect::<Vec<_>>()})
}
