use super::*;

#[test]
fn server_ids() {
    const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    assert_eq!(ID.parse::<ServerId>().expect("a UUID").to_string(), ID);
    // Not necessarily a UUID of a known version.
    assert!(
        "00000000-0000-0000-0000-000000000000"
            .parse::<ServerId>()
            .is_ok()
    );
    assert!(
        "FFFFFFFF-ffff-FFFF-ffff-ffffffffffff"
            .parse::<ServerId>()
            .is_ok()
    );
    let bad = [
        String::new(),
        ID.replace('-', ""),
        format!("{{{ID}}}"),
        format!("urn:uuid:{ID}"),
        format!(" {ID}"),
        format!("{ID}\n"),
        format!("{ID}\0"),
        ID.replace('-', "_"),
        ID.replace('6', "g"),
        ID.replace("61", "é"),
        "616fb98f46-ca-475e-917e-2563e5a8cd19".to_owned(),
        "616fb98f-46ca-475e-917e2-563e5a8cd19".to_owned(),
        "../../../../../../../../../../../../".to_owned(),
    ];
    for text in bad {
        assert!(text.parse::<ServerId>().is_err(), "{text:?}");
        assert!(serde_json::from_value::<ServerId>(text.into()).is_err());
    }
    assert!(serde_json::from_str::<ServerId>("5").is_err());
}

#[test]
fn project_ids() {
    for text in [
        "a",
        "5dd3c0b24cdc4d31952c49589182a89d",
        "A_b-9",
        &"x".repeat(64),
    ] {
        assert_eq!(text.parse::<ProjectId>().expect(text).as_str(), text);
    }
    for text in [
        "",
        ".",
        "..",
        "a/b",
        "a%2Fb",
        "a b",
        "a\n",
        "ä",
        "a?b",
        "a#b",
        &"x".repeat(65),
    ] {
        assert!(text.parse::<ProjectId>().is_err(), "{text:?}");
    }
}

#[test]
fn job_ids() {
    for text in [
        "a",
        "ff80808288d41e1b018990260955686a",
        "a+/b==",
        "ü%?#",
        "..a",
        "a..",
        &"ä".repeat(255),
    ] {
        assert_eq!(text.parse::<JobId>().expect(text).as_str(), text);
    }
    for text in [
        "",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/./b",
        "..\\a",
        "a\\..",
        "a b",
        "a\n",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        &"ä".repeat(256),
    ] {
        assert!(text.parse::<JobId>().is_err(), "{text:?}");
    }
    let read: JobId = serde_json::from_str(r#""a\u0062""#).expect("an id");
    assert_eq!(read.as_str(), "ab");
    assert_eq!(serde_json::to_string(&read).expect("JSON"), r#""ab""#);
}

#[test]
fn errors_are_short_and_quote_the_input() {
    let error = format!("\u{1b}[31m{}", "ä".repeat(10_000))
        .parse::<ServerId>()
        .expect_err("no UUID");
    let text = error.to_string();
    assert!(text.len() < 400, "{}", text.len());
    assert!(
        text.starts_with(r#""\u{1b}[31mä"#) && text.contains('…'),
        "{text}"
    );
}

#[test]
fn debug_shows_the_text() {
    let id: ServerId = "616FB98F-46ca-475e-917e-2563e5a8cd19"
        .parse()
        .expect("a UUID");
    assert_eq!(format!("{id:?}"), "616fb98f-46ca-475e-917e-2563e5a8cd19");
    assert_eq!(
        format!("{:?}", "p".parse::<ProjectId>().expect("an id")),
        "p"
    );
}

mod duplicates {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::ServerId;

    proptest! {
        /// The result equals that of a map. Ids that differ in one byte, in any place, are
        /// distinct.
        #[test]
        fn duplicates_equal_those_of_a_map(ids in prop::collection::vec((0_usize..16, 0_u8..40), 0..300)) {
            let ids: Vec<_> = ids
                .into_iter()
                .map(|(place, value)| {
                    let mut bytes = [0; 16];
                    bytes[place] = value;
                    ServerId::from_bytes(bytes)
                })
                .collect();
            let mut first = HashMap::new();
            let mut expected = Vec::new();
            for (index, id) in ids.iter().enumerate() {
                let first = *first.entry(id).or_insert(index);
                if first != index {
                    expected.push((index, first));
                }
            }
            prop_assert_eq!(ServerId::duplicates(&ids), expected);
        }
    }

    /// Ids that count upwards, as in tests, take no longer than others. Without spreading this
    /// takes minutes.
    #[test]
    fn consecutive_ids_are_spread() {
        for place in [0, 4, 8, 12] {
            let ids: Vec<_> = (0..200_000_u32)
                .map(|number| {
                    let mut bytes = [7; 16];
                    bytes[place..place + 4].copy_from_slice(&number.to_be_bytes());
                    ServerId::from_bytes(bytes)
                })
                .collect();
            assert_eq!(ServerId::duplicates(&ids), []);
        }
    }
}
