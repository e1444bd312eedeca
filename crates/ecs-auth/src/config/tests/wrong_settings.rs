//! Settings that name nothing, or something that is not supported.

use super::{around, choose};
use crate::config::{CredentialConfig, CredentialOptions};

/// Misspelt settings, which a tool would ignore silently, are reported.
#[test]
fn misspelt_settings_are_reported() {
    let file = "clouds:\n  a:\n    auth: {auth_url: 'https://iam.eu-de.otc.t-systems.com/v3', username: u, password: p,\n      user_domain_name: d, projet_name: x}\n    interface: INTERFACE\n    region_name: eu-de\n";
    for (interface, expected) in [("public", 1), ("internal", 2)] {
        let environment = around(&[]).with_file(
            "/home/ops/.config/openstack/clouds.yaml",
            file.replace("INTERFACE", interface),
        );
        let warnings = choose(&environment).warnings().to_vec();
        let has_warning = |text: &str| {
            warnings
                .iter()
                .any(|warning| warning.message.contains(text))
        };
        assert!(
            has_warning("projet_name in auth is not a known setting"),
            "{warnings:?}"
        );
        assert_eq!(
            has_warning("interface=internal"),
            expected == 2,
            "{warnings:?}"
        );
    }
    let profile = "[basic]\nak=AKAAAAAAAAAAAAAAAAAA\nsk=s\nregin=eu-de\n";
    let environment = around(&[]).with_file("/home/ops/.huaweicloud/credentials", profile);
    let warnings = choose(&environment).warnings().to_vec();
    let has_warning = |text: &str| {
        warnings
            .iter()
            .any(|warning| warning.message.contains(text))
    };
    assert!(has_warning("regin in [basic]"), "{warnings:?}");
}

#[test]
fn version_2_of_the_identity_api_is_refused_by_name() {
    const LOGIN: [(&str, &str); 4] = [
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", "p"),
        ("OS_USER_DOMAIN_NAME", "d"),
        ("OS_REGION_NAME", "eu-de"),
    ];
    for (variable, value, refused) in [
        ("OS_IDENTITY_API_VERSION", "2", true),
        ("OS_IDENTITY_API_VERSION", "2.0", true),
        ("OS_IDENTITY_API_VERSION", "3", false),
        (
            "OS_AUTH_URL",
            "https://iam.eu-de.otc.t-systems.com/v2.0/",
            true,
        ),
        (
            "OS_AUTH_URL",
            "https://iam.eu-de.otc.t-systems.com/v3",
            false,
        ),
    ] {
        let environment = around(&[&LOGIN[..], &[(variable, value)]].concat());
        let chosen = CredentialConfig::new(&CredentialOptions::default(), &environment);
        assert_eq!(chosen.is_err(), refused, "{variable}={value}");
        if let Err(error) = chosen {
            let message = error.to_string();
            assert!(message.starts_with(variable), "{message}");
            assert!(message.contains("version 2 of the identity API"));
        }
    }
}
