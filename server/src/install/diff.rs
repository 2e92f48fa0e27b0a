//! Shows a change to people, as a unified diff.

use std::fmt::Write as _;
use std::path::Path;

use dcc_mcp_shm_view::text::bounded;
use similar::TextDiff;

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// Longest line shown, in bytes. There is a limit because some programs write all their configuration on one line.
const LINE_BYTES: usize = 200;

/// The difference. All that a terminal would obey is escaped, because other programs write the file too.
pub(super) fn unified(path: &Path, is_new: bool, old: &str, new: &str) -> String {
    let shown_path = path.display().to_string();
    let mut text = format!(
        "--- {shown_path}{}\n+++ {shown_path}\n",
        if is_new { " (new)" } else { "" }
    );
    let diff = TextDiff::from_lines(old, new);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches(['\r', '\n']);
            let content = line.trim_start_matches('\t');
            let tabs = &line[..line.len() - content.len()];
            let _ = writeln!(text, "{}{tabs}{}", change.tag(), bounded(content, LINE_BYTES));
        }
    }
    text
}
