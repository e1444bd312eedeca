//! Rows in aligned columns that fit a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::term::clean;

const GAP: usize = 2;
/// Narrower than this a column says nothing.
const NARROWEST: usize = 8;

/// A table. What comes from elsewhere is made safe to show.
pub(crate) struct TextTable {
    rows: Vec<Vec<String>>,
    shrinkable: Vec<bool>,
}

impl TextTable {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(ToString::to_string).collect()],
            shrinkable: vec![false; header.len()],
        }
    }

    /// A table without a header.
    pub(crate) fn bare(columns: usize) -> Self {
        Self {
            rows: Vec::new(),
            shrinkable: vec![false; columns],
        }
    }

    /// Lets a column be cut where the table is too wide.
    pub(crate) fn may_shrink(&mut self, column: usize) {
        if let Some(shrinkable) = self.shrinkable.get_mut(column) {
            *shrinkable = true;
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// The table, with the columns that may shrink cut to `width` together. The last column is not padded.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let mut widths = vec![0; self.shrinkable.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        if let Some(width) = width {
            self.shrink(&mut widths, width);
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                let cell = cut(cell, *width);
                line.push_str(&cell);
                let padding = (width + GAP).saturating_sub(cell.width());
                line.extend(std::iter::repeat_n(' ', padding));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Takes from the widest column that may shrink until the table fits, or no column can shrink further.
    fn shrink(&self, widths: &mut [usize], width: usize) {
        loop {
            let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            let excess = total.saturating_sub(width);
            let mut candidates: Vec<usize> = (0..widths.len())
                .filter(|index| self.shrinkable.get(*index) == Some(&true))
                .filter(|index| widths.get(*index).is_some_and(|width| *width > NARROWEST))
                .collect();
            candidates.sort_by_key(|index| std::cmp::Reverse(widths.get(*index).copied()));
            let (Some(widest), true) = (candidates.first(), excess > 0) else {
                return;
            };
            let next = candidates
                .get(1)
                .and_then(|index| widths.get(*index))
                .copied();
            if let Some(column) = widths.get_mut(*widest) {
                let floor = next.unwrap_or(NARROWEST).max(NARROWEST).min(*column - 1);
                *column = column.saturating_sub(excess).max(floor);
            }
        }
    }
}

/// The text, cut to this width with an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// How wide the terminal is that stdout goes to; `None` if it is none.
pub(crate) fn stdout_width() -> Option<usize> {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_columns()
}

#[cfg(unix)]
fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn terminal_columns() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests;
