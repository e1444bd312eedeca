use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn id(number: u128) -> ServerId {
    ServerId::from_bytes(number.to_be_bytes())
}

#[test]
fn the_first_of_two_names_counts_and_files_with_two_are_refused() {
    let names = ServerNames::from_iter([(id(2), "b"), (id(1), "a"), (id(2), "c")]);
    assert_eq!(
        names.iter().collect::<Vec<_>>(),
        [(id(1), "a"), (id(2), "b")]
    );
    let twice = format!(r#"{{"{}":"a","{}":"b"}}"#, id(1), id(1));
    let error = serde_json::from_str::<ServerNames>(&twice).unwrap_err();
    assert!(
        error.to_string().contains("a server has two names"),
        "{error}"
    );
}

#[test]
fn no_name_is_no_name() {
    let names = ServerNames::from_iter([(id(1), "")]);
    assert_eq!((names.get(id(1)), names.get(id(2))), (Some(""), None));
    assert!(ServerNames::default().is_empty());
    assert_eq!(
        serde_json::to_string(&ServerNames::default()).unwrap(),
        "{}"
    );
}

proptest! {
    #[test]
    fn they_are_a_map(names in prop::collection::btree_map(any::<u128>(), any::<String>(), 0..20), other: u128) {
        let map: BTreeMap<ServerId, String> =
            names.into_iter().map(|(number, name)| (id(number), name)).collect();
        let names = ServerNames::from_iter(map.clone());
        for (id, name) in &map {
            prop_assert_eq!(names.get(*id), Some(name.as_str()));
        }
        prop_assert_eq!(names.get(id(other)), map.get(&id(other)).map(String::as_str));
        prop_assert_eq!(names.len(), map.len());
        let json = serde_json::to_string(&names).unwrap();
        prop_assert_eq!(&json, &serde_json::to_string(&map).unwrap());
        prop_assert_eq!(serde_json::from_str::<ServerNames>(&json).unwrap(), names);
    }
}
