//! `delete_buffer`: frees the memory of a buffer, or of all that are of a group or kind.

use dcc_mcp_shm::{BufferFilter, Error, Reference, SceneDataKind, Store};
use dcc_mcp_shm_view::Progress as _;
use dcc_mcp_shm_view::text::Quoted;
use rmcp::model::{CallToolResult, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::arguments;
use crate::reference::{BufferReference, Found, Taken};
use crate::reply::{Reply, ToolError};
use crate::report::Deleted;
use crate::schema;
use crate::state::ShmServer;
use crate::work::Work;

/// Groups that an error names.
const MAX_GROUPS: usize = 5;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id, name or descriptor.
    buffer: Option<BufferReference>,
    /// All of this group, pools too.
    group: Option<String>,
    /// All buffers of this kind.
    kind: Option<SceneDataKind>,
    /// Only say what would go.
    dry_run: Option<bool>,
}

/// What is to be deleted.
enum Chosen {
    This(Reference),
    All(BufferFilter),
}

impl ShmServer {
    async fn chosen(
        &self,
        arguments: Arguments,
        context: &RequestContext<RoleServer>,
    ) -> Result<(Chosen, Option<Taken>), ToolError> {
        let all = |filter| Ok((Chosen::All(filter), None));
        match (arguments.buffer, arguments.group, arguments.kind) {
            (Some(buffer), None, None) => {
                let found = self.find_exactly("buffer", &buffer, "Nothing was deleted.", &context.ct);
                let Found { reference, taken } = found.await?;
                Ok((Chosen::This(reference), taken))
            }
            (None, Some(group), None) => all(BufferFilter {
                group: Some(group),
                ..BufferFilter::default()
            }),
            (None, None, Some(kind)) => all(BufferFilter {
                kind: Some(kind),
                ..BufferFilter::default()
            }),
            (buffer, group, kind) => {
                let given = [buffer.is_some(), group.is_some(), kind.is_some()];
                let number = given.into_iter().filter(|given| *given).count();
                Err(ToolError::new(
                    format!("Bad arguments: {number} of `buffer`, `group` and `kind` are given"),
                    "Nothing was deleted. Give exactly one of them.",
                ))
            }
        }
    }
}

impl Chosen {
    fn delete(&self, store: &Store, dry_run: bool, room: usize, work: &Work) -> Result<Deleted, ToolError> {
        match self {
            Self::This(reference) if dry_run => {
                let found = store.would_delete(reference).map_err(refused)?;
                Ok(Deleted::would_be(&[found], &store.holders(), room))
            }
            Self::This(reference) => store.delete(reference).map(Deleted::one).map_err(refused),
            Self::All(filter) => {
                let found = store.would_delete_all(filter)?;
                if found.is_empty() {
                    return Err(nothing_of(store, filter)?);
                }
                if dry_run {
                    return Ok(Deleted::would_be(&found, &store.holders(), room));
                }
                let done = store.delete_all(found, || work.is_wanted());
                Deleted::all(&done, room)
            }
        }
    }
}

/// Says why one was not deleted.
fn refused(error: Error) -> ToolError {
    match error {
        Error::WrongRole { .. } => ToolError::argument(
            "buffer",
            "it is a slot of a pool",
            "Slots go with their pool: delete that, by its id in pool_status.",
        ),
        error => error.into(),
    }
}

/// That nothing is of a group or kind, and which groups there are.
fn nothing_of(store: &Store, filter: &BufferFilter) -> Result<ToolError, Error> {
    let Some(wanted) = &filter.group else {
        let kind = filter.kind.unwrap_or_default().as_str();
        return Ok(ToolError::new(
            format!("No buffer is of kind {kind}"),
            "Nothing was deleted. Call list_buffers to see what exists; pools are deleted by `buffer`.",
        ));
    };
    let mut groups: Vec<_> = store
        .list()?
        .buffers
        .into_iter()
        .filter_map(|buffer| buffer.group)
        .collect();
    // Those that are spelled almost so come first.
    groups.sort_by_key(|group| (group.to_lowercase() != wanted.to_lowercase(), group.clone()));
    groups.dedup();
    let named: Vec<_> = groups
        .iter()
        .take(MAX_GROUPS)
        .map(|group| Quoted(group).to_string())
        .collect();
    let more = if groups.len() > MAX_GROUPS { ", …" } else { "" };
    let there = match named.join(", ") {
        none if none.is_empty() => "no buffer has a group".to_owned(),
        named => format!("groups of buffers are {named}{more}"),
    };
    Ok(ToolError::argument(
        "group",
        format!("nothing is of the group {}; {there}", Quoted(wanted)),
        "Nothing was deleted. A group is meant to the letter: call the tool again with one as list_buffers shows it.",
    ))
}

#[tool_router(router = delete_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Delete shared buffers or pools",
        description = include_str!("delete_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Deleted>()
    )]
    async fn delete_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        let dry_run = arguments.dry_run.unwrap_or_default();
        let (chosen, taken) = self.chosen(arguments, &context).await?;
        let room = self.settings().result_bytes;
        // Unlinking costs about 0.2 s for each GiB, and a name is freed under the store's lock.
        let deleted = self.change(&context, move |store, work| {
            Reply(chosen.delete(store, dry_run, room, work)?).into_result()
        });
        Taken::told(taken, deleted.await)
    }
}
