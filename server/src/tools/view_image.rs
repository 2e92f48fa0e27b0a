//! `view_image`: what a buffer holds, as a picture that the model sees.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dcc_mcp_shm_view::{PictureRequest, View, draw, look, memory};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::ToolError;
use crate::schema;
use crate::state::ShmServer;

/// Longest edge of a picture, unless the client asks for another. Models take in a picture of this size without making
/// it smaller.
const DEFAULT_EDGE: usize = 768;
const MIN_EDGE: usize = 64;
const MAX_EDGE: usize = 2048;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: BufferReference,
    /// Array, or EXR layer, part or channel, such as depth.
    array: Option<String>,
    /// Longest edge in pixels; default 768.
    #[schemars(range(min = MIN_EDGE, max = MAX_EDGE))]
    max_edge: Option<usize>,
    /// Sides of geometry; default three_quarter.
    view: Option<Vec<View>>,
    /// Time codes if it has them, or counted from 0; default: up to 9.
    frame: Option<Vec<f64>>,
}

impl Arguments {
    fn request(&self) -> Result<PictureRequest, ToolError> {
        let max_edge = self.max_edge.unwrap_or(DEFAULT_EDGE);
        if !(MIN_EDGE..=MAX_EDGE).contains(&max_edge) {
            let problem = format!("{max_edge} is not between {MIN_EDGE} and {MAX_EDGE}");
            return Err(ToolError::argument("max_edge", problem, "Leave it out for 768."));
        }
        Ok(PictureRequest {
            max_edge,
            array: self.array.clone(),
            views: self.view.clone().unwrap_or_default(),
            frames: self.frame.clone().unwrap_or_default(),
        })
    }
}

/// A picture and its text. There is no structured content, because hosts that get some do not show the picture.
#[derive(Debug)]
struct Viewed {
    /// In base64.
    picture: String,
    mime_type: &'static str,
    text: String,
}

impl Viewed {
    fn into_result(self) -> CallToolResult {
        let picture = ContentBlock::image(self.picture, self.mime_type);
        CallToolResult::success(vec![picture, ContentBlock::text(self.text)])
    }
}

#[tool_router(router = view_image_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Look at a shared buffer",
        description = include_str!("view_image.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>()
    )]
    async fn view_image(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        let request = arguments.request()?;
        let Found { reference, taken } = self.find("buffer", &arguments.buffer, &context.ct).await?;
        let drawn = self.draw(&context, move |store, work| {
            let picture = look(store, &reference, |reader| draw(reader, &request, work))?.encode(work)?;
            memory::expect(picture.bytes.len() / 3 * 4 + 4)?;
            Ok(Viewed {
                picture: STANDARD.encode(&picture.bytes),
                mime_type: picture.mime_type,
                text: picture.text,
            })
        });
        Taken::told(taken, drawn.await.map(Viewed::into_result))
    }
}
