//! How full pools are, and which processes have their slots.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Error, PoolStatus, Reference, SlotHolder, SlotStatus, Store};
use dcc_mcp_shm_view::text::{self, Bytes, Quoted};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::reply::ToolError;
use crate::spelling::meant;

/// Most pools in a result; a machine has a handful.
const MAX_POOLS: usize = 50;
/// Most slots in use that are listed for one pool.
const MAX_SLOTS: usize = 32;

/// Pools, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Pools {
    /// More than 50 are not shown.
    total_count: usize,
    /// Newest first.
    pools: Vec<Pool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pool {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Bytes of each slot.
    buffer_size: u64,
    slots: usize,
    free: usize,
    /// It stays when nobody has it open.
    persistent: bool,
    created_at: String,
    /// Of one pool, at most 32: id, generation, data_len, holder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    in_use: Vec<Slot>,
}

#[derive(Debug, Serialize)]
struct Slot {
    id: Uuid,
    /// How often it was given out.
    generation: u64,
    /// Bytes stored in it.
    data_len: u64,
    /// The process that was given the slot; absent if only readers have it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<SlotHolder>,
}

impl Pools {
    /// Pools without their slots, the newest first.
    pub(crate) fn all(mut pools: Vec<PoolStatus>) -> Self {
        let total_count = pools.len();
        pools.sort_by(|a, b| (&b.created_at, a.id).cmp(&(&a.created_at, b.id)));
        pools.truncate(MAX_POOLS);
        let pools = pools.into_iter().map(|pool| Pool::new(pool, 0)).collect();
        Self { total_count, pools }
    }

    /// One pool, with its slots.
    pub(crate) fn one(store: &Store, pool: Reference) -> Result<Self, ToolError> {
        let pool = store.pool(&meant(store, pool)?).map_err(no_such_pool)?;
        Ok(Self {
            total_count: 1,
            pools: vec![Pool::new(pool, MAX_SLOTS)],
        })
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
            holder: slot.holder.clone(),
        }
    }
}

impl Display for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pools.is_empty() {
            return f.write_str("There are no pools. A DCC makes one with BufferPool, or you with create_pool.");
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
            let Slot { id, generation, .. } = slot;
            write!(f, "\n  in use: {id}, generation {generation}, {}", Bytes(slot.data_len))?;
            if let Some(SlotHolder { pid, program, since }) = &slot.holder {
                write!(f, ", by {} (process {pid}) since {since}", Quoted(program))?;
            }
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
