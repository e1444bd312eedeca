//! The order of servers, and the spread of groups across waves.

use std::collections::HashMap;

use super::*;
use ecs_ops::Client;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::Server;
use ecs_ops::transport::HyperTransport;

/// Returns the waves of a dry run.
#[track_caller]
fn planned(sim: &Sim, more: &[&str]) -> (Vec<Vec<ServerId>>, Ended) {
    let arguments = [
        &["reboot", "--all", "--wave=5", "--dry-run", "-o=json"],
        more,
    ]
    .concat();
    let ended = run(sim, &arguments).expect(0);
    let requests = ended.json()["requests"].clone();
    let requests = requests.as_array().unwrap().iter().enumerate();
    let servers = |(index, request): (usize, &Value)| {
        assert_eq!(request["wave"], index + 1);
        let servers = request["body"]["reboot"]["servers"].as_array().unwrap();
        let id = |server: &Value| server["id"].as_str().unwrap().parse().unwrap();
        servers.iter().map(id).collect()
    };
    (requests.map(servers).collect(), ended)
}

/// Restarts the servers, and compares the waves with the planned ones.
#[track_caller]
fn carried_out(sim: &Sim, more: &[&str], planned: &[Vec<ServerId>]) {
    let arguments = [&["reboot", "--all", "--yes", "--wave=5", "-o=json"], more].concat();
    let ended = run(sim, &arguments).expect(0);
    // The report stays in the order of the list.
    counts(sim, &ended.json());
    assert_eq!(requests(sim), planned);
    never_overlaps(&log(sim));
}

#[test]
fn a_random_order_can_be_repeated() {
    let sim = region(12);
    let random = ["--order=random", "--order-seed=7"];
    let (seven, _) = planned(&sim, &random);
    assert_eq!(planned(&sim, &random).0, seven);
    assert_ne!(
        planned(&sim, &["--order=random", "--order-seed=8"]).0,
        seven
    );
    assert_ne!(seven, waves(&sim, 5));
    let mut all = seven.concat();
    all.sort();
    let mut expected = sim.info().servers.clone();
    expected.sort();
    assert_eq!(all, expected);
    // A run without a given seed prints the one that it uses.
    let (any, ended) = planned(&sim, &["--order=random"]);
    let message = "in random order; --order random --order-seed ";
    let output = ended.stderr.split_once(message).unwrap().1;
    let seed = output.split_once(" repeats it").unwrap().0;
    let again = ["--order=random", "--order-seed", seed];
    assert_eq!(planned(&sim, &again).0, any);
    assert_eq!(sim.accepted(), 0);
    carried_out(&sim, &random, &seven);
}

#[test]
fn by_name_sorts_by_name() {
    let sim = region(12);
    let name = |id: &ServerId| sim.with(|region| region.server_name(id).unwrap().to_owned());
    let mut servers = sim.info().servers.clone();
    servers.sort_by_key(name);
    assert_ne!(servers, sim.info().servers, "the list is not in this order");
    let expected: Vec<_> = servers.chunks(5).map(<[ServerId]>::to_vec).collect();
    carried_out(&sim, &["--order=by-name"], &expected);
}

/// The given order is kept, whatever is listed.
#[test]
fn as_given_keeps_the_order() {
    let sim = region(6);
    let mut ids = sim.ids();
    ids.reverse();
    let given: Vec<_> = ids.iter().map(String::as_str).collect();
    let arguments = ["reboot", "--yes", "--wave=4", "--order=as-given"];
    run(&sim, &[&arguments, &given[..]].concat()).expect(0);
    let requested: Vec<_> = requests(&sim).concat();
    let requested: Vec<_> = requested.iter().map(ToString::to_string).collect();
    assert_eq!(requested, ids);
}

/// Returns the region's list of servers.
fn listed(sim: &Sim) -> Vec<Server> {
    let info = sim.info();
    let client = Client::builder(info.listening.parse().unwrap(), info.project_id.clone())
        .credentials(StaticCredentials::new(
            Credentials::token(sim.options().pop().unwrap()).unwrap(),
        ))
        .transport(HyperTransport::builder().no_proxy().build().unwrap())
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .unwrap()
        .block_on(async { client.servers().await })
        .unwrap()
}

/// Returns the groups of several servers that are all in one of these waves.
fn whole<'a>(groups: &'a HashMap<ServerId, String>, waves: &[Vec<ServerId>]) -> Vec<&'a str> {
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    groups
        .values()
        .for_each(|group| *sizes.entry(group).or_default() += 1);
    let mut found = Vec::new();
    for (group, size) in sizes.into_iter().filter(|(_, size)| *size > 1) {
        let inside =
            |wave: &&Vec<ServerId>| wave.iter().filter(|id| groups[id] == group).count() == size;
        found.extend(waves.iter().find(inside).map(|_| group));
    }
    found
}

#[test]
fn no_wave_contains_a_whole_group() {
    let value_of = |server: &Server, key: &str| {
        let tags = server.tags.iter().flatten();
        let value = tags.filter_map(|tag| tag.split_once('='));
        value
            .filter(|(k, _)| *k == key)
            .map(|(_, value)| value.to_owned())
            .next()
            .unwrap()
    };
    type Group<'a> = &'a dyn Fn(&Server) -> String;
    let by: [(&str, usize, Group<'_>); 3] = [
        ("az", 7, &|item| item.availability_zone.clone().unwrap()),
        ("host", 19, &|item| item.host_id.clone().unwrap()),
        ("tag:role", 12, &|item| value_of(item, "role")),
    ];
    for (by, servers, group) in by {
        let sim = region(servers);
        let list = listed(&sim);
        let groups = list
            .iter()
            .map(|item| (item.id.unwrap(), group(item)))
            .collect();
        let plain = waves(&sim, 5);
        assert_ne!(whole(&groups, &plain), [""; 0], "{by}: nothing to see");
        let (planned, _) = planned(&sim, &["--spread-by", by]);
        assert_eq!(whole(&groups, &planned), [""; 0], "{by}");
        carried_out(&sim, &["--spread-by", by], &planned);
    }
}

/// Such groups cannot be spread, which is noted.
#[test]
fn a_group_of_one_server_is_named() {
    let sim = region(2);
    let list = listed(&sim);
    let zones: Vec<_> = list
        .iter()
        .map(|item| item.availability_zone.clone().unwrap())
        .collect();
    let (_, ended) = planned(&sim, &["--spread-by=az"]);
    assert_ne!(zones[0], zones[1], "a region of which nothing can be seen");
    contains(&ended.stderr, "2 servers cannot be spread across waves");
}
