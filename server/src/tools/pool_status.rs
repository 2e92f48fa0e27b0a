//! `pool_status`: how full the pools are.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Error, PoolStatus, SlotStatus};
use rmcp::model::JsonObject;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::arguments::{self, BufferReference};
use crate::handler::ShmServer;
use crate::reply::{Reply, ToolError};
use crate::schema;
use crate::text::{self, Bytes};

/// Most pools in a result; a machine has a handful.
const MAX_POOLS: usize = 50;
/// Most slots in use that are listed for one pool.
const MAX_SLOTS: usize = 32;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// One pool: its id or its name. Without it, all pools are reported, without their slots.
    pool: Option<BufferReference>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pools {
    /// Number of pools that were asked for; more than 50 are not shown.
    total_count: usize,
    /// The pools, newest first.
    pools: Vec<Pool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pool {
    /// Id of the pool.
    id: Uuid,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Bytes that each slot holds.
    buffer_size: u64,
    /// How many slots there are.
    slots: usize,
    /// How many of them nobody has.
    free: usize,
    /// Whether the pool stays when nobody has it open.
    persistent: bool,
    /// When it was made.
    created_at: String,
    /// Slots in use, at most 32 of them; only if one pool was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    in_use: Vec<Slot>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Slot {
    /// Id of the slot, for `read_descriptor`.
    id: Uuid,
    /// How often it has been given out.
    generation: u64,
    /// Bytes stored in it.
    data_len: u64,
}

impl Pools {
    fn all(mut pools: Vec<PoolStatus>) -> Self {
        let total_count = pools.len();
        pools.truncate(MAX_POOLS);
        let pools = pools.into_iter().map(|pool| Pool::new(pool, 0)).collect();
        Self { total_count, pools }
    }

    fn one(pool: PoolStatus) -> Self {
        Self {
            total_count: 1,
            pools: vec![Pool::new(pool, MAX_SLOTS)],
        }
    }
}

impl Pool {
    fn new(pool: PoolStatus, shown_slots: usize) -> Self {
        let free = pool.free();
        let in_use = pool.slots.iter().filter(|slot| slot.in_use).take(shown_slots);
        Self {
            id: pool.id,
            name: pool.name,
            buffer_size: pool.buffer_size,
            slots: pool.slots.len(),
            free,
            persistent: pool.persistent,
            created_at: pool.created_at,
            in_use: in_use.map(Into::into).collect(),
        }
    }
}

impl From<&SlotStatus> for Slot {
    fn from(slot: &SlotStatus) -> Self {
        Self {
            id: slot.id,
            generation: slot.generation,
            data_len: slot.data_len,
        }
    }
}

impl Display for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pools.is_empty() {
            return f.write_str("There are no pools. A DCC makes one with BufferPool.");
        }
        write!(f, "{}", text::count(self.total_count, "pool"))?;
        if self.total_count > self.pools.len() {
            write!(f, ", the newest {} shown", self.pools.len())?;
        }
        self.pools.iter().try_for_each(|pool| write!(f, "\n{pool}"))
    }
}

impl Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::labelled([("name", self.name.as_deref())]);
        let (id, free, slots, each) = (self.id, self.free, self.slots, Bytes(self.buffer_size));
        write!(f, "- {id}{name}: {free} of {slots} slots free, {each} each")?;
        write!(f, ", created {}", self.created_at)?;
        if self.persistent {
            f.write_str(", stays until deleted")?;
        }
        for slot in &self.in_use {
            let Slot {
                id,
                generation,
                data_len,
            } = slot;
            write!(f, "\n  in use: {id}, generation {generation}, {}", Bytes(*data_len))?;
        }
        match slots - free - self.in_use.len() {
            more if more > 0 && !self.in_use.is_empty() => write!(f, "\n  and {more} more in use"),
            _ => Ok(()),
        }
    }
}

fn no_such_pool(error: Error) -> ToolError {
    if error.is_gone() || matches!(error, Error::WrongRole { .. }) {
        return ToolError::argument(
            "pool",
            error,
            "Call pool_status without `pool` to see the pools there are.",
        );
    }
    error.into()
}

#[tool_router(router = pool_status_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Show buffer pools",
        description = include_str!("pool_status.md").trim_ascii_end(),
        annotations(read_only_hint = true, destructive_hint = false, idempotent_hint = true, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Pools>()
    )]
    async fn pool_status(&self, arguments: JsonObject) -> Result<Reply<Pools>, ToolError> {
        let Arguments { pool } = arguments::parse(arguments)?;
        let pool = pool.map(|pool| pool.resolve("pool")).transpose()?;
        // All of the store is read to find its pools, and each slot of a pool is looked at.
        self.off_thread(move |store| {
            Ok(Reply(match pool {
                Some(pool) => Pools::one(store.pool(&pool).map_err(no_such_pool)?),
                None => Pools::all(store.list()?.pools),
            }))
        })
        .await
    }
}
