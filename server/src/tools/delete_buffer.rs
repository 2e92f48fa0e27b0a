//! `delete_buffer`: frees a buffer's memory.

use std::fmt::{self, Display};

use dcc_mcp_shm::Error;
use dcc_mcp_shm_view::text::{self, Bytes};
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arguments;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::state::ShmServer;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: BufferReference,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Deleted {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Free again.
    freed_bytes: u64,
    /// In use until programs let go of it.
    pending_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
}

impl Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::labelled([("name", self.name.as_deref())]);
        let are = |bytes| if bytes == 1 { "is" } else { "are" };
        let (freed, pending) = (self.freed_bytes, self.pending_bytes);
        write!(f, "Deleted {}{name}. {} {} free.", self.id, Bytes(freed), are(freed))?;
        match &self.held_by {
            Some(held_by) => write!(f, " {} {} still in use: {held_by}.", Bytes(pending), are(pending)),
            None => Ok(()),
        }
    }
}

#[tool_router(router = delete_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Delete a shared buffer or pool",
        description = include_str!("delete_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Deleted>()
    )]
    async fn delete_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let Arguments { buffer } = arguments::parse(arguments)?;
        let found = self.find_exactly("buffer", &buffer, "Nothing was deleted.", &context.ct);
        let Found { reference, taken } = found.await?;
        // Unlinking costs about 0.2 s for each GiB, and a name is freed under the store's lock.
        let deleted = self.change(&context, move |store, _| match store.delete(&reference) {
            Ok(deleted) => Reply(Deleted {
                id: deleted.id,
                name: deleted.name,
                freed_bytes: deleted.freed_bytes,
                pending_bytes: deleted.pending_bytes,
                held_by: (deleted.pending_bytes > 0).then(|| deleted.held_by.to_string()),
            })
            .into_result(),
            Err(Error::WrongRole { .. }) => Err(ToolError::argument(
                "buffer",
                "it is a slot of a pool",
                "Slots go with their pool: delete that, by its id in pool_status.",
            )),
            Err(error) => Err(error.into()),
        });
        Taken::told(taken, deleted.await)
    }
}
