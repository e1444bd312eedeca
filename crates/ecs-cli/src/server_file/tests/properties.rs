use ecs_ops::selection::ServerRef;
use proptest::prelude::*;

use super::*;

fn id() -> impl Strategy<Value = String> {
    any::<[u8; 16]>().prop_map(|bytes| ecs_ops::model::ServerId::from_bytes(bytes).to_string())
}

/// Texts that are almost lists.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => id(),
        4 => proptest::sample::select(&[
            "\n", ",", " ", "\"", "{", "}", "[", "]", ":", ": ", "- ", "#", "ID", "Name", "id", "\"id\":", "\"servers\":",
            "\"value\":", "\"sensitive\":", "\"record\":", "\"kind\":\"run\"", "\"values\":", "\"root_module\":",
            "\"resources\":", "\"format_version\":", "MANUAL\n", ";", "\t", "---\n", "null", "1e9", "web-1", "&a", "*a",
        ][..]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn format() -> impl Strategy<Value = Option<FileFormat>> {
    use FileFormat::{Csv, Json, Jsonl, Lines, Yaml};
    proptest::sample::select(
        &[
            None,
            Some(Lines),
            Some(Csv),
            Some(Json),
            Some(Jsonl),
            Some(Yaml),
        ][..],
    )
}

proptest! {
    /// No file causes a panic or a server that it does not name.
    #[test]
    fn no_server_is_invented(text in text(), format in format()) {
        if let Ok(list) = parse(text.as_bytes(), format) {
            let lower = text.to_lowercase();
            for entry in &list.entries {
                if let ServerRef::Id(id) = &entry.server {
                    prop_assert!(lower.contains(&id.to_string()), "{id} in {text:?}");
                }
                prop_assert!(entry.position.line >= 1 && entry.position.column >= 1);
            }
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), format in format()) {
        if let Err(refusal) = parse(&bytes, format) {
            prop_assert!(!refusal.problems.is_empty() && !refusal.hint.is_empty());
        }
    }

    /// Every format has the same servers, each once and in order.
    #[test]
    fn every_format_names_the_same_servers(ids in proptest::collection::vec(id(), 1..8), name in "[a-z,\" ]{0,8}") {
        let json_name = serde_json::to_string(&name).unwrap();
        let rows = |row: &dyn Fn(&String) -> String| ids.iter().map(row).collect::<Vec<_>>();
        let forms = [
            ids.join("\n"),
            ids.join(","),
            rows(&|id| format!("{id} {name} x")).join("\n"),
            format!("ID,Name\n{}", rows(&|id| format!("{id},\"{}\"", name.replace('"', "\"\""))).join("\n")),
            format!("[{}]", rows(&|id| format!("{{\"Name\":{json_name},\"ID\":\"{id}\"}}")).join(",\n")),
            rows(&|id| format!("{{\"name\":{json_name},\"id\":\"{id}\"}}")).join("\n"),
            rows(&|id| format!("- Name: {json_name}\n  ID: {id}")).join("\n"),
        ];
        for form in forms {
            let list = parse(form.as_bytes(), None);
            let list = list.map_err(|refusal| TestCaseError::fail(format!("{form:?}: {refusal:?}")))?;
            prop_assert_eq!(servers(&list), ids.clone(), "{}", form);
            // Words of a line are no columns.
            let has_columns = form.contains("Name") || form.contains("name\":");
            let expected = Some(name.trim()).filter(|name| has_columns && !name.is_empty());
            prop_assert!(list.entries.iter().all(|entry| entry.name.as_deref() == expected), "{}", form);
        }
    }
}
