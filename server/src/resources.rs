//! Resources: what the tools tell of the store, its buffers and its pools, at addresses that clients can subscribe to.

use dcc_mcp_shm::{BufferState, ListPosition, StoreIndex, Summary};
use dcc_mcp_shm_view::text::{self, Bytes};
use rmcp::ErrorData;
use rmcp::model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::address::{BUFFERS, POOLS, ResourceUri, visible_address};
use crate::cursor::{from_cursor, to_cursor};
use crate::outgoing::reveal;
use crate::reply::ToolError;
use crate::report::{Described, Pools, Status};
use crate::spelling::meant;
use crate::state::ShmServer;

const JSON: &str = "application/json";
/// Buffers on a page of the listing.
const PAGE: usize = 100;

/// The resource that is always there.
pub(crate) fn store() -> Resource {
    Resource::new(ResourceUri::Store.to_string(), "store")
        .with_title("The store")
        .with_description("How full it is, and what the next sweep would do.")
        .with_mime_type(JSON)
}

/// The kinds of resources.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(BUFFERS, "buffer")
            .with_title("Shared buffer")
            .with_description("Descriptor of a buffer, by id or unique name, and Python code that maps it.")
            .with_mime_type(JSON),
        ResourceTemplate::new(POOLS, "pool")
            .with_title("Pool of buffers")
            .with_description("A pool, by name or id: how many slots are free, and who has the others.")
            .with_mime_type(JSON),
    ]
}

/// A page of all resources: the store and its pools first, then buffers, newest first.
pub(crate) fn list(index: &StoreIndex, cursor: Option<&str>) -> Result<ListResourcesResult, ToolError> {
    let after = cursor.map(from_cursor).transpose()?.flatten();
    let mut resources = Vec::new();
    if after.is_none() {
        resources.push(store());
        resources.extend(index.pools().map(|(id, name)| {
            let name = name.map_or_else(|| id.to_string(), str::to_owned);
            Resource::new(ResourceUri::Pool(id.into()).to_string(), name)
                .with_description("Pool of buffers")
                .with_mime_type(JSON)
        }));
    }
    let mut buffers = index
        .buffers()
        .filter(|(position, _)| after.as_ref().is_none_or(|after| *position > after));
    let page: Vec<_> = buffers.by_ref().take(PAGE).collect();
    let next_cursor = page
        .last()
        .filter(|_| buffers.next().is_some())
        .map(|(last, _)| to_cursor(last));
    resources.extend(page.into_iter().map(|(position, buffer)| resource(position, buffer)));
    let mut result = ListResourcesResult::with_all_items(resources);
    result.next_cursor = next_cursor;
    Ok(result)
}

fn resource(position: &ListPosition, buffer: &Summary) -> Resource {
    let id = position.id();
    let name = buffer.name.clone().unwrap_or_else(|| id.to_string());
    let from = text::labelled([
        ("from", Some(buffer.source_dcc.as_str())),
        ("group", buffer.group.as_deref()),
    ]);
    let state = match buffer.state {
        // The kernel does not tell when somebody begins to fill it.
        BufferState::Empty | BufferState::Filling => "not filled yet",
        state => state.as_str(),
    };
    let description = format!("{}, {state}, {}{from}", buffer.kind.as_str(), Bytes(buffer.capacity));
    Resource::new(ResourceUri::Buffer(id.into()).to_string(), name)
        .with_description(description)
        .with_mime_type(JSON)
}

/// The resource at an address, as it is now.
pub(crate) async fn read(
    server: &ShmServer,
    uri: &str,
    cancelled: &CancellationToken,
) -> Result<ReadResourceResult, ErrorData> {
    let shown = visible_address(uri);
    let not_found = |problem: String| ErrorData::resource_not_found(problem, Some(json!({"uri": shown})));
    let Some(parsed) = ResourceUri::parse(uri) else {
        return Err(not_found(format!(
            "No resource has such an address; there are shm://store, {BUFFERS} and {POOLS}"
        )));
    };
    let reference = parsed.reference().cloned();
    let text = match parsed {
        ResourceUri::Store => Status::now(server, cancelled).await.map(|status| json_of(&status)),
        ResourceUri::Buffer(reference) => {
            server
                .quick(cancelled, move |store| {
                    Ok(json_of(&Described::new(store.describe(&meant(store, reference)?)?)?))
                })
                .await
        }
        ResourceUri::Pool(reference) => {
            server
                .quick(cancelled, move |store| Ok(json_of(&Pools::one(store, reference)?)))
                .await
        }
    };
    let text = match (text, reference) {
        (Ok(text), _) => text,
        (Err(error), None) => return Err(not_found(error.to_string())),
        (Err(error), Some(reference)) => {
            let near = server.near_to(&reference, cancelled).await.ok().flatten();
            let near = near.map_or_else(String::new, |near| format!(" The nearest: {near}."));
            return Err(not_found(format!("{error}{near}")));
        }
    };
    let contents = ResourceContents::text(text, &shown).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}

fn json_of(value: &impl Serialize) -> String {
    let mut value = serde_json::to_value(value).expect("maps with text keys and finite numbers are JSON");
    // Hidden characters are escaped in the value, because the escapes that `outgoing` would write into the finished
    // text are not JSON.
    reveal(&mut value);
    value.to_string()
}
