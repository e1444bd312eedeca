use proptest::prelude::*;

use super::*;

fn view(rows: &[(u8, u8)]) -> View {
    let mut seen = HashSet::new();
    let rows: Vec<_> = rows
        .iter()
        .filter(|(id, _)| seen.insert(*id))
        .map(|(id, text)| (format!("r{id}"), Arc::from(format!("<tr>{text}"))))
        .collect();
    View {
        version: String::new(),
        parts: vec![("summary", format!("{} rows", rows.len()))],
        rows,
    }
}

/// Applies a patch as the script of the page does.
fn apply(shown: &mut Vec<(String, String)>, patch: &Patch<'_>) {
    if patch.whole {
        shown.clear();
    }
    shown.retain(|(id, _)| !patch.gone.contains(&id.as_str()));
    for row in &patch.rows {
        shown.retain(|(id, _)| id != row.id);
        let place = match row.after {
            None => 0,
            Some(after) => 1 + shown.iter().position(|(id, _)| id == after).unwrap(),
        };
        shown.insert(place, (row.id.to_owned(), row.html.to_owned()));
    }
}

fn shown(view: &View) -> Vec<(String, String)> {
    let rows = view.rows.iter();
    rows.map(|(id, html)| (id.clone(), html.to_string()))
        .collect()
}

proptest! {
    #[test]
    fn a_patch_leads_from_any_view_to_any_other(
        old in prop::collection::vec((0_u8..12, 0_u8..3), 0..12),
        new in prop::collection::vec((0_u8..12, 0_u8..3), 0..12),
    ) {
        let (old, new) = (view(&old), view(&new));
        let mut page = shown(&old);
        apply(&mut page, &Patch::between(Some(&old), &new));
        prop_assert_eq!(page, shown(&new));
        let mut other = shown(&old);
        apply(&mut other, &Patch::between(None, &new));
        prop_assert_eq!(other, shown(&new));
    }
}

#[test]
fn unchanged_rows_are_not_sent_again() {
    let old = view(&[(1, 0), (2, 0), (3, 0)]);
    let new = view(&[(4, 0), (1, 0), (2, 1), (3, 0)]);
    let patch = Patch::between(Some(&old), &new);
    let sent: Vec<_> = patch.rows.iter().map(|row| (row.id, row.after)).collect();
    assert_eq!(sent, [("r4", None), ("r2", Some("r1"))]);
    assert!(patch.gone.is_empty() && !patch.whole);
    assert_eq!(patch.parts, [("summary", "4 rows")]);
    let none = Patch::between(Some(&new), &new);
    assert!(none.rows.is_empty() && none.parts.is_empty());
}
