//! The choice of credentials, and runs that outlast their credentials.

use crate::common::account::Account;
use crate::common::outcomes;
use crate::common::way::{LINE, SDK, Way};

const PROFILES: &str = ".huaweicloud/credentials";

#[test]
fn duplicate_and_incomplete_credentials_are_refused() {
    let account = Account::new(&[]);
    let id = account.info["servers"][0].as_str().unwrap();
    let url = account.url();
    let reboot = [
        "reboot",
        id,
        "--yes",
        "--endpoint",
        url,
        "--project-id",
        account.get("project_id"),
    ];
    for (options, variables, expected) in [
        (&["--access-key", "AK"][..], &[][..], "--secret-key is not"),
        (&["--secret-key", "SK"], &[], "--access-key is not"),
        (&["--security-token", "T0K"], &[], "--access-key is not"),
        (
            &["--access-key", "AK", "--secret-key", ""],
            &[],
            "--secret-key: the secret key is empty",
        ),
        (
            &["--access-key", "AK", "--secret-key-file", "/nonexistent"],
            &[],
            "cannot read /nonexistent",
        ),
        (
            &[
                "--access-key",
                "AK",
                "--secret-key",
                "-",
                "--security-token",
                "-",
            ],
            &[],
            "cannot both be read from stdin",
        ),
        (
            &[
                "--access-key",
                "AK",
                "--secret-key",
                "-",
                "--from-file",
                "-",
            ],
            &[],
            "the ids and --secret-key cannot both",
        ),
        (
            &["--access-key", "A K", "--secret-key", "SK"],
            &[],
            "pasted with a space",
        ),
        (
            &[],
            &[("HUAWEICLOUD_SDK_AK", "AK")],
            "HUAWEICLOUD_SDK_SK is not",
        ),
        (&[], &[("OS_USERNAME", "ops")], "OS_PASSWORD is not"),
        (&["--cloud", "x"], &[], "there is no clouds.yaml"),
        (&["--profile", "x"], &[], "profile x: there is no"),
        (
            &["--cloud", "x", "--token", "t"],
            &[],
            "cannot be used with",
        ),
        (
            &["--endpoint", "https://x", "--sim"],
            &[],
            "--sim cannot be used with --endpoint",
        ),
        (
            &["--sim", "--access-key", "AK", "--secret-key", "SK"],
            &[],
            "--access-key, --secret-key",
        ),
    ] {
        let arguments = match options {
            ["--endpoint", ..] => [&reboot[..3], options].concat(),
            _ => [&reboot[..], options].concat(),
        };
        account
            .run(&arguments, variables, "x\nx\n")
            .refuses(2, &[expected]);
    }
}

/// Options take precedence over the environment, and sources have an order.
#[test]
fn sources_have_an_order() {
    let account = Account::new(&[]);
    let url = account.url();
    let other = [
        ("HUAWEICLOUD_SDK_AK", "ANOTHER"),
        ("HUAWEICLOUD_SDK_SK", "secret-of-another"),
        ("OS_PROJECT_ID", "0123456789abcdef0123456789abcdef"),
        ("OS_REGION_NAME", "eu-de"),
        ("OS_AUTH_URL", "http://127.0.0.1:9/v3"),
    ];
    Way::new("flags before the environment", LINE)
        .with(&other)
        .options(&[
            "--endpoint",
            url,
            "--project-id",
            account.get("project_id"),
            "--token",
            account.get("token"),
        ])
        .works(&account);
    let project = account.get("project_id");
    let options = ["--endpoint", url, "--project-id", project];
    let checked = account.check(&options, &other, 4);
    assert_eq!(checked["finding"], "unknown_key");
    assert_eq!(checked["source"], SDK);
    // Settings of another tool are not used, and named.
    let checked = account.check(&["--endpoint", url], &other, 2);
    assert_eq!(checked["finding"], "malformed");
    assert!(
        checked["warnings"].to_string().contains("OS_PROJECT_ID"),
        "{checked}"
    );
}

/// A file that other users can read works, with a warning.
#[cfg(unix)]
#[test]
fn a_readable_secret_file_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let account = Account::new(&[]);
    let url = account.url();
    let id = account.info["servers"][0].as_str().unwrap();
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    };
    let profile = account.write(
        PROFILES,
        &format!(
            "[basic]\nak={}\nsk={}\n",
            account.get("access_key"),
            account.get("secret_key")
        ),
    );
    open(&profile);
    let reboot = [
        "reboot",
        id,
        "--yes",
        "--endpoint",
        url,
        "--project-id",
        account.get("project_id"),
    ];
    let ended = account.run(&reboot, &[], "").expect(0);
    assert!(
        ended.stderr.contains("is readable by other users") && ended.stderr.contains("chmod 600"),
        "{}",
        ended.stderr
    );
    let secret = account.write("secret", account.get("secret_key"));
    open(&secret);
    let keys = [
        "--access-key",
        account.get("access_key"),
        "--secret-key-file",
        secret.to_str().unwrap(),
        "--quiet",
    ];
    let ended = account
        .run(&[&reboot[..], &keys].concat(), &[], "")
        .expect(0);
    assert!(
        ended.stderr.contains("is readable by other users"),
        "{}",
        ended.stderr
    );
    let checked = account.check(&keys, &[("OS_PROJECT_ID", "p")], 2);
    assert!(
        checked["warnings"]
            .to_string()
            .contains("is readable by other users"),
        "{checked}"
    );
}

/// The region's clock runs twenty times as fast as the client knows, so the token ends during the wait for the job,
/// long before its stated end.
#[test]
fn a_run_outlives_its_token() {
    let seconds = std::time::Duration::from_secs;
    let sim = crate::common::Sim::start(20, |region| {
        let region = region.durations(seconds(120)..=seconds(120));
        region.token_life(seconds(20))
    });
    let home = tempfile::tempdir().unwrap();
    let info = sim.info();
    let expose = secrecy::ExposeSecret::expose_secret;
    let variables = [
        ("OS_AUTH_URL", info.listening.as_str()),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_USERNAME", &info.user),
        ("OS_PASSWORD", expose(&info.password)),
        ("OS_USER_DOMAIN_NAME", &info.domain),
    ];
    let id = sim.id(0);
    let arguments = [
        "reboot",
        &id,
        "--yes",
        "-o",
        "json",
        "--endpoint",
        &info.listening,
    ];
    let output = crate::common::command(arguments)
        .env("HOME", home.path())
        .envs(variables)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcomes(&report), ["succeeded"]);
    assert_eq!(sim.accepted(), 1);
    // A single token cannot have been valid at both the beginning and the end.
    let took = sim.server_time();
    assert!(took > seconds(100), "{took:?}");
}

/// IAM does not answer: the deadline counts from the beginning.
#[test]
fn a_slow_login_ends_at_the_deadline() {
    let account = Account::new(&[]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let iam = format!("http://{}", listener.local_addr().unwrap());
    let variables = [
        ("OS_AUTH_URL", iam.as_str()),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let id = account.info["servers"][0].as_str().unwrap();
    let reboot = [
        "reboot",
        id,
        "--yes",
        "--endpoint",
        account.url(),
        "--deadline",
        "300ms",
    ];
    account
        .run(&reboot, &variables, "")
        .refuses(5, &["the deadline passed before", "nothing was sent"]);
}

/// Nothing is sent to an unnamed cloud, with an unintended account, or against a setting.
#[test]
fn unused_settings_are_refused_or_named() {
    let account = Account::new(&[]);
    let id = account.info["servers"][0].as_str().unwrap();
    let keys = [
        ("HUAWEICLOUD_SDK_AK", account.get("access_key")),
        ("HUAWEICLOUD_SDK_SK", account.get("secret_key")),
        ("HUAWEICLOUD_SDK_PROJECT_ID", account.get("project_id")),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&keys[..], more].concat();
    let reboot = |options: &[&'static str]| [&["reboot", id, "--dry-run"][..], options].concat();
    for (options, variables, expected) in [
        (
            &["--region", "eu-west-0"][..],
            with(&[]),
            &[
                "several operators have a region eu-west-0",
                "--operator flexible-engine",
            ][..],
        ),
        (
            &["--region", "eu-dee"],
            with(&[]),
            &[
                "no operator that is known here has a region eu-dee",
                "--endpoint",
            ],
        ),
        (
            &["--region", "eu-de", "--operator", "nobody"],
            with(&[]),
            &["there is no operator nobody", "flexible-engine"],
        ),
        (
            &["--region", "eu-de"],
            with(&[("HUAWEICLOUD_SDK_IDP_ID", "i")]),
            &["HUAWEICLOUD_SDK_IDP_ID", "not supported", "--access-key"],
        ),
        (
            &["--region", "eu-de"],
            vec![("OS_AUTH_TYPE", "v3oidcpassword"), ("OS_PASSWORD", "p")],
            &["OS_AUTH_TYPE", "v3oidcpassword"],
        ),
    ] {
        let ended = account.run(&reboot(options), &variables, "");
        ended.refuses(2, expected);
    }
    // Nothing leaves this machine: no process listens at the address of the proxy.
    let more = [
        ("OS_PROJECT_ID", "other"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    let options = ["--region", "eu-west-0", "--operator", "flexible-engine"];
    let checked = account.check(&options, &with(&more), 1);
    let endpoint = "https://ecs.eu-west-0.prod-cloud-ocb.orange-business.com";
    assert_eq!(checked["endpoint"], endpoint);
    assert_eq!(checked["operator"], "Orange Flexible Engine");
    let warnings = checked["warnings"].to_string();
    assert!(
        warnings.contains("OS_PROJECT_ID=other is not used"),
        "{checked}"
    );
    assert!(warnings.contains("give --project-id"), "{checked}");
}

/// `cacert` and `OS_CACERT` are used, and `verify: false` is not.
#[test]
fn the_ca_file_of_a_cloud_is_trusted() {
    let account = Account::over_tls(&[]);
    let (url, ca) = (account.url(), account.ca());
    let cloud = |more: &str| {
        format!(
            "clouds:\n  lab:\n    auth: {{auth_url: '{url}/v3', username: {}, password: {}, user_domain_name: {}}}\n    \
             region_name: sim-1\n    ecs_endpoint_override: {url}\n{more}",
            account.get("user"),
            account.get("password"),
            account.get("domain"),
        )
    };
    let named = [("OS_CLOUD", "lab")];
    let check = |more: &str, variables: &[(&str, &str)], code| {
        account.write("clouds.yaml", &cloud(more));
        account.check(&[], &[&named[..], variables].concat(), code)
    };
    let checked = check(&format!("    cacert: {ca}\n"), &[], 0);
    assert_eq!(checked["target"]["account"]["user"], account.get("user"));
    assert_eq!(checked["target"]["project"]["name"], "sim-1");
    check("", &[("OS_CACERT", &ca)], 0);
    let checked = check("", &[("REQUESTS_CA_BUNDLE", &ca)], 1);
    assert_eq!(checked["finding"], "tls");
    assert!(
        checked["advice"].to_string().contains("REQUESTS_CA_BUNDLE"),
        "{checked}"
    );
    for setting in ["    verify: false\n", "    insecure: true\n"] {
        let checked = check(setting, &[], 2);
        assert!(
            checked["what"].to_string().contains("not verified"),
            "{checked}"
        );
    }
    let checked = check("    cacert: /nonexistent\n", &[], 2);
    assert!(
        checked["advice"]
            .to_string()
            .contains("cacert of cloud lab"),
        "{checked}"
    );
}
