//! `list_buffers`: what is in the store, one bounded page at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use dcc_mcp_shm::{
    BufferFilter, Descriptor, FileRole, ListPosition, NameFilter, Reference, SceneDataKind, Store, StoreIndex,
};
use dcc_mcp_shm_view::text::{self, Bytes};
use rmcp::model::JsonObject;
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arguments;
use crate::cursor::{Seen, from_cursor, to_cursor};
use crate::listed::{Listed, is_zero, keeping};
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::state::ShmServer;
use crate::unmatched;

const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 100;
/// Damaged files whose problem is told.
const MAX_DAMAGED: usize = 5;
const MAX_PROBLEM_BYTES: usize = 160;
/// How often a name is followed to the buffer that has it now, as another may take it over meanwhile.
const MOST_MOVES: usize = 64;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Only this kind.
    kind: Option<SceneDataKind>,
    /// Only from this program, such as `Blender`.
    source_dcc: Option<String>,
    /// Only of this group.
    group: Option<String>,
    /// Only names that contain this.
    name: Option<String>,
    /// Most buffers to return; default 25.
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    limit: Option<usize>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

impl Arguments {
    fn limit(&self) -> Result<usize, ToolError> {
        arguments::within("limit", self.limit.unwrap_or(DEFAULT_LIMIT), 1..=MAX_LIMIT)
    }

    fn into_filter(self) -> BufferFilter {
        BufferFilter {
            kind: self.kind,
            source_dcc: self.source_dcc,
            group: self.group,
            name: self.name.map(NameFilter::Contains),
        }
    }
}

/// A file that has a buffer's name and is none.
#[derive(Debug, Serialize)]
struct Damaged {
    id: Uuid,
    problem: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Page {
    /// Newest first.
    buffers: Vec<Listed>,
    /// On all pages.
    total_count: usize,
    /// Memory that they take.
    total_bytes: u64,
    /// Where none match: filters that nothing has, and what is near. Not in the schema, which has no room for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    unmatched: Vec<String>,
    /// All in the store, whatever the filters.
    #[serde(skip)]
    in_store: usize,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// For `wait_for_buffer`.
    wait_cursor: String,
    /// Files that cannot be read.
    damaged_count: usize,
    /// Some: id (which deletes it), problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    damaged: Vec<Damaged>,
    #[serde(skip_serializing_if = "is_zero")]
    newer_files: usize,
    /// Whether this server offers `keep_buffer`.
    #[serde(skip)]
    can_keep: bool,
}

impl Page {
    fn select(store: &Store, index: &StoreIndex, arguments: Arguments, mut room: usize) -> Result<Self, ToolError> {
        let limit = arguments.limit()?;
        let after = arguments.cursor.as_deref().map(from_cursor).transpose()?.flatten();
        let filter = arguments.into_filter();
        let (mut total_count, mut total_bytes, mut rest) = (0, 0_u64, Vec::new());
        for (position, summary) in index.buffers().filter(|(_, summary)| filter.matches(summary)) {
            total_count += 1;
            // Sizes are what headers say.
            total_bytes = total_bytes.saturating_add(summary.capacity);
            if rest.len() <= limit && after.as_ref().is_none_or(|after| position > after) {
                rest.push(position);
            }
        }
        // Unless the page ends early, it ends with the last of these, which may be gone by now.
        let mut next_cursor = rest.get(limit).and(rest.get(limit - 1)).map(|last| to_cursor(last));
        rest.truncate(limit);
        let (mut buffers, mut last, holders) = (Vec::new(), None, store.holders());
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for position in rest {
            // State, holders and expiry are those of this moment.
            let Some(descriptor) = described(store, index, position, &filter)? else {
                continue;
            };
            // Two of them may have one name, one after the other.
            let is_again = descriptor.name.as_ref().is_some_and(|name| !names.insert(name.clone()));
            if is_again || !ids.insert(descriptor.id) {
                continue;
            }
            let listed = Listed::new(descriptor, &holders);
            if let Some(last) = last
                && listed.weight() > room
            {
                next_cursor = Some(to_cursor(last));
                break;
            }
            room = room.saturating_sub(listed.weight());
            last = Some(position);
            buffers.push(listed);
        }
        let damaged: BTreeMap<_, _> = index.damaged().collect();
        Ok(Self {
            buffers,
            total_count,
            total_bytes,
            unmatched: if total_count == 0 {
                unmatched::reasons(&filter, index)
            } else {
                Vec::new()
            },
            in_store: index.buffers().len(),
            next_cursor,
            wait_cursor: Seen::all(index)?.to_cursor(),
            damaged_count: damaged.len(),
            damaged: damaged
                .into_iter()
                .take(MAX_DAMAGED)
                .map(|(id, problem)| Damaged {
                    id,
                    problem: text::bounded(problem, MAX_PROBLEM_BYTES),
                })
                .collect(),
            newer_files: index.newer().count(),
            can_keep: false,
        })
    }
}

/// A buffer of the index as it is now. Where another has taken its name over since, that one is described in its place, so that no
/// name is missing that is there all the time.
fn described(
    store: &Store,
    index: &StoreIndex,
    position: &ListPosition,
    filter: &BufferFilter,
) -> Result<Option<Descriptor>, ToolError> {
    let described = match store.describe(&position.id().into()) {
        // It is gone since the index was read.
        Err(error) if error.is_conclusive() => None,
        described => Some(described?),
    };
    let summary = index.buffer(position.id()).map(|(_, summary)| summary);
    let Some(name) = summary.and_then(|summary| summary.name.clone()) else {
        // One that is about to have its name is listed by the name, which leads to another one until then.
        let lacks_its_name = summary.is_some_and(|summary| summary.lacks_its_name);
        return Ok(described.filter(|descriptor| !lacks_its_name || descriptor.name.is_some()));
    };
    if described.as_ref().is_some_and(|descriptor| descriptor.name.is_some()) {
        return Ok(described);
    }
    let reference = Reference::Name(name);
    for _ in 0..MOST_MOVES {
        let named = match store.describe(&reference) {
            // The name is gone with the buffer.
            Err(error) if error.is_conclusive() => return Ok(described),
            named => named?,
        };
        // Without its name, it has lost it to yet another one meanwhile.
        if named.name.is_some() {
            let is_listed = matches!(named.role, FileRole::Buffer | FileRole::Scene);
            return Ok(Some(named).filter(|named| is_listed && filter.matches_described(named)));
        }
    }
    Ok(described)
}

impl Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total_count == 0 && self.in_store == 0 {
            f.write_str("The store has no buffers. A DCC has to publish one: wait_for_buffer waits for it.")?;
        } else if self.total_count == 0 {
            let others = text::count(self.in_store, "other");
            write!(
                f,
                "No buffers match, and there are {others}. {}",
                self.unmatched.join(" ")
            )?;
            if self.unmatched.is_empty() {
                f.write_str("Each filter alone matches some: leave one out.")?;
            }
        } else {
            let (all, bytes) = (text::count(self.total_count, "buffer"), Bytes(self.total_bytes));
            let shown = self.buffers.len();
            write!(f, "{all}, {bytes:#}")?;
            if shown < self.total_count {
                write!(f, "; {shown} shown, newest first")?;
            }
            if let Some(keeping) = keeping(&self.buffers, self.can_keep) {
                write!(f, "; {keeping}")?;
            }
        }
        self.buffers.iter().try_for_each(|buffer| write!(f, "\n{buffer}"))?;
        if let Some(cursor) = &self.next_cursor {
            write!(f, "\nMore follow: call list_buffers with cursor {cursor:?}.")?;
        }
        if self.damaged_count > 0 {
            let files = text::count(self.damaged_count, "damaged file");
            write!(f, "\nBesides, there is no reading {files}:")?;
        }
        for Damaged { id, problem } in &self.damaged {
            write!(f, "\n- {id}: {problem}")?;
        }
        if self.newer_files > 0 {
            let files = text::count(self.newer_files, "file");
            write!(
                f,
                "\nA newer dcc-mcp-shm than this server made {files}; tell the user to update it."
            )?;
        }
        write!(f, "\nwait_cursor {:?}", self.wait_cursor)
    }
}

#[tool_router(router = list_buffers_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "List shared buffers",
        description = include_str!("list_buffers.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Page>()
    )]
    async fn list_buffers(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply<Page>, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        let (room, can_keep) = (self.settings().result_bytes, !self.settings().read_only);
        self.index(&context.ct, move |store, index| {
            let page = Page::select(store, index, arguments, room)?;
            Ok(Reply(Page { can_keep, ..page }))
        })
        .await
    }
}
