//! Pages that change by themselves.

use std::process::Stdio;

use super::Site;
use super::client::Events;
use crate::common::{Running, Sim, wait_until};
use crate::store::stores;

#[test]
fn pages_change_during_a_run() {
    for store in stores() {
        change_during_a_run(&store);
    }
}

fn change_during_a_run(store: &str) {
    let sim = Sim::start(20, |region| region.servers(12));
    let site = Site::start(store, &[]);
    let cookie = site.log_in();
    let mut list = Events::of(&site.address, "/events", &cookie);
    list.until("There is no run in this store.");

    let mut reboot = sim.command(&[
        "reboot",
        "--all",
        "--yes",
        "--quiet",
        "--batch-size",
        "4",
        "--wave",
        "4",
        "--store",
        store,
    ]);
    let mut run = Running(
        reboot
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let began = list.until("1 running");
    let (_, id) = began.rsplit_once("href=\\\"/runs/").unwrap();
    let (id, _) = id.split_once('\\').unwrap();
    // A page of it that was loaded now.
    let page = site.get_with(&format!("/runs/{id}"), &cookie).body;
    let (_, version) = page.split_once("data-version=\"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    let mut follow = Events::of(
        &site.address,
        &format!("/runs/{id}/events?since={version}"),
        &cookie,
    );
    let seen = follow.until("12 servers: 12 succeeded");
    // Rows that the browser has are not sent again.
    assert!(!seen.contains("\"whole\":true"), "{seen}");
    for text in [
        "event: patch",
        "\"headline\"",
        "count-succeeded",
        "4 succeeded",
        "8 succeeded",
    ] {
        assert!(seen.contains(text), "{text}: {seen}");
    }
    // Perhaps with the same event.
    let ended = "<strong class=\\\"ended\\\">";
    if !seen.contains(ended) {
        follow.until(ended);
    }
    let listed = began.clone() + &list.until("1 run, 0 running");
    assert!(listed.contains(" open</div>"), "{listed}");
    assert!(run.wait().success());

    // A browser that reconnects with the last version misses nothing, and gets nothing twice.
    let latest = site.get_with(&format!("/runs/{id}"), &cookie).body;
    let (_, version) = latest.split_once("data-version=\"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    let line = format!("{cookie}\r\nLast-Event-ID: {version}");
    let mut again = Events::of(&site.address, &format!("/runs/{id}/events?since=x"), &line);
    again.until("retry:");
    let mut other = Events::of(
        &site.address,
        &format!("/runs/{id}/events?since=x"),
        &cookie,
    );
    other.until("\"whole\":true");
}

#[test]
fn a_session_that_ends_ends_its_pages() {
    let site = Site::start(&stores().remove(0), &[]);
    let cookie = site.log_in();
    let mut follow = Events::of(&site.address, "/events", &cookie);
    follow.until("event: patch");
    assert_eq!(site.post("/logout", &cookie, "").status, 303);
    // With the next sign of life.
    while follow.line().is_some() {}
}

#[test]
fn a_database_that_is_away_is_named_and_comes_back() {
    if cfg!(not(feature = "postgres")) {
        return;
    }
    let Some(server) = ecs_test_support::postgres::Postgres::start(None) else {
        return;
    };
    let server = server.unwrap();
    let store = crate::store::new_store(&server, 0);
    let sim = Sim::start(60, |region| region.servers(4));
    let run = super::restarted(&sim, &store);
    let site = Site::start(&store, &[]);
    let cookie = site.log_in();
    site.until("/", "4 succeeded");
    let page = format!("/runs/{run}");
    assert_eq!(site.get_with(&page, &cookie).status, 200);
    let mut list = Events::of(&site.address, "/events", &cookie);
    list.until("event: patch");

    server.stop().unwrap();
    let seen = list.until("The store cannot be read.");
    assert!(!seen.contains("\"whole\":true,\"parts\":[[\"banner\""));
    wait_until("health", || site.get("/healthz").status == 503);
    assert!(!site.get("/healthz").body.contains("127.0.0.1"));
    // The last known content is still shown.
    for path in ["/", &page] {
        let answer = site.get_with(path, &cookie);
        assert_eq!(answer.status, 200);
        assert!(
            answer.body.contains("The store cannot be read.")
                && answer.body.contains("4 succeeded"),
            "{path}"
        );
    }
    for path in ["/runs.json", &format!("{page}.json")] {
        let answer = site.get_with(path, &cookie);
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.body.contains("\"read_at\""), "{}", answer.body);
    }
    server.restart().unwrap();
    list.until("[[\"banner\",\"\"]]");
    assert_eq!(site.get("/healthz").status, 200);
    // A page that was made during the outage learns that it is over.
    let mut late = Events::of(&site.address, "/events", &cookie);
    late.until("[[\"banner\",\"\"]]");
    let second = super::restarted(&sim, &store);
    list.until(&second);
}
