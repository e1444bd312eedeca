use secrecy::SecretString;

use super::{CredentialConfig, CredentialOptions};
use crate::{AuthErrorKind, Environment, Reference};

mod apart;
mod documentation;
mod wrong_settings;

const SECRETS: [&str; 4] = ["sesame", "MFyf", "gQpj", "MIID"];

pub(super) fn around(variables: &[(&str, &str)]) -> Environment {
    let home = Environment::default().with_variable("HOME", "/home/ops");
    variables
        .iter()
        .fold(home, |all, (name, value)| all.with_variable(*name, *value))
}

pub(super) fn choose(environment: &Environment) -> CredentialConfig {
    let chosen = CredentialConfig::new(&CredentialOptions::default(), environment).unwrap();
    let shown = format!("{chosen:?} {environment:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
    chosen
}

#[track_caller]
fn refused(flags: &CredentialOptions, environment: &Environment, expected: &str) {
    let error = CredentialConfig::new(flags, environment).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Malformed);
    assert!(error.to_string().contains(expected), "{error}");
    for secret in SECRETS {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

pub(super) const SDK: [(&str, &str); 2] = [
    ("HUAWEICLOUD_SDK_AK", "AK-sdk"),
    ("HUAWEICLOUD_SDK_SK", "MFyf"),
];
const OS: [(&str, &str); 2] = [("OS_ACCESS_KEY", "AK-os"), ("OS_SECRET_KEY", "MFyf")];
const CLOUDS: &str = "/home/ops/.config/openstack/clouds.yaml";
const ONE_CLOUD: &str = "clouds: {otc: {auth: {ak: AK-cloud, sk: MFyf}}}";
const PROFILES: &str = "/home/ops/.huaweicloud/credentials";

/// Returns an environment with every source at once.
fn everything() -> Environment {
    around(&[&SDK[..], &OS[..], &[("OS_CLOUD", "otc")]].concat())
        .with_file(CLOUDS, ONE_CLOUD)
        .with_file(
            PROFILES,
            "[basic]\nak = AK-profile\nsk = MFyf\n[second]\nak = AK-second\nsk = MFyf\n",
        )
}

fn without(environment: Environment, names: &[&str]) -> Environment {
    // Empty counts as unset.
    names
        .iter()
        .fold(environment, |all, name| all.with_variable(*name, ""))
}

#[test]
fn first_source_wins_and_the_others_are_reported() {
    let flags = CredentialOptions {
        access_key: Some("AK-flag".to_owned()),
        secret_key: Some(SecretString::from("MFyf")),
        ..CredentialOptions::default()
    };
    let chosen = CredentialConfig::new(&flags, &everything()).unwrap();
    assert_eq!(chosen.source().to_string(), "the options");
    assert_eq!(chosen.access_key(), Some("AK-flag"));
    // Nothing was tried before; options override the environment.
    assert!(chosen.warnings().is_empty(), "{:?}", chosen.warnings());
    assert!(
        chosen
            .skipped()
            .iter()
            .all(|item| item.reason.contains("explicitly"))
    );

    let mut environment = everything();
    let mut seen = Vec::new();
    for (key, source, gone) in [
        (
            Some("AK-sdk"),
            "the environment (HUAWEICLOUD_SDK_*)",
            "HUAWEICLOUD_SDK_AK,HUAWEICLOUD_SDK_SK",
        ),
        (
            Some("AK-cloud"),
            "cloud otc in /home/ops/.config/openstack/clouds.yaml",
            "OS_CLOUD",
        ),
        (
            Some("AK-os"),
            "the environment (OS_*)",
            "OS_ACCESS_KEY,OS_SECRET_KEY",
        ),
        (
            Some("AK-cloud"),
            "cloud otc in /home/ops/.config/openstack/clouds.yaml",
            "",
        ),
    ] {
        let chosen = choose(&environment);
        assert_eq!(chosen.source().to_string(), source);
        assert_eq!(chosen.access_key(), key);
        seen = chosen
            .skipped()
            .iter()
            .map(|skipped| skipped.source.clone())
            .collect();
        environment = without(environment, &gone.split(',').collect::<Vec<_>>());
    }
    assert_eq!(
        seen,
        [
            "the options",
            "the environment (HUAWEICLOUD_SDK_*)",
            "the environment (OS_*)"
        ]
    );

    let profile = around(&[]).with_file(PROFILES, "[basic]\nak = AK-profile\nsk = MFyf");
    let chosen = choose(&profile);
    assert_eq!(chosen.access_key(), Some("AK-profile"));
    assert_eq!(
        chosen.source().to_string(),
        "profile basic in /home/ops/.huaweicloud/credentials"
    );

    let empty = around(&[]).with_file(PROFILES, "[basic]\nak =\nsk =\n");
    let chosen = choose(&empty);
    assert!(
        chosen.skipped()[4].reason.contains("no ak and sk"),
        "{:?}",
        chosen.skipped()
    );

    let nothing = choose(&around(&[]));
    assert_eq!(nothing.source().to_string(), "the metadata service");
    assert_eq!(nothing.access_key(), None);
    let reason: Vec<&str> = nothing
        .skipped()
        .iter()
        .map(|skipped| &*skipped.reason)
        .collect();
    assert_eq!(reason.len(), 6);
    assert!(
        reason[4].contains("/home/ops/.huaweicloud/credentials"),
        "{reason:?}"
    );
}

#[test]
fn requested_clouds_and_profiles_are_used_or_an_error() {
    let mut flags = CredentialOptions {
        cloud: Some("otc".to_owned()),
        ..CredentialOptions::default()
    };
    assert_eq!(
        CredentialConfig::new(&flags, &everything())
            .unwrap()
            .access_key(),
        Some("AK-cloud")
    );
    flags.cloud = Some("other".to_owned());
    refused(&flags, &everything(), "has no cloud other, only: otc");
    refused(&flags, &around(&SDK), "there is no clouds.yaml");
    flags.profile = Some("second".to_owned());
    refused(&flags, &everything(), "give one of them");
    flags.cloud = None;
    assert_eq!(
        CredentialConfig::new(&flags, &everything())
            .unwrap()
            .access_key(),
        Some("AK-second")
    );
    flags.profile = Some("third".to_owned());
    refused(&flags, &everything(), "has no [third]");

    let flags = CredentialOptions::default();
    refused(
        &flags,
        &around(&[("OS_CLOUD", "otc")]),
        "there is no clouds.yaml",
    );
    let empty = around(&[("OS_CLOUD", "otc")]).with_file(CLOUDS, "clouds: {otc: {region_name: x}}");
    refused(&flags, &empty, "has no credentials");
}

#[test]
fn incomplete_credentials_are_an_error() {
    let flags = CredentialOptions::default();
    for (variables, expected) in [
        (
            &[("HUAWEICLOUD_SDK_AK", "AK")][..],
            "HUAWEICLOUD_SDK_SK is not",
        ),
        (
            &[("HUAWEICLOUD_SDK_SK", "MFyf")],
            "HUAWEICLOUD_SDK_AK is not",
        ),
        (&[("OS_ACCESS_KEY", "AK")], "OS_SECRET_KEY is not"),
        (&[("OS_USERNAME", "ops")], "OS_PASSWORD is not"),
        (&[("OS_USER_ID", "u")], "OS_PASSWORD is not"),
        (&[("OS_PASSWORD", "sesame")], "OS_USERNAME is not"),
        (
            &[("OS_USERNAME", "ops"), ("OS_PASSWORD", "sesame")],
            "OS_USER_DOMAIN_NAME is not",
        ),
        (
            &[
                ("OS_ACCESS_KEY", "AK"),
                ("OS_SECRET_KEY", "MFyf "),
                ("X", ""),
            ],
            "secret key has",
        ),
        (
            &[("OS_TOKEN", "MIID"), ("OS_AGENCY_NAME", "restarter")],
            "OS_AGENCY_DOMAIN_NAME is not",
        ),
    ] {
        refused(
            &flags,
            &around(variables).with_file(CLOUDS, ONE_CLOUD),
            expected,
        );
    }
    let flags = CredentialOptions {
        access_key: Some("AK".to_owned()),
        ..CredentialOptions::default()
    };
    refused(&flags, &around(&SDK), "secret key is not");
    let flags = CredentialOptions::default();
    for (text, expected) in [
        ("clouds: {otc: {auth: {ak: AK}}}", "sk is not"),
        ("clouds: {otc: {ak: AK, sk: \"MFyf}}", "is not YAML"),
        ("a: [sesame", "is not YAML"),
    ] {
        refused(&flags, &around(&[]).with_file(CLOUDS, text), expected);
    }
    for (text, expected) in [
        ("[basic]\nak = AK", "sk is not"),
        ("sesame", "line 1 is neither"),
    ] {
        refused(&flags, &around(&[]).with_file(PROFILES, text), expected);
    }
}

#[test]
fn clouds_yaml_is_found_in_the_usual_places_with_secure_yaml_over_it() {
    let clouds = "clouds:\n  otc:\n    profile: otc\n    region_name: eu-nl\n    auth:\n      ak: AK-cloud\n      project_name: eu-nl_a\n";
    let secure = "clouds: {otc: {auth: {sk: MFyf}}}";
    for folder in [".", "/home/ops/.config/openstack", "/etc/openstack"] {
        for ending in ["yaml", "yml"] {
            let environment = around(&[])
                .with_file(format!("{folder}/clouds.{ending}"), clouds)
                .with_file("/home/ops/.config/openstack/secure.yaml", secure);
            let chosen = choose(&environment);
            assert_eq!(chosen.access_key(), Some("AK-cloud"));
            assert_eq!(chosen.region(), Some("eu-nl"));
            assert_eq!(chosen.project(), Some(&Reference::name("eu-nl_a")));
            assert_eq!(
                chosen.endpoint(),
                Some("https://ecs.eu-nl.otc.t-systems.com")
            );
            assert_eq!(
                chosen.iam_endpoint(),
                Some("https://iam.eu-nl.otc.t-systems.com")
            );
        }
    }
    let named = around(&[
        ("OS_CLIENT_CONFIG_FILE", "/x/c.yaml"),
        ("OS_CLIENT_SECURE_FILE", "/x/s.yaml"),
    ])
    .with_file("./clouds.yaml", ONE_CLOUD.replace("AK-cloud", "AK-here"))
    .with_file("/x/c.yaml", clouds)
    .with_file("/x/s.yaml", secure);
    assert_eq!(choose(&named).access_key(), Some("AK-cloud"));
    let xdg =
        around(&[("XDG_CONFIG_HOME", "/xdg")]).with_file("/xdg/openstack/clouds.yaml", ONE_CLOUD);
    assert_eq!(choose(&xdg).access_key(), Some("AK-cloud"));

    let beside = "clouds: {otc: {ak: AK-cloud, sk: MFyf, auth: {project_id: p1}, ecs_endpoint_override: 'https://ecs.example'}}";
    let chosen = choose(&around(&[]).with_file(CLOUDS, beside));
    assert_eq!(chosen.project(), Some(&Reference::id("p1")));
    assert_eq!(chosen.endpoint(), Some("https://ecs.example"));

    let several = "clouds: {a: {auth: {ak: A, sk: MFyf}}, b: {auth: {ak: B, sk: MFyf}}}";
    let several = around(&[]).with_file(CLOUDS, several);
    let chosen = choose(&several);
    assert_eq!(chosen.source().to_string(), "the metadata service");
    assert!(
        chosen.skipped()[3].reason.contains("a, b"),
        "{:?}",
        chosen.skipped()
    );
    let chosen = choose(&several.with_variable("OS_CLOUD", "b"));
    assert_eq!(chosen.access_key(), Some("B"));
}

#[test]
fn a_file_that_others_can_read_gets_a_warning() {
    let environment = around(&[]).with_open_file(CLOUDS, ONE_CLOUD);
    let chosen = choose(&environment);
    assert!(
        chosen.warnings()[0]
            .message
            .contains("chmod 600 /home/ops/.config"),
        "{:?}",
        chosen.warnings()
    );
    let environment = around(&[]).with_open_file(PROFILES, "[basic]\nak = AK\nsk = MFyf");
    assert!(
        choose(&environment).warnings()[0]
            .message
            .contains("chmod 600 /home/ops/.huawei")
    );
    assert!(
        choose(&around(&[]).with_file(CLOUDS, ONE_CLOUD))
            .warnings()
            .is_empty()
    );
}

#[test]
fn addresses_with_a_password_are_refused() {
    let flags = |iam: &str, ecs: &str| CredentialOptions {
        iam_endpoint: (!iam.is_empty()).then(|| iam.to_owned()),
        endpoint: (!ecs.is_empty()).then(|| ecs.to_owned()),
        ..CredentialOptions::default()
    };
    let environment = around(&SDK);
    refused(
        &flags("https://u:sesame@h", ""),
        &environment,
        "address of IAM",
    );
    refused(&flags("", "u:sesame@h"), &environment, "address of ECS");
    let auth_url = [
        &OS[..],
        &[("OS_AUTH_URL", "https://u:sesame@iam.eu-de.h/v3")],
    ]
    .concat();
    refused(
        &CredentialOptions::default(),
        &around(&auth_url),
        "user or password is not allowed",
    );
}

/// A region becomes a part of the host names that get credentials.
#[test]
fn regions_are_only_names() {
    for region in [
        "x.evil.example/",
        "eu-de@evil.example",
        "eu de",
        "eu-de:80",
        "a?b",
        "a#b",
    ] {
        let flags = CredentialOptions {
            region: Some(region.to_owned()),
            ..CredentialOptions::default()
        };
        refused(&flags, &around(&SDK), "the region has characters");
        let variables = [&OS[..], &[("OS_REGION_NAME", region)]].concat();
        refused(
            &CredentialOptions::default(),
            &around(&variables),
            "the region has characters",
        );
    }
}
