//! Access to the pages: by whom, and from where.

use std::fs;

use super::Site;
use super::client::exchange;
use crate::common::{Sim, command, ecsctl};
use crate::store::stores;

#[test]
fn without_a_login_there_is_nothing_to_see() {
    let store = stores().remove(0);
    let sim = Sim::start(60, |region| region.servers(4));
    let run = super::restarted(&sim, &store);
    let site = Site::start(&store, &[]);
    for (path, next) in [
        ("/".to_owned(), "%2F"),
        (format!("/runs/{run}"), &*format!("%2Fruns%2F{run}")),
    ] {
        let answer = site.get(&path);
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(
            answer.header("location"),
            Some(&*format!("/login?next={next}"))
        );
    }
    for path in [
        "/events",
        "/runs.json",
        &format!("/runs/{run}.json"),
        &format!("/runs/{run}/events"),
    ] {
        for line in [
            "X: x",
            "Cookie: ecsctl=x",
            "Authorization: Bearer ",
            "Authorization: Basic eDp4",
        ] {
            let answer = site.get_with(path, line);
            assert!([401, 429].contains(&answer.status), "{path}: {answer:?}");
            assert!(!answer.body.contains(&run));
        }
        let answer = site.get(path);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let health = site.get("/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    for path in ["/login", "/style.css", "/live.js", "/login.js", "/icon.svg"] {
        let answer = site.get(path);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.body.contains(&run) && !answer.body.contains(&site.token));
    }
    assert_eq!(site.get("/nothing").status, 404);
}

#[test]
fn a_login_lasts_until_the_logout() {
    let site = Site::start(&stores().remove(0), &[]);
    let wrong = site.post("/login", "X: x", "token=wrong&next=%2Fruns%2Fx");
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.body.contains("This is not the token.") && wrong.body.contains("value=\"/runs/x\"")
    );
    assert_eq!(wrong.header("set-cookie"), None);

    let token = &site.token;
    let answer = site.post("/login", "X: x", &format!("next=%2Fruns%2Fx&token={token}"));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/runs/x"))
    );
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !cookie.contains("Secure") && !cookie.contains(token),
        "{cookie}"
    );
    // Only to pages of ours.
    for next in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2Flogout",
        "",
    ] {
        let answer = site.post("/login", "X: x", &format!("next={next}&token={token}"));
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/")),
            "{next}"
        );
    }

    let cookie = site.log_in();
    let (_, id) = cookie.split_once('=').unwrap();
    assert_eq!(site.get_with("/", &cookie).status, 200);
    assert_eq!(site.get_with("/", &format!("{cookie}x")).status, 303);
    // A request from a page of another site is refused.
    for line in [
        "Origin: http://evil.example",
        "Sec-Fetch-Site: cross-site",
        "Origin: null",
    ] {
        let answer = site.post("/logout", &format!("{line}\r\n{cookie}"), "");
        assert_eq!(answer.status, 403, "{line}");
        let answer = site.post("/login", line, &format!("token={token}"));
        assert_eq!(answer.status, 403, "{line}");
    }
    assert_eq!(site.get_with("/", &cookie).status, 200);
    let answer = site.post(
        "/logout",
        &format!("Origin: http://localhost:80\r\n{cookie}"),
        "",
    );
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/login"))
    );
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(site.get_with("/", &cookie).status, 303, "{id}");
}

#[test]
fn other_names_for_this_server_are_refused() {
    let site = Site::start(
        &stores().remove(0),
        &["--public-url", "https://runs.example"],
    );
    let of_host = |hosts: &str| {
        exchange(
            &site.address,
            &format!("GET /login HTTP/1.1\r\n{hosts}"),
            "",
        )
        .status
    };
    for own in ["localhost", "127.0.0.1:9", "[::1]", "Runs.example"] {
        assert_eq!(of_host(&format!("Host: {own}\r\n")), 200, "{own}");
    }
    assert_eq!(of_host("Host: evil.example\r\n"), 421);
    for wrong in [
        "",
        "Host: a b\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
    ] {
        assert_eq!(of_host(wrong), 400, "{wrong}");
    }
    // Over TLS only, and for this host only.
    let answer = site.post(
        "/login",
        "Origin: https://runs.example",
        &format!("token={}", site.token),
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-ecsctl=") && cookie.contains("; Secure"),
        "{cookie}"
    );
}

#[test]
fn all_answers_have_the_security_headers() {
    let site = Site::start(&stores().remove(0), &[]);
    let cookie = site.log_in();
    for answer in [
        site.get("/"),
        site.get("/login"),
        site.get("/live.js"),
        site.get("/healthz"),
        site.get_with("/", &cookie),
        site.get_with("/runs.json", &cookie),
        site.get_with("/nothing", &cookie),
        site.post("/login", "X: x", "token=wrong"),
    ] {
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        for inline in ["<style", " style=", " onclick=", "<script>"] {
            assert!(!answer.body.contains(inline), "{inline}: {}", answer.body);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_token_comes_from_a_file_and_goes_into_no_log() {
    use std::os::unix::fs::PermissionsExt as _;

    let store = stores().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("token"), folder.path().join("log"));
    let token = "token-of-the-tests-0123";
    fs::write(&file, format!("{token}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let file = file.to_str().unwrap();
    let refused = ["serve", "--store", &store, "--token-file", file];
    let refused = ecsctl(&refused, &[""; 0]).refuses(2, &["other users can read", "chmod 600"]);
    assert!(!refused.stderr.contains(token));

    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let log = log.to_str().unwrap();
    let more = ["--token-file", file, "--log-file", log, "-vvv"];
    let mut site = Site::start(&store, &more);
    site.token = token.to_owned();
    let cookie = site.log_in();
    let (_, session) = cookie.split_once('=').unwrap();
    assert_eq!(site.get_with("/", &cookie).status, 200);
    assert_eq!(site.get_as_program("/runs.json").status, 200);
    assert_eq!(site.get(&format!("/login?token={token}")).status, 200);
    site.post("/login", "X: x", &format!("token={token}x"));
    site.process.signal("TERM");
    assert!(site.process.wait().success());
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("/runs.json"), "{log}");
    assert!(!log.contains(token) && !log.contains(session), "{log}");
    // Its command line has no token either.
    assert!(!format!("{:?}", command(["serve"])).contains(token));
}
