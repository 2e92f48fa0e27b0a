//! `describe_buffer`: what is in a buffer, without reading it into the model's context.

use dcc_mcp_shm::{DataReader, Error};
use rmcp::model::JsonObject;
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::{self, BufferReference};
use crate::contents::{Contents, MAX_ARRAYS};
use crate::handler::ShmServer;
use crate::look::look;
use crate::reply::{Reply, ToolError};
use crate::schema;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Buffer to look at: its id, its unique name, or its whole descriptor.
    buffer: BufferReference,
    /// Names of the arrays to look at, 16 at most; the first 16 if left out.
    #[schemars(length(max = MAX_ARRAYS))]
    arrays: Option<Vec<String>>,
}

/// Refuses names that the buffer's arrays do not have.
fn check_names(reader: &DataReader, names: &[String]) -> Result<(), Error> {
    let arrays = reader.arrays();
    match names.iter().find(|name| !arrays.contains_key(*name)) {
        None => Ok(()),
        Some(unknown) => Err(Error::NoSuchArray {
            id: reader.descriptor().id,
            name: unknown.clone(),
            available: arrays.keys().cloned().collect(),
        }),
    }
}

#[tool_router(router = describe_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Describe a buffer's data",
        description = include_str!("describe_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Contents>()
    )]
    async fn describe_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply<Contents>, ToolError> {
        let Arguments { buffer, arrays } = arguments::parse(arguments)?;
        let reference = buffer.resolve("buffer")?;
        if let Some(arrays) = arrays.as_deref().filter(|arrays| arrays.len() > MAX_ARRAYS) {
            let problem = format!("{} names are more than {MAX_ARRAYS}", arrays.len());
            return Err(ToolError::argument("arrays", problem, "Use several calls."));
        }
        self.long(&context, move |store, work| {
            look(store, &reference, |reader| {
                if let Some(names) = &arrays {
                    check_names(reader, names)?;
                }
                Contents::gather(reader, arrays.as_deref(), work).map(Reply)
            })
        })
        .await
    }
}
