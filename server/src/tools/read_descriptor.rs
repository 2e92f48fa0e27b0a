//! `read_descriptor`: everything that is known about one buffer, and code that opens it.

use dcc_mcp_shm::{Reference, Store};
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments;
use crate::code::Program;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::{Reply, ToolError};
use crate::report::Described;
use crate::schema;
use crate::state::ShmServer;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: BufferReference,
    /// Program that the code is for; default python.
    r#for: Option<Program>,
}

#[tool_router(router = read_descriptor_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Read a buffer's descriptor",
        description = include_str!("read_descriptor.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Described>()
    )]
    async fn read_descriptor(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let Arguments { buffer, r#for } = arguments::parse(arguments)?;
        let program = r#for.unwrap_or_default();
        let store = self.store().await?;
        // What is kept of an id or a name is answered without another look at what may be meant.
        if let Some(reference) = buffer.as_given()
            && let Some(answer) = self.described().get(&store, &reference, program)
        {
            return Ok(answer);
        }
        let Found { reference, taken } = self.find("buffer", &buffer, &context.ct).await?;
        // No lane is needed, because this opens one file and reads its header, whatever the reference.
        Taken::told(taken, self.descriptor_of(&store, &reference, program))
    }
}

impl ShmServer {
    fn descriptor_of(
        &self,
        store: &Store,
        reference: &Reference,
        program: Program,
    ) -> Result<CallToolResult, ToolError> {
        if let Some(answer) = self.described().get(store, reference, program) {
            return Ok(answer);
        }
        let (descriptor, stamp) = store.describe_stamped(reference)?;
        let answer = Reply(Described::with_code(descriptor, program)?).into_result()?;
        if let Some(stamp) = stamp {
            self.described().keep(stamp, program, answer.clone());
        }
        Ok(answer)
    }
}
