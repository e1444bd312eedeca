//! Tests of the list with its filters, and of one server.

use std::collections::{HashMap, HashSet};

use ecs_model::RebootType::Soft;
use ecs_model::{ListServersDetails, Operation, ServersPage};
use serde_json::Value;

use super::Client;
use crate::{ListQuirk, Region};

fn names(client: &mut Client, query: &str) -> Vec<String> {
    let got = client.get(&format!("cloudservers/detail?limit=1000&{query}"));
    let body = got.json();
    let servers = body["servers"].as_array().unwrap();
    assert_eq!(body["count"], servers.len(), "{query}");
    let name = |server: &Value| server["name"].as_str().unwrap().to_owned();
    servers.iter().map(name).collect()
}

#[test]
fn pages_count_from_one_and_zero_is_the_first() {
    let mut client = Client::of(60);
    let ids: Vec<String> = client.ids().iter().map(ToString::to_string).collect();
    let mut page = |query: &str| -> Vec<String> {
        let got = client.get(&format!("cloudservers/detail{query}"));
        let body = got.json();
        assert_eq!(body["count"], 60);
        let servers = body["servers"].as_array().unwrap();
        let id = |server: &Value| server["id"].as_str().unwrap().to_owned();
        servers.iter().map(id).collect()
    };
    for first in ["", "?offset=0", "?offset=1", "?limit=25&offset=1"] {
        assert_eq!(page(first), ids[..25], "{first}");
    }
    assert_eq!(page("?offset=2"), ids[25..50]);
    assert_eq!(page("?offset=3"), ids[50..]);
    assert_eq!(page("?offset=4"), [""; 0]);
    assert_eq!(page("?limit=7&offset=2"), ids[7..14]);
    assert_eq!(page("?limit=1000"), ids);
    assert_eq!(page("?limit=1000&offset=18446744073709551615"), [""; 0]);
}

#[test]
fn several_servers_share_a_host_of_their_zone() {
    let hosts = |seed: u64| {
        let mut client = Client::new(Region::builder().servers(60).seed(seed));
        let body = client.get("cloudservers/detail?limit=1000").json();
        let mut hosts: HashMap<String, Vec<String>> = HashMap::new();
        for server in body["servers"].as_array().unwrap() {
            let text = |key: &str| server[key].as_str().unwrap().to_owned();
            let zone = text("OS-EXT-AZ:availability_zone");
            hosts.entry(text("hostId")).or_default().push(zone);
        }
        hosts
    };
    let seen = hosts(1);
    assert_eq!(seen, hosts(1));
    assert!(seen.keys().all(|id| !hosts(2).contains_key(id)));
    for (id, zones) in &seen {
        assert!(
            id.len() == 56 && id.chars().all(|c| c.is_ascii_hexdigit()),
            "{id}"
        );
        assert!(zones.iter().all(|zone| *zone == zones[0]), "{zones:?}");
    }
    // Four in each of three zones, unless one is empty by chance.
    assert!((9..=12).contains(&seen.len()), "{}", seen.len());
    assert!(seen.values().any(|servers| servers.len() > 4));
}

#[test]
fn filters_select_servers() {
    let mut client = Client::new(Region::builder().servers(200).shutoff(0.2));
    let all = names(&mut client, "");
    let having = |fits: &dyn Fn(&str) -> bool| -> Vec<String> {
        all.iter().filter(|name| fits(name)).cloned().collect()
    };
    let web = having(&|name| name.starts_with("web-"));
    assert!(web.len() > 20 && web.len() < 180);
    assert_eq!(names(&mut client, "name=web"), web);
    assert_eq!(names(&mut client, "tags=role%3Dweb"), web);
    assert_eq!(
        names(&mut client, "not-tags=role%3Dweb"),
        having(&|name| !name.starts_with("web-"))
    );
    assert_eq!(names(&mut client, "tags=role").len(), 200);
    assert_eq!(names(&mut client, "tags=rol").len(), 0);
    assert_eq!(names(&mut client, "tags=web").len(), 0);
    // A period is any character; nothing else is special.
    assert_eq!(
        names(&mut client, "name=w.b-00."),
        having(&|name| name.starts_with("web-00"))
    );
    assert_eq!(names(&mut client, "name=web*").len(), 0);
    assert_eq!(names(&mut client, "name=WEB").len(), 0);
    assert_eq!(names(&mut client, "name=").len(), 200);
    // Filters are combined.
    let both = names(&mut client, "tags=role%3Dweb%2Cenv%3Dprod");
    assert!(!both.is_empty() && both.len() < web.len());
    assert_eq!(names(&mut client, "name=web&tags=env%3Dprod"), both);

    let stopped = names(&mut client, "status=SHUTOFF").len();
    assert!((15..70).contains(&stopped));
    assert_eq!(names(&mut client, "status=ACTIVE").len(), 200 - stopped);
    assert_eq!(names(&mut client, "status=NONSENSE").len(), 0);
    assert_eq!(
        names(&mut client, "ip=10.0.0.4"),
        [all[0].as_str()]
            .into_iter()
            .chain(
                // 10.0.0.40 to .49 contain it too.
                all[36..46].iter().map(String::as_str)
            )
            .collect::<Vec<_>>()
    );
    assert_eq!(names(&mut client, "reservation_id=r-sim00001"), all[20..40]);
    let flavors = ["s3.medium.2", "s3.large.2", "s3.xlarge.4"];
    let counts = flavors.map(|flavor| names(&mut client, &format!("flavor={flavor}")).len());
    assert_eq!(counts.iter().sum::<usize>(), 200);
}

#[test]
fn active_also_matches_restarting_servers() {
    let mut client = Client::of(10);
    let ids = client.ids();
    assert_eq!(client.reboot(Soft, &ids[..4]).status, 200);
    assert_eq!(names(&mut client, "status=REBOOT").len(), 4);
    assert_eq!(names(&mut client, "status=ACTIVE").len(), 10);
    assert_eq!(names(&mut client, "status=HARD_REBOOT").len(), 0);
}

#[test]
fn lists_are_read_by_the_model() {
    let mut client = Client::of(3);
    let ids = client.ids();
    assert_eq!(client.reboot(Soft, &ids[..1]).status, 200);
    let got = client.call(&ListServersDetails::builder().build().unwrap());
    let page: ServersPage =
        ListServersDetails::decode(got.status, &got.headers, &got.body).unwrap();
    assert_eq!(page.count, Some(3));
    let servers = page.servers.unwrap();
    assert_eq!(
        servers.iter().map(|s| s.id.unwrap()).collect::<Vec<_>>(),
        ids
    );
    assert_eq!(servers[0].task_state.as_deref(), Some("rebooting"));
    assert_eq!(servers[1].task_state, None);
    // The list and the query of one server show the same.
    let listed = got.json()["servers"][0].clone();
    assert_eq!(client.server(&ids[0]), listed);
    let updated = listed["updated"].as_str().unwrap();
    assert_eq!(updated, "2026-01-01T00:00:00Z");
    assert!(listed["created"].as_str().unwrap() < updated);
    assert_eq!(listed["OS-SRV-USG:launched_at"].as_str().unwrap().len(), 26);
}

#[test]
fn large_fleets_have_unique_ids_names_and_addresses() {
    let region = Region::builder().servers(100_000).build().unwrap();
    let fleet = region.fleet.all();
    let ids: HashSet<_> = fleet.iter().map(|server| server.id).collect();
    let names: HashSet<_> = fleet.iter().map(|server| &server.name).collect();
    let ips: HashSet<_> = fleet.iter().map(|server| server.ip()).collect();
    assert_eq!(
        (ids.len(), names.len(), ips.len()),
        (100_000, 100_000, 100_000)
    );
}

/// Returns the places of the servers on a page, and its `count`.
fn page(client: &mut Client, query: &str) -> (Vec<usize>, Option<u64>) {
    let ids = client.ids();
    let got = client.get(&format!("cloudservers/detail?{query}"));
    assert_eq!(got.status, 200, "{query}");
    let body = got.json();
    let place = |server: &Value| {
        let id = server["id"].as_str().unwrap().parse().unwrap();
        ids.iter().position(|own| *own == id).unwrap()
    };
    let servers = body["servers"].as_array().unwrap();
    (servers.iter().map(place).collect(), body["count"].as_u64())
}

#[test]
fn marker_takes_precedence_over_the_page_number() {
    let mut client = Client::of(10);
    let ids = client.ids();
    let after = |place: usize| format!("limit=3&offset=1&marker={}", ids[place]);
    assert_eq!(page(&mut client, &after(2)), (vec![3, 4, 5], Some(10)));
    assert_eq!(page(&mut client, &after(9)), (vec![], Some(10)));
    let unknown = "cloudservers/detail?marker=5e5e5e5e-5e5e-5e5e-5e5e-5e5e5e5e5e5e";
    assert_eq!(client.get(unknown).status, 400);
}

#[test]
fn quirks_behave_as_named() {
    let client = |quirk| Client::new(Region::builder().servers(5).list_quirk(quirk));
    let marker = |client: &Client| format!("limit=2&offset=2&marker={}", client.ids()[0]);
    let both = "limit=2&offset=2";

    let mut deaf = client(ListQuirk::IgnoresMarker);
    let query = marker(&deaf);
    assert_eq!(page(&mut deaf, &query).0, [2, 3]);
    let strict = client(ListQuirk::RefusesMarker);
    let query = format!("cloudservers/detail?{}", marker(&strict));
    assert_eq!({ strict }.get(&query).status, 400);
    let mut first = client(ListQuirk::IgnoresPages);
    let query = marker(&first);
    assert_eq!(page(&mut first, &query).0, [0, 1]);
    assert_eq!(
        page(&mut client(ListQuirk::IgnoresEverything), both).0,
        [0, 1, 2, 3, 4]
    );
    assert_eq!(page(&mut client(ListQuirk::CapsPages(1)), both).0, [2]);
    assert_eq!(page(&mut client(ListQuirk::SmallPages(1)), both).0, [1]);
    assert_eq!(
        page(&mut client(ListQuirk::RepeatsLastPage), "limit=2&offset=9").0,
        [4]
    );
    assert_eq!(page(&mut client(ListQuirk::CountOff(-2)), both).1, Some(3));
    assert_eq!(
        page(&mut client(ListQuirk::CountsPage), "limit=2&offset=3").1,
        Some(1)
    );
    assert_eq!(page(&mut client(ListQuirk::NoCount), both).1, None);

    let mut shrinks = client(ListQuirk::Shrinks(1));
    assert_eq!(
        page(&mut shrinks, "limit=2&offset=1"),
        (vec![0, 1], Some(5))
    );
    assert_eq!(page(&mut shrinks, both), (vec![3, 4], Some(4)));
    let mut grows = client(ListQuirk::Grows(1));
    assert_eq!(page(&mut grows, "limit=2&offset=1"), (vec![1, 2], Some(4)));
    assert_eq!(page(&mut grows, both), (vec![2, 3], Some(5)));
}
