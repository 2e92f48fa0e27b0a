//! Text of others at a terminal.

use dcc_mcp_shm_view::text;

/// Longest foreign text in a line for people, in bytes as it is shown.
const FOREIGN_BYTES: usize = 1024;

/// Text of others as a terminal may have it: nothing in it is obeyed or unseen.
pub(super) fn foreign(text: &str) -> String {
    text::bounded(text, FOREIGN_BYTES)
}
