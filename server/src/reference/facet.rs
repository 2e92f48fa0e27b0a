//! What a text names instead of a buffer: a group, a kind, or a program that data is from.

use std::fmt::{self, Display};

use dcc_mcp_shm::StoreIndex;
use dcc_mcp_shm_view::text::Quoted;

use super::prose::kind_named;
use crate::likeness::fold;

/// A value by which `list_buffers` filters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facet {
    what: &'static str,
    field: &'static str,
    value: String,
}

impl Facet {
    pub(super) fn of(wanted: &str, index: &StoreIndex) -> Option<Self> {
        let facet = |what, field, value: &str| {
            let value = value.to_owned();
            Some(Self { what, field, value })
        };
        if let Some(kind) = kind_named(wanted) {
            return facet("kind", "kind", kind.as_str());
        }
        let wanted = fold(wanted.trim());
        for (_, buffer) in index.buffers() {
            if let Some(group) = buffer.group.as_deref().filter(|group| fold(group) == wanted) {
                return facet("group", "group", group);
            }
            if !wanted.is_empty() && fold(&buffer.source_dcc) == wanted {
                return facet("program", "source_dcc", &buffer.source_dcc);
            }
        }
        None
    }
}

impl Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, field, value } = self;
        let value = Quoted(value);
        write!(
            f,
            "{value} is a {what}: call list_buffers with {value} as `{field}` to see what it has."
        )
    }
}
