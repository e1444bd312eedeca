//! Tests of the generator: the output of a small description, the errors of broken ones, and the
//! real one.

mod broken;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::write::{File, compare};
use super::{CODE, DESCRIPTION, JSON, MARK, PAGES, generate};

const SMALL: &str = include_str!("../../testdata/small.yaml");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn description() -> String {
    std::fs::read_to_string(root().join(DESCRIPTION)).unwrap()
}

fn json() -> Value {
    let files = generate(&description()).unwrap();
    let json = files.iter().find(|file| file.path == JSON).unwrap();
    serde_json::from_str(&json.text).unwrap()
}

/// `UPDATE_GOLDEN=1 cargo test -p xtask` writes the output of the emitters; review the diff.
#[test]
fn each_file_of_the_small_description_is_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden");
    let files = generate(SMALL).unwrap();
    let name = |file: &File| file.path.rsplit('/').next().unwrap().to_owned();
    let mut names: Vec<String> = files.iter().map(name).collect();
    names.sort();
    let expected = [
        "ecs.openapi.json",
        "error_catalogue.rs",
        "errors.md",
        "mod.rs",
        "operations.md",
        "operations.rs",
        "types.md",
        "types.rs",
    ];
    assert_eq!(names, expected);
    for file in &files {
        let path = folder.join(name(file));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &file.text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        assert!(
            golden == file.text,
            "{} differs:\n{}",
            path.display(),
            file.text
        );
    }
}

#[test]
fn code_is_marked_formatted_and_free_of_emitter_bugs() {
    for file in generate(&description()).unwrap() {
        if file.path == JSON {
            continue;
        }
        assert!(
            file.text.lines().next().unwrap().contains(MARK),
            "{}",
            file.path
        );
        assert!(!file.text.contains("compile_error!"), "{}", file.path);
    }
}

/// Codes and statuses are facts; the vendor's page lists 155.
#[test]
fn codes_are_exactly_those_of_the_vendors_page() {
    let json = json();
    let listed: Vec<(&str, u64)> = json["x-ecs-errors"][0]["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| {
            (
                code["code"].as_str().unwrap(),
                code["status"].as_u64().unwrap(),
            )
        })
        .collect();
    let documented: Vec<(&str, u64)> = include_str!("../../testdata/vendor_codes.txt")
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(code, status)| (code, status.parse().unwrap()))
        .collect();
    assert_eq!(documented.len(), 155);
    assert_eq!(json["x-ecs-errors"][0]["source"], "appendix/error_codes");
    assert_eq!(listed, documented);
}

#[test]
fn the_generated_files_are_up_to_date() {
    let files = generate(&description()).unwrap();
    let differences = compare(&root(), &files, &[CODE, PAGES]).unwrap();
    let shown: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(
        shown.is_empty(),
        "run `cargo xtask codegen`\n{}",
        shown.concat()
    );
}

/// Every example validates against its schema, by an independent implementation.
#[test]
fn every_example_is_an_instance_of_its_schema() {
    let document = json();
    let mut checked = 0;
    let mut places = vec![&document["paths"], &document["components"]["responses"]];
    while let Some(place) = places.pop() {
        match place {
            Value::Array(list) => places.extend(list),
            Value::Object(object) => {
                if let (Some(schema), Some(Value::Object(examples))) =
                    (object.get("schema"), object.get("examples"))
                {
                    let validator = validator(&document, schema);
                    for (name, example) in examples {
                        let errors: Vec<String> = validator
                            .iter_errors(&example["value"])
                            .map(|error| error.to_string())
                            .collect();
                        assert!(errors.is_empty(), "{name}: {errors:?}");
                        checked += 1;
                    }
                }
                places.extend(object.values());
            }
            _ => {}
        }
    }
    assert_eq!(checked, 26);
}

/// Returns a validator for a schema of the document, with the components that it may refer to.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::draft202012::new(&whole).unwrap()
}

#[test]
fn invalid_request_bodies_are_not_instances() {
    let document = json();
    let body = &document["paths"]["/v1/{project_id}/cloudservers/action"]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    let validator = validator(&document, schema);
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let good = serde_json::json!({"reboot": {"type": "SOFT", "servers": [{"id": id}]}});
    assert!(validator.is_valid(&good));
    let wrong = [
        serde_json::json!({}),
        serde_json::json!({"reboot": {"type": "SOFT", "servers": []}}),
        serde_json::json!({"reboot": {"servers": [{"id": id}]}}),
        serde_json::json!({"reboot": {"type": "soft", "servers": [{"id": id}]}}),
        serde_json::json!({"reboot": {"type": "SOFT", "servers": [{"id": id}, {"id": id}]}}),
        serde_json::json!({"reboot": {"type": "SOFT", "servers": [{"id": "web-1"}]}}),
        serde_json::json!({"os-start": {"type": "SOFT", "servers": [{"id": id}]}}),
        serde_json::json!({"os-start": {"servers": [{"id": id}]}, "os-stop": {"servers": [{"id": id}]}}),
    ];
    for wrong in wrong {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn differences_are_resolved_without_removing_foreign_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let put = |path: &str, text: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("out/same.rs", "same\n");
    put("out/stale.rs", "kept\nold\n");
    put("out/extra.rs", &format!("// {MARK}\n"));
    put("out/foreign.rs", "// by hand\n");
    let files = [
        File::new("out/same.rs", "same\n".to_owned()),
        File::new("out/stale.rs", "kept\nnew\n".to_owned()),
        File::new("out/missing.rs", "missing\n".to_owned()),
    ];
    let differences = || compare(root, &files, &["out", "nowhere"]).unwrap();
    let shown: Vec<String> = differences().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "stale: out/stale.rs\n--- out/stale.rs\n+++ as generated\n@@ -1,2 +1,2 @@\n kept\n-old\n+new\n",
            "missing: out/missing.rs\n",
            "extra: out/extra.rs (no longer generated)\n",
            "extra: out/foreign.rs (it is not generated; move it elsewhere)\n",
        ]
    );
    for difference in differences() {
        difference.resolve(root).unwrap();
    }
    let left = differences();
    assert_eq!(left.len(), 1);
    assert!(
        left.iter()
            .all(|difference| difference.is_foreign() && difference.path() == "out/foreign.rs")
    );
    assert!(root.join("out/foreign.rs").exists());
    assert!(!root.join("out/extra.rs").exists());
    assert_eq!(
        std::fs::read_to_string(root.join("out/stale.rs")).unwrap(),
        "kept\nnew\n"
    );
}
