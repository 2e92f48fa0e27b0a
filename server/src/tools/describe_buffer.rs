//! `describe_buffer`: what is in a buffer, without reading it into the model's context.

use std::fmt::{self, Display};

use dcc_mcp_shm::FileRole;
use dcc_mcp_shm_view::{Contents, LookError, MAX_ARRAYS, look};
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arguments;
use crate::listed;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::state::ShmServer;

/// Most frames whose bounds can be asked for in one call.
const MAX_FRAMES: usize = 16;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: BufferReference,
    /// Which arrays; default: the first 16.
    #[schemars(length(max = MAX_ARRAYS))]
    arrays: Option<Vec<String>>,
    /// Whose bounds to say, as in view_image.
    frames: Option<Vec<f64>>,
}

/// What the data is like, and how long it stays.
#[derive(Debug, Serialize, JsonSchema)]
struct Described {
    #[serde(flatten)]
    contents: Contents,
    #[serde(skip)]
    stay: String,
    /// Whether this server offers `keep_buffer`.
    #[serde(skip)]
    can_keep: bool,
}

impl Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.contents.to_string();
        let (head, rest) = contents.split_once('\n').unwrap_or((&contents, ""));
        let keeping = if self.can_keep {
            " keep_buffer changes that."
        } else {
            ""
        };
        write!(f, "{head}. It {}.{keeping}", self.stay)?;
        if rest.is_empty() { Ok(()) } else { write!(f, "\n{rest}") }
    }
}

/// There is no such frame: said of the argument of this tool.
fn of_frames(error: LookError) -> ToolError {
    match error {
        LookError::NoSuchFrame(_) => ToolError::argument(
            "frames",
            error,
            "Leave it out to see the size of the first and the last.",
        ),
        error => error.into(),
    }
}

#[tool_router(router = describe_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Describe a buffer's data",
        description = include_str!("describe_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Described>()
    )]
    async fn describe_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let Arguments { buffer, arrays, frames } = arguments::parse(arguments)?;
        if let Some(arrays) = arrays.as_deref().filter(|arrays| arrays.len() > MAX_ARRAYS) {
            let problem = format!("{} names are more than {MAX_ARRAYS}", arrays.len());
            return Err(ToolError::argument("arrays", problem, "Use several calls."));
        }
        let frames = frames.unwrap_or_default();
        if frames.len() > MAX_FRAMES {
            let problem = format!("{} frames are more than {MAX_FRAMES}", frames.len());
            return Err(ToolError::argument("frames", problem, "Use several calls."));
        }
        let Found { reference, taken } = self.find("buffer", &buffer, &context.ct).await?;
        let (limit, is_read_only) = (self.settings().result_bytes, self.settings().read_only);
        let described = self.read(&context, move |store, work| {
            let described = look(store, &reference, |reader| {
                let descriptor = reader.descriptor();
                Ok(Described {
                    contents: Contents::gather(reader, arrays.as_deref(), &frames, work)?.within(limit),
                    stay: listed::stay(descriptor),
                    can_keep: !is_read_only && descriptor.role != FileRole::Slot,
                })
            })
            .map_err(of_frames)?;
            Reply(described).into_result()
        });
        Taken::told(taken, described.await)
    }
}
