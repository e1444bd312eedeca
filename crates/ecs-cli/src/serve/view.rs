//! The parts of a page that change, and the patches that a browser applies.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

/// The shown parts of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// The version of this content.
    pub(super) version: String,
    /// Elements: their ids, and the HTML within them.
    pub(super) parts: Vec<(&'static str, String)>,
    /// The rows of its table, in order: the id of each, and its HTML.
    pub(super) rows: Vec<(String, Arc<str>)>,
}

impl View {
    /// Returns whether both show the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.parts == other.parts && self.rows == other.rows
    }
}

/// The changes from one view to another.
#[derive(Debug, Default, Serialize)]
pub(super) struct Patch<'a> {
    /// `true` to remove all other rows first.
    whole: bool,
    parts: Vec<(&'a str, &'a str)>,
    /// The ids of removed rows.
    gone: Vec<&'a str>,
    rows: Vec<Placed<'a>>,
}

/// A row that is new, changed or moved.
#[derive(Debug, Serialize)]
struct Placed<'a> {
    id: &'a str,
    /// The row before it; `None` for the first row.
    after: Option<&'a str>,
    html: &'a str,
}

impl<'a> Patch<'a> {
    /// Returns the changes from `old` to `new`; without `old`, from any content.
    pub(super) fn between(old: Option<&'a View>, new: &'a View) -> Self {
        let Some(old) = old else {
            return Self {
                whole: true,
                parts: new
                    .parts
                    .iter()
                    .map(|(id, html)| (*id, html.as_str()))
                    .collect(),
                gone: Vec::new(),
                rows: placed(&new.rows, |_, _| true),
            };
        };
        let parts = new.parts.iter().filter(|part| !old.parts.contains(part));
        let before: HashMap<&str, (usize, &str)> = old
            .rows
            .iter()
            .enumerate()
            .map(|(place, (id, html))| (id.as_str(), (place, &**html)))
            .collect();
        let kept: HashSet<&str> = new.rows.iter().map(|(id, _)| id.as_str()).collect();
        let gone = old.rows.iter().map(|(id, _)| id.as_str());
        // Rows that stay as they are keep their order: one that would be before its predecessor moves.
        let mut last = None;
        let rows = placed(&new.rows, |id, html| match before.get(id) {
            Some((place, known)) if *known == html && last.is_none_or(|last| last < *place) => {
                last = Some(*place);
                false
            }
            _ => true,
        });
        Self {
            whole: false,
            parts: parts.map(|(id, html)| (*id, html.as_str())).collect(),
            gone: gone.filter(|id| !kept.contains(id)).collect(),
            rows,
        }
    }
}

/// Returns the rows to place, each after the one before it.
fn placed(
    rows: &[(String, Arc<str>)],
    mut is_placed: impl FnMut(&str, &str) -> bool,
) -> Vec<Placed<'_>> {
    let mut after = None;
    let mut placed = Vec::new();
    for (id, html) in rows {
        if is_placed(id, html) {
            placed.push(Placed { id, after, html });
        }
        after = Some(id.as_str());
    }
    placed
}

#[cfg(test)]
mod tests;
