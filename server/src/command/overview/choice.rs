//! Which buffers and pools of a store are listed, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use dcc_mcp_shm::{BufferFilter, Descriptor, Error, NameFilter, PoolStatus, Store, parse_size};
use uuid::Uuid;

use super::Overview;
use super::held::Held;
use crate::command::kind::{self, ListedKind};
use crate::process::Process;

/// What `ls` lists.
#[derive(Debug, Clone, Args)]
pub(in crate::command) struct Choice {
    /// Only this kind.
    #[arg(long, value_parser = kind::listed(), ignore_case = true)]
    kind: Option<ListedKind>,
    /// Only of this group.
    #[arg(long)]
    group: Option<String>,
    /// Only names like this: `*` is any text, `?` any one character.
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// Only what this process has open: its id, or how its program's name begins.
    #[arg(long, value_name = "PROCESS")]
    holder: Option<String>,
    /// Only what is larger, such as 512M or 10G.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    larger: Option<u64>,
    /// What comes first: the newest, the first name, or the largest.
    #[arg(long, value_enum, default_value_t = Order::Age)]
    sort: Order,
    /// The other way round.
    #[arg(long)]
    reverse: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Age,
    Name,
    Size,
}

impl Choice {
    /// Leaves what is wanted, in the order that is wanted. What is damaged, of a newer program, or deleted is listed only if
    /// nothing in particular is wanted, because it has nothing to choose by.
    ///
    /// Returns of how many it cannot be seen whether the process that is asked for has them open. They are left out.
    pub(in crate::command) fn apply(&self, store: &Store, overview: &mut Overview) -> Result<usize, Error> {
        let mut unseen = 0;
        if self.is_choosy() {
            if self.holder.is_some() {
                let anybody = Self {
                    holder: None,
                    ..self.clone()
                };
                let buffers = overview.buffers.iter().filter(|held| held.holders.is_none());
                unseen += buffers.filter(|held| anybody.wants_buffer(held)).count();
                for pool in overview.pools.iter().filter(|held| held.holders.is_none()) {
                    unseen += usize::from(anybody.wants_pool(store, pool)?);
                }
            }
            overview.buffers.retain(|held| self.wants_buffer(held));
            let mut wanted = Vec::new();
            for held in std::mem::take(&mut overview.pools) {
                if self.wants_pool(store, &held)? {
                    wanted.push(held);
                }
            }
            overview.pools = wanted;
            overview.damaged.clear();
            overview.newer.clear();
            overview.pending.clear();
        }
        self.arrange(overview);
        Ok(unseen)
    }

    fn is_choosy(&self) -> bool {
        let texts = [&self.group, &self.name, &self.holder];
        self.kind.is_some() || self.larger.is_some() || texts.into_iter().any(Option::is_some)
    }

    /// What is asked of a buffer's own facts, and of a pool's.
    fn filter(&self) -> BufferFilter {
        BufferFilter {
            kind: match self.kind {
                Some(ListedKind::Data(kind)) => Some(kind),
                Some(ListedKind::Pool) | None => None,
            },
            group: self.group.clone(),
            name: self.name.clone().map(NameFilter::Like),
            ..BufferFilter::default()
        }
    }

    fn wants_buffer(&self, Held { what, holders }: &Held<Descriptor>) -> bool {
        self.kind != Some(ListedKind::Pool)
            && self.wants_size(what.size_bytes)
            && self.wants_holders(holders.as_deref())
            && self.filter().matches_described(what)
    }

    fn wants_pool(&self, store: &Store, Held { what, holders }: &Held<PoolStatus>) -> Result<bool, Error> {
        if matches!(self.kind, Some(ListedKind::Data(_)))
            || !self.wants_size(size_of(what))
            || !self.wants_holders(holders.as_deref())
        {
            return Ok(false);
        }
        match store.describe(&what.id.into()) {
            // It is gone since the listing.
            Err(error) if error.is_conclusive() => Ok(false),
            described => Ok(self.filter().matches_described(&described?)),
        }
    }

    fn wants_size(&self, bytes: u64) -> bool {
        self.larger.is_none_or(|least| bytes > least)
    }

    /// Where the system does not show which processes have something open, no process is known to.
    fn wants_holders(&self, holders: Option<&[Process]>) -> bool {
        let Some(wanted) = &self.holder else { return true };
        let wanted = wanted.to_lowercase();
        holders.unwrap_or_default().iter().any(|process| {
            let program = process.program.as_ref().map(|program| program.to_lowercase());
            process.pid.to_string() == wanted || program.is_some_and(|program| program.starts_with(&wanted))
        })
    }

    fn arrange(&self, overview: &mut Overview) {
        let buffers = overview.buffers.iter().map(|held| &held.what);
        let buffers = buffers.map(|what| (what.id, (what.name.clone(), what.size_bytes)));
        let pools = overview.pools.iter().map(|held| &held.what);
        let pools = pools.map(|what| (what.id, (what.name.clone(), size_of(what))));
        let facts: BTreeMap<Uuid, (Option<String>, u64)> = buffers.chain(pools).collect();
        overview.order.retain(|id| facts.contains_key(id));
        match self.sort {
            Order::Age => {}
            // Those without a name come last.
            Order::Name => overview
                .order
                .sort_by_key(|id| facts[id].0.as_ref().map_or((true, ""), |name| (false, name))),
            Order::Size => overview.order.sort_by_key(|id| Reverse(facts[id].1)),
        }
        if self.reverse {
            overview.order.reverse();
        }
        let places: BTreeMap<_, _> = overview
            .order
            .iter()
            .enumerate()
            .map(|(place, id)| (*id, place))
            .collect();
        overview.buffers.sort_by_key(|held| places.get(&held.what.id).copied());
        overview.pools.sort_by_key(|held| places.get(&held.what.id).copied());
    }
}

/// The memory of a pool's slots.
fn size_of(pool: &PoolStatus) -> u64 {
    pool.buffer_size.saturating_mul(pool.slots.len() as u64)
}
