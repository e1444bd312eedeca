//! The filters of the service never change the result of a selection.

use ecs_auth::{Credentials, StaticCredentials};
use ecs_sim::{Region, SimTransport};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::Client;

fn client(seed: u64, servers: usize) -> Client {
    let region = Region::builder()
        .servers(servers)
        .seed(seed)
        .shutoff(0.3)
        .build()
        .unwrap();
    let project = region.identity().project_id.clone();
    let token = region.identity().token.expose_secret().to_owned();
    Client::builder("https://ecs.example".parse().unwrap(), project)
        .credentials(StaticCredentials::new(Credentials::token(token).unwrap()))
        .transport(SimTransport::new(region))
        .requests_per_second(100_000)
        .build()
        .unwrap()
}

fn pattern() -> impl Strategy<Value = NamePattern> {
    let glob = proptest::sample::select(
        &[
            "web-*",
            "*-00?",
            "w[ea]b-0*",
            "{web,db}-*",
            "web.*",
            "*1",
            "db-001",
            "w?b*2*",
            "nobody*",
        ][..],
    );
    let regex = proptest::sample::select(&["^web", "0[13]$", "b-0"][..]);
    prop_oneof![
        3 => glob.prop_map(glob_of),
        1 => regex.prop_map(|regex| NamePattern::regex(regex).unwrap()),
    ]
}

fn glob_of(pattern: &str) -> NamePattern {
    NamePattern::glob(pattern).unwrap()
}

fn tags() -> impl Strategy<Value = TagFilter> {
    proptest::sample::select(
        &[
            "role",
            "role=web",
            "role=db,cache",
            "env=prod",
            "env=stage,test",
            "env",
            "env=pro",
            "rol=web",
            "role=w",
        ][..],
    )
    .prop_map(|text| text.parse().unwrap())
}

fn selection() -> impl Strategy<Value = Selection> {
    use proptest::collection::vec;
    use proptest::sample::select;
    let statuses = select(&["ACTIVE", "SHUTOFF", "ERROR", "NONSENSE"][..]);
    let addresses = select(
        &[
            "10.0.0.4",
            "10.0.0.0/28",
            "10.0.0.40",
            "10.0.0.0/8",
            "192.168.0.0/16",
        ][..],
    );
    (
        vec(pattern(), 0..3),
        vec(tags(), 0..3),
        vec(tags(), 0..2),
        vec(statuses, 0..3),
        vec(select(&["sim-1a", "sim-1b", "sim-2a"][..]), 0..2),
        vec(select(&["s3.medium.2", "s3.large.2", "s3"][..]), 0..2),
        vec(addresses, 0..2),
        proptest::option::of(vec(
            select(&["web-001", "db-001", "app-002", "x"][..]),
            1..3,
        )),
    )
        .prop_map(
            |(names, tags, not_tags, statuses, zones, flavors, addresses, given)| {
                let mut selection = match given {
                    Some(given) => of(&given),
                    None => Selection::all(),
                };
                for name in names {
                    selection = selection.name(name);
                }
                for tag in tags {
                    selection = selection.tag(tag);
                }
                for tag in not_tags {
                    selection = selection.not_tag(tag);
                }
                for status in statuses {
                    selection = selection.status(status.into());
                }
                for zone in zones {
                    selection = selection.availability_zone(zone);
                }
                for flavor in flavors {
                    selection = selection.flavor(flavor);
                }
                for address in addresses {
                    selection = selection.address(address.parse().unwrap());
                }
                selection
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn local_and_remote_filters_agree(selection in selection(), seed in 0_u64..3) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (here, there) = runtime.block_on(async {
            let client = client(seed, 60);
            let all = client.servers().await.unwrap();
            let there = client.servers().select(&selection).await;
            (selection.choose(&all).map(|chosen| chosen.ids().collect::<Vec<_>>()), there)
        });
        match (here, there) {
            (Ok(here), Ok(there)) => {
                let ids: Vec<_> = there.servers.iter().filter_map(|server| server.id).collect();
                prop_assert_eq!(here, ids);
            }
            (Err(here), Err(SelectError::Selection(there))) => prop_assert_eq!(here, there),
            (here, there) => prop_assert!(false, "{here:?} but {there:?}"),
        }
    }
}

/// 10,000 servers are 50 pages.
#[tokio::test(start_paused = true)]
async fn a_large_project_is_listed_page_by_page() {
    let client = client(1, 10_000);
    assert_eq!(client.servers().await.unwrap().len(), 10_000);
    let selection = Selection::all()
        .tag(tag("role=db"))
        .status("SHUTOFF".into());
    let selected = client.servers().select(&selection).await.unwrap();
    assert!(
        (300..600).contains(&selected.servers.len()),
        "{}",
        selected.servers.len()
    );
}
