//! The tables below the facts: arrays, slots, and the processes that have the buffer or pool open.

use dcc_mcp_shm::{ArrayDescriptor, Descriptor, PoolStatus, Store};
use dcc_mcp_shm_view::text::Bytes;

use crate::command::foreign::foreign;
use crate::command::table::{self, Cell, Column};
use crate::command::terminal::FAINT;
use crate::listed;
use crate::process::{self, Process};

const ARRAYS: [Column; 5] = [
    Column::long("ARRAY"),
    Column::text("TYPE"),
    Column::text("SHAPE"),
    Column::text("PER"),
    Column::number("OFFSET"),
];
const SLOTS: [Column; 5] = [
    Column::text("SLOT"),
    Column::number("GENERATION"),
    Column::number("DATA"),
    Column::long("HELD BY"),
    Column::text("SINCE"),
];
const HOLDERS: [Column; 3] = [Column::number("PID"), Column::long("PROGRAM"), Column::text("STARTED")];

pub(super) fn arrays(descriptor: &Descriptor, window: Option<usize>) -> Vec<String> {
    let row = |(name, array): (&String, &ArrayDescriptor)| -> [Cell; ARRAYS.len()] {
        [
            foreign(name).into(),
            array.dtype.to_string().into(),
            format!("{:?}", array.shape).into(),
            array.domain.map_or("", |domain| domain.as_str()).into(),
            array
                .offset
                .map_or_else(String::new, |offset| offset.to_string())
                .into(),
        ]
    };
    let rows: Vec<_> = descriptor.arrays.iter().map(row).collect();
    table::lines(&ARRAYS, &rows, window)
}

pub(super) fn slots(pool: &PoolStatus, window: Option<usize>) -> Vec<String> {
    let each = Bytes(pool.buffer_size);
    let mut lines = vec![format!(
        "{} of {} slots free, {each} each",
        pool.free(),
        pool.slots.len()
    )];
    let rows: Vec<[Cell; SLOTS.len()]> = pool
        .slots
        .iter()
        .map(|slot| {
            let (by, since) = match &slot.holder {
                Some(holder) => (
                    format!("{} {}", foreign(&holder.program), holder.pid).into(),
                    holder.since.as_str().into(),
                ),
                None if slot.in_use => ("readers".into(), "".into()),
                None => (Cell::styled("free", FAINT), "".into()),
            };
            let (id, generation) = (slot.id.to_string(), slot.generation.to_string());
            [
                id.into(),
                generation.into(),
                format!("{:#}", Bytes(slot.data_len)).into(),
                by,
                since,
            ]
        })
        .collect();
    lines.extend(table::lines(&SLOTS, &rows, window));
    lines
}

pub(super) fn holders(store: &Store, descriptor: &Descriptor, window: Option<usize>) -> Vec<String> {
    let holders = store.holders();
    let pids = match listed::holders_of(descriptor, &holders) {
        None => return vec!["Who has it open cannot be seen from here.".to_owned()],
        Some([]) => return vec!["Nobody has it open.".to_owned()],
        Some(pids) => pids,
    };
    let row = |&pid: &u32| -> [Cell; HOLDERS.len()] {
        let process = Process::of(pid);
        let started = process.started().map_or_else(String::new, |at| at.to_string());
        [
            pid.to_string().into(),
            process.program.unwrap_or_default().into(),
            started.into(),
        ]
    };
    let rows: Vec<_> = pids.iter().map(row).collect();
    let mut lines = vec![format!("Open in {}:", process::count(rows.len()))];
    lines.extend(table::lines(&HOLDERS, &rows, window));
    lines
}
