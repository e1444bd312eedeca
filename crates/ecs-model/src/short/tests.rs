//! Short texts behave as texts, in place or not.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{Short, ShortText};

#[test]
fn texts_are_held_in_place_up_to_the_last_byte() {
    let text = "x".repeat(31);
    for length in 0..=31 {
        let text = text.get(..length).expect("long enough");
        let short = ShortText::from(text);
        assert_eq!(short, text);
        assert_eq!(matches!(short.0, Short::InPlace { .. }), length <= 30);
    }
}

proptest! {
    #[test]
    fn short_texts_behave_as_texts(one in "[\\PC\0]{0,40}", other in "[\\PC\0]{0,40}", near in "[ab\0]{0,3}", far in "[ab\0]{0,3}") {
        for (one, other) in [(&one, &other), (&near, &far)] {
            let (short, shorter) = (ShortText::from(&**one), ShortText::from(&**other));
            prop_assert_eq!(short.as_str(), one);
            prop_assert_eq!(short == shorter, one == other);
            prop_assert_eq!(short.cmp(&shorter), one.cmp(other));
            prop_assert_eq!(format!("{short} {short:?}"), format!("{one} {one:?}"));
            let map = HashMap::from([(short.clone(), 1), (shorter, 2)]);
            prop_assert_eq!(map.get(&short), Some(&if one == other { 2 } else { 1 }));
            let json = serde_json::to_string(&short).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<ShortText>(&json).expect("a text"), short);
        }
    }
}
