//! Completion of what a person types into a prompt's argument or a resource's address.

use dcc_mcp_shm::{StoreIndex, visible};
use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use crate::address::{BUFFERS, POOLS};
use crate::prompts::{DCCS, SHARE_SELECTION};

/// An argument that can be completed.
pub(crate) enum Completed {
    Dcc,
    Buffer,
    Pool,
}

impl Completed {
    /// `None` if the request is about an argument that cannot be completed.
    pub(crate) fn of(request: &CompleteRequestParams) -> Option<Self> {
        match (&request.r#ref, request.argument.name.as_str()) {
            (Reference::Prompt(prompt), "dcc") if prompt.name == SHARE_SELECTION => Some(Self::Dcc),
            (Reference::Resource(template), "id") if template.uri == BUFFERS => Some(Self::Buffer),
            (Reference::Resource(template), "name") if template.uri == POOLS => Some(Self::Pool),
            _ => None,
        }
    }

    /// The candidates that begin as `typed` does: names before ids, and newer buffers before older ones.
    pub(crate) fn propose(&self, index: &StoreIndex, typed: &str) -> CompletionInfo {
        // Candidates and `typed` are compared as they are shown, so a hidden character may be typed as it is or as its
        // escape.
        let shown = |text: &str| visible(text).to_lowercase();
        let typed = shown(typed);
        let begins = |candidate: &String| shown(candidate).starts_with(&typed);
        match self {
            Self::Dcc => info(DCCS.map(str::to_owned).into_iter().filter(begins)),
            Self::Buffer => {
                let names = index.buffers().filter_map(|(_, buffer)| buffer.name.clone());
                let ids = index.buffers().map(|(position, _)| position.id().to_string());
                info(names.chain(ids).filter(begins))
            }
            Self::Pool => {
                let names = index.pools().filter_map(|(_, name)| name.map(str::to_owned));
                let ids = index.pools().map(|(id, _)| id.to_string());
                info(names.chain(ids).filter(begins))
            }
        }
    }
}

fn info(candidates: impl Iterator<Item = String>) -> CompletionInfo {
    let mut values: Vec<String> = candidates.collect();
    let total = u32::try_from(values.len()).ok();
    let has_more = values.len() > CompletionInfo::MAX_VALUES;
    values.truncate(CompletionInfo::MAX_VALUES);
    CompletionInfo::with_pagination(values, total, has_more).unwrap_or_default()
}
