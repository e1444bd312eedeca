use serde_json::json;

use super::*;

fn server(number: u8, zone: &str, tags: &[&str]) -> Server {
    serde_json::from_value(json!({
        "id": ServerId::from_bytes([number; 16]),
        "name": format!("web-{number}"),
        "OS-EXT-AZ:availability_zone": zone,
        "hostId": "",
        "tags": tags,
    }))
    .unwrap()
}

fn servers(listed: Vec<Server>, more: &[u8]) -> Servers {
    let ids = listed.iter().filter_map(|server| server.id);
    let more = more
        .iter()
        .map(|number| ServerId::from_bytes([*number; 16]));
    let ids: Vec<_> = ids.chain(more).collect();
    Servers {
        ids,
        listed,
        last: None,
        skipped: Vec::new(),
        unready: Vec::new(),
        are_read: true,
    }
}

#[test]
fn the_own_server_is_the_last_wave() {
    let printer = Printer::new(true);
    let in_twos = || Rolling {
        wave: Some("2".parse().unwrap()),
        ..Rolling::default()
    };
    let sizes = |args: Rolling, last: Option<u8>| {
        let mut servers = servers(Vec::new(), &[2, 3, 4]);
        servers.last = last.map(|number| ServerId::from_bytes([number; 16]));
        servers.ids.extend(servers.last);
        let waves = plan(&args, false, &servers, &printer).unwrap();
        waves.map(|waves| waves.waves.iter().map(Vec::len).collect::<Vec<_>>())
    };
    assert_eq!(sizes(Rolling::default(), None), None);
    assert_eq!(sizes(Rolling::default(), Some(9)), Some(vec![3, 1]));
    assert_eq!(sizes(in_twos(), Some(9)), Some(vec![2, 1, 1]));
    assert_eq!(sizes(in_twos(), None), Some(vec![2, 1]));
    let alone = servers(Vec::new(), &[]);
    let own = ServerId::from_bytes([9; 16]);
    let alone = Servers {
        ids: vec![own],
        last: Some(own),
        ..alone
    };
    assert_eq!(
        plan(&Rolling::default(), false, &alone, &printer).unwrap(),
        None
    );
}

#[test]
fn groups_come_from_the_listing() {
    let tagged = server(1, "eu-de-01", &["env=prod", "role=web=1", "lonely"]);
    let by = |by: &str| group(&tagged, &by.parse().unwrap());
    assert_eq!(by("az").as_deref(), Some("eu-de-01"));
    assert_eq!(by("host"), None);
    assert_eq!(by("tag:env").as_deref(), Some("prod"));
    assert_eq!(by("tag:role").as_deref(), Some("web=1"));
    assert_eq!(by("tag:lonely").as_deref(), Some(""));
    assert_eq!(by("tag:rol"), None);
    assert_eq!(
        group(&Server::default(), &SpreadBy::Tag("env".to_owned())),
        None
    );
}

#[test]
fn unlisted_servers_have_no_name_and_no_group() {
    let servers = servers(vec![server(1, "a", &[]), server(2, "", &[])], &[3, 4]);
    let members = OrderedMembers::of(&servers, Some(&SpreadBy::Zone));
    assert_eq!((members.without_name, members.without_group), (2, 3));
    assert_eq!(members.all.len(), 4);
    assert_eq!(members.all[0].group.as_deref(), Some("a"));
    assert_eq!(members.all[1].name.as_deref(), Some("web-2"));
    assert_eq!(members.all[3], Member::new(servers.ids[3]));
}

#[test]
fn waves_are_described_with_their_canary() {
    let quiet = Printer::new(true);
    let servers = servers((1..=10).map(|n| server(n, "a", &[])).collect(), &[]);
    let expected = |args: Rolling| {
        let waves = plan(&args, false, &servers, &quiet).unwrap().unwrap();
        described(&waves, &args).to_string()
    };
    let wave = |wave: &str| Rolling {
        wave: Some(wave.parse().unwrap()),
        ..Rolling::default()
    };
    assert!(
        plan(&Rolling::default(), false, &servers, &quiet)
            .unwrap()
            .is_none()
    );
    assert_eq!(expected(wave("40%")), "3 waves of at most 4 servers");
    assert_eq!(expected(wave("100%")), "1 wave");
    let canary = |args: Rolling| Rolling {
        canary: Some(2),
        ..args
    };
    let then = "a canary of 2 servers, then 2 waves of at most 4 servers";
    assert_eq!(expected(canary(wave("4"))), then);
    let rest = "a canary of 2 servers, then 1 wave of at most 8 servers";
    assert_eq!(expected(canary(Rolling::default())), rest);
    let large = plan(&canary(wave("1")), false, &servers, &quiet).unwrap_err();
    assert!(large.message.contains("larger than the waves"), "{large:?}");
    // No server is left after it.
    let all = Rolling {
        canary: Some(20),
        ..Rolling::default()
    };
    assert_eq!(expected(all), "a canary of 10 servers");
}

#[test]
fn a_random_order_can_be_repeated() {
    let quiet = Printer::new(true);
    let servers = servers((1..=40).map(|n| server(n, "a", &[])).collect(), &[]);
    let order = |seed| Rolling {
        order: Some(OrderBy::Random),
        order_seed: seed,
        ..Rolling::default()
    };
    let waves = |seed| {
        plan(&order(seed), false, &servers, &quiet)
            .unwrap()
            .unwrap()
            .waves
    };
    assert_eq!(waves(Some(7)), waves(Some(7)));
    assert_ne!(waves(Some(7)), waves(Some(8)));
    assert_ne!(waves(None), waves(None));
}
