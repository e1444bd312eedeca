//! Tests that settings of one account, cloud or region are not mixed with those of another.

use secrecy::SecretString;

use super::{CLOUDS, ONE_CLOUD, OS, PROFILES, SDK, around, choose, refused};
use crate::Environment;
use crate::Reference;
use crate::config::{CredentialConfig, CredentialOptions};

#[test]
fn most_specific_setting_gives_the_address() {
    for (more, endpoint, iam) in [
        (&[][..], None, None),
        (
            &[("OS_REGION_NAME", "cn-north-4")],
            Some("https://ecs.cn-north-4.myhuaweicloud.com"),
            Some("https://iam.cn-north-4.myhuaweicloud.com"),
        ),
        (&[("OS_PROJECT_NAME", "eu-de_staging")], None, None),
        (
            // It belongs to another tool's account.
            &[("OS_AUTH_URL", "https://iam.eu-de.private.example/v3")],
            None,
            None,
        ),
        (
            &[
                ("HUAWEICLOUD_SDK_REGION_ID", "cn-north-99"),
                (
                    "HUAWEICLOUD_SDK_REGION_ECS_CN_NORTH_99",
                    "ecs.example, ecs2.example",
                ),
                ("HUAWEICLOUD_SDK_IAM_ENDPOINT", "https://iam.example"),
            ],
            Some("https://ecs.example"),
            Some("https://iam.example"),
        ),
    ] {
        let chosen = choose(&around(&[&SDK[..], more].concat()));
        assert_eq!(chosen.endpoint(), endpoint);
        assert_eq!(chosen.iam_endpoint(), iam);
    }
    let flags = CredentialOptions {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        iam_endpoint: Some("http://127.0.0.1:2".to_owned()),
        project_id: Some("p9".to_owned()),
        ..CredentialOptions::default()
    };
    let environment = around(&[&SDK[..], &[("OS_REGION_NAME", "eu-de")]].concat());
    let chosen = CredentialConfig::new(&flags, &environment).unwrap();
    assert_eq!(chosen.endpoint(), Some("http://127.0.0.1:1"));
    assert_eq!(chosen.iam_endpoint(), Some("http://127.0.0.1:2"));
    assert_eq!(chosen.project(), Some(&Reference::id("p9")));
}

#[test]
fn project_and_addresses_are_not_taken_to_another_region() {
    let environment = around(
        &[
            &OS[..],
            &[
                ("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3"),
                ("OS_PROJECT_ID", "p-de"),
            ],
        ]
        .concat(),
    );
    let mut flags = CredentialOptions {
        region: Some("eu-nl".to_owned()),
        ..CredentialOptions::default()
    };
    let chosen = CredentialConfig::new(&flags, &environment).unwrap();
    assert_eq!(chosen.project(), None);
    assert_eq!(
        chosen.endpoint(),
        Some("https://ecs.eu-nl.otc.t-systems.com")
    );
    assert_eq!(
        chosen.iam_endpoint(),
        Some("https://iam.eu-nl.otc.t-systems.com")
    );
    assert!(
        chosen.warnings()[0].message.contains("eu-de"),
        "{:?}",
        chosen.warnings()
    );
    flags.region = Some("eu-de".to_owned());
    let chosen = CredentialConfig::new(&flags, &environment).unwrap();
    assert_eq!(chosen.project(), Some(&Reference::id("p-de")));
    assert!(chosen.warnings().is_empty());
}

/// Credentials go to no cloud and no region that no setting names.
#[test]
fn clouds_are_not_mixed() {
    const OTC: &str = "https://iam.eu-de.otc.t-systems.com/v3";
    const ORANGE: &str = "https://iam.eu-west-0.prod-cloud-ocb.orange-business.com/v3";
    const KEYSTONE: &str = "https://keystone.corp:5000/v3";
    let (os, sdk) = (OS.as_slice(), SDK.as_slice());
    for (variables, flag, endpoint, iam) in [
        (
            [
                os,
                &[("OS_AUTH_URL", KEYSTONE), ("OS_REGION_NAME", "RegionOne")],
            ]
            .concat(),
            None,
            None,
            Some(KEYSTONE),
        ),
        (
            [
                os,
                &[("OS_AUTH_URL", KEYSTONE), ("OS_REGION_NAME", "eu-de")],
            ]
            .concat(),
            Some("eu-nl"),
            None,
            Some(KEYSTONE),
        ),
        (
            [os, &[("OS_AUTH_URL", ORANGE)]].concat(),
            Some("eu-west-1"),
            Some("https://ecs.eu-west-1.prod-cloud-ocb.orange-business.com"),
            Some("https://iam.eu-west-1.prod-cloud-ocb.orange-business.com/v3"),
        ),
        (sdk.to_vec(), Some("EU-DE"), None, None),
        (
            [os, &[("OS_AUTH_URL", OTC)]].concat(),
            Some("eu-dee"),
            Some("https://ecs.eu-dee.otc.t-systems.com"),
            Some("https://iam.eu-dee.otc.t-systems.com/v3"),
        ),
        // A neighbouring IAM is the user's choice; servers are in the region.
        (
            [os, &[("OS_AUTH_URL", OTC), ("OS_REGION_NAME", "eu-nl")]].concat(),
            None,
            Some("https://ecs.eu-nl.otc.t-systems.com"),
            Some(OTC),
        ),
        (
            [os, &[("OS_AUTH_URL", OTC), ("OS_REGION_NAME", "eu-nl")]].concat(),
            Some("eu-nl"),
            Some("https://ecs.eu-nl.otc.t-systems.com"),
            Some(OTC),
        ),
        // A remainder of another account.
        (
            [
                sdk,
                &[
                    ("HUAWEICLOUD_SDK_REGION_ID", "cn-north-4"),
                    ("OS_AUTH_URL", OTC),
                ],
            ]
            .concat(),
            None,
            Some("https://ecs.cn-north-4.myhuaweicloud.com"),
            Some("https://iam.cn-north-4.myhuaweicloud.com"),
        ),
        // Without a scheme.
        (
            [os, &[("OS_AUTH_URL", "iam.eu-de.otc.t-systems.com/v3")]].concat(),
            None,
            Some("https://ecs.eu-de.otc.t-systems.com"),
            Some(OTC),
        ),
    ] {
        let flags = CredentialOptions {
            region: flag.map(str::to_owned),
            ..CredentialOptions::default()
        };
        let chosen = CredentialConfig::new(&flags, &around(&variables)).unwrap();
        assert_eq!(chosen.endpoint(), endpoint, "{variables:?} {flag:?}");
        assert_eq!(chosen.iam_endpoint(), iam, "{variables:?} {flag:?}");
    }
    let flags = CredentialOptions {
        region: Some("sim-1".to_owned()),
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        ..CredentialOptions::default()
    };
    let chosen = CredentialConfig::new(&flags, &around(&SDK)).unwrap();
    assert_eq!(chosen.iam_endpoint(), None);
}

#[test]
fn a_profile_in_clouds_yaml_is_known_or_an_error() {
    let with = |name: &str, region: &str, more: &str| {
        let cloud =
            format!("{{auth: {{ak: AK, sk: MFyf}}, profile: {name}, region_name: {region}{more}}}");
        around(&[]).with_file(CLOUDS, format!("clouds: {{c: {cloud}}}"))
    };
    let flags = CredentialOptions::default();
    refused(&flags, &with("corp", "RegionOne", ""), "profile corp");
    refused(&flags, &with("corp", "eu-de", ""), "profile corp");
    let chosen = choose(&with("otc", "eu-dee", ""));
    let iam = Some("https://iam.eu-dee.otc.t-systems.com/v3");
    assert_eq!(chosen.iam_endpoint(), iam);
    let chosen = choose(&with("otc-swiss", "eu-ch2", ""));
    let ecs = Some("https://ecs.eu-ch2.sc.otc.t-systems.com");
    assert_eq!(chosen.endpoint(), ecs);
    let chosen = choose(&with("corp", "eu-de", ", auth_url: 'https://k.corp'"));
    assert_eq!(chosen.iam_endpoint(), Some("https://k.corp"));
    assert_eq!(chosen.endpoint(), None);
}

#[test]
fn a_named_source_gets_no_project_and_no_iam_of_the_environment() {
    let variables = [
        ("OS_AUTH_URL", "http://127.0.0.1:9/v3"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "p1"),
        ("OS_REGION_NAME", "eu-de"),
    ];
    let profile = "[basic]\nak = AK\nsk = MFyf";
    let files = |all: Environment| {
        all.with_file(CLOUDS, ONE_CLOUD)
            .with_file(PROFILES, profile)
    };
    let by_flag = |cloud: Option<&str>, profile: Option<&str>| CredentialOptions {
        cloud: cloud.map(str::to_owned),
        profile: profile.map(str::to_owned),
        ..CredentialOptions::default()
    };
    let os_cloud = files(around(&variables)).with_variable("OS_CLOUD", "otc");
    for (flags, environment) in [
        (by_flag(Some("otc"), None), files(around(&variables))),
        (by_flag(None, Some("basic")), files(around(&variables))),
        (CredentialOptions::default(), os_cloud),
    ] {
        let chosen = CredentialConfig::new(&flags, &environment).unwrap();
        assert_eq!(
            chosen.iam_endpoint(),
            Some("https://iam.eu-de.otc.t-systems.com")
        );
        assert_eq!((chosen.project(), chosen.region()), (None, Some("eu-de")));
        let warnings = format!("{:?}", chosen.warnings());
        assert!(warnings.contains("UnusedProject"), "{warnings}");
        assert!(
            warnings.contains("HUAWEICLOUD_SDK_PROJECT_ID=p1"),
            "{warnings}"
        );
    }
    // Found without being named, it is completed by the environment.
    let chosen = choose(&files(around(&variables)));
    assert_eq!(chosen.iam_endpoint(), Some("http://127.0.0.1:9/v3"));
    // But not by another tool's variables.
    assert_eq!(chosen.project(), None);
    let warnings = format!("{:?}", chosen.warnings());
    assert!(
        warnings.contains("HUAWEICLOUD_SDK_PROJECT_ID=p1"),
        "{warnings}"
    );
}

#[test]
fn named_and_missing_sources_are_errors() {
    let all = || {
        around(&[])
            .with_file(CLOUDS, ONE_CLOUD)
            .with_file(PROFILES, "[basic]\nak = AK\nsk = MFyf")
    };
    for variable in ["OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"] {
        let environment = all().with_variable(variable, "/nonexistent");
        refused(&CredentialOptions::default(), &environment, variable);
    }
    let variable = ("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/nonexistent");
    refused(
        &CredentialOptions::default(),
        &around(&[variable]),
        variable.0,
    );
    for (name, value) in [("access key", "a"), ("token", "t"), ("secret key", "s")] {
        let empty = |this: &str| (this == value).then(SecretString::default);
        let flags = CredentialOptions {
            access_key: (value == "a").then(String::new),
            token: empty("t"),
            secret_key: empty("s"),
            ..CredentialOptions::default()
        };
        refused(&flags, &all(), &format!("{name} is empty"));
    }
}

#[test]
fn an_agency_of_the_environment_that_is_not_used_is_warned_of() {
    let agency = [("OS_AGENCY_NAME", "a"), ("OS_AGENCY_DOMAIN_NAME", "d")];
    let chosen = choose(&around(&[&SDK[..], &agency].concat()));
    assert_eq!(chosen.agency(), None);
    assert!(
        chosen.warnings()[0].message.contains("OS_AGENCY_NAME"),
        "{:?}",
        chosen.warnings()
    );
    let chosen = choose(&around(&[&OS[..], &agency].concat()));
    assert_eq!(chosen.agency(), Some("a"));
    assert!(chosen.warnings().is_empty(), "{:?}", chosen.warnings());
}

#[test]
fn a_token_beside_keys_is_an_error() {
    let secret = |given: bool| given.then(|| SecretString::from("MIID"));
    for which in 0..3 {
        let flags = CredentialOptions {
            token: secret(true),
            access_key: (which == 0).then(|| "AK".to_owned()),
            secret_key: secret(which == 1),
            security_token: secret(which == 2),
            ..CredentialOptions::default()
        };
        refused(&flags, &around(&[]), "they are different logins");
    }
}

/// Horizon's openrc names the user's domain by name, and the project's by id.
#[test]
fn a_user_is_of_the_users_domain() {
    let user = [("OS_USERNAME", "ops"), ("OS_PASSWORD", "sesame")];
    let project = ("OS_PROJECT_DOMAIN_ID", "default");
    let domain = ("OS_DOMAIN_ID", "d1");
    let own = ("OS_USER_DOMAIN_NAME", "OTC1");
    for (variables, expected) in [
        (&[project, domain, own][..], Reference::name("OTC1")),
        (&[project, domain], Reference::id("d1")),
        (&[project], Reference::id("default")),
        (
            &[project, ("OS_DOMAIN_NAME", "OTC2")],
            Reference::name("OTC2"),
        ),
    ] {
        let chosen = choose(&around(&[&user[..], variables].concat()));
        assert_eq!(chosen.account.user_domain, Some(expected.clone()));
        let login = format!("{:?}", chosen.method);
        assert!(login.contains(&format!("domain: {expected:?}")), "{login}");
        assert_eq!(chosen.project_domain, Some(Reference::id("default")));
    }
    let cloud = "clouds: {c: {auth: {username: u, password: sesame, user_domain_name: OTC1, project_domain_id: default}}}";
    let chosen = choose(&around(&[]).with_file(CLOUDS, cloud));
    assert_eq!(chosen.account.user_domain, Some(Reference::name("OTC1")));
}
