//! `pool_status`: how full the pools are.

use dcc_mcp_shm::Store;
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::{Reply, ToolError};
use crate::report::Pools;
use crate::schema;
use crate::state::ShmServer;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor; without it all are shown, without slots.
    pool: Option<BufferReference>,
}

#[tool_router(router = pool_status_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Show buffer pools",
        description = include_str!("pool_status.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Pools>()
    )]
    async fn pool_status(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let Arguments { pool } = arguments::parse(arguments)?;
        if let Some(pool) = pool {
            let Found { reference, taken } = self.find("pool", &pool, &context.ct).await?;
            // This looks at each slot of the pool.
            let one = move |store: &Store| Reply(Pools::one(store, reference)?).into_result();
            return Taken::told(taken, self.quick(&context.ct, one).await);
        }
        let ids = self.index(&context.ct, |_, index| {
            Ok(index.pools().map(|(id, _)| id).collect::<Vec<_>>())
        });
        let ids = ids.await?;
        self.quick(&context.ct, move |store| {
            let pools = ids.into_iter().filter_map(|id| match store.pool(&id.into()) {
                // The pool was deleted, or became unreadable, since the index was read.
                Err(error) if error.is_conclusive() => None,
                pool => Some(pool),
            });
            Reply(Pools::all(pools.collect::<Result<_, _>>()?)).into_result()
        })
        .await
    }
}
