//! The terminal that people look at, if stdout is one.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::platform::window_size;

pub(super) const TITLE: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Columns and lines of the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

impl Window {
    /// The one that stdout is, if that is one and knows its size.
    pub(super) fn of_stdout() -> Option<Self> {
        window_size().map(|(columns, lines)| Self { columns, lines })
    }
}

/// Columns of the window that stdout is.
pub(super) fn columns() -> Option<usize> {
    Window::of_stdout().map(|window| window.columns)
}

/// Prints text with colours, which only a terminal gets that is not asked to do without (`NO_COLOR`).
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
