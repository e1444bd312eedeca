//! Clients that ask for too much, or take too long.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::Site;
use super::client::{Events, answer, connect, exchange};
use crate::common::{LIMIT, wait_until};
use crate::store::stores;

#[test]
fn requests_have_a_size() {
    let site = Site::start(&stores().remove(0), &[]);
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n",
        "x".repeat(20_000)
    );
    // The rest of it is not read, which may cut the answer off.
    let refuses = |head: &str| {
        wait_until("431", || exchange(&site.address, head, "").status == 431);
    };
    refuses(&head);
    let many: String = (0..200)
        .map(|number| format!("X-{number}: x\r\n"))
        .collect();
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}");
    refuses(&head);
    let large = site.post("/login", "X: x", &format!("token={}", "x".repeat(5000)));
    assert_eq!(large.status, 413);
    // Without a length.
    let head = "POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n";
    let body = format!("1770\r\n{}\r\n0\r\n\r\n", "x".repeat(6000));
    assert_eq!(exchange(&site.address, head, &body).status, 400);
    assert_eq!(exchange(&site.address, "nonsense\r\n", "").status, 400);
    assert_eq!(site.get("/healthz").status, 200);
}

#[test]
fn only_reading_methods_are_allowed() {
    let site = Site::start(&stores().remove(0), &[]);
    let cookie = site.log_in();
    let ask = |method: &str, path: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n");
        exchange(&site.address, &head, "")
    };
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        for path in ["/", "/runs/x", "/runs.json", "/healthz", "/events"] {
            let answer = ask(method, path);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, Some("GET, HEAD")),
                "{method} {path}"
            );
        }
    }
    assert_eq!(ask("GET", "/logout").status, 405);
    let head = ask("HEAD", "/");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn wrong_tokens_are_limited() {
    let site = Site::start(&stores().remove(0), &[]);
    let cookie = site.log_in();
    for _ in 0..5 {
        assert_eq!(site.post("/login", "X: x", "token=wrong").status, 401);
    }
    for answer in [
        site.post("/login", "X: x", &format!("token={}", site.token)),
        site.get_as_program("/runs.json"),
    ] {
        assert_eq!(answer.status, 429);
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=61).contains(&wait), "{wait}");
    }
    // A session that exists stays valid.
    assert_eq!(site.get_with("/", &cookie).status, 200);
}

#[test]
fn a_silent_client_is_disconnected() {
    let site = Site::start(&stores().remove(0), &[]);
    let begun = Instant::now();
    let mut half = connect(&site.address);
    half.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    let body = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\n\r\ntoken=";
    let mut slow = connect(&site.address);
    slow.write_all(body.as_bytes()).unwrap();
    assert_eq!(answer(slow).status, 400);
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut half, &mut rest);
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(5) && took < LIMIT, "{took:?}");
    assert_eq!(site.get("/healthz").status, 200);
}

#[test]
fn followers_are_limited_and_end_with_the_server() {
    let mut site = Site::start(&stores().remove(0), &[]);
    let cookie = site.log_in();
    let mut followers: Vec<_> = (0..200)
        .map(|_| Events::of(&site.address, "/events", &cookie))
        .collect();
    let refused = site.get_with("/events", &cookie);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("31"))
    );
    // Pages are shown in any case, and a client that leaves makes room.
    assert_eq!(site.get_with("/", &cookie).status, 200);
    drop(followers.split_off(190));
    wait_until("there is room", || {
        let mut head = connect(&site.address);
        let ask = format!("GET /events HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n\r\n");
        head.write_all(ask.as_bytes()).unwrap();
        let mut first = [0; 12];
        std::io::Read::read_exact(&mut head, &mut first).unwrap();
        &first == b"HTTP/1.1 200"
    });
    site.process.signal("INT");
    let begun = Instant::now();
    assert!(site.process.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(60));
    while followers[0].line().is_some() {}
}
