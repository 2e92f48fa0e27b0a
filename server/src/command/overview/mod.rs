//! What is in a store at one moment, and which processes have it open. `ls` prints this and `top` shows it.

mod choice;
mod held;
mod row;

use std::collections::BTreeMap;
use std::path::Path;

use dcc_mcp_shm::{Descriptor, Error, Listing, PendingFile, PoolStatus, Store};
use dcc_mcp_shm_view::text::{self, Bytes};
use serde::Serialize;
use uuid::Uuid;

pub(super) use self::choice::Choice;
use self::held::Held;
use self::row::COLUMNS;
use super::terminal::{BAD, WARNING};
use crate::command::foreign::foreign;
use crate::command::{find, table};
use crate::listed;
use crate::process::{self, Process};

/// The contents of a store. As JSON this is what `ls --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    store: String,
    buffers: Vec<Held<Descriptor>>,
    pools: Vec<Held<PoolStatus>>,
    damaged: Vec<Damaged>,
    newer: Vec<Newer>,
    pending: Vec<PendingFile>,
    /// The ids of buffers and pools, newest first.
    #[serde(skip)]
    order: Vec<Uuid>,
}

/// A file that has a buffer's name but is not a buffer that can be read.
#[derive(Debug, Serialize)]
struct Damaged {
    id: Uuid,
    problem: String,
}

/// A file that a newer program made.
#[derive(Debug, Serialize)]
struct Newer {
    id: Uuid,
    version: u64,
}

impl Overview {
    pub(super) fn empty(path: &Path) -> Self {
        Self {
            store: path.display().to_string(),
            buffers: Vec::new(),
            pools: Vec::new(),
            damaged: Vec::new(),
            newer: Vec::new(),
            pending: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Looks at every file, and once at which processes have which files open. Nothing is held, and no time to live is
    /// renewed.
    pub(super) fn of(store: &Store) -> Result<Self, Error> {
        let Listing {
            buffers,
            pools,
            damaged,
            newer,
            order,
        } = store.list()?;
        let holders = store.holders();
        let mut known = BTreeMap::new();
        let mut named = |pids: Option<&[u32]>| {
            let process = |&pid| known.entry(pid).or_insert_with(|| Process::of(pid)).clone();
            Some(pids?.iter().map(process).collect())
        };
        let mut overview = Self::empty(store.path());
        for mut what in buffers {
            // No process has this buffer open, and yet its descriptor does not say when it expires. Perhaps the buffer
            // was closed since its header was read, so it is described again.
            if what.expires.is_none() && listed::holders_of(&what, &holders).is_some_and(<[_]>::is_empty) {
                what = match store.describe(&what.id.into()) {
                    // The buffer was deleted, or became unreadable, since the listing, so its descriptor from the
                    // listing is shown.
                    Err(error) if error.is_conclusive() => what,
                    // Another has taken its name over, which is not in the listing.
                    Ok(described) if described.name != what.name => what,
                    described => described?,
                };
            }
            let holders = named(listed::holders_of(&what, &holders));
            overview.buffers.push(Held { what, holders });
        }
        for what in pools {
            let holders = named(holders.of(what.id));
            overview.pools.push(Held { what, holders });
        }
        overview.order = order;
        overview.damaged = damaged
            .into_iter()
            .map(|file| Damaged {
                id: file.id,
                problem: file.problem,
            })
            .collect();
        overview.pending = store.pending()?;
        overview.newer = newer
            .into_iter()
            .map(|file| Newer {
                id: file.id,
                version: file.version,
            })
            .collect();
        Ok(overview)
    }

    /// `3 buffers, 1 pool, open in 2 processes`
    pub(super) fn totals(&self) -> String {
        let mut totals = format!(
            "{}, {}, open in {}",
            text::count(self.buffers.len(), "buffer"),
            text::count(self.pools.len(), "pool"),
            process::count(self.processes()),
        );
        if !self.damaged.is_empty() {
            totals = format!("{totals}, {}", text::count(self.damaged.len(), "damaged file"));
        }
        if !self.newer.is_empty() {
            totals = format!("{totals}, {} of newer programs", text::count(self.newer.len(), "file"));
        }
        if !self.pending.is_empty() {
            let pending = self.pending.iter().map(|file| file.bytes);
            let bytes = Bytes(pending.fold(0, u64::saturating_add));
            let files = text::count(self.pending.len(), "deleted file");
            totals = format!("{totals}, {files} still in use ({bytes:#})");
        }
        totals
    }

    /// The directory.
    pub(super) fn store(&self) -> &str {
        &self.store
    }

    pub(super) fn buffers(&self) -> impl Iterator<Item = &Descriptor> {
        self.buffers.iter().map(|held| &held.what)
    }

    pub(super) fn pools(&self) -> impl Iterator<Item = &PoolStatus> {
        self.pools.iter().map(|held| &held.what)
    }

    /// What is deleted and still in use.
    pub(super) fn pending(&self) -> &[PendingFile] {
        &self.pending
    }

    pub(super) fn damaged(&self) -> usize {
        self.damaged.len()
    }

    pub(super) fn newer(&self) -> usize {
        self.newer.len()
    }

    /// How many processes are seen to have something open.
    pub(super) fn processes(&self) -> usize {
        let mut pids: Vec<_> = self.holders().map(|process| process.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        pids.len()
    }

    fn holders(&self) -> impl Iterator<Item = &Process> {
        let buffers = self.buffers.iter().filter_map(|held| held.holders.as_ref());
        let pools = self.pools.iter().filter_map(|held| held.holders.as_ref());
        buffers.chain(pools).flatten()
    }

    /// The table, newest first, and below it the damaged files, those of newer programs, and those that are deleted and still
    /// in use.
    pub(super) fn lines(&self, window: Option<usize>) -> Vec<String> {
        let buffers = self.buffers.iter().map(|held| held.what.id);
        let ids = buffers.chain(self.pools.iter().map(|held| held.what.id));
        let ids = ids.chain(self.damaged.iter().map(|file| file.id));
        let ids = ids.chain(self.newer.iter().map(|file| file.id));
        let shown = find::telling_apart(ids.chain(self.pending.iter().map(|file| file.id)));
        let short = |id: Uuid| id.to_string()[..shown].to_owned();
        let buffers = self.buffers.iter().map(|held| (held.what.id, held.row(short)));
        let pools = self.pools.iter().map(|held| (held.what.id, held.row(short)));
        let mut rows: BTreeMap<_, _> = buffers.chain(pools).collect();
        let rows: Vec<_> = self.order.iter().filter_map(|id| rows.remove(id)).collect();
        let mut lines = table::lines(&COLUMNS, &rows, window);
        lines.extend(self.damaged.iter().map(|file| {
            let text = format!("{}  damaged: {}", short(file.id), foreign(&file.problem));
            let text = table::shortened(&text, window.unwrap_or(usize::MAX));
            format!("{BAD}{text}{BAD:#}")
        }));
        lines.extend(self.newer.iter().map(|file| {
            let (id, version) = (short(file.id), file.version);
            let text = format!("{id}  of a newer program, format version {version}: use a newer dcc-mcp-shm");
            let text = table::shortened(&text, window.unwrap_or(usize::MAX));
            format!("{WARNING}{text}{WARNING:#}")
        }));
        lines.extend(self.pending.iter().map(|file| {
            let name = file.name.as_ref().map(|name| format!("{}  ", foreign(name)));
            let text = format!(
                "{}  {}deleted, {:#} still in use: {}",
                short(file.id),
                name.unwrap_or_default(),
                Bytes(file.bytes),
                foreign(&file.held_by.to_string())
            );
            let text = table::shortened(&text, window.unwrap_or(usize::MAX));
            format!("{WARNING}{text}{WARNING:#}")
        }));
        lines
    }
}
