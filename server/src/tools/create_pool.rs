//! `create_pool`: slots that programs acquire and give back, made once.

use std::fmt::{self, Display};

use dcc_mcp_shm::{BufferOptions, BufferPool, MAX_SLOTS, SceneDataKind};
use rmcp::model::JsonObject;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::handler::ShmServer;
use crate::reply::{Reply, ToolError};
use crate::text::{self, Bytes};
use crate::{arguments, python, schema};

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
    /// What it is a part of.
    group: Option<String>,
}

impl Arguments {
    fn options(&self) -> BufferOptions {
        // Nobody has it open when this call ends, and a pool that is not persistent goes then.
        let mut options = BufferOptions::new(self.kind.unwrap_or_default())
            .persistent(true)
            .replace(self.replace.unwrap_or_default());
        if let Some(name) = &self.name {
            options = options.name(name.clone());
        }
        if let Some(group) = &self.group {
            options = options.group(group.clone());
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
}

impl Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, name) = (self.id, text::labelled([("name", self.name.as_deref())]));
        let (slots, each) = (text::count(self.slots, "slot"), Bytes(self.buffer_size));
        write!(f, "Created pool {id}{name}: {slots}, {each} each, until deleted.")?;
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
    async fn create_pool(&self, arguments: JsonObject) -> Result<Reply<Created>, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        // Reserving memory costs up to 0.3 s for each GiB.
        self.off_thread(move |store| {
            let pool = BufferPool::create(store, arguments.slots, arguments.buffer_size, &arguments.options())?;
            Ok(Reply(Created {
                id: pool.id(),
                name: arguments.name,
                slots: pool.capacity(),
                buffer_size: pool.buffer_size(),
                code: python::pool_code(store, pool.id()),
            }))
        })
        .await
    }
}
