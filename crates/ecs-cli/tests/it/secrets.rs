//! No command writes a secret, at any log level and with any error.
//!
//! Each command runs with the log on stderr at its most verbose level.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use crate::common::account::Account;

/// The secrets that must not be printed.
struct Secrets(Vec<String>);

impl Secrets {
    #[track_caller]
    fn not_in(&self, source: &str, output: &str) {
        for secret in &self.0 {
            assert!(
                !output.contains(secret.as_str()),
                "{source} shows {secret}: {output}"
            );
        }
    }
}

const LOUD: [(&str, &str); 5] = [
    ("ECSCTL_LOG", "trace"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
    ("RUST_LIB_BACKTRACE", "1"),
    ("OS_DEBUG", "1"),
];

/// Returns every command, in every output format.
fn commands(id: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    for format in ["table", "json", "jsonl"] {
        for verb in ["stop", "start", "reboot"] {
            all.push(vec![verb, id, "--dry-run", "-o", format]);
            all.push(vec![verb, id, "--yes", "--no-wait", "-o", format]);
        }
        all.push(vec!["reboot", "--all", "--yes", "--no-wait", "-o", format]);
        all.push(vec![
            "reboot",
            id,
            "--yes",
            "--no-wait",
            "--reconcile",
            "-o",
            format,
        ]);
        all.push(vec!["job", "show", "0123456789abcdef", "-o", format]);
        all.push(vec![
            "job",
            "wait",
            "0123456789abcdef",
            "--deadline",
            "1s",
            "-o",
            format,
        ]);
        all.push(vec!["auth", "check", "-o", format]);
        all.push(vec!["explain", "APIGW.0301", "-o", format]);
    }
    let owned = |expected: Vec<&str>| expected.into_iter().map(str::to_owned).collect();
    all.into_iter().map(owned).collect()
}

/// Runs all commands with these credentials. They end with exactly these exit codes, each at least once.
#[track_caller]
fn all_commands(
    account: &Account,
    secrets: &Secrets,
    options: &[&str],
    variables: &[(&str, &str)],
    codes: &[i32],
) {
    let id = account.info["servers"][0].as_str().unwrap();
    let mut seen = BTreeSet::new();
    for command in commands(id) {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let variables = [&LOUD[..], variables].concat();
        let ended = account.run(&[&command[..], options].concat(), &variables, "");
        secrets.not_in(
            &command.join(" "),
            &format!("{}{}", ended.stdout, ended.stderr),
        );
        let code = ended.code.unwrap();
        assert!(
            codes.contains(&code),
            "{command:?} ended with {code}: {}",
            ended.stderr
        );
        seen.insert(code);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), codes);
}

fn secrets_of(account: &Account, more: &[&str]) -> Secrets {
    let own = ["token", "secret_key", "password"].map(|name| account.get(name).to_owned());
    let more = more.iter().map(|secret| (*secret).to_owned());
    Secrets(own.into_iter().chain(more).collect())
}

/// Valid credentials of each kind. An unknown job ends with 3, or with 5 after some waiting.
#[test]
fn no_secret_is_printed_by_successful_commands() {
    let account = Account::new(&[]);
    let [access, secret, security] = &account.temporary();
    let secrets = secrets_of(&account, &[secret, security]);
    let (url, project) = (account.url(), account.get("project_id"));
    let place = ["--endpoint", url, "--project-id", project];
    let (key, secret_key) = (account.get("access_key"), account.get("secret_key"));
    let password = [
        ("OS_AUTH_URL", url),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let token = [&place[..], &["--token", account.get("token")]].concat();
    all_commands(&account, &secrets, &token, &[], &[0, 3, 5]);
    let keys = [
        &place[..],
        &["--access-key", key, "--secret-key", secret_key],
    ]
    .concat();
    all_commands(&account, &secrets, &keys, &[], &[0, 3, 5]);
    let temporary = [
        "--access-key",
        access,
        "--secret-key",
        secret,
        "--security-token",
        security,
    ];
    all_commands(
        &account,
        &secrets,
        &[&place[..], &temporary].concat(),
        &[],
        &[0, 3, 5],
    );
    all_commands(
        &account,
        &secrets,
        &["--endpoint", url],
        &password,
        &[0, 3, 5],
    );
}

/// A service, IAM and metadata service in one that refuses every request and echoes it.
fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            std::thread::spawn(move || {
                let mut client = client.unwrap();
                let mut request = Vec::new();
                let mut part = [0; 4096];
                // The first read returns what a client wrote at once; further reads are for the rest.
                while let Ok(read @ 1..) = client.read(&mut part) {
                    request.extend_from_slice(&part[..read]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let length = head
                        .to_lowercase()
                        .split_once("content-length: ")
                        .map_or(0, |(_, rest)| {
                            rest.split("\r\n").next().unwrap().parse::<usize>().unwrap()
                        });
                    if body.len() < length {
                        continue;
                    }
                    let shown = serde_json::json!({"error_code": "APIGW.0301", "error_msg": text})
                        .to_string();
                    let answer = format!(
                        "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{shown}",
                        shown.len()
                    );
                    client.write_all(answer.as_bytes()).unwrap();
                    return;
                }
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn no_secret_is_printed_by_refused_commands() {
    let account = Account::new(&[]);
    let echo = echoing();
    let secrets = Secrets(
        [
            "T0PSECRETTOKEN",
            "T0PSECRETKEY",
            "T0PSECURITY",
            "T0PPASSWORD",
            "987654",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let place = ["--endpoint", &echo, "--project-id", "p1"];
    let region = [
        "--endpoint",
        &echo,
        "--iam-endpoint",
        &echo,
        "--region",
        "eu-de",
    ];
    let token = ["--token", "T0PSECRETTOKEN"];
    let keys = [
        "--access-key",
        "AK",
        "--secret-key",
        "T0PSECRETKEY",
        "--security-token",
        "T0PSECURITY",
    ];
    let login = [
        ("OS_AUTH_URL", echo.as_str()),
        ("OS_REGION_NAME", "eu-de"),
        ("OS_USERNAME", "ops"),
        ("OS_PASSWORD", "T0PPASSWORD"),
        ("OS_PASSCODE", "987654"),
        ("OS_USER_DOMAIN_NAME", "d"),
    ];
    for place in [&place[..], &region] {
        all_commands(&account, &secrets, &[place, &token].concat(), &[], &[0, 4]);
        all_commands(&account, &secrets, &[place, &keys].concat(), &[], &[0, 4]);
        all_commands(&account, &secrets, place, &login, &[0, 4]);
    }
}

/// Malformed files that contain secrets.
#[test]
fn no_secret_is_printed_for_broken_files() {
    let account = Account::new(&[]);
    let secrets = Secrets(vec!["T0PSECRET".to_owned()]);
    account.write(
        ".config/openstack/clouds.yaml",
        "clouds: {a: {auth: {password: T0PSECRET",
    );
    all_commands(&account, &secrets, &[], &[], &[0, 2]);
    account.write(".config/openstack/clouds.yaml", "clouds: {}");
    account.write(".huaweicloud/credentials", "[basic]\nak\nT0PSECRET\n");
    all_commands(&account, &secrets, &[], &[], &[0, 2]);
    let file = account.write("key", "T0PSECRET\nT0PSECRET T0PSECRET\n");
    let keys = [
        "--access-key",
        "AK",
        "--secret-key-file",
        file.to_str().unwrap(),
    ];
    all_commands(&account, &secrets, &keys, &[], &[0, 2]);
    for options in [
        &["--token", "T0PSECRET\n"][..],
        &["--endpoint", "https://u:T0PSECRET@h", "--token", "t"],
        &[
            "--iam-endpoint",
            "https://u:T0PSECRET@h",
            "--region",
            "r",
            "--endpoint",
            "https://h",
            "--token",
            "t",
        ],
    ] {
        all_commands(&account, &secrets, options, &[], &[0, 2]);
    }
}

/// The spans and the messages of a log in JSON.
fn spans_and_messages(log: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut spans, mut messages) = (BTreeSet::new(), BTreeSet::new());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        messages.insert(text(&line["fields"]["message"]));
        let all = line["spans"].as_array().into_iter().flatten();
        spans.extend(all.map(|span| text(&span["name"])));
    }
    (spans, messages)
}

/// The trace of a whole run, with each kind of credentials.
#[test]
fn no_secret_is_in_the_trace_of_a_run() {
    let account = Account::new(&["--speed", "20"]);
    let [access, secret, security] = &account.temporary();
    let secrets = secrets_of(&account, &[secret, security]);
    let (url, project) = (account.url(), account.get("project_id"));
    let place = ["--endpoint", url, "--project-id", project];
    let (key, secret_key) = (account.get("access_key"), account.get("secret_key"));
    let token = [&place[..], &["--token", account.get("token")]].concat();
    let keys = ["--access-key", key, "--secret-key", secret_key];
    let keys = [&place[..], &keys].concat();
    let temporary = [
        "--access-key",
        access,
        "--secret-key",
        secret,
        "--security-token",
        security,
    ];
    let temporary = [&place[..], &temporary].concat();
    let login = [
        ("OS_AUTH_URL", url),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let by_login = ["--endpoint", url];
    for (name, options, variables) in [
        ("token", &token[..], &[][..]),
        ("keys", &keys, &[]),
        ("temporary", &temporary, &[]),
        ("login", &by_login, &login),
    ] {
        let file = account.write(&format!("{name}.log"), "");
        let log = ["--log-format", "json", "--log-file", file.to_str().unwrap()];
        let run = ["reboot", "--all", "--yes", "--quiet", "-vvv"];
        let ended = account.run(
            &[&run[..], &log, options].concat(),
            &[variables, &[("ECSCTL_SIM_SPEED", "20")]].concat(),
            "",
        );
        let ended = ended.expect(0);
        assert_eq!(ended.stderr, "", "{name}");
        let log = std::fs::read_to_string(&file).unwrap();
        secrets.not_in(name, &log);
        let (spans, messages) = spans_and_messages(&log);
        for span in ["run", "request", "poll"] {
            assert!(spans.contains(span), "{name}: no span {span}: {log}");
        }
        assert_eq!(spans.contains("login"), name == "login", "{name}: {log}");
        let renewed = messages.contains("credentials renewed");
        assert_eq!(renewed, name == "login", "{name}: {log}");
        for message in [
            "request started",
            "request answered",
            "request accepted",
            "server done",
        ] {
            assert!(messages.contains(message), "{name}: no {message}: {log}");
        }
    }
}

/// The log goes to stderr, and stdout has only results.
#[test]
fn a_request_is_logged_with_its_codes() {
    let account = Account::new(&[]);
    let place = ["--endpoint", account.url(), "--token", account.get("token")];
    let place = [&place[..], &["--project-id", account.get("project_id")]].concat();
    let run = ["reboot", "--all", "--yes", "--no-wait", "-o", "json", "-v"];
    let ended = account.run(&[&run[..], &place].concat(), &[], "").expect(0);
    ended.json();
    let is_action = |line: &&str| line.contains("request answered method=POST");
    let line = ended.stderr.lines().find(is_action).unwrap();
    for part in [
        " INFO run{run_id=",
        "action=\"reboot\" servers=2}",
        ":request{operation=",
        " servers=2 attempt=1}",
        "path=\"/v1/",
        "/cloudservers/action\"",
        "status=200",
        "request_id=\"",
        "ms=",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    let quiet = account.run(&[&run[..6], &place].concat(), &[("ECSCTL_LOG", "")], "");
    assert!(!quiet.expect(0).stderr.contains("request answered"));
    let broken = account.run(&[&run[..6], &place].concat(), &[("ECSCTL_LOG", "a=b")], "");
    broken.refuses(2, &["ECSCTL_LOG", "ecs_client=debug"]);
    let nowhere = [&run[..6], &place, &["--log-file", "/nowhere/log"]].concat();
    let nowhere = account.run(&nowhere, &[], "");
    nowhere.refuses(2, &["/nowhere/log", "--log-file"]);
}
