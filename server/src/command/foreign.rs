//! Escapes text of others for a terminal.

use dcc_mcp_shm_view::text;

/// Longest foreign text in a line for people, in bytes of the escaped text.
const FOREIGN_BYTES: usize = 1024;

/// Text of others, cut to [`FOREIGN_BYTES`], with all characters escaped that a terminal would obey or not show.
pub(super) fn foreign(text: &str) -> String {
    text::bounded(text, FOREIGN_BYTES)
}
