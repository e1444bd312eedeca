//! Groups of the simulated region and their members.

use ecs_model::{RebootType, StopType};
use ecs_sim::{Region, ScalingGroup};

use super::*;
use crate::ErrorKind;
use crate::fleet::read::tests::client;

#[tokio::test(start_paused = true)]
async fn all_members_of_all_groups_are_found() {
    let mut region = Region::builder().servers(500);
    // More groups than are on a page, more members than are on a page, and groups without any.
    region = region.scaling_group(ScalingGroup::new("large", 0..250));
    region = region.scaling_group(ScalingGroup::new("off", 250..260).paused());
    for group in 0..120 {
        let first = 300 + group;
        region = region.scaling_group(ScalingGroup::new(
            format!("g{group}"),
            first..first + group % 2,
        ));
    }
    let (client, ids) = client(region);
    let members = ScalingMembers::read(&client).await.unwrap();
    assert_eq!(members.groups(), 122);
    let group = |place: usize| members.group_of(&ids[place]);
    assert!((0..250).all(|place| group(place).unwrap().name.as_deref() == Some("large")));
    assert!((250..260).all(|place| group(place).unwrap().is_disabled));
    assert!((260..300).all(|place| group(place).is_none()));
    assert!((300..420).all(|place| group(place).is_some() == (place % 2 == 1)));
    assert!(!group(0).unwrap().is_disabled);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_or_says_no_is_an_error() {
    let with_group = || {
        let group = ScalingGroup::new("web", 0..1);
        Region::builder().scaling_group(group)
    };
    for (region, kind) in [
        (Region::builder().without_scaling(), ErrorKind::Refused),
        (with_group().deny("as:groups:list"), ErrorKind::Credentials),
        (
            with_group().deny("as:instances:list"),
            ErrorKind::Credentials,
        ),
    ] {
        let error = ScalingMembers::read(&client(region).0).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn everything_but_starting_endangers_members() {
    for action in [
        PowerAction::Reboot(RebootType::Soft),
        PowerAction::Reboot(RebootType::Hard),
        PowerAction::Stop(None),
        PowerAction::Stop(Some(StopType::Soft)),
    ] {
        assert!(endangers_members(action));
    }
    assert!(!endangers_members(PowerAction::Start));
}
