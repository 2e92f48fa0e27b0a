//! `delete_buffer`: frees a buffer's memory.

use std::fmt::{self, Display};

use dcc_mcp_shm::FileRole;
use rmcp::model::JsonObject;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arguments::{self, BufferReference};
use crate::handler::ShmServer;
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::text::{self, Bytes};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Buffer to delete: its id, its unique name, or its whole descriptor.
    buffer: BufferReference,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Deleted {
    /// Id of the buffer that is gone.
    id: Uuid,
    /// Name that is free again.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Bytes of memory given back once nobody has the buffer open.
    freed_bytes: u64,
}

impl Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, freed) = (
            text::labelled([("name", self.name.as_deref())]),
            Bytes(self.freed_bytes),
        );
        write!(
            f,
            "Deleted buffer {}{name}. It frees {freed} once nobody has it open.",
            self.id
        )
    }
}

#[tool_router(router = delete_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Delete a shared buffer",
        description = include_str!("delete_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Deleted>()
    )]
    async fn delete_buffer(&self, arguments: JsonObject) -> Result<Reply<Deleted>, ToolError> {
        let Arguments { buffer } = arguments::parse(arguments)?;
        let reference = buffer.resolve("buffer")?;
        // Unlinking costs about 0.2 s for each GiB, and a name is freed under the store's lock.
        self.off_thread(move |store| {
            // A file's role never changes, so what is seen here still holds when it is deleted.
            let descriptor = store.describe(&reference)?;
            if matches!(descriptor.role, FileRole::Slot | FileRole::Pool) {
                return Err(ToolError::argument(
                    "buffer",
                    "it is a pool or one of its slots",
                    "A pool goes when the programs that use it close it; pool_status shows who has slots.",
                ));
            }
            store.delete(&reference)?;
            Ok(Reply(Deleted {
                id: descriptor.id,
                name: descriptor.name,
                freed_bytes: descriptor.capacity,
            }))
        })
        .await
    }
}
