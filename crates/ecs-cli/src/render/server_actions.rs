//! The actions on servers as text and as JSON.

use ecs_ops::model::{ServerAction, ServerId};
use serde_json::{Value, json};

use super::table::Table;
use crate::term::clean;

/// Formats a row for each action.
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

/// Returns all servers as one document.
pub(crate) fn document(servers: &[(ServerId, Vec<ServerAction>)]) -> Value {
    let servers = servers.iter().map(|(id, actions)| object(*id, actions));
    json!({"version": 1, "servers": servers.collect::<Vec<_>>()})
}

/// Returns a server as an object, with null for missing values.
pub(crate) fn object(id: ServerId, actions: &[ServerAction]) -> Value {
    json!({"id": id, "actions": objects(actions)})
}

/// Returns the actions on a server.
pub(crate) fn objects(actions: &[ServerAction]) -> Value {
    let actions = actions.iter().map(|action| {
        json!({
            "action": action.action,
            "started_at": action.start_time,
            "message": action.message,
            "user_id": action.user_id,
            "request_id": action.request_id,
        })
    });
    actions.collect()
}

/// Formats the actions on a server for `server show`, one per line.
pub(crate) fn lines(actions: &[ServerAction]) -> String {
    let line = |action: &ServerAction| {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let message = action.message.as_ref();
        let message = message.map(|message| format!(": {message}"));
        let line = format!(
            "{:<20}{} {}{} by user {} (request {})",
            "action",
            text(&action.start_time),
            text(&action.action),
            message.unwrap_or_default(),
            text(&action.user_id),
            text(&action.request_id),
        );
        clean(&line) + "\n"
    };
    actions.iter().map(line).collect()
}

/// Formats the reason that the actions cannot be read.
pub(crate) fn unread(reason: &str) -> String {
    clean(&format!("{:<20}cannot be read: {reason}", "actions")) + "\n"
}
