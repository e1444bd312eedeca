//! Tests of records of actions: their content, their delay, and who may read them.

use std::time::Duration;

use ecs_model::{ListServerActions, Operation, RebootType, ServerAction, ServerId};

use super::{Client, Got};
use crate::{Action, ActionRecords, OtherAction, Region};

fn ask(client: &mut Client, server: ServerId) -> Got {
    client.call(&ListServerActions::new(server))
}

fn actions(client: &mut Client, server: ServerId) -> Vec<ServerAction> {
    let got = ask(client, server);
    let read = ListServerActions::decode(got.status, &got.headers, &got.body).unwrap();
    read.instance_actions.unwrap()
}

#[test]
fn actions_are_recorded_with_their_user_after_a_delay() {
    let late = Duration::from_secs(10);
    let others = OtherAction {
        at: Duration::from_secs(60),
        place: 0,
        action: Action::Reboot(RebootType::Hard),
    };
    let region = Region::builder()
        .servers(2)
        .record_delay(late..=late)
        .other_action(others);
    let mut client = Client::new(region);
    let ids = client.ids();
    assert_eq!(actions(&mut client, ids[0]), []);
    client.reboot(RebootType::Soft, &ids);
    client.wait(9.0);
    assert_eq!(actions(&mut client, ids[0]), []);
    client.wait(2.0);
    let shown = actions(&mut client, ids[1]);
    let user = client.region.identity().user_id.clone();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].user_id, Some(user.clone()));
    assert_eq!(shown[0].action.as_deref(), Some("reboot"));
    assert_eq!(shown[0].instance_uuid, Some(ids[1]));
    assert_eq!(
        shown[0].start_time.as_deref(),
        Some("2026-01-01T00:00:00.000000")
    );
    // The newest comes first.
    client.wait(70.0);
    let shown = actions(&mut client, ids[0]);
    assert_eq!(shown.len(), 2);
    assert_ne!(shown[0].user_id, Some(user.clone()));
    assert_eq!(shown[1].user_id, Some(user));
    let accepted = client.region.accepted();
    assert_eq!((accepted.times(&ids[0]), accepted.times(&ids[1])), (1, 1));
}

#[test]
fn failures_are_recorded_at_the_end() {
    let mut client = Client::new(Region::builder().servers(1).failing(1.0));
    let id = client.ids()[0];
    client.reboot(RebootType::Soft, &[id]);
    assert_eq!(actions(&mut client, id)[0].message, None);
    client.wait(60.0);
    assert_eq!(
        actions(&mut client, id)[0].message.as_deref(),
        Some("Error")
    );
}

#[test]
fn reading_records_can_be_denied() {
    let with = |records| Client::new(Region::builder().action_records(records));
    let mut denied = with(ActionRecords::Denied);
    let id = denied.ids()[0];
    ask(&mut denied, id).assert_refused(403, "Pdp.0001", "Policy does not allow");
    let mut absent = with(ActionRecords::Absent);
    let id = absent.ids()[0];
    ask(&mut absent, id).assert_refused(404, "APIGW.0101", "no API");
    let mut client = Client::of(1);
    let got = ask(&mut client, ServerId::from_bytes([7; 16]));
    assert_eq!(got.status, 404);
    assert!(got.json()["itemNotFound"].is_object());
}
