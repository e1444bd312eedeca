//! The tables of `docs/performance.md`.

use std::path::Path;

use super::cases::Program;
use super::figures::Figure;

/// The marks around a table.
struct Marks {
    begin: &'static str,
    end: &'static str,
}

const CALLS: Marks = Marks {
    begin: "<!-- cargo xtask bench --write: begin -->\n",
    end: "<!-- cargo xtask bench --write: end -->\n",
};
const FIGURES: Marks = Marks {
    begin: "<!-- cargo xtask bench --write: figures begin -->\n",
    end: "<!-- cargo xtask bench --write: figures end -->\n",
};

/// A case with the results of all programs.
pub(super) struct Row {
    pub(super) title: String,
    /// In the order of the programs; `NAN` for one that cannot run the case.
    pub(super) values: Vec<f64>,
}

/// Formats the rows, with the ratio of the last program to the first.
pub(super) fn calls(rows: &[Row], programs: &[Program]) -> String {
    let names: Vec<&str> = programs.iter().map(|program| program.name).collect();
    let mut text = format!("| case | {} | here ÷ hand |\n", names.join(" | "));
    text.push_str(&format!("|---|{}\n", "---:|".repeat(names.len() + 1)));
    for row in rows {
        let value = |value: &f64| {
            if value.is_nan() {
                "–".to_owned()
            } else {
                format!("{value:.0}")
            }
        };
        let values: Vec<String> = row.values.iter().map(value).collect();
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

/// Formats the figures beside their targets.
pub(super) fn figures(figures: &[Figure]) -> String {
    let mut text = "| what | target | measured |\n|---|---:|---:|\n".to_owned();
    for Figure {
        title,
        target,
        value,
    } in figures
    {
        text.push_str(&format!("| {title} | {target} | {value} |\n"));
    }
    text
}

/// Puts the tables between their marks.
pub(super) fn write(root: &Path, calls: &str, figures: &str) -> Result<(), String> {
    let path = root.join("docs/performance.md");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let text = put(&text, &CALLS, calls).and_then(|text| put(&text, &FIGURES, figures));
    let text = text.ok_or_else(|| format!("{} has no place for the tables", path.display()))?;
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn put(text: &str, marks: &Marks, table: &str) -> Option<String> {
    let (before, _) = text.split_once(marks.begin)?;
    let (_, after) = text.split_once(marks.end)?;
    Some(format!(
        "{before}{}{table}{}{after}",
        marks.begin, marks.end
    ))
}
