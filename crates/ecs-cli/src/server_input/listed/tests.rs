use proptest::prelude::*;

use super::*;
use crate::server_file::parse;

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";

fn listed(text: &str) -> ListedNames {
    let mut names = ListedNames::default();
    let file = Rc::from("list.csv");
    for entry in parse(text.as_bytes(), None).unwrap().entries {
        names.add(&file, &entry);
    }
    names
}

fn server(id: &str, name: Option<&str>) -> Server {
    serde_json::from_value(serde_json::json!({"id": id, "name": name})).unwrap()
}

#[test]
fn rows_with_another_name_are_described() {
    let servers = [server(A, Some("web-1")), server(B, Some("web-2"))];
    let right = listed(&format!("id,name\n{A},web-1\n{B},web-2\n{A},\n"));
    assert!(right.differences(&servers).is_empty());
    let swapped = listed(&format!("id,name\n{A},web-2\n{B},web-1\n"));
    assert_eq!(
        swapped.differences(&servers),
        [
            format!("list.csv:2:1: {A} is \"web-2\" in the list and \"web-1\" in the project"),
            format!("list.csv:3:1: {B} is \"web-1\" in the list and \"web-2\" in the project"),
        ]
    );
    // Two rows for one id: one of them is wrong.
    let twice = listed(&format!("id,name\n{A},web-1\n{A},web-2\n"));
    assert_eq!(twice.differences(&servers).len(), 1);
    assert!(swapped.differences(&[]).is_empty());
    assert!(swapped.differences(&[server(A, None)]).is_empty());
}

#[test]
fn a_name_may_be_trimmed_escaped_or_cut() {
    for (listed, name) in [
        ("web-1", " web-1 "),
        ("a\\u{1b}[2J", "a\u{1b}[2J"),
        ("web-fronte…", "web-frontend-1"),
        ("web …", "web  1"),
    ] {
        assert!(is_same(listed, name), "{listed} {name}");
    }
    for (listed, name) in [("web-1", "web-10"), ("web-1", "WEB-1"), ("db-…", "web-1")] {
        assert!(!is_same(listed, name), "{listed} {name}");
    }
}

proptest! {
    /// A list differs from the project exactly where it has another name.
    #[test]
    fn each_changed_name_is_found(names in proptest::collection::vec("[a-z]{1,6}", 1..8), changed in any::<[bool; 8]>()) {
        let id = |index: usize| format!("616fb98f-46ca-475e-917e-2563e5a8cd{index:02}");
        let servers: Vec<Server> = names.iter().enumerate().map(|(index, name)| server(&id(index), Some(name))).collect();
        let mut text = "name,id\n".to_owned();
        for (index, name) in names.iter().enumerate() {
            let end = if changed[index] { "-2" } else { "" };
            text.push_str(&format!("{name}{end},{}\n", id(index)));
        }
        let expected = changed[..names.len()].iter().filter(|changed| **changed).count();
        prop_assert_eq!(listed(&text).differences(&servers).len(), expected);
    }
}
