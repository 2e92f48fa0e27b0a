//! `keep_buffer`: changes how long a buffer stays that is there already.

use std::fmt::{self, Display};
use std::time::Duration;

use dcc_mcp_shm::{Descriptor, Error};
use dcc_mcp_shm_view::text;
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
    /// Default 0: until deleted.
    ttl_seconds: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Kept {
    id: Uuid,
    #[serde(skip)]
    name: Option<String>,
    #[serde(skip)]
    ttl_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl From<Descriptor> for Kept {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            id: descriptor.id,
            name: descriptor.name,
            ttl_seconds: descriptor.ttl_seconds,
            expires: descriptor.expires,
        }
    }
}

impl Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::labelled([("name", self.name.as_deref())]);
        write!(f, "Buffer {}{name} stays ", self.id)?;
        if self.ttl_seconds > 0.0 {
            write!(f, "for {} s after the last program lets go of it", self.ttl_seconds)?;
        } else {
            write!(f, "until it is deleted")?;
        }
        if let Some(expires) = &self.expires {
            write!(f, ", which is {expires} unless opened")?;
        }
        write!(f, ". It is in memory, so a reboot loses it.")
    }
}

#[tool_router(router = keep_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Keep a buffer",
        description = include_str!("keep_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = false, destructive_hint = false, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Kept>()
    )]
    async fn keep_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let Arguments { buffer, ttl_seconds } = arguments::parse(arguments)?;
        // Only what is meant beyond doubt, because a shorter time to live deletes.
        let found = self.find_exactly("buffer", &buffer, "Nothing was changed.", &context.ct);
        let Found { reference, taken } = found.await?;
        let ttl = Duration::from_secs(ttl_seconds.unwrap_or_default());
        // Not the quick lane, because the store's lock may have to be waited for.
        let kept = self.change(&context, move |store, _| {
            let id = match store.set_ttl(&reference, ttl) {
                Err(Error::WrongRole { found: "pool", .. }) => {
                    return Err(ToolError::argument(
                        "buffer",
                        "it is a pool",
                        "A pool stays until delete_buffer if it was made by create_pool or is `persistent`; any other goes \
                         with the last program that has it open.",
                    ));
                }
                Err(Error::InvalidArgument { argument: "ttl", problem }) => {
                    return Err(ToolError::argument("ttl_seconds", problem, "Correct it and call the tool again."));
                }
                changed => changed?,
            };
            let kept = store.describe(&id.into()).map_err(|error| {
                ToolError::new(
                    format!("Its time to live is changed, and {id} cannot be described: {error}"),
                    "Call read_descriptor with this id.",
                )
            })?;
            Reply(Kept::from(kept)).into_result()
        });
        Taken::told(taken, kept.await)
    }
}
