//! The configuration file and the environment.

use std::path::Path;

use crate::common::{Ended, Sim, command, ecsctl};

const NONE: [&str; 0] = [];

fn with_file(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("ecsctl")).unwrap();
    std::fs::write(folder.path().join("ecsctl/config.toml"), text).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = command(arguments);
    command.env("XDG_CONFIG_HOME", folder);
    command.envs(variables.iter().copied());
    Ended::of(&mut command)
}

const FILE: &str = r#"
[defaults]
wave = 10

[contexts.prod]
region = "eu-de"
max-failures = "2%"

[contexts.test]
endpoint = "https://ecs.example"
"#;

#[test]
fn each_value_has_an_origin() {
    let folder = with_file(FILE);
    let folder = folder.path();
    let show = ["config", "show", "-o", "json"];
    let prod = [&show[..], &["--context", "prod"]].concat();
    let shown = run(
        folder,
        &prod,
        &[("ECSCTL_PAUSE", "5m"), ("ECSCTL_WAVE", "")],
    )
    .expect(0)
    .json();
    let of = |key: &str| {
        let setting = &shown["settings"][key];
        (
            setting["value"].as_str().map(str::to_owned),
            setting["origin"].as_str().unwrap_or("").to_owned(),
        )
    };
    assert_eq!(of("region").0.as_deref(), Some("eu-de"));
    assert!(of("region").1.starts_with("context prod ("), "{shown}");
    assert!(of("region").1.ends_with("config.toml:6)"), "{shown}");
    assert_eq!(
        of("pause"),
        (Some("5m".to_owned()), "ECSCTL_PAUSE".to_owned())
    );
    assert!(of("wave").1.starts_with("defaults ("), "{shown}");
    assert_eq!(
        of("journal-keep"),
        (Some("30d".to_owned()), "default".to_owned())
    );
    assert_eq!(of("cloud").0, None);
    assert_eq!(shown["context"]["name"], "prod");
    assert_eq!(shown["contexts"], serde_json::json!(["prod", "test"]));
    let table = run(folder, &["config", "show"], &[("ECSCTL_CONTEXT", "test")])
        .expect(0)
        .stdout;
    assert!(table.contains("test (from ECSCTL_CONTEXT)"), "{table}");
    assert!(table.contains("https://ecs.example"), "{table}");
}

#[test]
fn an_invalid_file_is_an_error_with_line_and_suggestion() {
    for (text, expected) in [
        (
            "[contexts.prod]\nwafe = \"1\"\n",
            [
                "config.toml:2: unknown key \"wafe\"",
                "did you mean \"wave\"?",
            ],
        ),
        (
            "[contexts.prod]\n\ntoken = \"s3cr3t\"\n",
            ["config.toml:3: token: this file takes no", "cloud = "],
        ),
    ] {
        let folder = with_file(text);
        let refused = run(folder.path(), &["reboot", "--sim", "--all", "--yes"], &[]);
        let refused = refused.refuses(2, &expected);
        assert!(!refused.stderr.contains("s3cr3t"));
    }
    let folder = with_file(FILE);
    let refused = run(folder.path(), &["run", "list", "--context", "prd"], &[]);
    refused.refuses(
        2,
        &["there is no context \"prd\"", "did you mean \"prod\"?"],
    );
    let refused = run(folder.path(), &["run", "list"], &[("ECSCTL_WAVE", "0")]);
    drop(refused.expect(0));
    let refused = run(
        folder.path(),
        &["reboot", "--sim", "--all", "--yes"],
        &[("ECSCTL_WAVE", "0")],
    );
    refused.refuses(2, &["ECSCTL_WAVE: invalid value \"0\""]);
}

/// A pause in the settings is not an error of a run without waves, but it is noted.
#[test]
fn a_pause_without_waves_is_ignored_with_a_note() {
    let folder = with_file("[defaults]\npause = \"5m\"\n");
    let all = ["reboot", "--sim", "--all", "--dry-run"];
    let warning = "warning: pause of defaults (";
    for (more, is_used) in [
        (&["--canary", "1", "--canary-pause", "1m"][..], false),
        (&[], false),
        (&["--wave", "600"], true),
    ] {
        let ended = run(folder.path(), &[&all[..], more].concat(), &[]).expect(0);
        assert_eq!(ended.stderr.contains(warning), !is_used, "{}", ended.stderr);
    }
}

/// Each setting is used, is shown by `config show`, can be a variable, and is replaced by its option.
#[test]
fn checks_and_a_canary_can_be_settings() {
    let text = "[defaults]\nwave = 400\nhealth-cmd = \"true\"\nhealth-timeout = \"10m\"\ncanary = 5\n\
                canary-pause = \"1m\"\nverify = true\nverify-timeout = \"7m\"\nreconcile = true\n";
    let folder = with_file(text);
    let folder = folder.path();
    let all = ["reboot", "--sim", "--all", "--dry-run"];
    let shown = run(folder, &all, &[]).expect(0).stdout;
    for expected in [
        "a canary of 5 servers, then 3 waves of at most 400 servers",
        "pause     1m after the canary",
        "true after each wave (at most 10m)",
        "(at most 7m)",
        "unknown   checked at the service (--reconcile)",
    ] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
    let options = [
        "--canary",
        "7",
        "--health-timeout",
        "2m",
        "--verify-timeout",
        "3m",
    ];
    let shown = run(folder, &[&all[..], &options].concat(), &[])
        .expect(0)
        .stdout;
    for expected in ["a canary of 7 servers", "(at most 2m)", "(at most 3m)"] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
    let variables = [("ECSCTL_CANARY", "9"), ("ECSCTL_VERIFY", "false")];
    let shown = run(folder, &all, &variables).expect(0).stdout;
    assert!(shown.contains("a canary of 9 servers"), "{shown}");
    assert!(!shown.contains("\n  verify"), "{shown}");
    let show = ["config", "show", "-o", "json"];
    let settings = run(folder, &show, &variables).expect(0).json()["settings"].clone();
    assert_eq!(settings["canary"]["origin"], "ECSCTL_CANARY");
    assert_eq!(settings["verify-timeout"]["value"], "7m");
    assert_eq!(settings["reconcile"]["value"], "true");
    // A canary that includes all servers is not used.
    let one = ["reboot", "--sim", "web-001", "--dry-run"];
    let ended = run(folder, &one, &[]).expect(0);
    assert!(
        ended.stderr.contains("canary of defaults ("),
        "{}",
        ended.stderr
    );
    // Settings that do not apply with --no-wait are named.
    let ended = run(folder, &[&all[..], &["--no-wait"]].concat(), &[]).expect(0);
    for key in ["canary", "verify", "health-cmd"] {
        let expected = format!("warning: {key} of defaults (");
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    }
    for (text, expected) in [
        ("verify = \"maybe\"", "expected true or false"),
        ("canary = 0", "of at least 1"),
        ("canry = 1", "did you mean \"canary\"?"),
        ("health-timeot = 1", "did you mean \"health-timeout\"?"),
    ] {
        let folder = with_file(&format!("[defaults]\n{text}\n"));
        run(folder.path(), &all, &[]).refuses(2, &["config.toml:2", expected]);
    }
}

/// Commands without settings work with an invalid file.
#[test]
fn an_invalid_file_does_not_stop_commands_that_ignore_it() {
    let folder = with_file("[contexts.prod]\nwafe = \"1\"\n");
    run(folder.path(), &["schema", "report"], &[]).expect(0);
    let expected = ["not a plan of ecsctl"];
    let file = folder.path().join("ecsctl/config.toml");
    let file = file.to_str().unwrap();
    run(folder.path(), &["plan", "show", file], &[]).refuses(2, &expected);
    let approve = ["plan", "approve", file, "--key", "k"];
    run(folder.path(), &approve, &[]).refuses(2, &expected);
}

#[test]
fn a_context_selects_the_place_of_a_run() {
    let sim = Sim::start(60, |region| region.servers(6));
    let info = sim.info();
    let folder = with_file(&format!(
        "[contexts.lab]\nendpoint = \"{}\"\nproject-id = \"{}\"\nwave = 2\n",
        info.listening, info.project_id
    ));
    let token = sim.options().pop().unwrap();
    let given = ["reboot", "--all", "--context", "lab", "--dry-run"];
    let run = |more: &[&str]| {
        let mut command = command([&given[..], more].concat());
        command
            .env("XDG_CONFIG_HOME", folder.path())
            .env("OS_TOKEN", &token);
        Ended::of(&mut command).expect(0).stdout
    };
    let shown = run(&[]);
    assert!(shown.contains("3 waves of at most 2 servers"), "{shown}");
    for label in ["project ", "endpoint "] {
        let row = shown
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        let row = row.unwrap_or_default();
        assert!(row.contains("(from context lab ("), "{shown}");
    }
    assert!(run(&["--wave", "3"]).contains("2 waves of at most 3 servers"));
}

#[test]
fn a_mistyped_command_never_suggests_one_that_acts() {
    let refused = ecsctl(&["status"], &NONE).expect(2);
    assert!(
        refused.stderr.contains("unrecognized subcommand 'status'"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("start"), "{}", refused.stderr);
    for (name, tip) in [
        ("status", "tip: 'run show last' shows the latest run"),
        ("list", "tip: 'server list' lists servers"),
        ("restart", "tip: '--help' lists the commands"),
    ] {
        let refused = ecsctl(&[name, "--sim"], &NONE).expect(2).stderr;
        assert!(refused.contains(tip), "{refused}");
        assert!(!refused.contains("\n\n\n"), "{refused}");
    }
    let refused = ecsctl(&["explian"], &NONE).expect(2);
    assert!(refused.stderr.contains("explain"), "{}", refused.stderr);
    ecsctl(
        &["reboot", "--sim", "--all", "--type", "HARD", "--dry-run"],
        &NONE,
    )
    .expect(0);
}

/// A setting that is set and not used is named.
#[test]
fn settings_that_another_place_replaces_are_named() {
    let folder = with_file("context = \"x\"\n[contexts.x]\nproject-id = \"p1\"\nwave = 3\n");
    let show = ["config", "show", "--endpoint", "http://127.0.0.1:9"];
    let shown = run(folder.path(), &show, &[]).expect(0);
    let warning = "config.toml:3) is not used: --endpoint names another place";
    assert!(shown.stderr.contains(warning), "{}", shown.stderr);
    let variable = [("ECSCTL_PROJECT_ID", "p2"), ("ECSCTL_MAXFAILURES", "1")];
    let shown = run(folder.path(), &show, &variable).expect(0);
    for warning in [
        "warning: ECSCTL_PROJECT_ID=p2 is not used: --endpoint names another place",
        "warning: ECSCTL_MAXFAILURES is not a setting, and is ignored; did you mean ECSCTL_MAX_FAILURES?",
    ] {
        assert!(shown.stderr.contains(warning), "{}", shown.stderr);
    }
    let both = [&show[..], &["--project-id", "p3"]].concat();
    let shown = run(folder.path(), &both, &variable[..1]).expect(0);
    assert_eq!(shown.stderr, "");
    let folder = with_file("context = \"x\"\n[contexts.x]\ncloud = \"stag\"\n");
    let shown = run(folder.path(), &["config", "show"], &[("OS_CLOUD", "prod")]).expect(0);
    let warning = "warning: OS_CLOUD=prod is not used: context x (";
    assert!(shown.stderr.contains(warning), "{}", shown.stderr);
}
