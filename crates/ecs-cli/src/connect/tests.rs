use ecs_ops::auth::{CredentialOptions, Environment};

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn unencrypted_secrets_are_warned_of_for_every_destination() {
    const OPEN: (&str, &str) = ("OS_AUTH_URL", "http://iam.example/v3");
    const SECURE: (&str, &str) = ("OS_AUTH_URL", "https://iam.example/v3");
    const TOKEN: &[(&str, &str)] = &[("OS_TOKEN", "MIIDkg")];
    const KEY: &[(&str, &str)] = &[("OS_ACCESS_KEY", "AK"), ("OS_SECRET_KEY", "SK")];
    const PASSWORD: &[(&str, &str)] = &[("OS_USER_ID", "u"), ("OS_PASSWORD", "sesame")];
    const AGENCY: &[(&str, &str)] = &[
        ("OS_ACCESS_KEY", "AK"),
        ("OS_SECRET_KEY", "SK"),
        ("OS_AGENCY_NAME", "a"),
        ("OS_AGENCY_DOMAIN_NAME", "d"),
    ];
    const PROJECT: (&str, &str) = ("OS_PROJECT_ID", "p");
    const NONE: (&str, &str) = ("OS_PROJECT_ID", "");
    let (https, http) = ("https://ecs.example", "http://ecs.example");
    for (variables, iam, project, endpoint, expected) in [
        (
            TOKEN,
            OPEN,
            NONE,
            https,
            "the token travels unencrypted to http://iam.example",
        ),
        // The token is looked up there.
        (
            TOKEN,
            OPEN,
            PROJECT,
            https,
            "the token travels unencrypted to http://iam.example",
        ),
        (TOKEN, SECURE, PROJECT, https, ""),
        (
            TOKEN,
            SECURE,
            PROJECT,
            http,
            "the token travels unencrypted to http://ecs.example",
        ),
        (
            PASSWORD,
            OPEN,
            NONE,
            http,
            "the password travels unencrypted to http://iam.example",
        ),
        (
            PASSWORD,
            SECURE,
            NONE,
            http,
            "the token travels unencrypted to http://ecs.example",
        ),
        (
            KEY,
            OPEN,
            NONE,
            https,
            "signed requests travel unencrypted to http://iam.example",
        ),
        (
            KEY,
            SECURE,
            NONE,
            http,
            "signed requests travel unencrypted to http://ecs.example",
        ),
        (
            AGENCY,
            OPEN,
            NONE,
            https,
            "the token travels unencrypted to http://iam.example",
        ),
        (
            AGENCY,
            SECURE,
            NONE,
            http,
            "the token travels unencrypted to http://ecs.example",
        ),
        (KEY, SECURE, NONE, https, ""),
        (KEY, SECURE, NONE, "http://127.0.0.1:9", ""),
    ] {
        let all = variables.iter().chain([&iam, &project]);
        let all = all.fold(Environment::default(), |all, (name, value)| {
            all.with_variable(*name, *value)
        });
        let mut flags = CredentialOptions::default();
        flags.endpoint = Some(endpoint.to_owned());
        let output =
            plaintext_warning(&CredentialConfig::new(&flags, &all).unwrap()).unwrap_or_default();
        assert!(output.starts_with(expected), "{output}");
        assert_eq!(output.is_empty(), expected.is_empty(), "{output}");
    }
}

#[test]
fn an_embedded_simulator_is_on_this_machine() {
    for endpoint in ["http://127.0.0.1:4711", "http://127.0.0.1:4711/"] {
        assert_eq!(address_of(endpoint).unwrap(), "127.0.0.1:4711");
    }
    for endpoint in [
        "https://ecs.example",
        "https://127.0.0.1:4711",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://10.0.0.1:4711",
        "http://localhost:4711/path",
    ] {
        let fail = address_of(endpoint).unwrap_err();
        assert!(fail.message.contains(endpoint), "{}", fail.message);
    }
}

#[test]
fn only_loopback_is_this_machine() {
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"] {
        assert!(is_this_machine(host), "{host}");
    }
    for host in ["localhost.example", "10.0.0.1", "0.0.0.0", "::", "fe80::1"] {
        assert!(!is_this_machine(host), "{host}");
    }
}

#[test]
fn only_a_local_simulator_may_be_fast() {
    let of = |given, endpoint: &str| speed(given, &endpoint.parse().unwrap());
    let here = "http://127.0.0.1:8080";
    assert_eq!(of(None, here).unwrap(), 1.0);
    assert_eq!(of(Some(""), "https://ecs.example").unwrap(), 1.0);
    assert_eq!(of(Some("60"), here).unwrap(), 60.0);
    for (given, endpoint) in [
        ("0", here),
        ("fast", here),
        ("60", "https://127.0.0.1"),
        ("60", "http://ecs.example"),
    ] {
        let error = of(Some(given), endpoint).unwrap_err();
        assert!(error.message.starts_with(SPEED), "{}", error.message);
    }
}
