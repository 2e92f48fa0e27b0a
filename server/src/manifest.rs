//! `mcp-manifest.json`: what the server offers, read from the router that serves it.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{JsonObject, Prompt, Resource, ResourceTemplate, Tool, ToolAnnotations};
use serde::Serialize;

use crate::identity::{DESCRIPTION, INSTRUCTIONS, NAME, VERSION};
use crate::settings::Settings;
use crate::{prompts, resources, tools};

/// The manifest. Its tools come in the order of `tools/list`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    name: &'static str,
    version: &'static str,
    description: &'static str,
    instructions: &'static str,
    tools: Vec<ManifestTool>,
    resources: Vec<Resource>,
    resource_templates: Vec<ResourceTemplate>,
    prompts: Vec<Prompt>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestTool {
    name: Cow<'static, str>,
    title: Option<String>,
    description: Option<Cow<'static, str>>,
    annotations: Option<ToolAnnotations>,
    input_schema: Arc<JsonObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<Arc<JsonObject>>,
}

impl Manifest {
    /// What this build of the server offers.
    pub(crate) fn of_this_server() -> Self {
        Self {
            name: NAME,
            version: VERSION,
            description: DESCRIPTION,
            instructions: INSTRUCTIONS,
            tools: tools::router(&Settings::default())
                .list_all()
                .into_iter()
                .map(Into::into)
                .collect(),
            resources: vec![resources::store()],
            resource_templates: resources::templates(),
            prompts: prompts::list(),
        }
    }
}

impl From<Tool> for ManifestTool {
    fn from(tool: Tool) -> Self {
        Self {
            name: tool.name,
            title: tool.title,
            description: tool.description,
            annotations: tool.annotations,
            input_schema: tool.input_schema,
            output_schema: tool.output_schema,
        }
    }
}
