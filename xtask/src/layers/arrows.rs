//! The allowed dependencies between crates.

use std::path::{Path, PathBuf};

/// Each crate of the workspace with its allowed dependencies: the table of docs/architecture.md.
/// Tests may use others.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ecs-model", &[]),
    ("ecs-transport", &[]),
    ("ecs-auth", &["ecs-transport"]),
    ("ecs-client", &["ecs-model", "ecs-auth", "ecs-transport"]),
    (
        "ecs-ops",
        &["ecs-client", "ecs-model", "ecs-auth", "ecs-transport"],
    ),
    ("ecs-sim", &["ecs-model", "ecs-auth", "ecs-transport"]),
    ("ecs-store-postgres", &["ecs-ops"]),
    ("ecs-store-sqlite", &["ecs-ops"]),
    (
        "ecs-cli",
        &[
            "ecs-ops",
            "ecs-sim",
            "ecs-store-postgres",
            "ecs-store-sqlite",
        ],
    ),
    ("ecs-test-support", &["ecs-ops", "ecs-sim"]),
    ("ecs-tests", &["ecs-ops", "ecs-sim", "ecs-test-support"]),
    ("ecs-bench", &["ecs-client", "ecs-ops"]),
    ("recipes", &["ecs-transport"]),
    ("xtask", &[]),
];

/// Returns the folders of all crates.
pub(super) fn folders(root: &Path) -> Result<Vec<PathBuf>, String> {
    let crates = root.join("crates");
    let entries = std::fs::read_dir(&crates)
        .map_err(|error| format!("cannot list {}: {error}", crates.display()))?;
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.extend(["docs/recipes", "xtask", "tests"].map(|folder| root.join(folder)));
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    Ok(folders)
}

/// Returns the forbidden dependencies.
pub(super) fn problems(root: &Path) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for folder in folders(root)? {
        let path = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        problems.extend(of_manifest(&text));
    }
    problems.sort();
    Ok(problems)
}

/// Returns the forbidden dependencies of one manifest.
pub(super) fn of_manifest(text: &str) -> Vec<String> {
    let (name, dependencies) = read(text);
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name}: not in the table of crates: add it to ALLOWED in xtask/src/layers/arrows.rs"
        )];
    };
    let ours = |name: &str| ALLOWED.iter().any(|(known, _)| *known == name);
    let forbidden = dependencies
        .iter()
        .filter(|dependency| ours(dependency) && !allowed.contains(&dependency.as_str()));
    forbidden
        .map(|dependency| format!("{name}: must not depend on {dependency}"))
        .collect()
}

/// Returns the name of a package and its dependencies, except those of its tests.
fn read(text: &str) -> (String, Vec<String>) {
    let (mut section, mut name) = (String::new(), String::new());
    let mut dependencies = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
            // A dependency with its own section.
            if let Some(dependency) = section.strip_prefix("dependencies.") {
                dependencies.push(dependency.to_owned());
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim();
        if section == "package" && key == "name" {
            name = value.trim().trim_matches('"').to_owned();
        }
        let target = section.starts_with("target.") && section.ends_with(".dependencies");
        if section == "dependencies" || target {
            let dependency = key.split('.').next().unwrap_or(key);
            dependencies.push(dependency.to_owned());
        }
    }
    (name, dependencies)
}
