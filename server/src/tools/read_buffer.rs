//! `read_buffer`: a window of the data itself.

use dcc_mcp_shm::DataReader;
use rmcp::model::JsonObject;
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments::{self, BufferReference};
use crate::data::look::{array, look};
use crate::data::window::{Format, Wanted, Window};
use crate::handler::ShmServer;
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::spelling::meant;

/// Size of a window in bytes of output, where no `count` is given.
const DEFAULT_WINDOW: usize = 8 << 10;
const MAX_WINDOW: usize = 32 << 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, unique name, or whole descriptor.
    buffer: BufferReference,
    /// Default: the first for rows, all data for bytes.
    array: Option<String>,
    /// Default: rows if there are arrays, text if it is UTF-8, else hex.
    format: Option<Format>,
    /// First row or byte; default 0.
    start: Option<u64>,
    /// Most rows or bytes; fewer come if they do not fit.
    #[schemars(range(min = 1))]
    count: Option<u64>,
}

impl Arguments {
    fn wanted(&self, result_bytes: usize) -> Result<Wanted, ToolError> {
        if self.count == Some(0) {
            let advice = "Leave it out for as many as fit 8 KB.";
            return Err(ToolError::argument("count", "0 is not 1 or more", advice));
        }
        let limit = self.count.map_or(DEFAULT_WINDOW, |_| MAX_WINDOW).min(result_bytes);
        Ok(Wanted {
            start: self.start.unwrap_or_default(),
            count: self.count.unwrap_or(u64::MAX),
            limit,
        })
    }

    fn window(&self, reader: &DataReader, wanted: Wanted) -> Result<Window, ToolError> {
        let named = match &self.array {
            Some(name) => Some(array(reader, name)?),
            None => None,
        };
        let as_rows = matches!(self.format, None | Some(Format::Rows));
        match named.or_else(|| reader.arrays().first().filter(|_| as_rows)) {
            Some((name, array)) if as_rows => Window::of_rows(reader, name, array, wanted),
            Some((name, array)) => {
                let range = array.offset..array.offset + array.size();
                Window::of_bytes(reader, Some(name), range, self.format, wanted)
            }
            None if self.format == Some(Format::Rows) => Err(ToolError::argument(
                "format",
                "the data has no arrays",
                "Use `text`, `hex` or `base64`.",
            )),
            None => Window::of_bytes(reader, None, 0..reader.len(), self.format, wanted),
        }
    }
}

#[tool_router(router = read_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Read a window of a buffer",
        description = include_str!("read_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Window>()
    )]
    async fn read_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply<Window>, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        let wanted = arguments.wanted(self.settings().result_bytes)?;
        let reference = arguments.buffer.clone().resolve("buffer")?;
        // A chunk of a compressed scene is decompressed for any part of it.
        self.read(&context, move |store, _| {
            let reference = meant(store, reference)?;
            look(store, &reference, |reader| arguments.window(reader, wanted).map(Reply))
        })
        .await
    }
}
