//! The behaviour of the official tools with files and variables, and ours: the rows of
//! `data/official_clients.json`.
//!
//! A row has inputs, the tool with its version and its behaviour (`official`, and for programs
//! `official_used` or `official_refuses`), and ours (`ours`). `ECS_AUTH_BLESS=1` writes `ours`
//! again; read the difference before committing it. `cargo xtask interop-credentials` runs the
//! tools themselves on the same rows.

use std::collections::BTreeMap;
use std::path::Path;

use ecs_auth::{CredentialConfig, CredentialOptions, CredentialSource, Environment, Reference};
use serde_json::{Map, Value, json};

/// The placeholder in the rows for the address of a service that `interop-credentials` records.
const IAM: &str = "https://keystone.test.example";

fn rows() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/official_clients.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn texts(row: &Value, key: &str) -> BTreeMap<String, String> {
    let entries = row.get(key).and_then(Value::as_object);
    let entries = entries.into_iter().flatten();
    entries
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().replace("@IAM@", IAM)))
        .collect()
}

fn environment(row: &Value) -> Environment {
    let variables = texts(row, "environment");
    let all = variables
        .into_iter()
        .fold(Environment::default(), |all, (name, value)| {
            all.with_variable(name, value)
        });
    let files = texts(row, "files").into_iter();
    files.fold(all, |all, (path, text)| all.with_file(path, text))
}

fn options(row: &Value) -> CredentialOptions {
    let mut options = CredentialOptions::default();
    for (name, value) in texts(row, "options") {
        let option = match name.as_str() {
            "cloud" => &mut options.cloud,
            "profile" => &mut options.profile,
            "region" => &mut options.region,
            "operator" => &mut options.operator,
            other => panic!("{other}"),
        };
        *option = Some(value);
    }
    options
}

/// Returns our behaviour for a row.
fn ours(row: &Value) -> Value {
    let config = match CredentialConfig::new(&options(row), &environment(row)) {
        Ok(config) => config,
        Err(error) => return json!({"refused": error.to_string()}),
    };
    let mut used = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            used.insert(name.to_owned(), value.replace(IAM, "@IAM@").into());
        }
    };
    let is_metadata = *config.source() == CredentialSource::Metadata;
    let account = config.user().or(config.access_key()).map(str::to_owned);
    put(
        "account",
        account.or(is_metadata.then(|| "metadata".to_owned())),
    );
    put("kind", Some(config.kind().as_str().to_owned()));
    put("domain", config.domain().map(str::to_owned));
    put("agency", config.agency().map(str::to_owned));
    put(
        "project",
        config.project().map(|project| match project {
            Reference::Id(item) | Reference::Name(item) => item.clone(),
        }),
    );
    put("region", config.region().map(str::to_owned));
    put("iam", config.iam_endpoint().map(str::to_owned));
    put("ecs", config.endpoint().map(str::to_owned));
    put(
        "operator",
        config.operator().map(|item| item.id().to_owned()),
    );
    put(
        "ca_file",
        config.tls().ca_file.as_ref().map(|item| item.value.clone()),
    );
    let warnings: Vec<&str> = config
        .warnings()
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    let mut ours = json!({"used": used});
    if !warnings.is_empty() {
        ours["warned"] = json!(warnings);
    }
    if let Some(gap) = config.endpoint_gap() {
        ours["gap"] = json!(gap.to_string());
    }
    ours
}

#[test]
fn rows_match_our_behaviour() {
    let mut all = rows();
    assert!(all.len() >= 120, "{}", all.len());
    let mut wrong = Vec::new();
    for row in &mut all {
        let ours = ours(row);
        if row.get("ours") != Some(&ours) {
            wrong.push(format!("{}: {ours:#}", row["id"]));
            row["ours"] = ours;
        }
    }
    if std::env::var_os("ECS_AUTH_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/official_clients.json");
        let text = serde_json::to_string_pretty(&all).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// If the official tool uses another account, project, region or address, ours warns or fails. A
/// row where ours is better without a warning has a note.
#[test]
fn differences_are_never_silent() {
    for row in rows() {
        let id = row["id"].as_str().unwrap();
        let ours = ours(&row);
        if ours.get("refused").is_some() {
            continue;
        }
        let warned = ours.get("warned").is_some();
        let noted = row.get("note").is_some();
        let official = row.get("official_used").and_then(Value::as_object);
        let differing: Vec<&String> = official
            .into_iter()
            .flatten()
            .filter(|(name, value)| ours["used"].get(*name) != Some(value))
            .map(|(name, _)| name)
            .collect();
        // An unknown address is an error as soon as it is needed.
        let gap = ours.get("gap").is_some();
        let only_addresses = differing
            .iter()
            .all(|name| matches!(name.as_str(), "ecs" | "iam"));
        assert!(
            differing.is_empty() || warned || noted || (gap && only_addresses),
            "{id}: {differing:?} {ours:#}"
        );
        let refuses = row.get("official_refuses").is_some();
        let nobody =
            ours["used"]["account"] == "metadata" || (gap && ours["used"]["iam"].is_null());
        assert!(
            !refuses || warned || noted || nobody,
            "{id}: refused by {}",
            row["tool"]
        );
    }
}

/// No secret of a row is in an error, a warning or a debug text.
#[test]
fn no_row_shows_a_secret() {
    for row in rows() {
        let shown = match CredentialConfig::new(&options(&row), &environment(&row)) {
            Ok(config) => format!("{config:?} {config:#?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        for secret in ["pw1", "envpw", "nlpw", "secpw", "sk-of", "sesame", "012345"] {
            let id = row["id"].as_str().unwrap();
            // An id of octal digits contains it, too.
            assert!(!shown.contains(secret) || id == "A18c", "{id}: {shown}");
        }
    }
}
