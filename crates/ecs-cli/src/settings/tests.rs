use clap::Parser as _;

use super::layers::Given;
use super::*;
use crate::args::Cli;

const FILE: &str = r#"
context = "prod"

[defaults]
wave = 10
journal-keep = "60d"

[contexts.prod]
cloud = "otc-prod"
region = "eu-de"
project-id = "p1"
max-failures = "2%"
health-cmd = "./check.sh"
cts-endpoint = "https://cts.example"

[contexts.test]
endpoint = "https://ecs.example"
wave = "50%"
"#;

fn file() -> ConfigFile {
    ConfigFile::parse(FILE, "config.toml").unwrap()
}

fn layer(values: &[(Key, &str)]) -> Layer {
    let setting = |(key, value): &(Key, &str)| {
        let origin = "above".to_owned();
        (
            *key,
            Setting {
                value: (*value).to_owned(),
                origin,
            },
        )
    };
    Layer(values.iter().map(setting).collect())
}

fn resolved(options: &[&str], layers: Vec<Layer>) -> Resolved {
    let line = ["ecsctl", "run", "list"].iter().chain(options);
    let global = Cli::try_parse_from(line).unwrap().global;
    Resolved::of(&apply::given(&global), layers, global.sim)
}

#[track_caller]
fn value(resolved: &Resolved, key: Key) -> Option<&str> {
    resolved.get(key).map(|setting| setting.value.as_str())
}

#[test]
fn settings_of_a_file_have_line_numbers() {
    let file = file();
    assert_eq!(file.names(), ["prod", "test"]);
    assert_eq!(file.default_context().as_deref(), Some("prod"));
    let Layer(prod) = file.context("prod").unwrap();
    assert_eq!(prod[&Key::Region].value, "eu-de");
    assert_eq!(prod[&Key::Region].origin, "context prod (config.toml:10)");
    assert_eq!(file.defaults().0[&Key::Wave].value, "10");
}

#[test]
fn errors_have_line_numbers() {
    for (text, message, hint) in [
        (
            "[contexts.a]\nwafe = \"1\"",
            "f:2: unknown key \"wafe\"",
            "did you mean \"wave\"?",
        ),
        ("context = 5.5", "f:1: context must be a text", ""),
        ("[context.a]", "f:1: context must be a text", ""),
        (
            "[kontexts.a]",
            "f:1: unknown key \"kontexts\"",
            "did you mean \"contexts\"?",
        ),
        (
            "[contexts.a]\n\ntoken = \"x\"",
            "f:3: token: this file takes no credentials",
            "cloud = ",
        ),
        (
            "[contexts.a]\nwave = \"0\"",
            "context a (f:2): invalid value \"0\"",
            "",
        ),
        (
            "[defaults]\njournal-keep = \"soon\"",
            "defaults (f:2): invalid value \"soon\"",
            "",
        ),
        ("[defaults]\nmax-failures = \"many\"", "nor none", ""),
        ("a = [", "f:1: ", ""),
    ] {
        let fail = ConfigFile::parse(text, "f").unwrap_err();
        assert!(fail.message.contains(message), "{text:?}: {}", fail.message);
        assert!(fail.hint.unwrap_or_default().contains(hint), "{text:?}");
    }
}

#[test]
fn higher_layers_take_precedence() {
    let file = file();
    let environment = || layer(&[(Key::Wave, "5")]);
    let layers = || {
        vec![
            environment(),
            file.context("prod").unwrap(),
            file.defaults(),
        ]
    };
    let found = resolved(&[], layers());
    assert_eq!(value(&found, Key::Wave), Some("5"));
    assert_eq!(value(&found, Key::Region), Some("eu-de"));
    let traces = Some("https://cts.example");
    assert_eq!(value(&found, Key::CtsEndpoint), traces);
    assert_eq!(value(&found, Key::JournalKeep), Some("60d"));
    let found = resolved(&["--region", "eu-nl"], layers());
    assert_eq!(value(&found, Key::Region), Some("eu-nl"));
    assert_eq!(found.get(Key::Region).unwrap().origin, "--region");
    // The project is one of the other region; the source of credentials is still the same.
    assert_eq!(value(&found, Key::ProjectId), None);
    assert_eq!(value(&found, Key::CtsEndpoint), None);
    assert_eq!(value(&found, Key::Cloud), Some("otc-prod"));
}

#[test]
fn another_account_drops_the_place_of_the_context() {
    let layers = || vec![file().context("prod").unwrap()];
    for options in [
        &["--cloud", "other"][..],
        &["--profile", "p"],
        &["--token", "t"],
    ] {
        let found = resolved(options, layers());
        assert_eq!(value(&found, Key::Region), None, "{options:?}");
        assert_ne!(value(&found, Key::Cloud), Some("otc-prod"), "{options:?}");
        assert_eq!(value(&found, Key::MaxFailures), Some("2%"));
    }
    let found = resolved(&["--project-id", "p2"], layers());
    assert_eq!(value(&found, Key::Region), Some("eu-de"));
    let found = resolved(&["--sim"], layers());
    assert_eq!(
        (value(&found, Key::Cloud), value(&found, Key::MaxFailures)),
        (None, Some("2%"))
    );
}

#[test]
fn every_setting_has_a_name_and_a_variable_of_its_own() {
    let names: std::collections::HashSet<_> = Key::ALL.iter().map(|key| key.variable()).collect();
    assert_eq!(names.len(), Key::ALL.len());
    assert_eq!(Key::ProjectId.variable(), "ECSCTL_PROJECT_ID");
    assert_eq!(
        Resolved::of(&Given::default(), Vec::new(), false),
        Resolved::default()
    );
}
