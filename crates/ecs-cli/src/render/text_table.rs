//! Tables that fit a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::term::clean;

const GAP: usize = 2;
/// The least width of a column that is cut.
const NARROWEST: usize = 8;

/// A table that fits a width. External text is escaped.
pub(crate) struct TextTable {
    rows: Vec<Vec<String>>,
    shrinkable: Vec<bool>,
    /// The columns that are omitted if the table is too wide, in this order.
    may_vanish: Vec<usize>,
    /// The column that is cut if the table is still too wide.
    last_to_shrink: Option<usize>,
}

impl TextTable {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(ToString::to_string).collect()],
            shrinkable: vec![false; header.len()],
            may_vanish: Vec::new(),
            last_to_shrink: None,
        }
    }

    /// Returns a table without a header.
    pub(crate) fn bare(columns: usize) -> Self {
        Self {
            rows: Vec::new(),
            shrinkable: vec![false; columns],
            may_vanish: Vec::new(),
            last_to_shrink: None,
        }
    }

    /// Allows a column to be cut if the table is too wide.
    pub(crate) fn may_shrink(&mut self, column: usize) {
        if let Some(shrinkable) = self.shrinkable.get_mut(column) {
            *shrinkable = true;
        }
    }

    /// Allows columns to be omitted, in this order, if the table is too wide and cutting does not help.
    pub(crate) fn may_vanish(&mut self, columns: impl IntoIterator<Item = usize>) {
        self.may_vanish.extend(columns);
    }

    /// Allows a column to be cut if nothing else makes the table fit.
    pub(crate) fn shrinks_last(&mut self, column: usize) {
        self.last_to_shrink = Some(column);
    }

    /// Returns whether there is nothing below the header.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// Formats the table. Columns that may vanish are omitted and columns that may shrink are cut, so that it fits
    /// `width`. The last column is not padded.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let mut widths = vec![0; self.shrinkable.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let mut shown: Vec<usize> = (0..widths.len()).collect();
        if let Some(width) = width {
            self.leave_out(&mut shown, &widths, width);
            self.shrink(&shown, &mut widths, width);
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            let columns = shown.iter().copied();
            for (width, cell) in columns.filter_map(|at| Some((widths.get(at)?, row.get(at)?))) {
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

    /// Omits columns until the others can fit, or none may be omitted.
    fn leave_out(&self, shown: &mut Vec<usize>, widths: &[usize], width: usize) {
        for column in &self.may_vanish {
            let least = |at: usize| match (widths.get(at), self.shrinkable.get(at)) {
                (Some(width), Some(true)) => NARROWEST.min(*width),
                (width, _) => width.copied().unwrap_or(0),
            };
            let least: usize = shown.iter().map(|at| least(*at)).sum();
            if least + gaps(shown) <= width {
                return;
            }
            shown.retain(|at| at != column);
        }
    }

    /// Shrinks the widest column that may shrink until the table fits, or no column can shrink further.
    fn shrink(&self, shown: &[usize], widths: &mut [usize], width: usize) {
        loop {
            let total: usize = shown.iter().filter_map(|at| widths.get(*at)).sum();
            let excess = (total + gaps(shown)).saturating_sub(width);
            let wide = |at: &usize| widths.get(*at).is_some_and(|width| *width > NARROWEST);
            let mut candidates: Vec<usize> = shown.iter().copied().filter(wide).collect();
            candidates.retain(|at| self.shrinkable.get(*at) == Some(&true));
            if candidates.is_empty() {
                let last = self.last_to_shrink.filter(wide);
                candidates.extend(last.filter(|at| shown.contains(at)));
            }
            candidates.sort_by_key(|at| std::cmp::Reverse(widths.get(*at).copied()));
            let (Some(widest), true) = (candidates.first(), excess > 0) else {
                return;
            };
            let next = candidates.get(1).and_then(|at| widths.get(*at)).copied();
            if let Some(column) = widths.get_mut(*widest) {
                let floor = next.unwrap_or(NARROWEST).max(NARROWEST).min(*column - 1);
                *column = column.saturating_sub(excess).max(floor);
            }
        }
    }
}

/// Returns the width of the spaces between these columns.
fn gaps(columns: &[usize]) -> usize {
    GAP * columns.len().saturating_sub(1)
}

/// Cuts a text to this width with an ellipsis.
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

/// Returns the width of the terminal at stdout; `None` if stdout is not a terminal.
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
