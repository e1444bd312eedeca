//! Tests of auto-scaling groups and their members.

use ecs_model::{ListScalingGroups, ListScalingInstances, Operation, ScalingGroupStatus, ServerId};

use super::{Client, Got};
use crate::{Region, RegionBuilder, ScalingGroup};

fn region() -> RegionBuilder {
    Region::builder()
        .servers(200)
        .scaling_group(ScalingGroup::new("web", 2..152))
        .scaling_group(ScalingGroup::new("off", 190..500).paused())
}

fn groups(client: &mut Client) -> Got {
    client.call(&ListScalingGroups::builder().build().unwrap())
}

fn members(client: &mut Client, group: &str, start: u64, limit: u64) -> Got {
    let query = ListScalingInstances::builder(group.parse().unwrap());
    client.call(&query.start_number(start).limit(limit).build().unwrap())
}

#[test]
fn groups_have_pages_of_members() {
    let mut client = Client::new(region());
    let got = groups(&mut client);
    let page = ListScalingGroups::decode(got.status, &got.headers, &got.body).unwrap();
    let groups = page.scaling_groups.unwrap();
    assert_eq!(page.total_number, Some(2));
    let of = |group: usize| groups[group].current_instance_number;
    assert_eq!((of(0), of(1)), (Some(150), Some(10)));
    assert_eq!(
        groups[1].scaling_group_status,
        Some(ScalingGroupStatus::Paused)
    );

    let id = groups[0].scaling_group_id.clone().unwrap();
    let mut seen: Vec<ServerId> = Vec::new();
    for (start, length) in [(0, 100), (100, 50), (150, 0)] {
        let got = members(&mut client, id.as_str(), start, 100);
        let page = ListScalingInstances::decode(got.status, &got.headers, &got.body).unwrap();
        assert_eq!(page.total_number, Some(150));
        let instances = page.scaling_group_instances.unwrap();
        assert_eq!(instances.len(), length);
        seen.extend(instances.iter().filter_map(|value| value.instance_id));
    }
    assert_eq!(seen, client.ids()[2..152]);
}

#[test]
fn missing_or_denied_services_are_refused() {
    let mut client = Client::new(region());
    assert_eq!(members(&mut client, "no-such-group", 0, 1).status, 404);
    let mut absent = Client::new(Region::builder().without_scaling());
    let got = groups(&mut absent);
    assert_eq!(
        (got.status.as_u16(), &got.json()["error_code"]),
        (404, &"APIGW.0101".into())
    );
    for permission in ["as:groups:list", "as:instances:list"] {
        let mut client = Client::new(region().deny(permission));
        let id = "5ca11ab1-e000-4000-8000-000000000000";
        let refused = [groups(&mut client), members(&mut client, id, 0, 1)];
        let refused = refused.map(|got| got.status == 403);
        assert_eq!(
            refused,
            [
                permission.contains("groups"),
                permission.contains("instances")
            ]
        );
    }
}
