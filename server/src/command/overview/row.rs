//! A buffer or pool as a row of the table.

use anstyle::Style;
use dcc_mcp_shm::{Descriptor, PoolStatus};
use dcc_mcp_shm_view::text::Bytes;
use uuid::Uuid;

use super::held::Held;
use crate::command::foreign::foreign;
use crate::command::table::{Cell, Column};
use crate::command::terminal::{FAINT, WARNING};
use crate::listed;
use crate::process::Process;

pub(super) const COLUMNS: [Column; 9] = [
    Column::text("ID"),
    Column::long("NAME"),
    Column::text("KIND"),
    Column::long("FROM"),
    Column::number("SIZE"),
    Column::text("STATE"),
    Column::number("AGE"),
    Column::long("OPEN IN"),
    Column::text("EXPIRES"),
];

impl Held<Descriptor> {
    pub(super) fn row(&self, short: impl Fn(Uuid) -> String) -> [Cell; COLUMNS.len()] {
        let Self { what, holders } = self;
        let pids = holders.as_deref();
        [
            short(what.id).into(),
            foreign(what.name.as_deref().unwrap_or_default()).into(),
            what.kind.as_str().into(),
            foreign(&what.source_dcc).into(),
            format!("{:#}", Bytes(what.size_bytes)).into(),
            what.state.as_str().into(),
            listed::age(&what.created_at).into(),
            open_in(pids),
            match &what.expires {
                Some(expires) => format!("in {}", listed::until(expires)).into(),
                None if what.ttl_seconds <= 0.0 => "never".into(),
                None if pids.is_some_and(<[_]>::is_empty) => Cell::styled("holder died", WARNING),
                None => Cell::styled("not while open", FAINT),
            },
        ]
    }
}

impl Held<PoolStatus> {
    pub(super) fn row(&self, short: impl Fn(Uuid) -> String) -> [Cell; COLUMNS.len()] {
        let Self { what, holders } = self;
        let (free, slots) = (what.free(), what.slots.len());
        let style = if free == 0 { WARNING } else { Style::new() };
        [
            short(what.id).into(),
            foreign(what.name.as_deref().unwrap_or_default()).into(),
            "Pool".into(),
            "".into(),
            format!("{:#}", Bytes(what.buffer_size.saturating_mul(slots as u64))).into(),
            Cell::styled(format!("{free}/{slots} free"), style),
            listed::age(&what.created_at).into(),
            open_in(holders.as_deref()),
            match holders.as_deref() {
                _ if what.persistent => "never".into(),
                Some([]) => "next sweep".into(),
                _ => Cell::styled("not while open", FAINT),
            },
        ]
    }
}

/// The first process that has the file open, and how many more there are.
fn open_in(holders: Option<&[Process]>) -> Cell {
    match holders {
        None => Cell::styled("?", FAINT),
        Some([]) => Cell::styled("-", FAINT),
        Some([process]) => process.in_words().into(),
        Some([process, more @ ..]) => format!("{} +{}", process.in_words(), more.len()).into(),
    }
}
