//! `list_buffers`: what is in the store, one bounded page at a time.

use std::fmt::{self, Display};

use dcc_mcp_shm::{BufferState, DamagedFile, Descriptor, Listing, SceneDataKind};
use rmcp::model::JsonObject;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arguments;
use crate::cursor::Position;
use crate::handler::ShmServer;
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::text::{self, Bytes};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;
/// A page ends early when it has this much text in it: names may be long, and clients put away 50,000 characters.
const MAX_PAGE_BYTES: usize = 20_000;
/// What an entry has besides its texts, about.
const ENTRY_BYTES: usize = 200;
/// Damaged files whose problem is told.
const MAX_DAMAGED: usize = 5;
const MAX_PROBLEM_BYTES: usize = 160;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Only buffers of this kind.
    kind: Option<SceneDataKind>,
    /// Only buffers written by this program, such as `Blender`; case does not matter.
    source_dcc: Option<String>,
    /// Only buffers of this group.
    group: Option<String>,
    /// Only buffers whose name contains this text; case does not matter.
    name: Option<String>,
    /// Most buffers to return; 50 if left out.
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    limit: Option<usize>,
    /// `next_cursor` of the previous result, to continue after it.
    cursor: Option<String>,
}

impl Arguments {
    fn selects(&self, buffer: &Descriptor) -> bool {
        let matches = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        let name = buffer.name.as_deref().unwrap_or_default().to_lowercase();
        self.kind.is_none_or(|kind| buffer.kind == kind)
            && matches(&self.source_dcc, &|dcc| {
                buffer.source_dcc.to_lowercase() == dcc.to_lowercase()
            })
            && matches(&self.group, &|group| buffer.group.as_deref() == Some(group))
            && matches(&self.name, &|part| name.contains(&part.to_lowercase()))
    }

    fn limit(&self) -> Result<usize, ToolError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) {
            return Ok(limit);
        }
        let problem = format!("{limit} is not between 1 and {MAX_LIMIT}");
        let advice = "Use `cursor` to see more than one page.";
        Err(ToolError::argument("limit", problem, advice))
    }
}

/// A buffer in a listing.
#[derive(Debug, Serialize, JsonSchema)]
struct Listed {
    /// Id, for the other tools.
    id: Uuid,
    /// Name, unique in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What the data is.
    kind: SceneDataKind,
    /// Program that wrote the data.
    #[serde(skip_serializing_if = "String::is_empty")]
    source_dcc: String,
    /// Scene or set that the buffer is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Whether the data can change.
    state: BufferState,
    /// Size of the data in bytes, before compression.
    size_bytes: u64,
    /// When the buffer was made: RFC 3339, UTC.
    created_at: String,
}

impl Listed {
    fn text_bytes(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        of(&self.name) + of(&self.group) + self.source_dcc.len()
    }
}

impl From<Descriptor> for Listed {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            id: descriptor.id,
            name: descriptor.name,
            kind: descriptor.kind,
            source_dcc: descriptor.source_dcc,
            group: descriptor.group,
            state: descriptor.state,
            size_bytes: descriptor.size_bytes,
            created_at: descriptor.created_at,
        }
    }
}

/// A file that has a buffer's name and is none.
#[derive(Debug, Serialize, JsonSchema)]
struct Damaged {
    /// Name of the file in the store's directory.
    file: String,
    /// What is wrong with it.
    problem: String,
}

impl From<DamagedFile> for Damaged {
    fn from(damaged: DamagedFile) -> Self {
        let file = damaged.path.file_name().unwrap_or_default().to_string_lossy();
        Self {
            file: file.into_owned(),
            problem: text::bounded(&damaged.problem, MAX_PROBLEM_BYTES),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Page {
    /// Buffers of this page, newest first.
    buffers: Vec<Listed>,
    /// Number of all buffers that match, on this page or not.
    total_count: usize,
    /// Bytes of data in all buffers that match.
    total_bytes: u64,
    /// Pass as `cursor` to continue; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Number of files in the store that are damaged, so that no buffer can be read from them.
    damaged_count: usize,
    /// Some of the damaged files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<Damaged>,
}

impl Page {
    fn select(listing: Listing, arguments: &Arguments) -> Result<Self, ToolError> {
        let limit = arguments.limit()?;
        let after = arguments.cursor.as_deref().map(Position::from_cursor).transpose()?;
        let mut found = listing.buffers;
        found.retain(|buffer| arguments.selects(buffer));
        let total_count = found.len();
        // Sizes are what headers say.
        let total_bytes = found
            .iter()
            .fold(0, |sum: u64, buffer| sum.saturating_add(buffer.size_bytes));
        let is_new = |buffer: &Descriptor| {
            let position = Position::of(&buffer.created_at, buffer.id);
            after.as_ref().is_none_or(|after| position > *after)
        };
        let mut rest = found.into_iter().filter(is_new).map(Listed::from).peekable();
        let (mut buffers, mut room) = (Vec::new(), MAX_PAGE_BYTES);
        while buffers.len() < limit
            && let Some(next) = rest.next_if(|next| buffers.is_empty() || ENTRY_BYTES + next.text_bytes() <= room)
        {
            room = room.saturating_sub(ENTRY_BYTES + next.text_bytes());
            buffers.push(next);
        }
        let last = buffers.last().filter(|_| rest.peek().is_some());
        let next_cursor = last.map(|last| Position::of(&last.created_at, last.id).to_cursor());
        let damaged_count = listing.damaged.len();
        Ok(Self {
            total_count,
            total_bytes,
            next_cursor,
            damaged_count,
            damaged: listing.damaged.into_iter().take(MAX_DAMAGED).map(Into::into).collect(),
            buffers,
        })
    }
}

impl Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total_count == 0 {
            f.write_str("No buffers match. A DCC has to publish one, or call create_buffer.")?;
        } else {
            let (all, bytes) = (text::count(self.total_count, "buffer"), Bytes(self.total_bytes));
            let shown = self.buffers.len();
            write!(f, "{all}, {bytes} in all; {shown} shown, newest first")?;
        }
        for buffer in &self.buffers {
            let texts = text::labelled([
                ("name", buffer.name.as_deref()),
                ("from", Some(&buffer.source_dcc)),
                ("group", buffer.group.as_deref()),
            ]);
            let (id, kind, state) = (buffer.id, buffer.kind.as_str(), buffer.state.as_str());
            let (size, created_at) = (Bytes(buffer.size_bytes), &buffer.created_at);
            write!(f, "\n- {id}{texts}: {kind}, {state}, {size}, created {created_at}")?;
        }
        if let Some(cursor) = &self.next_cursor {
            write!(f, "\nMore follow: call list_buffers with cursor {cursor:?}.")?;
        }
        if self.damaged_count > 0 {
            let files = text::count(self.damaged_count, "damaged file");
            write!(f, "\nBesides, there is no reading {files}:")?;
        }
        for Damaged { file, problem } in &self.damaged {
            write!(f, "\n- {file}: {problem}")?;
        }
        Ok(())
    }
}

#[tool_router(router = list_buffers_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "List shared buffers",
        description = include_str!("list_buffers.md").trim_ascii_end(),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Page>()
    )]
    async fn list_buffers(&self, arguments: JsonObject) -> Result<Reply<Page>, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        // A store of 10,000 buffers takes tens of milliseconds to read.
        self.off_thread(move |store| Page::select(store.list()?, &arguments).map(Reply))
            .await
    }
}
