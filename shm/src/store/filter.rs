//! Which buffers and scenes are looked for.

use super::Summary;
use super::name_pattern::is_like;
use crate::format::{Descriptor, SceneDataKind};
use crate::text::visible;

/// What a name has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameFilter {
    /// Exactly this.
    Is(String),
    /// Any that contains this, whatever the case, with hidden characters spelled as [`visible`] does.
    Contains(String),
    /// Any that has this form: `*` stands for any text, `?` for any one character. Case matters, and hidden characters are spelled
    /// as [`visible`] does.
    Like(String),
}

/// Which buffers and scenes are looked for: those for which everything that is set is true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BufferFilter {
    /// What the data is.
    pub kind: Option<SceneDataKind>,
    /// How the name of the program that wrote the data begins, whatever the case. Exporters say which version it was, so
    /// "Blender" finds "Blender 5.0.1".
    pub source_dcc: Option<String>,
    /// The name.
    pub name: Option<NameFilter>,
    /// The group, in which case matters, with hidden characters as they are or spelled as [`visible`] does.
    pub group: Option<String>,
}

impl BufferFilter {
    /// Whether a buffer has all of what is set.
    pub fn matches(&self, buffer: &Summary) -> bool {
        let (name, group) = (buffer.name.as_deref(), buffer.group.as_deref());
        self.matches_facts(buffer.kind, &buffer.source_dcc, name, group)
    }

    /// Whether a buffer that was described has all of what is set.
    pub fn matches_described(&self, buffer: &Descriptor) -> bool {
        let (name, group) = (buffer.name.as_deref(), buffer.group.as_deref());
        self.matches_facts(buffer.kind, &buffer.source_dcc, name, group)
    }

    fn matches_facts(&self, kind: SceneDataKind, source_dcc: &str, name: Option<&str>, group: Option<&str>) -> bool {
        self.kind.is_none_or(|wanted| kind == wanted)
            && self
                .source_dcc
                .as_deref()
                .is_none_or(|program| comparable(source_dcc).starts_with(&comparable(program)))
            && self.name.as_ref().is_none_or(|wanted| match wanted {
                NameFilter::Is(wanted) => name == Some(wanted),
                NameFilter::Contains(part) => comparable(name.unwrap_or_default()).contains(&comparable(part)),
                NameFilter::Like(pattern) => name.is_some_and(|name| is_like(&visible(name), &visible(pattern))),
            })
            && self
                .group
                .as_deref()
                .is_none_or(|wanted| group.map(visible) == Some(visible(wanted)))
    }
}

/// A text as it is shown, whichever way its hidden characters and its case were spelled.
fn comparable(text: &str) -> String {
    visible(text).to_lowercase()
}
