use super::*;
use crate::settings::layers::{Given, Layer, Setting};

fn setting(value: &str, origin: &str) -> Setting {
    Setting {
        value: value.to_owned(),
        origin: origin.to_owned(),
    }
}

fn variables(values: &[(Key, &str)]) -> Layer {
    let entry = |(key, value): &(Key, &str)| (*key, setting(value, &key.variable()));
    Layer(values.iter().map(entry).collect())
}

fn context(values: &[(Key, &str)]) -> Layer {
    let entry = |(key, value): &(Key, &str)| (*key, setting(value, "context x (f:3)"));
    Layer(values.iter().map(entry).collect())
}

fn options(values: &[(Key, &str)]) -> Given {
    Given {
        keys: values
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect(),
        credentials: None,
    }
}

#[test]
fn settings_of_another_place_are_named() {
    let env = variables(&[(Key::ProjectId, "p1"), (Key::Wave, "3")]);
    let resolved = Resolved::of(&options(&[(Key::Cloud, "prod")]), vec![env], false);
    assert_eq!(resolved.get(Key::ProjectId), None);
    assert_eq!(
        unused(resolved.unused()),
        [
            "ECSCTL_PROJECT_ID=p1 is not used: --cloud names another place; give it as an option if it is meant"
        ]
    );
    // Several of a context, because of a variable and of a credential.
    let given = Given {
        credentials: Some("--token"),
        ..Given::default()
    };
    let layers = vec![
        variables(&[(Key::Region, "eu-nl")]),
        context(&[
            (Key::Cloud, "prod"),
            (Key::Endpoint, "e"),
            (Key::ProjectId, "p"),
        ]),
    ];
    assert_eq!(
        unused(Resolved::of(&given, layers.clone(), false).unused()),
        [
            "ECSCTL_REGION=eu-nl, endpoint e of context x (f:3), project-id p of context x (f:3) are not used: --token \
          names another place; give them as options if they are meant"
        ]
    );
    let found = Resolved::of(&Given::default(), layers, false);
    assert!(unused(found.unused())[0].contains(" are not used: ECSCTL_REGION names another place"));
}

#[test]
fn what_nobody_would_expect_in_effect_is_not_named() {
    let layers = || {
        vec![
            variables(&[
                (Key::ProjectId, "p1"),
                (Key::Cloud, "a"),
                (Key::Region, "eu-de"),
            ]),
            context(&[(Key::Cloud, "b"), (Key::Wave, "1")]),
        ]
    };
    // The same setting, other credentials, and the region beside an address.
    for given in [
        options(&[
            (Key::Cloud, "c"),
            (Key::ProjectId, "p2"),
            (Key::Region, "eu-nl"),
        ]),
        options(&[(Key::Endpoint, "e"), (Key::ProjectId, "p2")]),
    ] {
        assert_eq!(Resolved::of(&given, layers(), false).unused(), []);
    }
    // The defaults of the file below a context, and the embedded simulator.
    let defaults = Layer([(Key::Region, setting("r", "defaults (f:9)"))].into());
    let file = vec![context(&[(Key::Cloud, "b")]), defaults];
    assert_eq!(Resolved::of(&Given::default(), file, false).unused(), []);
    let given = options(&[(Key::Cloud, "c")]);
    assert_eq!(Resolved::of(&given, layers(), true).unused(), []);
}

#[test]
fn a_cloud_of_the_other_tools_is_named() {
    let of = |layer| Resolved::of(&Given::default(), vec![layer], false);
    let in_context = of(context(&[(Key::Cloud, "stag")]));
    assert_eq!(
        other_cloud(&in_context, Some("prod")).as_deref(),
        Some(
            "OS_CLOUD=prod is not used: context x (f:3) names the cloud stag; give --cloud if another one is meant"
        )
    );
    assert!(other_cloud(&of(context(&[(Key::Profile, "prod")])), Some("prod")).is_some());
    for same in [Some("stag"), Some(""), None] {
        assert_eq!(other_cloud(&in_context, same), None, "{same:?}");
    }
    let option = Resolved::of(&options(&[(Key::Cloud, "stag")]), Vec::new(), false);
    assert_eq!(other_cloud(&option, Some("prod")), None);
    assert_eq!(other_cloud(&Resolved::default(), Some("prod")), None);
}

#[test]
fn variables_that_are_no_settings_are_named() {
    for (name, part) in [
        ("ECSCTL_PROJECT", Some("did you mean ECSCTL_PROJECT_ID?")),
        (
            "ECSCTL_MAXFAILURES",
            Some("did you mean ECSCTL_MAX_FAILURES?"),
        ),
        ("ECSCTL_YES", Some("the help lists all variables")),
        ("ECSCTL_WAVE", None),
        ("ECSCTL_CONTEXT", None),
        ("ECSCTL_COMPLETE", None),
        ("ECSCTL_PORT", None),
        ("ECSCTL_PORT_80_TCP", None),
        ("ECSCTL_SERVICE_HOST", None),
        ("ECSCTL", None),
        ("OS_CLOUD", None),
    ] {
        let warning = unknown_variable(name);
        assert_eq!(warning.is_some(), part.is_some(), "{name}: {warning:?}");
        assert!(
            warning
                .unwrap_or_default()
                .contains(part.unwrap_or_default()),
            "{name}"
        );
    }
}
