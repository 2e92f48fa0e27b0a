//! `wait_for_buffer`: the next thing that a DCC shares, without asking again and again.

mod arrived;

use std::sync::Arc;
use std::time::Duration;

use dcc_mcp_shm::{BufferFilter, NameFilter, SceneDataKind, Store, StoreIndex};
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use self::arrived::{Arrived, Wanted, notes};
use crate::arguments;
use crate::cursor::Seen;
use crate::reference::{BufferReference, Taken};
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::state::ShmServer;
use crate::subscriptions::next_batch;
use crate::work::{Work, unless_cancelled};

const DEFAULT_SECONDS: u64 = 25;
/// Hosts give a call about a minute.
const MAX_SECONDS: u64 = 50;
/// How often the client is told that the wait goes on, and the store looked at in case nothing was told of it.
const TICK: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Wait until this, or one of this name, can be read; without it, any that match.
    buffer: Option<BufferReference>,
    /// Only this kind.
    kind: Option<SceneDataKind>,
    /// Only from this program.
    source_dcc: Option<String>,
    /// Only of this group.
    group: Option<String>,
    /// Only names that contain this.
    name: Option<String>,
    /// `wait_cursor` of an earlier result: what came since counts.
    cursor: Option<String>,
    /// Default 25.
    #[schemars(range(min = 0, max = MAX_SECONDS))]
    timeout_seconds: Option<u64>,
}

impl ShmServer {
    async fn wait(
        &self,
        wanted: Wanted,
        cursor: Option<Seen>,
        timeout: Duration,
        work: &Work,
    ) -> Result<Arrived, ToolError> {
        let started = Instant::now();
        let deadline = started + timeout;
        let from_now_on = cursor.is_none();
        let mut seen = cursor;
        let wanted = Arc::new(wanted);
        let room = self.settings().result_bytes;
        // Listened to before the first look, so that nothing falls between the two.
        let mut changes = self.access().changes();
        loop {
            let (look_for, known) = (wanted.clone(), seen.clone());
            let look = move |store: &Store, index: &StoreIndex| Arrived::look(store, index, &look_for, known, room);
            let known = match self.index(work.cancelled(), look).await? {
                Ok(arrived) => return Ok(arrived),
                Err(known) => known,
            };
            if Instant::now() >= deadline {
                let (near, notes) = match &*wanted {
                    Wanted::This { near, .. } => (near.clone(), Vec::new()),
                    Wanted::New(filter) => {
                        let filter = filter.clone();
                        let look = move |_: &Store, index: &StoreIndex| Ok(notes(&filter, index, from_now_on));
                        (Vec::new(), self.index(work.cancelled(), look).await?)
                    }
                };
                return Ok(Arrived::nothing_since(&known, near, notes));
            }
            seen = Some(known);
            let tick = deadline.min(Instant::now() + TICK);
            // All that came together, because each look is at everything.
            let change = tokio::time::timeout_at(tick, next_batch(&mut changes));
            let change = unless_cancelled(work.cancelled(), async { Ok(change.await) }).await?;
            if change.is_err() {
                work.tell(started.elapsed().as_secs(), timeout.as_secs()).await?;
            }
        }
    }
}

#[tool_router(router = wait_for_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Wait for a shared buffer",
        description = include_str!("wait_for_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Arrived>()
    )]
    async fn wait_for_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        let seconds = arguments.timeout_seconds.unwrap_or(DEFAULT_SECONDS);
        let seconds = arguments::within("timeout_seconds", seconds, 0..=MAX_SECONDS)?;
        let cursor = arguments.cursor.as_deref().map(Seen::from_cursor).transpose()?;
        let work = Work::of(&context);
        let filter = BufferFilter {
            kind: arguments.kind,
            source_dcc: arguments.source_dcc,
            group: arguments.group,
            name: arguments.name.map(NameFilter::Contains),
        };
        let (wanted, taken) = match arguments.buffer {
            None => (Wanted::New(filter), None),
            Some(buffer) if filter == BufferFilter::default() => {
                let (found, near) = self.find_or_expect("buffer", &buffer, work.cancelled()).await?;
                let (reference, since) = (found.reference, cursor.clone());
                (Wanted::This { reference, since, near }, found.taken)
            }
            Some(_) => {
                return Err(ToolError::argument(
                    "buffer",
                    "it says which one, and filters say which ones",
                    "Leave out either `buffer` or all of `kind`, `source_dcc`, `group` and `name`.",
                ));
            }
        };
        let timeout = Duration::from_secs(seconds);
        let can_keep = !self.settings().read_only;
        let waited = self.wait(wanted, cursor, timeout, &work).await;
        Taken::told(
            taken,
            waited.and_then(|arrived| Reply(arrived.with_keeping(can_keep)).into_result()),
        )
    }
}
