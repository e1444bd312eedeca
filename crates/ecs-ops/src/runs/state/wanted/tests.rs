use ecs_model::Server;
use serde_json::json;

use super::*;
use crate::runs::request_plan::RequestPlan;
use crate::runs::state::RunOptions;

fn id(number: u128) -> ServerId {
    ServerId::from_bytes(number.to_be_bytes())
}

fn failed() -> Outcome {
    Outcome::Failed {
        job_id: None,
        error: Problem::new("refused"),
    }
}

fn shows(server: serde_json::Value) -> ServerList {
    let server: Server = serde_json::from_value(server).unwrap();
    [(id(1), server)].into_iter().collect()
}

/// After a failed start or stop only a server at rest in the wanted state is a success.
#[test]
fn the_state_of_a_server_decides() {
    let active = json!({"status": "ACTIVE"});
    let stopped = json!({"status": "SHUTOFF"});
    let busy = json!({"status": "ACTIVE", "OS-EXT-STS:task_state": "powering-off"});
    let table = [
        (PowerAction::Start, &active, "succeeded"),
        (PowerAction::Start, &stopped, "failed"),
        (PowerAction::Start, &busy, "failed"),
        (PowerAction::Stop(None), &stopped, "succeeded"),
        (PowerAction::Stop(None), &active, "failed"),
    ];
    for (action, server, expected) in table {
        let plan = RequestPlan::new(action, &[id(1)], 1);
        let mut state = RunState::new("r".to_owned(), vec![id(1)], plan, RunOptions::default());
        assert!(state.end_server(id(1), failed()).is_none());
        assert!(state.end_server(id(1), failed()).is_none(), "held once");
        let servers = state.servers_to_read();
        assert_eq!(servers, [id(1)]);
        let events = state.servers_read(&servers, Ok(&shows(server.clone())));
        let [Event::ServerDone(report)] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(report.outcome.name(), expected, "{action:?} {server}");
        assert_eq!(report.note().is_some(), expected == "succeeded");
        assert!(state.servers_to_read().is_empty());
    }
}

/// A restart has no wanted state; an unreadable server has failed.
#[test]
fn servers_that_are_not_read() {
    let reboot = PowerAction::Reboot(ecs_model::RebootType::Soft);
    for (action, held) in [(reboot, false), (PowerAction::Start, true)] {
        let plan = RequestPlan::new(action, &[id(1)], 1);
        let mut state = RunState::new("r".to_owned(), vec![id(1)], plan, RunOptions::default());
        assert_eq!(state.end_server(id(1), failed()).is_none(), held);
        let events = state.servers_read(&[id(1)], Err(&Problem::new("no list")));
        assert_eq!(events.len(), usize::from(held));
        assert_eq!(state.ledger.outcomes.get(&id(1)), Some(&failed()));
    }
}
