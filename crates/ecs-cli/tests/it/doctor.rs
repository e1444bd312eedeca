//! `ecsctl auth check`: every problem, produced for real.

mod logins;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::common::account::Account;
use crate::common::dead_endpoint;
use serde_json::Value;

/// Returns the options that select the region, without credentials.
fn place(account: &Account) -> Vec<&str> {
    let (url, project) = (account.url(), account.get("project_id"));
    vec!["--endpoint", url, "--project-id", project]
}

fn keys<'a>(id: &'a str, secret: &'a str) -> [&'a str; 4] {
    ["--access-key", id, "--secret-key", secret]
}

#[track_caller]
fn found(checked: &Value, finding: &str, expected: &[&str]) {
    assert_eq!(checked["version"], 1);
    assert_eq!(checked["finding"], finding, "{checked}");
    assert_eq!(checked["ok"], finding == "ok");
    let reported = format!("{} {}", checked["what"], checked["advice"]);
    for word in expected {
        assert!(reported.contains(word), "{word:?} is missing in {reported}");
    }
}

/// Runs the check through the gateway, with the keys of the region.
#[track_caller]
fn with_keys(sim: &[&str], code: i32) -> (Account, Value) {
    let account = Account::new(sim);
    let keys = keys(account.get("access_key"), account.get("secret_key"));
    let checked = account.check(&[&place(&account)[..], &keys].concat(), &[], code);
    (account, checked)
}

#[test]
fn working_credentials_are_reported() {
    let (account, checked) = with_keys(&[], 0);
    found(&checked, "ok", &["ecs:cloudServers:reboot"]);
    assert_eq!(checked["source"], "the command line");
    assert_eq!(checked["kind"], "access key");
    assert_eq!(checked["access_key"], account.get("access_key"));
    assert_eq!(checked["servers"], 2);
    assert!(checked["clocks"]["service"].is_string());
    let arguments = [
        &["auth", "check"],
        &place(&account)[..],
        &["--token", account.get("token")],
    ];
    let text = account.run(&arguments.concat(), &[], "").expect(0);
    assert!(
        text.stdout.contains("\nok: the credentials work"),
        "{}",
        text.stdout
    );
    assert!(text.stdout.contains("project       "), "{}", text.stdout);
    let line = account
        .run(&["auth", "check", "--sim", "-o", "jsonl"], &[], "")
        .expect(0);
    assert_eq!(line.lines()[0]["source"], "the embedded simulator");
}

/// The skipped sources with reasons, and the expiry of the chosen one.
#[test]
fn skipped_sources_are_reported() {
    let account = Account::new(&[]);
    let auth = format!("{}/v3", account.url());
    let variables = [
        ("OS_AUTH_URL", auth.as_str()),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let checked = account.check(&["--endpoint", account.url()], &variables, 0);
    assert_eq!(checked["source"], "the environment (OS_*)");
    let skipped: Vec<&str> = checked["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["source"].as_str().unwrap())
        .collect();
    assert_eq!(
        skipped,
        ["the command line", "the environment (HUAWEICLOUD_SDK_*)"]
    );
    assert_eq!(
        checked["skipped"][1]["why"],
        "HUAWEICLOUD_SDK_AK is not set"
    );
    assert_eq!(checked["user"], account.get("user"));
    assert_eq!(checked["roles"][0], "te_admin");
    assert_eq!(checked["region"], "sim-1");
    assert_eq!(checked["iam_endpoint"], auth);
    assert!(
        checked["expires_at"].as_str().unwrap().ends_with('Z'),
        "{checked}"
    );
}

#[test]
fn clock_skew_is_diagnosed() {
    for (offset, expected) in [("20m", "behind"), ("-20m", "ahead of")] {
        let (_, checked) = with_keys(&["--clock-offset", offset], 4);
        found(
            &checked,
            "clock_skew",
            &[expected, "minutes", "timedatectl"],
        );
        let clock = |name: &str| checked["clocks"][name].as_str().unwrap().to_owned();
        assert_ne!(clock("ours"), clock("service"));
    }
    // A smaller difference works with a warning.
    let (_, checked) = with_keys(&["--clock-offset", "10m"], 0);
    let warnings = checked["warnings"].to_string();
    assert!(warnings.contains("minutes behind"), "{checked}");
}

#[test]
fn a_key_of_another_cloud_is_diagnosed() {
    let account = Account::new(&[]);
    let options = [
        &place(&account)[..],
        &keys("ANOTHERCLOUDSKEY", "secret-of-it"),
    ]
    .concat();
    let checked = account.check(&options, &[], 4);
    found(
        &checked,
        "unknown_key",
        &["ANOTHERCLOUDSKEY", account.url(), "Open Telekom Cloud"],
    );
    // The check ends when IAM is queried for the project.
    let url = account.url();
    let options = [
        "--endpoint",
        url,
        "--iam-endpoint",
        url,
        "--region",
        "sim-1",
    ];
    let options = [&options[..], &keys("ANOTHERCLOUDSKEY", "secret-of-it")].concat();
    found(
        &account.check(&options, &[], 4),
        "unknown_key",
        &["ANOTHERCLOUDSKEY"],
    );
}

#[test]
fn wrong_and_locked_keys_are_diagnosed() {
    let account = Account::new(&[]);
    let key = account.get("access_key");
    let url = account.url();
    let by_region = [
        "--endpoint",
        url,
        "--iam-endpoint",
        url,
        "--region",
        "sim-1",
    ];
    let wrong = keys(key, "another-secret");
    // A single request each time, because five wrong ones lock the key.
    for _ in 0..2 {
        let checked = account.check(&[&place(&account)[..], &wrong].concat(), &[], 4);
        found(
            &checked,
            "wrong_secret_key",
            &["as it was signed", key, "five wrong signatures"],
        );
        let checked = account.check(&[&by_region[..], &wrong].concat(), &[], 4);
        found(&checked, "wrong_secret_key", &["as it was signed", key]);
    }
    let right = keys(key, account.get("secret_key"));
    found(
        &account.check(&[&place(&account)[..], &right].concat(), &[], 0),
        "ok",
        &[],
    );
    for _ in 0..5 {
        account.check(&[&place(&account)[..], &wrong].concat(), &[], 4);
    }
    let checked = account.check(&[&place(&account)[..], &right].concat(), &[], 4);
    found(
        &checked,
        "locked_key",
        &[key, "five minutes", "stop all other programs"],
    );
}

/// A gateway that rewrites requests.
fn rewriting(url: &str) -> String {
    let to = url.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            let mut service = TcpStream::connect(&to).unwrap();
            let rewritten = request.replace("limit=1", "limit=2");
            let rewritten = rewritten.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            service.write_all(rewritten.as_bytes()).unwrap();
            let mut answer = Vec::new();
            service.read_to_end(&mut answer).unwrap();
            client.write_all(&answer).unwrap();
        }
    });
    format!("http://{address}")
}

/// A proxy that requires a password.
#[test]
fn a_refusing_proxy_is_diagnosed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
        }
    });
    let account = Account::new(&[]);
    let variables = [("HTTP_PROXY", proxy.as_str())];
    let place = ["--endpoint", "http://ecs.example", "--project-id", "p"];
    let options = [&place[..], &["--token", account.get("token")]].concat();
    let checked = account.check(&options, &variables, 1);
    found(&checked, "proxy", &["HTTP_PROXY", "HTTP 407"]);
    let show = [&["job", "show", "a"][..], &options].concat();
    let ended = account.run(&show, &variables, "");
    assert!(ended.stderr.contains("NO_PROXY"), "{}", ended.stderr);
}

#[test]
fn a_changed_request_is_diagnosed() {
    let account = Account::new(&[]);
    let gateway = rewriting(account.url());
    let place = [
        "--endpoint",
        &gateway,
        "--project-id",
        account.get("project_id"),
    ];
    let keys = keys(account.get("access_key"), account.get("secret_key"));
    let checked = account.check(&[&place[..], &keys].concat(), &[], 4);
    found(
        &checked,
        "request_changed",
        &["a different query", "proxy or gateway"],
    );
    let difference = &checked["difference"];
    assert_eq!(difference["part"], "query");
    assert_eq!(
        (&difference["signed"], &difference["read"]),
        (&"limit=1".into(), &"limit=2".into())
    );
    let text = account.run(&[&["auth", "check"], &place[..], &keys].concat(), &[], "");
    let text = text.expect(4).stdout;
    assert!(
        text.contains("signed as  \"limit=1\"") && text.contains("read as    \"limit=2\""),
        "{text}"
    );
    // Tokens do not depend on the changed part.
    let token = [&place[..], &["--token", account.get("token")]].concat();
    account.check(&token, &[], 0);
}

#[test]
fn connection_problems_are_diagnosed() {
    let account = Account::new(&[]);
    let token = account.get("token");
    let at = |endpoint: &str, variables: &[(&str, &str)]| {
        let options = [
            "--endpoint",
            endpoint,
            "--project-id",
            "p",
            "--token",
            token,
        ];
        account.check(&options, variables, 1)
    };
    let dead = dead_endpoint();
    let checked = at(&dead, &[]);
    found(&checked, "connect", &["could not connect", "HTTPS_PROXY="]);
    let checked = at(&dead, &[("NO_PROXY", "localhost")]);
    found(&checked, "connect", &["could not connect", "HTTPS_PROXY="]);
    // The name of the variable, not its value.
    let proxy = [("HTTP_PROXY", "http://ops:hunter2@127.0.0.1:9")];
    let checked = at("http://ecs.example", &proxy);
    assert!(
        ["proxy", "connect"].contains(&checked["finding"].as_str().unwrap()),
        "{checked}"
    );
    found(
        &checked,
        checked["finding"].as_str().unwrap(),
        &["HTTP_PROXY", "NO_PROXY"],
    );
    assert!(!checked.to_string().contains("hunter2"));
    let elsewhere = format!("{}/elsewhere", account.url());
    found(
        &at(&elsewhere, &[]),
        "wrong_endpoint",
        &["APIGW.0101", "that of ECS"],
    );
    // Connection problems of a login are diagnosed, too.
    let variables = [
        ("OS_AUTH_URL", dead.as_str()),
        ("OS_USERNAME", "ops"),
        ("OS_PASSWORD", "a-password"),
        ("OS_USER_DOMAIN_NAME", "d"),
    ];
    let checked = account.check(&place(&account), &variables, 1);
    found(&checked, "connect", &["IAM", "could not connect"]);

    let account = Account::over_tls(&[]);
    let checked = account.check(
        &[&place(&account)[..], &["--token", token]].concat(),
        &[],
        1,
    );
    found(&checked, "tls", &["--ca-file", "SSL_CERT_FILE"]);
}

#[test]
fn missing_and_incomplete_credentials_are_diagnosed() {
    let account = Account::new(&[]);
    let checked = account.check(&[], &[], 2);
    found(
        &checked,
        "no_credentials",
        &["HUAWEICLOUD_SDK_AK", "--access-key", "--sim"],
    );
    let skipped = checked["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 7, "{checked}");
    assert_eq!(skipped[6]["source"], "the metadata service");
    assert_eq!(checked["source"], Value::Null);
    let half = [("HUAWEICLOUD_SDK_AK", "AK")];
    let checked = account.check(&[], &half, 2);
    found(&checked, "malformed", &["HUAWEICLOUD_SDK_SK is not"]);
    let checked = account.check(&["--token", "t", "--project-id", "p"], &[], 2);
    found(
        &checked,
        "malformed",
        &["the address of the service is not known", "--region"],
    );
    let no_agency = Account::new(&["--metadata", "no-agency"]);
    let checked = no_agency.check(&[], &[("ECSCTL_METADATA_ENDPOINT", no_agency.url())], 2);
    found(&checked, "no_credentials", &[]);
    assert!(
        checked["skipped"].to_string().contains("agency"),
        "{checked}"
    );
}
