use secrecy::SecretString;

use super::{Chosen, Flags, Surroundings};
use crate::{AuthErrorKind, Reference};

const SECRETS: [&str; 4] = ["sesame", "MFyf", "gQpj", "MIID"];

pub(super) fn around(variables: &[(&str, &str)]) -> Surroundings {
    let home = Surroundings::default().with_variable("HOME", "/home/ops");
    variables
        .iter()
        .fold(home, |all, (name, value)| all.with_variable(*name, *value))
}

pub(super) fn choose(surroundings: &Surroundings) -> Chosen {
    let chosen = Chosen::new(&Flags::default(), surroundings).unwrap();
    let shown = format!("{chosen:?} {surroundings:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
    }
    chosen
}

#[track_caller]
fn refused(flags: &Flags, surroundings: &Surroundings, words: &str) {
    let error = Chosen::new(flags, surroundings).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Malformed);
    assert!(error.to_string().contains(words), "{error}");
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

/// Everything there is, at once.
fn everything() -> Surroundings {
    around(&[&SDK[..], &OS[..], &[("OS_CLOUD", "otc")]].concat())
        .with_file(CLOUDS, ONE_CLOUD)
        .with_file(
            PROFILES,
            "[basic]\nak = AK-profile\nsk = MFyf\n[second]\nak = AK-second\nsk = MFyf\n",
        )
}

fn without(surroundings: Surroundings, names: &[&str]) -> Surroundings {
    // Empty is as good as not set.
    names
        .iter()
        .fold(surroundings, |all, name| all.with_variable(*name, ""))
}

#[test]
fn the_first_of_the_sources_wins_and_the_others_are_told() {
    let flags = Flags {
        access_key: Some("AK-flag".to_owned()),
        secret_key: Some(SecretString::from("MFyf")),
        ..Flags::default()
    };
    let chosen = Chosen::new(&flags, &everything()).unwrap();
    assert_eq!(chosen.source(), "the command line");
    assert_eq!(chosen.access_key(), Some("AK-flag"));
    assert!(chosen.skipped().is_empty());

    let mut surroundings = everything();
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
        let chosen = choose(&surroundings);
        assert_eq!(chosen.source(), source);
        assert_eq!(chosen.access_key(), key);
        seen = chosen
            .skipped()
            .iter()
            .map(|skipped| skipped.source.clone())
            .collect();
        surroundings = without(surroundings, &gone.split(',').collect::<Vec<_>>());
    }
    assert_eq!(
        seen,
        [
            "the command line",
            "the environment (HUAWEICLOUD_SDK_*)",
            "the environment (OS_*)"
        ]
    );

    let profile = around(&[]).with_file(PROFILES, "[basic]\nak = AK-profile\nsk = MFyf");
    let chosen = choose(&profile);
    assert_eq!(chosen.access_key(), Some("AK-profile"));
    assert_eq!(
        chosen.source(),
        "profile basic in /home/ops/.huaweicloud/credentials"
    );

    let empty = around(&[]).with_file(PROFILES, "[basic]\nak =\nsk =\n");
    let chosen = choose(&empty);
    assert!(
        chosen.skipped()[4].why.contains("no ak and sk"),
        "{:?}",
        chosen.skipped()
    );

    let nothing = choose(&around(&[]));
    assert_eq!(nothing.source(), "the metadata service");
    assert_eq!(nothing.access_key(), None);
    let why: Vec<&str> = nothing
        .skipped()
        .iter()
        .map(|skipped| &*skipped.why)
        .collect();
    assert_eq!(why.len(), 5);
    assert!(
        why[4].contains("/home/ops/.huaweicloud/credentials"),
        "{why:?}"
    );
}

#[test]
fn a_cloud_or_a_profile_that_is_asked_for_is_used_or_it_is_an_error() {
    let mut flags = Flags {
        cloud: Some("otc".to_owned()),
        ..Flags::default()
    };
    assert_eq!(
        Chosen::new(&flags, &everything()).unwrap().access_key(),
        Some("AK-cloud")
    );
    flags.cloud = Some("other".to_owned());
    refused(&flags, &everything(), "has no cloud other, only: otc");
    refused(&flags, &around(&SDK), "there is no clouds.yaml");
    flags.profile = Some("second".to_owned());
    refused(&flags, &everything(), "give one of them");
    flags.cloud = None;
    assert_eq!(
        Chosen::new(&flags, &everything()).unwrap().access_key(),
        Some("AK-second")
    );
    flags.profile = Some("third".to_owned());
    refused(&flags, &everything(), "has no [third]");

    let flags = Flags::default();
    refused(
        &flags,
        &around(&[("OS_CLOUD", "otc")]),
        "there is no clouds.yaml",
    );
    let empty = around(&[("OS_CLOUD", "otc")]).with_file(CLOUDS, "clouds: {otc: {region_name: x}}");
    refused(&flags, &empty, "has no credentials");
}

#[test]
fn half_a_credential_is_an_error_and_not_somebody_elses() {
    let flags = Flags::default();
    for (variables, words) in [
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
            words,
        );
    }
    let flags = Flags {
        access_key: Some("AK".to_owned()),
        ..Flags::default()
    };
    refused(&flags, &around(&SDK), "--secret-key is not");
    let flags = Flags::default();
    for (text, words) in [
        ("clouds: {otc: {auth: {ak: AK}}}", "sk is not"),
        ("clouds: {otc: {ak: AK, sk: \"MFyf}}", "is not YAML"),
        ("a: [sesame", "is not YAML"),
    ] {
        refused(&flags, &around(&[]).with_file(CLOUDS, text), words);
    }
    for (text, words) in [
        ("[basic]\nak = AK", "sk is not"),
        ("sesame", "line 1 is neither"),
    ] {
        refused(&flags, &around(&[]).with_file(PROFILES, text), words);
    }
}

#[test]
fn clouds_yaml_is_found_in_the_usual_places_with_secure_yaml_over_it() {
    let clouds = "clouds:\n  otc:\n    profile: otc\n    region_name: eu-nl\n    auth:\n      ak: AK-cloud\n      project_name: eu-nl_a\n";
    let secure = "clouds: {otc: {auth: {sk: MFyf}}}";
    for folder in [".", "/home/ops/.config/openstack", "/etc/openstack"] {
        for ending in ["yaml", "yml"] {
            let surroundings = around(&[])
                .with_file(format!("{folder}/clouds.{ending}"), clouds)
                .with_file("/home/ops/.config/openstack/secure.yaml", secure);
            let chosen = choose(&surroundings);
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
    assert_eq!(chosen.source(), "the metadata service");
    assert!(
        chosen.skipped()[3].why.contains("a, b"),
        "{:?}",
        chosen.skipped()
    );
    let chosen = choose(&several.with_variable("OS_CLOUD", "b"));
    assert_eq!(chosen.access_key(), Some("B"));
}

#[test]
fn a_file_that_others_can_read_gets_a_warning() {
    let surroundings = around(&[]).with_open_file(CLOUDS, ONE_CLOUD);
    let chosen = choose(&surroundings);
    assert!(
        chosen.warnings()[0].contains("chmod 600 /home/ops/.config"),
        "{:?}",
        chosen.warnings()
    );
    let surroundings = around(&[]).with_open_file(PROFILES, "[basic]\nak = AK\nsk = MFyf");
    assert!(choose(&surroundings).warnings()[0].contains("chmod 600 /home/ops/.huawei"));
    assert!(
        choose(&around(&[]).with_file(CLOUDS, ONE_CLOUD))
            .warnings()
            .is_empty()
    );
}

#[test]
fn addresses_come_from_what_says_most() {
    for (more, endpoint, iam) in [
        (&[][..], None, None),
        (
            &[("OS_REGION_NAME", "cn-north-4")],
            Some("https://ecs.cn-north-4.myhuaweicloud.com"),
            Some("https://iam.cn-north-4.myhuaweicloud.com"),
        ),
        (
            &[("OS_PROJECT_NAME", "eu-de_staging")],
            Some("https://ecs.eu-de.otc.t-systems.com"),
            Some("https://iam.eu-de.otc.t-systems.com"),
        ),
        (
            &[("OS_AUTH_URL", "https://iam.eu-de.private.example/v3")],
            Some("https://ecs.eu-de.private.example"),
            Some("https://iam.eu-de.private.example/v3"),
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
    let flags = Flags {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        iam_endpoint: Some("http://127.0.0.1:2".to_owned()),
        project_id: Some("p9".to_owned()),
        ..Flags::default()
    };
    let surroundings = around(&[&SDK[..], &[("OS_REGION_NAME", "eu-de")]].concat());
    let chosen = Chosen::new(&flags, &surroundings).unwrap();
    assert_eq!(chosen.endpoint(), Some("http://127.0.0.1:1"));
    assert_eq!(chosen.iam_endpoint(), Some("http://127.0.0.1:2"));
    assert_eq!(chosen.project(), Some(&Reference::id("p9")));
}

#[test]
fn another_region_does_not_get_the_project_and_addresses_of_this_one() {
    let surroundings = around(
        &[
            &OS[..],
            &[
                ("OS_AUTH_URL", "https://iam.eu-de.otc.t-systems.com/v3"),
                ("OS_PROJECT_ID", "p-de"),
            ],
        ]
        .concat(),
    );
    let mut flags = Flags {
        region: Some("eu-nl".to_owned()),
        ..Flags::default()
    };
    let chosen = Chosen::new(&flags, &surroundings).unwrap();
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
        chosen.warnings()[0].contains("eu-de"),
        "{:?}",
        chosen.warnings()
    );
    flags.region = Some("eu-de".to_owned());
    let chosen = Chosen::new(&flags, &surroundings).unwrap();
    assert_eq!(chosen.project(), Some(&Reference::id("p-de")));
    assert!(chosen.warnings().is_empty());
}

/// Credentials go to no cloud and no region that nobody named.
#[test]
fn what_is_known_of_a_cloud_is_not_mixed_with_another() {
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
        // IAM of a neighbour is what its user says; servers are where the region is.
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
        // What is left over of another account.
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
        let flags = Flags {
            region: flag.map(str::to_owned),
            ..Flags::default()
        };
        let chosen = Chosen::new(&flags, &around(&variables)).unwrap();
        assert_eq!(chosen.endpoint(), endpoint, "{variables:?} {flag:?}");
        assert_eq!(chosen.iam_endpoint(), iam, "{variables:?} {flag:?}");
    }
    let flags = Flags {
        region: Some("sim-1".to_owned()),
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        ..Flags::default()
    };
    let chosen = Chosen::new(&flags, &around(&SDK)).unwrap();
    assert_eq!(chosen.iam_endpoint(), None);
}

#[test]
fn a_profile_in_clouds_yaml_is_known_or_an_error() {
    let with = |name: &str, region: &str, more: &str| {
        let cloud =
            format!("{{auth: {{ak: AK, sk: MFyf}}, profile: {name}, region_name: {region}{more}}}");
        around(&[]).with_file(CLOUDS, format!("clouds: {{c: {cloud}}}"))
    };
    let flags = Flags::default();
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
    let files = |all: Surroundings| {
        all.with_file(CLOUDS, ONE_CLOUD)
            .with_file(PROFILES, profile)
    };
    let by_flag = |cloud: Option<&str>, profile: Option<&str>| Flags {
        cloud: cloud.map(str::to_owned),
        profile: profile.map(str::to_owned),
        ..Flags::default()
    };
    let os_cloud = files(around(&variables)).with_variable("OS_CLOUD", "otc");
    for (flags, surroundings) in [
        (by_flag(Some("otc"), None), files(around(&variables))),
        (by_flag(None, Some("basic")), files(around(&variables))),
        (Flags::default(), os_cloud),
    ] {
        let chosen = Chosen::new(&flags, &surroundings).unwrap();
        assert_eq!(
            chosen.iam_endpoint(),
            Some("https://iam.eu-de.otc.t-systems.com")
        );
        assert_eq!((chosen.project(), chosen.region()), (None, Some("eu-de")));
        assert!(
            chosen.warnings()[0].contains("--project-id"),
            "{:?}",
            chosen.warnings()
        );
    }
    // Found without being named, it belongs to what surrounds it.
    let chosen = choose(&files(around(&variables)));
    assert_eq!(chosen.iam_endpoint(), Some("http://127.0.0.1:9/v3"));
    assert_eq!(chosen.project(), Some(&Reference::id("p1")));
}

#[test]
fn what_is_named_and_not_there_is_an_error() {
    let all = || {
        around(&[])
            .with_file(CLOUDS, ONE_CLOUD)
            .with_file(PROFILES, "[basic]\nak = AK\nsk = MFyf")
    };
    for variable in ["OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"] {
        let surroundings = all().with_variable(variable, "/nonexistent");
        refused(&Flags::default(), &surroundings, variable);
    }
    let variable = ("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/nonexistent");
    refused(&Flags::default(), &around(&[variable]), variable.0);
    for (name, value) in [
        ("--access-key", "a"),
        ("--token", "t"),
        ("--secret-key", "s"),
    ] {
        let empty = |this: &str| (this == value).then(SecretString::default);
        let flags = Flags {
            access_key: (value == "a").then(String::new),
            token: empty("t"),
            secret_key: empty("s"),
            ..Flags::default()
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
        chosen.warnings()[0].contains("OS_AGENCY_NAME"),
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
        let flags = Flags {
            token: secret(true),
            access_key: (which == 0).then(|| "AK".to_owned()),
            secret_key: secret(which == 1),
            security_token: secret(which == 2),
            ..Flags::default()
        };
        refused(&flags, &around(&[]), "a token and keys are given");
    }
}

/// As Horizon's openrc has it: the user's domain by name, and the project's by id.
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
        assert_eq!(chosen.user_domain, Some(expected.clone()));
        let login = format!("{:?}", chosen.proof);
        assert!(login.contains(&format!("domain: {expected:?}")), "{login}");
        assert_eq!(chosen.project_domain, Some(Reference::id("default")));
    }
    let cloud = "clouds: {c: {auth: {username: u, password: sesame, user_domain_name: OTC1, project_domain_id: default}}}";
    let chosen = choose(&around(&[]).with_file(CLOUDS, cloud));
    assert_eq!(chosen.user_domain, Some(Reference::name("OTC1")));
}

#[test]
fn an_address_with_a_password_is_not_taken() {
    let flags = |iam: &str, ecs: &str| Flags {
        iam_endpoint: (!iam.is_empty()).then(|| iam.to_owned()),
        endpoint: (!ecs.is_empty()).then(|| ecs.to_owned()),
        ..Flags::default()
    };
    let surroundings = around(&SDK);
    refused(
        &flags("https://u:sesame@h", ""),
        &surroundings,
        "address of IAM",
    );
    refused(&flags("", "u:sesame@h"), &surroundings, "address of ECS");
    let auth_url = [
        &OS[..],
        &[("OS_AUTH_URL", "https://u:sesame@iam.eu-de.h/v3")],
    ]
    .concat();
    refused(
        &Flags::default(),
        &around(&auth_url),
        "user or password has no place",
    );
}

/// It becomes a part of the names of hosts that get credentials.
#[test]
fn a_region_is_a_name_and_nothing_else() {
    for region in [
        "x.evil.example/",
        "eu-de@evil.example",
        "eu de",
        "eu-de:80",
        "a?b",
        "a#b",
    ] {
        let flags = Flags {
            region: Some(region.to_owned()),
            ..Flags::default()
        };
        refused(&flags, &around(&SDK), "the region has characters");
        let variables = [&OS[..], &[("OS_REGION_NAME", region)]].concat();
        refused(
            &Flags::default(),
            &around(&variables),
            "the region has characters",
        );
    }
}
