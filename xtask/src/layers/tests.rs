use std::path::Path;

use super::{arrows, modules};

/// Writes a sample crate and returns its circles.
fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(path, text).unwrap();
    }
    modules::circles(&folder.path().join("lib.rs")).unwrap()
}

#[test]
fn a_circle_is_found() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use super::c; pub struct B;"),
        ("c.rs", "pub fn f() { crate::a::g() }"),
    ]);
    assert_eq!(found, [["a", "b", "c", "a"]]);
}

/// An item that the root re-exports belongs to its module, not to the root.
#[test]
fn a_circle_through_re_exports_is_found() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::B; pub struct A;"),
        ("b.rs", "use crate::A; pub struct B;"),
    ]);
    assert_eq!(found, [["a", "b", "a"]]);
}

/// A module that is split into files is one unit; through one of its files it can still be part of
/// a circle.
#[test]
fn a_module_and_its_files_are_one() {
    let part = "use super::A; impl A {}";
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "mod part; use self::part::Part; pub struct A;"),
        ("a/part.rs", part),
        ("b.rs", "pub struct B;"),
    ];
    assert!(circles(&files).is_empty());
    let mut files = files;
    files[2].1 = "use super::A; use crate::b::B; pub struct Part;";
    assert!(circles(&files).is_empty());
    files[3].1 = "use crate::a::A; pub struct B;";
    assert_eq!(circles(&files), [["a", "b", "a"]]);
}

#[test]
fn tests_may_import_anything() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        (
            "b.rs",
            "use crate::a::A; pub struct B; #[cfg(test)] mod tests;",
        ),
        ("b/tests.rs", "use super::B; use crate::a::A;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn forbidden_dependencies_are_found() {
    let manifest = "[package]\nname = \"ecs-client\"\n[dependencies]\necs-auth.workspace = true\n\
                    ecs-ops = { workspace = true }\nhttp = \"1\"\n[dev-dependencies]\necs-sim.workspace = true\n";
    let found = arrows::of_manifest(manifest);
    assert_eq!(found, ["ecs-client: must not depend on ecs-ops"]);
    let own_section =
        "[package]\nname = \"ecs-auth\"\n[dependencies.ecs-model]\nworkspace = true\n";
    let found = arrows::of_manifest(own_section);
    assert_eq!(found, ["ecs-auth: must not depend on ecs-model"]);
    let unknown = arrows::of_manifest("[package]\nname = \"ecs-new\"\n");
    assert!(unknown[0].contains("not in the table"), "{unknown:?}");
}
