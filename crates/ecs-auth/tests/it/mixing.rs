//! Randomly mixed sources: each value that names an account, a project, a region or an address is
//! in the result, in a warning, among the overridden settings, or there is an error.

use ecs_auth::{CredentialConfig, CredentialOptions, CredentialSource as Source, Environment};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const SECRET: &str = "s3cr3t-of-it";

/// Variables that name something, and those that complete a login.
const VARIABLES: &[&str] = &[
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_PROJECT_ID",
    "HUAWEICLOUD_SDK_DOMAIN_ID",
    "HUAWEICLOUD_SDK_REGION_ID",
    "HUAWEICLOUD_SDK_IAM_ENDPOINT",
    "HUAWEICLOUD_SDK_IDP_ID",
    "OS_USERNAME",
    "OS_USER_ID",
    "OS_PASSWORD",
    "OS_USER_DOMAIN_NAME",
    "OS_USER_DOMAIN_ID",
    "OS_DOMAIN_NAME",
    "OS_DEFAULT_DOMAIN_NAME",
    "OS_PROJECT_NAME",
    "OS_PROJECT_ID",
    "OS_TENANT_NAME",
    "OS_TENANT_ID",
    "OS_PROJECT_DOMAIN_NAME",
    "OS_PROJECT_DOMAIN_ID",
    "OS_REGION_NAME",
    "OS_AUTH_URL",
    "OS_ACCESS_KEY",
    "OS_SECRET_KEY",
    "OS_AGENCY_NAME",
    "OS_AGENCY_DOMAIN_NAME",
    "OS_ECS_ENDPOINT_OVERRIDE",
    "OS_COMPUTE_ENDPOINT_OVERRIDE",
    "OS_APPLICATION_CREDENTIAL_ID",
    "HW_ACCESS_KEY",
    "HW_SECRET_KEY",
    "HW_REGION_NAME",
    "HW_PROJECT_NAME",
    "HW_ENTERPRISE_PROJECT_ID",
    "HW_CLOUD",
];

const KEYS: &[&str] = &[
    "auth_url",
    "username",
    "user_id",
    "password",
    "user_domain_name",
    "domain_name",
    "project_name",
    "project-name",
    "project_id",
    "tenant_id",
    "project_domain_name",
    "region_name",
    "ak",
    "sk",
    "access_key",
    "secret_key",
    "agency_name",
    "agency_domain_name",
    "target_project_id",
    "target_project_name",
    "ecs_endpoint_override",
];

const OF_PROFILE: &[&str] = &[
    "ak",
    "sk",
    "project_id",
    "domain_id",
    "region",
    "iam_endpoint",
];

/// Returns a unique value.
fn value(name: &str, place: &str) -> String {
    let name_below = name.to_lowercase().replace(['_', ' '], "-");
    let key = name_below.rsplit("os-").next().unwrap_or_default();
    let secret = ["password", "sk", "secret-key"]
        .iter()
        .any(|item| key.ends_with(item));
    if secret {
        SECRET.to_owned()
    } else if name.ends_with("HW_CLOUD") {
        format!("{place}.cloud.example")
    } else if ["auth-url", "endpoint", "override"]
        .iter()
        .any(|item| key.ends_with(item))
    {
        format!("https://{place}-{key}.example")
    } else {
        format!("{place}-{key}")
    }
}

type Values = Vec<String>;

/// Generates a cloud with some settings within `auth` and some beside it.
fn cloud() -> impl Strategy<Value = (String, Values)> {
    let keys = || subsequence(KEYS.to_vec(), 0..9);
    (keys(), keys()).prop_map(|(within, beside)| {
        let mut values = Values::new();
        let mut text = "clouds:\n  one:\n    auth:\n      dummy: x\n".to_owned();
        for (keys, indent, place) in [(within, "      ", "within"), (beside, "    ", "beside")] {
            if place == "beside" {
                text.push_str("    other: y\n");
            }
            for key in keys {
                let value = value(key, place);
                text.push_str(&format!("{indent}{key}: {value}\n"));
                // Of two spellings the one with a dash takes precedence, as in openstacksdk.
                if !(key == "project_name" && text.contains("project-name")) {
                    values.push(value);
                }
            }
        }
        (text, values)
    })
}

fn profile() -> impl Strategy<Value = (String, Values)> {
    subsequence(OF_PROFILE.to_vec(), 0..6).prop_map(|keys| {
        let mut text = "[basic]\n".to_owned();
        let mut values = Values::new();
        for key in keys {
            let value = value(key, "profile");
            text.push_str(&format!("{key} = {value}\n"));
            values.push(value);
        }
        (text, values)
    })
}

fn options() -> impl Strategy<Value = CredentialOptions> {
    let names = vec!["cloud", "region", "project", "iam", "ecs", "keys"];
    vec(select(names), 0..3).prop_map(|given| {
        let mut options = CredentialOptions::default();
        for name in given {
            match name {
                "cloud" => options.cloud = Some("one".to_owned()),
                "region" => options.region = Some("given-region".to_owned()),
                "project" => options.project_id = Some("given-project".to_owned()),
                "iam" => options.iam_endpoint = Some("https://given-iam.example".to_owned()),
                "ecs" => options.endpoint = Some("https://given-ecs.example".to_owned()),
                _ => {
                    options.access_key = Some("given-key".to_owned());
                    options.secret_key = Some(SECRET.to_owned().into());
                }
            }
        }
        options
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_naming_setting_is_ignored_silently(
        names in subsequence(VARIABLES.to_vec(), 0..14),
        named in any::<bool>(),
        cloud in proptest::option::of(cloud()),
        profile in proptest::option::of(profile()),
        options in options(),
    ) {
        let mut values = Values::new();
        let mut environment = Environment::default().with_variable("HOME", "/home/ops");
        for name in names {
            let value = value(name, "env");
            environment = environment.with_variable(name, &value);
            // Possible secrets are shown by name only.
            let masked = name.contains("IDP") || name.contains("CREDENTIAL");
            values.push(if masked { name.to_owned() } else { value });
        }
        if named {
            environment = environment.with_variable("OS_CLOUD", "one");
        }
        let (mut of_cloud, mut of_profile) = (Values::new(), Values::new());
        if let Some((text, values)) = cloud {
            environment = environment.with_file("./clouds.yaml", text);
            of_cloud = values;
        }
        if let Some((text, values)) = profile {
            environment = environment.with_file("/home/ops/.huaweicloud/credentials", text);
            of_profile = values;
        }
        let Ok(config) = CredentialConfig::new(&options, &environment) else {
            return Ok(());
        };
        let shown = format!("{config:?}");
        // An unnamed file is not read beside explicitly given credentials, nor beside those of its
        // own tool's variables, as that tool does.
        let explicit = options.cloud.is_some() || *config.source() == Source::Options;
        match config.source() {
            Source::Options | Source::OpenStackEnvironment => {}
            _ => values.extend(of_cloud),
        }
        if !explicit && *config.source() != Source::HuaweiEnvironment {
            values.extend(of_profile);
        }
        prop_assert!(!shown.contains(SECRET), "{}", shown);
        for value in values.iter().filter(|value| *value != SECRET) {
            prop_assert!(shown.contains(value.as_str()), "{} is not in {}", value, shown);
        }
    }
}
