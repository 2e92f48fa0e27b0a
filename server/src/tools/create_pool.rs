//! `create_pool`: slots that programs acquire and give back, made once.

use std::fmt::{self, Display};

use dcc_mcp_shm::{BufferOptions, BufferPool, MAX_SLOTS, SceneDataKind, Store};
use dcc_mcp_shm_view::text::{self, Bytes};
use rmcp::model::JsonObject;
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::create_buffer::{NAMELESS, take_blank};
use crate::reply::{Reply, ToolError};
use crate::spelling::given;
use crate::state::ShmServer;
use crate::work::Work;
use crate::{arguments, code, schema};

const MAX_BUFFER_SIZE: u64 = i64::MAX.unsigned_abs();

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// How many.
    #[schemars(range(min = 1, max = MAX_SLOTS))]
    slots: usize,
    /// Bytes of each.
    #[schemars(range(min = 1))]
    buffer_size: u64,
    /// Unique in the store.
    name: Option<String>,
    /// Take the name over; what has it is deleted.
    replace: Option<bool>,
    /// Default Arbitrary.
    kind: Option<SceneDataKind>,
    /// Program that fills it.
    source_dcc: Option<String>,
    /// What it is a part of.
    group: Option<String>,
    /// Facts on each slot, such as width.
    attrs: Option<JsonObject>,
}

impl Arguments {
    fn create(mut self, store: &Store, work: &Work) -> Result<Created, ToolError> {
        let is_nameless = take_blank(&mut self.name);
        let slots = arguments::within("slots", self.slots, 1..=MAX_SLOTS)?;
        let buffer_size = arguments::within("buffer_size", self.buffer_size, 1..=MAX_BUFFER_SIZE)?;
        let pool = BufferPool::create(store, slots, buffer_size, &self.options())?;
        // The client has cancelled the call, so nobody would ever be told of the pool.
        if let Err(cancelled) = work.go_on() {
            pool.unlink()?;
            return Err(cancelled);
        }
        Ok(Created {
            id: pool.id(),
            name: self.name.map(given),
            slots,
            buffer_size,
            code: code::pool(store, pool.id()),
            is_nameless,
        })
    }

    fn options(&self) -> BufferOptions {
        // The pool is persistent, because nobody has it open when this call ends, and a pool that is not persistent
        // would be removed then.
        let mut options = BufferOptions::new(self.kind.unwrap_or_default())
            .source_dcc(given(self.source_dcc.clone().unwrap_or_default()))
            .attrs(self.attrs.clone().unwrap_or_default())
            .persistent(true)
            .replace(self.replace.unwrap_or_default());
        if let Some(name) = self.name.clone() {
            options = options.name(given(name));
        }
        if let Some(group) = self.group.clone() {
            options = options.group(given(group));
        }
        options
    }
}

/// A new pool.
#[derive(Debug, Serialize, JsonSchema)]
struct Created {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    slots: usize,
    buffer_size: u64,
    /// Python that acquires a slot, with dcc_mcp_shm.
    code: String,
    /// Whether a name was given and has nothing in it.
    #[serde(skip)]
    is_nameless: bool,
}

impl Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, name) = (self.id, text::labelled([("name", self.name.as_deref())]));
        let (slots, each) = (text::count(self.slots, "slot"), Bytes(self.buffer_size));
        write!(f, "Created pool {id}{name}: {slots}, {each} each, until deleted.")?;
        if self.is_nameless {
            f.write_str(NAMELESS)?;
        }
        write!(f, "\n\n```python\n{}\n```", self.code)
    }
}

#[tool_router(router = create_pool_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Create a pool of buffers",
        description = include_str!("create_pool.md").trim_ascii_end(),
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = false, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Created>()
    )]
    async fn create_pool(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply<Created>, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        // This lane is not the quick one, because reserving memory costs up to 0.3 s for each GiB.
        self.change(&context, move |store, work| arguments.create(store, work).map(Reply))
            .await
    }
}
