use proptest::prelude::*;

use super::{Node, parse, parse_file};

fn text(yaml: &str, path: &[&str]) -> Option<String> {
    let root = parse(yaml).unwrap().root;
    let node = path.iter().try_fold(&root, |node, name| node.get(name))?;
    node.text().map(|text| text.to_string())
}

#[test]
fn scalars_are_their_text() {
    for (yaml, value) in [
        ("a: 0123", Some("0123")),
        ("a: 1e3", Some("1e3")),
        ("a: yes", Some("yes")),
        ("a: 'null '", Some("null ")),
        ("a: \"\\u0041\"", Some("A")),
        ("a: b # c", Some("b")),
        ("a: null", None),
        ("a: Null", None),
        ("a: NULL", None),
        ("a: nULL", Some("nULL")),
        ("a: !!str 0123", Some("0123")),
        ("a: !!int \"7\"", Some("7")),
        ("a: !!null x", None),
        ("a: !vault sesame", None),
        ("a: ~", None),
        ("a:", None),
        ("a: \"~\"", Some("~")),
        ("a: 'null'", Some("null")),
        ("a: ''", None),
        ("a: [b]", None),
        ("{\"a\": \"json\"}", Some("json")),
        ("", None),
    ] {
        assert_eq!(text(yaml, &["a"]).as_deref(), value, "{yaml}");
    }
}

#[test]
fn anchors_and_merges_are_followed() {
    let yaml = "base: &base\n  a: 1\n  b: {c: 2, d: 3}\nx:\n  <<: *base\n  b: {c: 4}\ny: *base\n";
    assert_eq!(text(yaml, &["x", "a"]).unwrap(), "1");
    assert_eq!(text(yaml, &["x", "b", "c"]).unwrap(), "4");
    assert_eq!(text(yaml, &["x", "b", "d"]), None);
    assert_eq!(text(yaml, &["y", "b", "d"]).unwrap(), "3");
    let several = "p: &p {a: 1}\nq: &q {a: 2, b: 3, c: 4}\nx:\n  <<: [*p, *q]\n  c: 5\n";
    for (name, value) in [("a", "1"), ("b", "3"), ("c", "5")] {
        assert_eq!(text(several, &["x", name]).unwrap(), value, "{name}");
    }
    assert!(parse("x: {<<: sesame}").is_err());
}

#[test]
fn files_are_overlaid() {
    let mut under = parse("a: {b: 1, c: 2}\nd: 3").unwrap().root;
    under.overlay(parse("a: {c: 4}\ne: 5").unwrap().root);
    let value = |path: &[&str]| {
        let node = path.iter().try_fold(&under, |node, name| node.get(name));
        node.and_then(Node::text).map(|text| text.to_string())
    };
    assert_eq!(value(&["a", "b"]).unwrap(), "1");
    assert_eq!(value(&["a", "c"]).unwrap(), "4");
    assert_eq!(value(&["d"]).unwrap(), "3");
    assert_eq!(value(&["e"]).unwrap(), "5");
}

#[test]
fn invalid_or_malicious_files_are_errors_without_their_text() {
    let mut laughs = "a0: &a0 {x: 1, y: 2}\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        laughs.push_str(&format!(
            "a{level}: &a{level} {{x: *a{before}, y: *a{before}}}\n"
        ));
    }
    let deep = format!("{}sesame{}", "[".repeat(200), "]".repeat(200));
    for yaml in [
        "a: \"sesame",
        "a: *sesame",
        "{a: b}: sesame",
        "- : - : sesame: [",
        &*laughs,
        &*deep,
    ] {
        let Err(error) = parse(yaml) else {
            panic!("{} was read", yaml.get(..20).unwrap_or(yaml));
        };
        assert!(!error.contains("sesame"), "{error}");
    }
    assert!(parse(&deep).err().unwrap().contains("deeper"));
    assert!(parse(&laughs).err().unwrap().contains("more than"));
}

proptest! {
    #[test]
    fn no_text_causes_a_panic(text in "[a-c:&*<\\[\\]{}'\"#|>%@!?~ \\-\n\t]{0,60}|\\PC{0,60}") {
        let _ = parse(&text);
    }
}
#[test]
fn ambiguous_scalars_are_errors_or_warnings() {
    for yaml in [
        "p: &p {a: 1}\nq: &q {a: 2}\nx:\n  <<: *p\n  <<: *q\n",
        "a: 1\n---\na: 2\n",
    ] {
        assert!(parse(yaml).is_err(), "{yaml}");
    }
    for (yaml, expected) in [
        ("a: 1\na: 2\n", "a appears twice"),
        (
            "p: &p {a: 1}\nq: &q {a: 2}\nx: {<<: [*p, *q]}\n",
            "a is merged in twice",
        ),
    ] {
        let warnings = parse(yaml).unwrap().warnings;
        assert!(warnings[0].contains(expected), "{warnings:?}");
    }
    let own = "p: &p {a: 1}\nq: &q {a: 2}\nx: {<<: [*p, *q], a: 3}\n";
    assert!(parse(own).unwrap().warnings.is_empty());
    assert_eq!(text("x: {\"<<\": 1}", &["x", "<<"]).unwrap(), "1");
}

#[test]
fn a_json_file_is_json() {
    let json = "{\"a\": \"\\ud83d\\ude00\", \"b\": 12345, \"c\": null}";
    let root = parse_file("clouds.json".as_ref(), json).unwrap().root;
    assert_eq!(root.get("a").unwrap().text().unwrap().as_str(), "😀");
    assert_eq!(root.get("b").unwrap().text().unwrap().as_str(), "12345");
    assert!(root.get("c").unwrap().text().is_none());
    let yaml = parse_file("clouds.json".as_ref(), "a: b").unwrap().root;
    assert_eq!(yaml.get("a").unwrap().text().unwrap().as_str(), "b");
}
