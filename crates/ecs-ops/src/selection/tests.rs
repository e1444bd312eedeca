mod against_the_simulator;

use ecs_model::Server;
use serde_json::json;

use super::*;

fn server(number: u8, name: &str, status: &str, zone: &str, tags: &[&str]) -> Server {
    let json = json!({
        "id": ServerId::from_bytes([number; 16]),
        "name": name,
        "status": status,
        "OS-EXT-AZ:availability_zone": zone,
        "tags": tags,
        "flavor": {"id": if number.is_multiple_of(2) { "s3.large.2" } else { "s3.medium.2" }},
        "addresses": {"vpc": [{"addr": format!("10.0.{}.{number}", number / 3), "version": "4"}]},
        "created": format!("2026-01-{number:02}T00:00:00Z"),
        "updated": format!("2026-02-{number:02}T00:00:00Z"),
        "sys_tags": [{"key": "_sys_enterprise_project_id", "value": format!("ep-{}", number % 2)}],
        "os:scheduler_hints": {"group": [format!("group-{}", number % 3)]},
    });
    serde_json::from_value(json).unwrap()
}

fn fleet() -> Vec<Server> {
    vec![
        server(1, "web-1", "ACTIVE", "a", &["role=web", "env=prod"]),
        server(2, "web-2", "SHUTOFF", "b", &["role=web", "env=test"]),
        server(
            3,
            "db-1",
            "ACTIVE",
            "a",
            &["role=db", "env=prod", "critical"],
        ),
        server(4, "db-1", "ERROR", "c", &["role=db"]),
        server(5, "cache", "REBOOT", "b", &["role=cache", "env=stage"]),
    ]
}

fn numbers(selection: &Selection) -> Result<Vec<u8>, String> {
    let fleet = fleet();
    let chosen = selection
        .choose(&fleet)
        .map_err(|error| error.to_string())?;
    Ok(chosen.ids().map(|id| id.as_bytes()[0]).collect())
}

#[track_caller]
fn chooses(selection: Selection, expected: &[u8]) {
    assert_eq!(
        numbers(&selection).as_deref(),
        Ok(expected),
        "{selection:?}"
    );
}

#[track_caller]
fn fails(selection: Selection, message: &str) {
    let error = numbers(&selection).expect_err("it is wrong");
    assert!(error.contains(message), "{error}");
}

fn glob(pattern: &str) -> NamePattern {
    NamePattern::glob(pattern).unwrap()
}

fn tag(text: &str) -> TagFilter {
    text.parse().unwrap()
}

fn of(servers: &[&str]) -> Selection {
    Selection::of(servers.iter().map(|server| server.parse().unwrap()))
}

#[test]
fn each_condition() {
    let all = Selection::all;
    chooses(all(), &[1, 2, 3, 4, 5]);
    chooses(all().name(glob("web-*")), &[1, 2]);
    chooses(all().name(glob("*-1")).name(glob("cache")), &[1, 3, 4, 5]);
    chooses(
        all().name(NamePattern::regex("^(web|cache)").unwrap()),
        &[1, 2, 5],
    );
    chooses(all().tag(tag("role=web")).tag(tag("env=prod")), &[1]);
    chooses(all().tag(tag("role=web,db")).tag(tag("env")), &[1, 2, 3]);
    chooses(all().tag(tag("critical")), &[3]);
    chooses(all().not_tag(tag("env=prod")), &[2, 4, 5]);
    chooses(all().not_tag(tag("env")).not_tag(tag("critical")), &[4]);
    chooses(all().status("ACTIVE".into()), &[1, 3]);
    chooses(
        all().status("ACTIVE".into()).status("REBOOT".into()),
        &[1, 3, 5],
    );
    chooses(
        all().availability_zone("b").availability_zone("c"),
        &[2, 4, 5],
    );
    chooses(all().flavor("s3.large.2"), &[2, 4]);
    chooses(all().address("10.0.1.0/24".parse().unwrap()), &[3, 4, 5]);
    chooses(all().address("10.0.0.2".parse().unwrap()), &[2]);
    chooses(
        all().enterprise_project("ep-1").status("ACTIVE".into()),
        &[1, 3],
    );
    chooses(all().server_group("group-0"), &[3]);
    chooses(
        all().created_before("2026-01-03T00:00:00Z".parse().unwrap()),
        &[1, 2],
    );
    chooses(
        all().unchanged_since("2026-02-02T12:00:00Z".parse().unwrap()),
        &[1, 2],
    );
    chooses(
        all()
            .exclude("cache".parse().unwrap())
            .exclude("db-1".parse().unwrap()),
        &[1, 2],
    );
}

#[test]
fn servers_that_are_given_keep_their_order_and_can_be_narrowed() {
    let id = ServerId::from_bytes([4; 16]).to_string();
    chooses(of(&["cache", &id, "web-1"]), &[5, 4, 1]);
    let narrowed = of(&["cache", "web-2", "web-1"]).tag(tag("role=web"));
    chooses(narrowed.clone(), &[2, 1]);
    let fleet = fleet();
    let skipped = narrowed.choose(&fleet).unwrap().skipped;
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0].server.name.as_deref(), Some("cache"));
    let twice = of(&["cache", &id, "cache"]).name(glob("*"));
    let chosen = twice.choose(&fleet).unwrap();
    assert_eq!((chosen.servers.len(), chosen.repeated), (2, 1));
}

#[test]
fn a_filter_without_a_match_is_an_error() {
    let all = Selection::all;
    fails(
        of(&["web-3"]),
        "no server of the project is called \"web-3\"",
    );
    let unknown = ServerId::from_bytes([9; 16]).to_string();
    fails(of(&[&unknown]), &format!("has the id {unknown}"));
    fails(
        of(&["db-1"]),
        "2 servers are called \"db-1\": 03030303-0303-0303-0303-030303030303 ACTIVE a, 0404",
    );
    fails(
        all().name(glob("wbe-*")).name(glob("db-*")),
        "no server's name fits \"wbe-*\"",
    );
    fails(
        all().tag(tag("rol=web")),
        "key \"rol\" (keys in use: critical, env, role)",
    );
    fails(
        all().tag(tag("env=prod,tset")),
        "no server has the tag env=tset (values of env in use: prod, stage, test)",
    );
    // It would mean every server.
    fails(
        all().not_tag(tag("env=prdo")),
        "no server has the tag env=prdo",
    );
    fails(
        all().exclude("cach".parse().unwrap()),
        "the server to exclude is not in the project: cach",
    );
    fails(
        all().status("ACTVE".into()),
        "no server has the status \"ACTVE\" (in use: ACTIVE, ERROR, REBOOT, SHUTOFF)",
    );
    fails(
        all().availability_zone("d"),
        "no server has the availability zone \"d\" (in use: a, b, c)",
    );
    fails(
        all().flavor("s3"),
        "no server has the flavor \"s3\" (in use: s3.large.2, s3.medium.2)",
    );
    fails(
        all().address("10.9.0.0/16".parse().unwrap()),
        "no server has an address in 10.9.0.0/16",
    );
    fails(all().enterprise_project("x"), "(in use: ep-0, ep-1)");
    fails(
        all().server_group("x"),
        "(in use: group-0, group-1, group-2)",
    );
    // A status that exists and no server is in is not misspelt.
    fails(
        all().status("BUILD".into()),
        "none of 5 servers fits all conditions; status BUILD: 0",
    );
    fails(
        all().tag(tag("role=web")).status("ERROR".into()),
        "none of 5 servers fits all conditions; tag role=web: 2; status ERROR: 1",
    );
    let nothing = of(&["cache"]).exclude("cache".parse().unwrap());
    fails(
        nothing,
        "none of 1 servers fits all conditions; not excluded: 0",
    );
    // Everything at once.
    fails(
        of(&["x", "y"]).tag(tag("z")),
        "\"x\"; no server of the project is called \"y\"; no server has a tag with the key \"z\"",
    );
    let empty = Selection::all().choose(&[]).unwrap_err();
    assert_eq!(empty.to_string(), "none of 0 servers fits all conditions");
}

#[test]
fn plain_ids_need_no_list() {
    let id = ServerId::from_bytes([1; 16]);
    let plain = Selection::of([ServerRef::Id(id)]);
    assert_eq!(plain.plain_ids(), Some(vec![id]));
    assert_eq!(plain.clone().status("ACTIVE".into()).plain_ids(), None);
    assert_eq!(plain.exclude(ServerRef::Id(id)).plain_ids(), None);
    assert_eq!(of(&["web-1"]).plain_ids(), None);
    assert_eq!(Selection::all().plain_ids(), None);
}

#[test]
fn malformed_conditions_are_refused() {
    for (error, message) in [
        (
            NamePattern::glob("[a").unwrap_err(),
            "\"[a\" is not a pattern",
        ),
        (NamePattern::glob("").unwrap_err(), "is empty"),
        (
            NamePattern::regex("(a").unwrap_err(),
            "\"(a\" is not a regular expression: unclosed group",
        ),
        ("=x".parse::<TagFilter>().unwrap_err(), "has no tag key"),
        ("".parse::<TagFilter>().unwrap_err(), "has no tag key"),
        (
            "10.0.0".parse::<AddressFilter>().unwrap_err(),
            "is not an address",
        ),
        (
            "10.0.0.0/33".parse::<AddressFilter>().unwrap_err(),
            "is not an address",
        ),
        (
            "10.0.0.0/-1".parse::<AddressFilter>().unwrap_err(),
            "is not an address",
        ),
    ] {
        assert!(error.to_string().contains(message), "{error}");
    }
    for text in [
        "",
        "a\nb",
        "616fb98f46ca475e917e2563e5a8cd19",
        "616fb98f-46ca-475e-917e-2563e5a8cd1",
        &"x".repeat(300),
    ] {
        assert!(text.parse::<ServerRef>().is_err(), "{text:?}");
    }
    for name in ["web-1", "café", "deadbeef", "a b", "1"] {
        assert_eq!(name.parse(), Ok(ServerRef::Name(name.to_owned())));
    }
}

/// The query of the service never excludes a server that is selected.
#[test]
fn the_service_applies_its_filters() {
    use super::listing::filter_of;
    use crate::fleet::ListFilter;
    let filters = |selection: Selection| format!("{:?}", filter_of(&selection));
    let one = filters(
        Selection::all()
            .name(glob("{a,b}-web-?01*"))
            .tag(tag("env"))
            .tag(tag("role=web"))
            .status("ACTIVE".into())
            .flavor("s3.large.2")
            .address("10.0.0.4".parse().unwrap()),
    );
    for part in [
        "name: Some(\"-web-\")",
        "tag: Some(\"role=web\")",
        "status: Some(\"ACTIVE\")",
        "address: Some(\"10.0.0.4\")",
    ] {
        assert!(one.contains(part), "{part} in {one}");
    }
    let none = filters(
        Selection::all()
            .name(glob("a"))
            .name(glob("b"))
            .tag(tag("env=a,b"))
            .not_tag(tag("role=web"))
            .status("ACTIVE".into())
            .status("ERROR".into())
            .address("10.0.0.0/8".parse().unwrap()),
    );
    assert_eq!(none, format!("{:?}", ListFilter::default()));
    for (pattern, literal) in [
        ("web-*", Some("web-")),
        ("*", None),
        ("[ab]{c,d}", None),
        (r"a\*bc", Some("bc")),
        ("a.b*longer", Some("longer")),
        ("{a,{b,c}d}e", Some("e")),
    ] {
        assert_eq!(glob(pattern).literal().as_deref(), literal, "{pattern}");
    }
}

/// As with every other condition, the second time does not replace the first.
#[test]
fn times_that_are_given_twice_both_count() {
    let time = |day: u8| format!("2026-01-{day:02}T12:00:00Z").parse().unwrap();
    chooses(
        Selection::all()
            .created_before(time(4))
            .created_before(time(2)),
        &[1, 2],
    );
    chooses(
        Selection::all()
            .created_before(time(2))
            .created_before(time(4)),
        &[1, 2],
    );
    let time = |day: u8| format!("2026-02-{day:02}T12:00:00Z").parse().unwrap();
    chooses(
        Selection::all()
            .unchanged_since(time(4))
            .unchanged_since(time(2)),
        &[1, 2],
    );
    chooses(
        Selection::all()
            .unchanged_since(time(2))
            .unchanged_since(time(4)),
        &[1, 2],
    );
}
