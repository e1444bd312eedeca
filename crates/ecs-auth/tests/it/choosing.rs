//! Properties of the choice in any environment: it gives credentials or an error, nothing panics,
//! and no secret is shown.

use ecs_auth::{CredentialConfig, CredentialOptions, Environment};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Part of every secret value.
const SECRET: &str = "s3cr3t";

const SECRET_NAMES: [&str; 8] = [
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "OS_TOKEN",
    "OS_AUTH_TOKEN",
    "OS_SECRET_KEY",
    "OS_SECURITY_TOKEN",
    "OS_PASSWORD",
    "OS_PASSCODE",
];

const OPEN_NAMES: [&str; 15] = [
    "HOME",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_PROJECT_ID",
    "HUAWEICLOUD_SDK_REGION_ID",
    "OS_ACCESS_KEY",
    "OS_USERNAME",
    "OS_USER_ID",
    "OS_USER_DOMAIN_NAME",
    "OS_PROJECT_NAME",
    "OS_AUTH_URL",
    "OS_REGION_NAME",
    "OS_AGENCY_NAME",
    "OS_AGENCY_DOMAIN_NAME",
    "OS_CLOUD",
    "OS_CLIENT_CONFIG_FILE",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("otc".to_owned()),
        Just("eu-de".to_owned()),
        Just("https://iam.eu-de.otc.t-systems.com/v3".to_owned()),
        "[!-~]{1,12}",
        "\\PC{0,8}",
    ]
}

fn secret() -> impl Strategy<Value = String> {
    ("[!-~]{0,4}|\\PC{0,4}", "[!-~]{0,4}|[ \n]")
        .prop_map(|(before, after)| format!("{before}{SECRET}{after}"))
}

/// Generates lines of a `clouds.yaml` or a profile, and some that break it.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        select(vec![
            "clouds:",
            "  otc:",
            "  other:",
            "    auth:",
            "      ak: AK",
            "      username: ops",
            "      project_name: eu-de",
            "      user_domain_name: OTC1",
            "    region_name: eu-de",
            "[basic]",
            "[other]",
            "ak = AK",
            "project_id = p",
            "- x",
            "    <<: *a",
            "\t",
            "{",
            "\"",
        ])
        .prop_map(String::from),
        (
            select(vec![
                "      sk: ",
                "      password: ",
                "      token: ",
                "sk = ",
                "security_token = ",
                ""
            ]),
            secret()
        )
            .prop_map(|(name, secret)| format!("{name}{secret}")),
    ];
    vec(line, 0..10).prop_map(|lines| lines.join("\n"))
}

fn environment() -> impl Strategy<Value = Environment> {
    let open = vec((select(&OPEN_NAMES[..]), value()), 0..8);
    let secret = vec((select(&SECRET_NAMES[..]), secret()), 0..4);
    let paths = vec![
        "./clouds.yaml",
        "./secure.yaml",
        "/etc/openstack/clouds.yaml",
        "/home/ops/.huaweicloud/credentials",
    ];
    let files = vec((select(paths), text()), 0..3);
    (open, secret, files, any::<bool>()).prop_map(|(open, secret, files, home)| {
        let start = if home {
            Environment::default().with_variable("HOME", "/home/ops")
        } else {
            Environment::default()
        };
        let all = open.into_iter().chain(secret);
        let all = all.fold(start, |all, (name, value)| all.with_variable(name, value));
        files
            .into_iter()
            .fold(all, |all, (path, text)| all.with_open_file(path, text))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_nothing_secret_is_shown(environment in environment()) {
        let shown = match CredentialConfig::new(&CredentialOptions::default(), &environment) {
            Err(error) => format!("{error} {error:?}"),
            Ok(chosen) => {
                let reported = (chosen.source(), chosen.skipped(), chosen.warnings(), chosen.region());
                let more = (chosen.project(), chosen.endpoint(), chosen.iam_endpoint(), chosen.access_key());
                format!("{chosen:?} {chosen:#?} {reported:?} {more:?}")
            }
        };
        prop_assert!(!shown.contains(SECRET), "{}", shown);
        let shown = format!("{environment:?}");
        prop_assert!(!shown.contains(SECRET), "{}", shown);
    }

    #[test]
    fn equal_environments_give_equal_choices(environment in environment()) {
        let choose = || match CredentialConfig::new(&CredentialOptions::default(), &environment) {
            Err(error) => error.to_string(),
            Ok(chosen) => format!("{chosen:?}"),
        };
        prop_assert_eq!(choose(), choose());
    }
}
