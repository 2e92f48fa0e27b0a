//! `store_status`: how full the store is, and what the next sweep would do about it.

use rmcp::model::JsonObject;
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::reply::{Reply, ToolError};
use crate::report::Status;
use crate::state::ShmServer;
use crate::{arguments, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {}

#[tool_router(router = store_status_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Show how full the store is",
        description = include_str!("store_status.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Status>()
    )]
    async fn store_status(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply<Status>, ToolError> {
        let Arguments {} = arguments::parse(arguments)?;
        Status::now(self, &context.ct).await.map(Reply)
    }
}
