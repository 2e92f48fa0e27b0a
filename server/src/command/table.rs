//! Tables for a terminal. A column is as wide as its widest cell, unless the window is too narrow.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::terminal::TITLE;

/// The text between two columns.
const GAP: &str = "  ";
/// Least width to which a column that gives way is narrowed.
const NARROWEST: usize = 6;

/// The title of a column, and how its cells are set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    is_number: bool,
    gives_way: bool,
}

impl Column {
    /// A column of text that is always shown whole.
    pub(super) const fn text(title: &'static str) -> Self {
        Self {
            title,
            is_number: false,
            gives_way: false,
        }
    }

    /// A column of numbers, which are set to the right and always shown whole.
    pub(super) const fn number(title: &'static str) -> Self {
        Self {
            is_number: true,
            ..Self::text(title)
        }
    }

    /// A column of text that is shortened if the window is narrow.
    pub(super) const fn long(title: &'static str) -> Self {
        Self {
            gives_way: true,
            ..Self::text(title)
        }
    }
}

/// The content of one place in a table. Its maker has escaped all that a terminal would obey.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::styled(text, Style::new())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// The lines of a table: its titles, then one for each row. No line is longer than `window`, if that is given.
pub(super) fn lines<const N: usize>(columns: &[Column; N], rows: &[[Cell; N]], window: Option<usize>) -> Vec<String> {
    let titles = columns.map(|column| Cell::styled(column.title, TITLE));
    let all = || std::iter::once(&titles).chain(rows);
    let mut widths = std::array::from_fn(|n| all().map(|row| row[n].text.width()).max().unwrap_or_default());
    if let Some(window) = window {
        fit(columns, &mut widths, window);
    }
    all().map(|row| line(columns, row, &widths, window)).collect()
}

/// Narrows the widest of the columns that give way, again and again, until all columns fit or none can give more.
fn fit<const N: usize>(columns: &[Column; N], widths: &mut [usize; N], window: usize) {
    let gaps = GAP.len() * (N - 1);
    while widths.iter().sum::<usize>() + gaps > window {
        let giving = (0..N).filter(|&n| columns[n].gives_way && widths[n] > NARROWEST);
        let Some(widest) = giving.max_by_key(|&n| widths[n]) else {
            break;
        };
        widths[widest] -= 1;
    }
}

fn line<const N: usize>(columns: &[Column; N], row: &[Cell; N], widths: &[usize; N], window: Option<usize>) -> String {
    let mut line = String::new();
    // If the columns are still too wide, the end of the line is not shown.
    let mut room = window.unwrap_or(usize::MAX);
    for (n, (column, Cell { text, style })) in columns.iter().zip(row).enumerate() {
        let gap = if n == 0 { "" } else { GAP };
        let width = widths[n].min(room.saturating_sub(gap.len()));
        if width == 0 {
            break;
        }
        room -= gap.len() + width;
        let shown = shortened(text, width);
        let padding = width - shown.width();
        let (before, after) = if column.is_number { (padding, 0) } else { (0, padding) };
        line.push_str(gap);
        line.extend(std::iter::repeat_n(' ', before));
        // Writing to a String cannot fail.
        let _ = write!(line, "{style}{shown}{style:#}");
        line.extend(std::iter::repeat_n(' ', after));
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text in at most `width` columns of the terminal. If its end is missing, an ellipsis says so.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(mut room) = width.checked_sub(1) else {
        return String::new();
    };
    let mut shown = String::new();
    for c in text.chars() {
        let Some(left) = room.checked_sub(c.width().unwrap_or_default()) else {
            break;
        };
        room = left;
        shown.push(c);
    }
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [Column::text("ID"), Column::long("NAME"), Column::number("SIZE")];

    fn shown(rows: &[[&str; 3]], window: Option<usize>) -> Vec<String> {
        let rows: Vec<_> = rows.iter().map(|row| row.map(Cell::from)).collect();
        let lines = lines(&COLUMNS, &rows, window);
        lines
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect()
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let table = shown(&[["a", "hero", "12"], ["bcd", "頭", "3"]], None);
        assert_eq!(table, ["ID   NAME  SIZE", "a    hero    12", "bcd  頭       3"]);
    }

    #[test]
    fn only_what_may_is_shortened_and_wide_characters_count_twice() {
        let table = shown(&[["abc", "頭頭頭頭頭頭頭頭", "12345"]], Some(20));
        assert_eq!(
            table,
            ["ID   NAME       SIZE", "abc  頭頭頭…   12345"].map(str::to_owned)
        );
    }

    #[test]
    fn no_line_is_longer_than_the_window() {
        let rows = [
            ["abcdefgh", "a long name of a buffer", "123456 GiB"],
            ["a", "頭頭頭頭頭頭", "1"],
        ];
        for window in 0..60 {
            for line in shown(&rows, Some(window)) {
                assert!(line.width() <= window, "{window}: {line:?}");
            }
        }
    }
}
