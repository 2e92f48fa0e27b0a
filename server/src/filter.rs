//! Which buffers an agent looks for.

use dcc_mcp_shm::{SceneDataKind, Summary, visible};

/// What a buffer must have; all of it. Case matters for the group alone.
///
/// Exporters say which Blender it was, so a program is found by how its name begins: "Blender" finds "Blender 5.0.1".
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) kind: Option<SceneDataKind>,
    pub(crate) source_dcc: Option<String>,
    pub(crate) group: Option<String>,
    /// A part of the name.
    pub(crate) name: Option<String>,
}

impl Filter {
    pub(crate) fn matches(&self, buffer: &Summary) -> bool {
        let holds = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        self.kind.is_none_or(|kind| buffer.kind == kind)
            && holds(&self.source_dcc, &|dcc| {
                comparable(&buffer.source_dcc).starts_with(&comparable(dcc))
            })
            && holds(&self.group, &|group| {
                buffer.group.as_deref().map(visible) == Some(visible(group))
            })
            && holds(&self.name, &|part| {
                let name = buffer.name.as_deref().unwrap_or_default();
                comparable(name).contains(&comparable(part))
            })
    }
}

/// A text as it is shown and found, whichever way it was spelled.
fn comparable(text: &str) -> String {
    visible(text).to_lowercase()
}
