//! The table of `docs/performance.md`.

use std::path::Path;

use super::cases::PROGRAMS;

const BEGIN: &str = "<!-- cargo xtask bench --write: begin -->\n";
const END: &str = "<!-- cargo xtask bench --write: end -->\n";

/// One case: what each program took.
pub(super) struct Row {
    pub(super) title: String,
    /// In the order of the programs.
    pub(super) values: Vec<f64>,
}

/// The rows, with the ratio of the last program to the first.
pub(super) fn markdown(rows: &[Row]) -> String {
    let names: Vec<&str> = PROGRAMS.iter().map(|(name, _, _)| *name).collect();
    let mut text = format!("| case | {} | here ÷ hand |\n", names.join(" | "));
    text.push_str(&format!("|---|{}\n", "---:|".repeat(names.len() + 1)));
    for row in rows {
        let values: Vec<String> = row
            .values
            .iter()
            .map(|value| format!("{value:.0}"))
            .collect();
        let (first, last) = (row.values.first(), row.values.last());
        let ratio = last.zip(first).map_or(f64::NAN, |(here, hand)| here / hand);
        text.push_str(&format!(
            "| {} | {} | {ratio:.2} |\n",
            row.title,
            values.join(" | ")
        ));
    }
    text
}

/// Puts the table between its marks.
pub(super) fn write(root: &Path, table: &str) -> Result<(), String> {
    let path = root.join("docs/performance.md");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let parts = text.split_once(BEGIN).zip(text.split_once(END));
    let ((before, _), (_, after)) =
        parts.ok_or_else(|| format!("{} has no place for the table", path.display()))?;
    std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
