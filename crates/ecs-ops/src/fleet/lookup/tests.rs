//! Few servers one by one, many in the list, and neither.

use ecs_model::ServerStatus;
use ecs_sim::Region;

use super::*;
use crate::fleet::read::tests::client;

const NOBODY: ServerId = ServerId::from_bytes([7; 16]);
const LIST: &str = "ecs:cloudServers:list";
const GET: &str = "ecs:cloudServers:get";

#[tokio::test(start_paused = true)]
async fn the_servers_are_found_in_the_order_in_which_they_were_named() {
    for denied in [None, Some(LIST), Some(GET)] {
        let mut region = Region::builder().servers(40).shutoff(1.0);
        if let Some(denied) = denied {
            region = region.deny(denied);
        }
        let (client, ids) = client(region);
        let named = [ids[7], NOBODY, ids[3]];
        let found = client.look_up(&named).await.unwrap();
        let seen: Vec<_> = found.servers.iter().map(|it| it.id.unwrap()).collect();
        assert_eq!((seen, found.missing), (vec![ids[7], ids[3]], vec![NOBODY]));
        assert_eq!(found.servers[0].status, Some(ServerStatus::Shutoff));
    }
}

#[tokio::test(start_paused = true)]
async fn many_are_looked_for_in_the_list() {
    let (client, ids) = client(Region::builder().servers(40).deny(GET));
    let mut named: Vec<_> = ids.iter().rev().copied().collect();
    named.push(NOBODY);
    let found = client.look_up(&named).await.unwrap();
    let seen: Vec<_> = found.servers.iter().map(|it| it.id.unwrap()).collect();
    assert_eq!(
        (&seen[..], &found.missing[..]),
        (&named[..40], &[NOBODY][..])
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_right_nothing_is_known() {
    for count in [1, 20] {
        let (client, ids) = client(Region::builder().servers(40).deny(GET).deny(LIST));
        let error = client.look_up(&ids[..count]).await.unwrap_err();
        assert_eq!(error.problem().status(), Some(403));
    }
}
