use proptest::prelude::*;

use super::*;

fn table(rows: &[[&str; 3]], width: Option<usize>) -> String {
    let mut table = TextTable::new(&["ID", "NAME", "TAGS"]);
    table.may_shrink(1);
    table.may_shrink(2);
    for row in rows {
        table.row(row.map(str::to_owned));
    }
    table.render(width)
}

#[test]
fn columns_are_aligned_by_display_width() {
    let shown = table(&[["1", "é", "x"], ["2", "服务器", "\u{1b}[2J"]], None);
    assert_eq!(
        shown,
        "ID  NAME    TAGS\n1   é       x\n2   服务器  \\u{1b}[2J\n"
    );
}

#[test]
fn the_widest_columns_are_cut_first() {
    let rows = [["0123456789", "short", "role=web,env=prod,team=shop"]];
    assert_eq!(
        table(&rows, Some(30)),
        "ID          NAME   TAGS\n0123456789  short  role=web,e…\n"
    );
    let rows = [["0123456789", "a-name-of-20-letters", "role=web,env=prod,te"]];
    assert_eq!(
        table(&rows, Some(40)),
        "ID          NAME           TAGS\n0123456789  a-name-of-20…  role=web,env…\n"
    );
    // An id is never cut: the table is too wide rather than wrong.
    assert!(table(&rows, Some(5)).contains("0123456789  a-name-…  role=we…"));
}

proptest! {
    #[test]
    fn a_table_fits_or_every_column_is_at_its_narrowest(
        name in "\\PC{0,30}", tags in "\\PC{0,30}", width in 1_usize..100
    ) {
        let rows = [["0123456789", name.as_str(), tags.as_str()]];
        let shown = table(&rows, Some(width));
        let widest = shown.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
        prop_assert!(widest <= width.max(10 + 2 + NARROWEST + 2 + NARROWEST), "{shown}");
    }
}

#[test]
fn columns_are_omitted_in_order_until_the_rest_fits() {
    let shown = |width| {
        let mut table = TextTable::new(&["RUN", "AGE", "PLACE", "OUTCOMES"]);
        table.may_shrink(2);
        table.may_vanish([2, 1]);
        table.shrinks_last(3);
        table.row(
            [
                "0123456789",
                "5 min",
                "sim-1 0123456789",
                "3 failed, 1 unknown",
            ]
            .map(str::to_owned),
        );
        table
            .render(Some(width))
            .lines()
            .last()
            .map(str::to_owned)
            .unwrap_or_default()
    };
    assert_eq!(
        shown(60),
        "0123456789  5 min  sim-1 0123456789  3 failed, 1 unknown"
    );
    assert_eq!(
        shown(50),
        "0123456789  5 min  sim-1 012…  3 failed, 1 unknown"
    );
    assert_eq!(shown(40), "0123456789  5 min  3 failed, 1 unknown");
    assert_eq!(shown(32), "0123456789  3 failed, 1 unknown");
    assert_eq!(shown(22), "0123456789  3 failed,…");
    assert_eq!(shown(5), "0123456789  3 faile…");
}
