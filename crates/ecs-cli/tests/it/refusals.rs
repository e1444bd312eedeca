//! Refused commands: each with a clear error, the right exit code, and nothing sent.

use crate::common::{
    Running, Sim, dead_endpoint, ecsctl, options, options_of, outcomes, with_stdin,
};

const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const NONE: [&str; 0] = [];

#[test]
fn all_invalid_ids_are_reported_at_once() {
    let sim = Sim::start(1, |region| region);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("servers.txt");
    std::fs::write(&file, format!("{ID}\nweb 1\n\n{}0\n", ID)).unwrap();
    let name = file.to_str().unwrap();
    let arguments = ["reboot", &ID[1..], &sim.id(0), "--from-file", name, "--yes"];
    let ended = ecsctl(&arguments, &sim.options()).refuses(
        2,
        &[
            "3 servers cannot be used; nothing was sent",
            &format!("argument 1: {:?} is not a server id or name", &ID[1..]),
            &format!("{name}:2:1: this line has several words, and none is an id"),
            &format!("{name}:4:1: \"{ID}0\" is not a server id or name: it looks like an id"),
            "hint: a list that is always understood",
        ],
    );
    assert_eq!(ended.stdout, "");
    assert_eq!(sim.accepted(), 0);
}

#[test]
fn a_file_in_another_encoding_is_one_error() {
    let sim = Sim::start(1, |region| region);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("servers.txt");
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let text = format!("\u{feff}{}\r\n", sim.id(0));
        let bytes: Vec<u8> = text.encode_utf16().flat_map(order).collect();
        std::fs::write(&file, bytes).unwrap();
        let arguments = ["reboot", "--from-file", file.to_str().unwrap(), "--yes"];
        let ended = ecsctl(&arguments, &sim.options());
        let ended = ended.refuses(
            2,
            &[
                "servers.txt:1:1: the file is UTF-16",
                "hint: save it as UTF-8",
            ],
        );
        assert!(!ended.stderr.contains("is not a server id"));
    }
    // Errors of a partly valid list are shown with their positions.
    std::fs::write(&file, [sim.id(0).as_bytes(), b"\n\xc3\x28\n"].concat()).unwrap();
    let arguments = ["reboot", "--from-file", file.to_str().unwrap(), "--yes"];
    ecsctl(&arguments, &sim.options()).refuses(2, &["servers.txt:2:1: this byte is not UTF-8"]);
    assert_eq!(sim.accepted(), 0);
}

#[test]
fn an_empty_list_is_refused() {
    let sim = Sim::start(1, |region| region);
    ecsctl(&["reboot", "--yes"], &sim.options())
        .refuses(2, &["no server to reboot", "--from-file", "--all"]);
    let arguments = ["start", "--from-file", "-", "--yes"];
    with_stdin(&arguments, &sim.options(), "# none\n")
        .refuses(2, &["no server in stdin; nothing was sent"]);
    let empty = Sim::start(1, |region| region.servers(0));
    ecsctl(&["stop", "--all", "--yes"], &empty.options()).refuses(2, &["no server in project"]);
    ecsctl(
        &["stop", "--from-file", "/nonexistent", "--yes"],
        &sim.options(),
    )
    .refuses(2, &["/nonexistent"]);
}

#[test]
fn a_wrong_token_or_project_ends_with_4() {
    let sim = Sim::start(1, |region| region);
    let info = sim.info();
    let mut strange_token = sim.options();
    strange_token[5] = "STRANGE".to_owned();
    let mut strange_project = sim.options();
    strange_project[3] = "0123456789abcdef0123456789abcdef".to_owned();
    for (wrong, code) in [
        (strange_token, "Common.0013"),
        (strange_project, "Ecs.0023"),
    ] {
        let given = ecsctl(&["reboot", &sim.id(0), "--yes", "-o", "json"], &wrong)
            .refuses(4, &[code, "--token"]);
        let report = given.json();
        assert_eq!(outcomes(&report), ["not_attempted"]);
        assert_eq!(report["servers"][0]["error"]["code"], code);
        assert!(!given.stderr.contains("STRANGE"));
        let listed = ecsctl(&["reboot", "--all", "--yes"], &wrong)
            .refuses(4, &["cannot list", code, "--token"]);
        assert_eq!(listed.stdout, "");
    }
    assert_eq!(sim.accepted(), 0, "{}", info.listening);
}

#[test]
fn a_missing_server_is_not_acted_on() {
    let sim = Sim::start(1, |region| region);
    let refused = ecsctl(&["reboot", ID, "--yes"], &sim.options());
    refused.refuses(
        2,
        &[
            "1 server is not ready; nothing was sent",
            "not found in the project",
            ID,
        ],
    );
    let unread = ["reboot", ID, "--no-preflight", "--yes"];
    let json = [&unread[..], &["-o", "json"]].concat();
    let ended = ecsctl(&json, &sim.options()).expect(1);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["failed"]);
    assert_eq!(report["servers"][0]["error"]["code"], "Ecs.0114");
    let table = ecsctl(&unread, &sim.options()).expect(1);
    assert!(
        table.stdout.contains("Ecs.0114") && table.stdout.contains("1 server: 1 failed"),
        "{}",
        table.stdout
    );
}

#[test]
fn an_unreachable_endpoint_is_reported() {
    let dead = options(&dead_endpoint(), "p", "t");
    let given = ecsctl(&["reboot", ID, "--yes", "-o", "json"], &dead).expect(1);
    let report = given.json();
    assert_eq!(outcomes(&report), ["not_attempted"]);
    let message = report["servers"][0]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("could not connect: 127.0.0.1:"),
        "{message}"
    );
    assert!(
        given.stderr.contains("hint: check --endpoint"),
        "{}",
        given.stderr
    );
    let listed = ecsctl(&["reboot", "--all", "--yes"], &dead);
    listed.refuses(
        1,
        &[
            "cannot list the servers",
            "could not connect",
            "hint: check --endpoint",
        ],
    );
}

#[test]
fn connections_are_checked_before_anything_is_sent() {
    let sim = Sim::start(1, |region| region);
    let reboot = ["reboot", ID, "--yes"];
    ecsctl(&reboot, &NONE).refuses(2, &["no credentials were found", "--access-key", "--sim"]);
    ecsctl(&reboot, &["--endpoint", "https://h", "--token", "t"])
        .refuses(2, &["the project is not known", "--project-id"]);
    ecsctl(&reboot, &["--project-id", "p", "--token", "t"]).refuses(
        2,
        &[
            "the address of the service is not known",
            "--region",
            "--endpoint",
        ],
    );
    ecsctl(&reboot, &options("ecs.example", "p", "t"))
        .refuses(2, &["--endpoint", "looks like https://"]);
    let password =
        ecsctl(&reboot, &options("https://u:hunter2@h", "p", "t")).refuses(2, &["--endpoint"]);
    assert!(!password.stderr.contains("hunter2"));
    ecsctl(&reboot, &options("https://h", "../p", "t")).refuses(2, &["--project-id"]);
    ecsctl(&reboot, &options("https://h", "p", "")).refuses(2, &["--token", "empty"]);
    ecsctl(
        &["reboot", "--sim", ID, "--yes"],
        &options("https://h", "p", "t"),
    )
    .refuses(
        2,
        &["--sim cannot be used with --endpoint, --project-id, --token"],
    );
    let mut both = sim.options();
    both[5] = "-".to_owned();
    let stdin = format!("T0PSECRET\n{}\n", sim.id(0));
    let ended = with_stdin(&["reboot", "--from-file", "-", "--yes"], &both, &stdin);
    let ended = ended.refuses(2, &["cannot both be read from stdin"]);
    assert!(!ended.stderr.contains("T0PSECRET"), "{}", ended.stderr);

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let file = file.to_str().unwrap();
    let with_ca =
        |path: &str| [sim.options(), vec!["--ca-file".to_owned(), path.to_owned()]].concat();
    ecsctl(&reboot, &with_ca(file)).refuses(2, &[file, "--ca-file takes a file"]);
    std::fs::write(file, "not a certificate").unwrap();
    ecsctl(&reboot, &with_ca(file)).refuses(2, &[file, "--ca-file takes a file"]);
    assert_eq!(sim.accepted(), 0);
}

#[test]
fn an_unencrypted_token_is_warned_of() {
    let warned = |endpoint: &str| {
        let arguments = ["reboot", ID, "--dry-run"];
        ecsctl(&arguments, &options(endpoint, "p", "t"))
            .expect(0)
            .stderr
            .contains("warning: the token travels unencrypted")
    };
    assert!(warned("http://ecs.example"));
    for endpoint in [
        "https://ecs.example",
        "http://127.0.0.1:1",
        "http://localhost",
        "http://[::1]:1",
    ] {
        assert!(!warned(endpoint), "{endpoint}");
    }
}

#[test]
fn without_a_terminal_yes_is_required() {
    let sim = Sim::start(1, |region| region);
    let ended = with_stdin(&["reboot", "--all"], &sim.options(), "yes\n");
    ended.refuses(2, &["no terminal", "--yes"]);
    assert_eq!(sim.accepted(), 0);
}

#[test]
fn usage_is_checked() {
    for (arguments, expected) in [
        (&["reboot", "--sim", "--all", ID][..], "cannot be used with"),
        (
            &["reboot", "--sim", "--all", "--deadline", "5"],
            "90s, 15m or 1h30m",
        ),
        (
            &["reboot", "--sim", "--all", "--batch-size", "1001"],
            "from 1 to 1000",
        ),
        (
            &["reboot", "--sim", "--all", "--servers-per-minute", "0"],
            "of at least 1",
        ),
        (&["start", "--sim", "--all", "--type", "hard"], "--type"),
        (&["sim", "--tls"], "--ca-out"),
        (&["sim", "--token", "-"], "--token: the token is empty"),
        (&["sim", "--tls-cert", "x"], "--tls-key"),
        (
            &["sim", "--endpoint", "http://h"],
            "--endpoint cannot be used",
        ),
        (&["sim", "--listen", "nowhere"], "cannot listen on nowhere"),
        (&["sim", "--servers", "9999999"], "at most 1000000"),
        (&["job", "wait"], "required"),
        (&["job", "show", "--sim", "../x"], "is not a job id"),
        (&["frobnicate"], "unrecognized"),
    ] {
        ecsctl(arguments, &NONE).refuses(2, &[expected]);
    }
}

/// The opposite case is a TLS error.
#[test]
fn plain_http_to_a_tls_port_suggests_https() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let (_sim, info) = Running::sim(&["--servers", "3", "--tls", "--ca-out", ca.to_str().unwrap()]);
    let mut given = options_of(&info);
    for option in &mut given {
        *option = option.replace("https://", "http://");
    }
    let refused = ecsctl(&["server", "list"], &given).expect(1);
    let expected = "a port for TLS needs https://";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
}

/// An entry of a service catalog, whose path requests have themselves.
#[test]
fn the_path_of_requests_is_not_part_of_an_endpoint() {
    let sim = Sim::start(1, |region| region);
    let id = sim.ids()[0].clone();
    let url = &sim.info().listening;
    let project = sim.info().project_id.as_str();
    for path in [
        "/v1",
        "/v1/$(tenant_id)s",
        "/v1/0123456789abcdef0123456789abcdef/",
    ] {
        let endpoint = format!("{url}{path}");
        let options = options(&endpoint, project, "t");
        let ended = ecsctl(&["reboot", "--yes", &id], &options).expect(2);
        let message = format!("--endpoint: {path} is not part of an endpoint");
        assert!(ended.stderr.contains(&message), "{}", ended.stderr);
    }
}
