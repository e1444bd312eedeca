//! Intermediaries between `ecsctl` and the service: gateways that answer in its place, refusing proxies, untrusted
//! TLS.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Ended, Sim, command, options, outcomes};
use ecs_sim::{Region, Server, SimServer, Tls};
use ecs_test_support::gateway::{Gateway, PAGES, Page, Seen, Trick};
use secrecy::ExposeSecret as _;

/// Runs `ecsctl` with these variables.
fn ecsctl_with(variables: &[(&str, &str)], arguments: &[&str], more: &[String]) -> Ended {
    let more = more.iter().map(String::as_str);
    let output = command(arguments.iter().copied().chain(more))
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Returns the options that select the region through the gateway.
fn options_through(gateway: &Gateway, sim: &Sim) -> Vec<String> {
    let info = sim.info();
    let token = info.token.expose_secret();
    options(&gateway.url(), info.project_id.as_str(), token)
}

fn page_after_the_act(page: Page) {
    let sim = Sim::start(20, |region| region);
    let address = sim.info().listening.strip_prefix("http://").unwrap();
    let rule = move |seen: &Seen| {
        if seen.is_action() {
            Trick::PageAfter(page)
        } else {
            Trick::Forward
        }
    };
    let gateway = Gateway::start(address.parse().unwrap(), rule).unwrap();
    let mut arguments = vec!["reboot", "--yes", "-o", "json", "--deadline", "20s"];
    let ids = sim.ids();
    arguments.extend(ids.iter().map(String::as_str));
    let speed = [("ECSCTL_SIM_SPEED", "20")];
    let ended = ecsctl_with(&speed, &arguments, &options_through(&gateway, &sim));
    assert_eq!(ended.code, Some(3), "{}: {}", page.name, ended.stderr);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["unknown"; 3], "{}: {report}", page.name);
    assert_eq!(gateway.actions(), 1, "{}", page.name);
    assert_eq!(sim.with(|region| region.accepted().most_times()), 1);
}

#[test]
fn a_server_error_of_a_gateway_after_the_act_ends_with_3() {
    for page in PAGES
        .into_iter()
        .filter(|page| page.status.starts_with('5'))
    {
        page_after_the_act(page);
    }
}

#[test]
fn any_page_of_a_gateway_after_the_act_ends_with_3() {
    for page in PAGES
        .into_iter()
        .filter(|page| !page.status.starts_with('5'))
    {
        page_after_the_act(page);
    }
}

/// A page in place of the first read: nothing is sent, and the run describes it as `auth check` does.
#[test]
fn a_page_in_place_of_the_service_ends_with_2_and_the_message_of_auth_check() {
    let pages = ["403", "404", "401"];
    let pages = PAGES
        .into_iter()
        .filter(|page| pages.iter().any(|status| page.status.starts_with(status)));
    for page in pages {
        let sim = Sim::start(2, |region| region);
        let address = sim.info().listening.strip_prefix("http://").unwrap();
        let gateway = Gateway::start(address.parse().unwrap(), move |_| Trick::PageInstead(page));
        let gateway = gateway.unwrap();
        let options = options_through(&gateway, &sim);
        let ids = sim.ids();
        let mut arguments = vec!["reboot", "--yes", "-o", "json"];
        arguments.extend(ids.iter().map(String::as_str));
        let ended = ecsctl_with(&[], &arguments, &options);
        assert_eq!(ended.code, Some(2), "{}: {}", page.name, ended.stderr);
        assert_eq!(gateway.actions(), 0, "{}", page.name);
        let check = ecsctl_with(&[], &["auth", "check", "-o", "json"], &options);
        let found = check.json();
        let message = found["what"].as_str().unwrap();
        assert!(
            message.starts_with("not an answer of the service"),
            "{message}"
        );
        assert!(
            ended.stderr.contains(message),
            "{message}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("nothing was sent"),
            "{}",
            ended.stderr
        );
    }
}

/// A proxy that answers every CONNECT with this head, and counts them.
fn proxy(head: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(client);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                if line.ends_with("\r\n\r\n") {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let _ = write!(reader.get_mut(), "HTTP/1.1 {head}\r\n\r\n");
                    break;
                }
            }
        }
    });
    (address, asked)
}

const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";

#[test]
fn a_refusing_proxy_is_named_with_status_and_hint() {
    for (head, attempts, expected, hint) in [
        (
            "403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0",
            1,
            "403 Forbidden (X-Squid-Error: ERR_ACCESS_DENIED 0)",
            "allow CONNECT",
        ),
        (
            "407 Proxy Authentication Required",
            1,
            "user name and password",
            "http://USER:PASSWORD@",
        ),
        (
            "302 Found\r\nLocation: http://login.example/",
            1,
            "302 Found (Location: http://login.example/)",
            "allow CONNECT",
        ),
        (
            "503 Service Unavailable",
            5,
            "503 Service Unavailable",
            "cannot reach the endpoint",
        ),
        (
            "200 Connection established",
            5,
            "opened a tunnel",
            "HTTPS_PROXY",
        ),
    ] {
        let (address, asked) = proxy(head);
        let url = format!("http://user:hunter2@{address}");
        let arguments = ["reboot", "--yes", "--no-preflight", "-o", "json", ID];
        let ca = Tls::self_signed().unwrap().ca_pem().unwrap().to_owned();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), ca).unwrap();
        let mut options = options("https://localhost:9", "p1", "t1");
        options.extend(["--ca-file".to_owned(), file.path().display().to_string()]);
        let ended = ecsctl_with(&[("HTTPS_PROXY", &url)], &arguments, &options);
        let ended = ended.expect(1);
        let report = ended.json();
        assert_eq!(outcomes(&report), ["not_attempted"], "{head}");
        let message = report["servers"][0]["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{head}: {message}");
        assert!(message.contains(&address.to_string()), "{head}: {message}");
        assert!(ended.stderr.contains(hint), "{head}: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2") && !message.contains("hunter2"));
        // The reads before the action may use the proxy, too.
        let tries = message.contains("(5 attempts)");
        assert_eq!(tries, attempts == 5, "{head}: {message}");
        assert!(asked.load(Ordering::SeqCst) >= attempts, "{head}");
    }
}

#[test]
fn a_proxy_variable_that_is_no_url_is_an_error() {
    let arguments = ["reboot", "--yes", ID];
    let options = options("http://127.0.0.1:9", "p1", "t1");
    let ended = ecsctl_with(&[("HTTP_PROXY", "not a url hunter2")], &arguments, &options);
    let ended = ended.refuses(2, &["HTTP_PROXY", "http://proxy.example:3128"]);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

/// An untrusted certificate is not retried.
#[test]
fn a_certificate_that_is_not_trusted_is_tried_once_and_the_ca_file_is_named() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let region = Region::builder().servers(1).seed(5).build().unwrap();
    let server = Server::builder(region).tls(Tls::self_signed().unwrap());
    let server = runtime.block_on(SimServer::start(server)).unwrap();
    let info = server.info();
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), Tls::self_signed().unwrap().ca_pem().unwrap()).unwrap();
    let token = info.token.expose_secret();
    let mut options = options(&info.listening, info.project_id.as_str(), token);
    options.extend(["--ca-file".to_owned(), other.path().display().to_string()]);
    let id = info.servers[0].to_string();
    let ended = ecsctl_with(&[], &["reboot", "--yes", "-o", "json", &id], &options);
    let ended = ended.expect(1);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["not_attempted"]);
    let message = report["servers"][0]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("not from a trusted authority"),
        "{message}"
    );
    assert!(!message.contains("attempts"), "{message}");
    assert!(ended.stderr.contains("--ca-file"), "{}", ended.stderr);
}

/// A gateway that answers polls with its own pages for a while loses no job.
#[test]
fn pages_in_place_of_polls_end_no_wait() {
    for page in PAGES
        .into_iter()
        .filter(|page| {
            ["400", "403", "404"]
                .iter()
                .any(|status| page.status.starts_with(status))
        })
        .filter(|page| page.body.contains("<html"))
    {
        let sim = Sim::start(20, |region| region);
        let address = sim.info().listening.strip_prefix("http://").unwrap();
        let polls = AtomicUsize::new(0);
        let rule = move |seen: &Seen| {
            let is_hidden =
                seen.path.contains("/jobs/") && polls.fetch_add(1, Ordering::SeqCst) < 6;
            if is_hidden {
                Trick::PageInstead(page)
            } else {
                Trick::Forward
            }
        };
        let gateway = Gateway::start(address.parse().unwrap(), rule).unwrap();
        let mut arguments = vec!["reboot", "--yes", "-o", "json"];
        let ids = sim.ids();
        arguments.extend(ids.iter().map(String::as_str));
        let speed = [("ECSCTL_SIM_SPEED", "20")];
        let ended = ecsctl_with(&speed, &arguments, &options_through(&gateway, &sim));
        assert_eq!(ended.code, Some(0), "{}: {}", page.name, ended.stderr);
        assert_eq!(outcomes(&ended.json()), ["succeeded"; 3], "{}", page.name);
    }
}
