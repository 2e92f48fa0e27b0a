//! `wait_for_buffer`: the next thing that a DCC shares, without asking again and again.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use dcc_mcp_shm::{
    BufferFilter, BufferState, Descriptor, Error, FileRole, NameFilter, Reference, SceneDataKind, Store, StoreIndex,
};
use dcc_mcp_shm_view::text;
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::arguments;
use crate::cursor::Seen;
use crate::listed::{Listed, keeping};
use crate::reference::{BufferReference, Taken};
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::spelling::meant;
use crate::state::ShmServer;
use crate::subscriptions::next_batch;
use crate::unmatched;
use crate::work::{Work, unless_cancelled};

const DEFAULT_SECONDS: u64 = 25;
/// Hosts give a call about a minute.
const MAX_SECONDS: u64 = 50;
/// Most buffers in a result.
const MAX_BUFFERS: usize = 25;
/// How often the client is told that the wait goes on, and the store looked at in case nothing was told of it.
const TICK: Duration = Duration::from_secs(5);
/// How often a name is followed to the buffer that took it over meanwhile.
const MOST_MOVES: usize = 32;

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

/// What is waited for.
enum Wanted {
    /// That it can be read; with `since`, that it came or was finished after that.
    This {
        reference: Reference,
        since: Option<Seen>,
        /// What is there under names that are spelled likewise.
        near: Vec<String>,
    },
    New(BufferFilter),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Arrived {
    /// Newest first, as in `list_buffers`.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    buffers: Vec<Listed>,
    /// All; list_buffers has those not shown.
    total_count: usize,
    timed_out: bool,
    /// Whether it was there before the call. Not in the schema, which has no room for it.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(skip)]
    was_there: bool,
    /// There under other names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    near: Vec<String>,
    /// Where nothing came: filters that nothing has, and what has been there. Not in the schema, which has no room for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    notes: Vec<String>,
    /// `cursor` for what comes next.
    wait_cursor: String,
    /// What is said of keeping them.
    #[serde(skip)]
    keeping: Option<&'static str>,
}

impl Arrived {
    /// What is there now; with `seen`, of what was not there then. No more is shown than fits into `room` bytes. Where nothing is,
    /// what has been seen: what was said to be, or all that is there.
    fn look(
        store: &Store,
        index: &StoreIndex,
        wanted: &Wanted,
        seen: Option<Seen>,
        mut room: usize,
    ) -> Result<Result<Self, Seen>, ToolError> {
        let known = |seen: Option<Seen>| seen.map_or_else(|| Seen::all(index), Ok).map(Err);
        let mut found = Vec::new();
        let mut total_count = 0;
        // The first look without a cursor is at what is there.
        let was_there = seen.is_none();
        match wanted {
            Wanted::This { reference, since, .. } => {
                let reference = &meant(store, reference.clone())?;
                let mut described = store.describe(reference);
                // Without its name, it has lost it to another one since it was found.
                for _ in 0..MOST_MOVES {
                    let (Reference::Name(_), Ok(Descriptor { name: None, .. })) = (reference, &described) else {
                        break;
                    };
                    described = store.describe(reference);
                }
                let descriptor = match (described, reference) {
                    // It may come to be; an id will not.
                    (Err(Error::NotFound { .. }), Reference::Name(_)) => return known(seen),
                    (described, _) => described?,
                };
                if descriptor.role == FileRole::Pool {
                    return Err(ToolError::pool());
                }
                let came = |since: &Seen| {
                    let indexed = index.buffer(descriptor.id);
                    indexed.is_some_and(|(position, _)| since.unseen_in(index)(position))
                };
                if matches!(descriptor.state, BufferState::Sealed | BufferState::Open)
                    && since.as_ref().is_none_or(came)
                {
                    found.push(descriptor);
                    total_count = 1;
                }
            }
            Wanted::New(filter) => {
                // Without a cursor, what comes after this look is new.
                let Some(seen) = &seen else {
                    return known(None);
                };
                let is_new = seen.unseen_in(index);
                let new = index
                    .readable()
                    .filter(|(position, summary)| is_new(position) && filter.matches(summary));
                for (position, summary) in new {
                    if found.len() < MAX_BUFFERS {
                        match store.describe(&position.id().into()) {
                            // It is gone since the index was read.
                            Err(error) if error.is_conclusive() => continue,
                            // It has lost its name to one that is new as well.
                            Ok(descriptor) if descriptor.name != summary.name => continue,
                            described => found.push(described?),
                        }
                    }
                    total_count += 1;
                }
            }
        }
        if total_count == 0 {
            return known(seen);
        }
        let holders = store.holders();
        let mut buffers = Vec::new();
        for descriptor in found {
            let listed = Listed::new(descriptor, &holders);
            if !buffers.is_empty() && listed.weight() > room {
                break;
            }
            room = room.saturating_sub(listed.weight());
            buffers.push(listed);
        }
        Ok(Ok(Self {
            buffers,
            total_count,
            timed_out: false,
            was_there,
            near: Vec::new(),
            notes: Vec::new(),
            wait_cursor: Seen::all(index)?.to_cursor(),
            keeping: None,
        }))
    }

    /// That nothing came since this was seen. Whatever came meanwhile may match the next filter.
    fn nothing_since(seen: &Seen) -> Self {
        Self {
            buffers: Vec::new(),
            total_count: 0,
            timed_out: true,
            was_there: false,
            near: Vec::new(),
            notes: Vec::new(),
            wait_cursor: seen.to_cursor(),
            keeping: None,
        }
    }
}

/// What is told of a wait for what matches in which nothing came. What was there before counts as seen where the caller has not said
/// since when.
fn notes(filter: &BufferFilter, index: &StoreIndex, from_now_on: bool) -> Vec<String> {
    let mut notes = unmatched::reasons(filter, index);
    let there = index.readable().filter(|(_, summary)| filter.matches(summary)).count();
    if from_now_on && there > 0 {
        let buffers = text::count(there, "buffer");
        let were = if there == 1 { "matches was" } else { "match were" };
        notes.push(format!("{buffers} that {were} there before: list_buffers says which."));
    }
    notes
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(truth: &bool) -> bool {
    !truth
}

impl Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.timed_out {
            f.write_str("Nothing came in this time. Call wait_for_buffer again with the cursor below to wait on.")?;
            if !self.near.is_empty() {
                write!(f, "\nThere is, under another name: {}.", self.near.join(", "))?;
            }
            if !self.notes.is_empty() {
                write!(f, "\n{}", self.notes.join(" "))?;
            }
        } else if self.was_there {
            f.write_str("It was there already. Call wait_for_buffer with the cursor below to wait for a newer one.")?;
        } else {
            write!(f, "{} came", text::count(self.total_count, "buffer"))?;
        }
        if self.total_count > self.buffers.len() {
            let shown = self.buffers.len();
            write!(
                f,
                "; {shown} shown, newest first. Call list_buffers with the same filters for the others."
            )?;
        }
        self.buffers.iter().try_for_each(|buffer| write!(f, "\n{buffer}"))?;
        if let Some(keeping) = self.keeping {
            write!(f, "\n{keeping}.")?;
        }
        write!(f, "\nwait_cursor {:?}", self.wait_cursor)
    }
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
                return Ok(Arrived {
                    near,
                    notes,
                    ..Arrived::nothing_since(&known)
                });
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
            waited.and_then(|arrived| {
                let keeping = keeping(&arrived.buffers, can_keep);
                Reply(Arrived { keeping, ..arrived }).into_result()
            }),
        )
    }
}
