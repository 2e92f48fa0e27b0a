//! `dcc-mcp-shm gc`: removes buffers and pools that nobody needs any more.

use std::fmt::Write as _;

use clap::Args;
use dcc_mcp_shm::{GcReport, KeptReason};
use dcc_mcp_shm_view::text::{self, Bytes};
use serde::Serialize;

use super::foreign::foreign;
use super::store::{existing, say_no_store};
use super::table::{self, Cell, Column};
use super::{json, terminal};
use crate::settings::StoreOption;
use crate::sweep;
use crate::text::roughly;

const COLUMNS: [Column; 3] = [Column::text("ID"), Column::number("SIZE"), Column::long("REASON")];

/// Remove what expired, and say why the rest stays.
///
/// Taken are buffers whose time to live has passed, what a process that died left half made, pools that nobody has open
/// and that are not to persist, and slots without a pool: only what no process has open, whatever its age. Servers, and
/// programs that open the store, do the same once a minute. What dead holders left gets its time to live from here.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Gc {
    /// Say what would be removed, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"dry_run", "removed", "kept", "freed_bytes"}; a file is {"id", "bytes", "reason"}.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm gc --dry-run
      Only look.
  dcc-mcp-shm gc
      Remove it now.";

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Sweep {
    dry_run: bool,
    #[serde(flatten)]
    report: GcReport,
}

impl Gc {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let report = match existing(&self.store)? {
            Some(store) => store.gc(self.dry_run)?,
            None if self.json => GcReport::default(),
            None => return say_no_store(&self.store),
        };
        if self.json {
            let dry_run = self.dry_run;
            return Ok(terminal::print(&json::pretty(&Sweep { dry_run, report })?)?);
        }
        let window = terminal::columns();
        Ok(terminal::print(&in_words(&report, self.dry_run, window))?)
    }
}

fn in_words(report: &GcReport, dry_run: bool, window: Option<usize>) -> String {
    let (removes, keeps) = if dry_run {
        ("Would remove", "Would keep")
    } else {
        ("Removed", "Kept")
    };
    let (files, freed) = (text::count(report.removed.len(), "file"), Bytes(report.freed_bytes));
    let mut said = format!("{removes} {files}, {freed}\n");
    // Writing to a String cannot fail.
    if !report.removed.is_empty() {
        let rows = report
            .removed
            .iter()
            .map(|file| row(file.id, file.bytes, file.reason.to_owned()));
        append(&mut said, &rows.collect::<Vec<_>>(), window);
    }
    let kept = report.kept.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    let files = text::count(report.kept.len(), "file");
    let _ = writeln!(said, "{keeps} {files}, {}", Bytes(kept));
    for (reason, share) in sweep::kept(report) {
        let _ = writeln!(said, "  {share}: {reason}");
    }
    if let Some(left) = sweep::next_expiry(report) {
        let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        let _ = writeln!(said, "The first expires in {}.", roughly(seconds));
    }
    let unusable = report.kept.iter().filter_map(|file| match &file.reason {
        KeptReason::Unreadable { problem } | KeptReason::Failed { problem } => {
            Some(row(file.id, file.bytes, foreign(problem)))
        }
        _ => None,
    });
    let unusable: Vec<_> = unusable.collect();
    if !unusable.is_empty() {
        let _ = writeln!(said, "Not usable, and not removed by itself:");
        append(&mut said, &unusable, window);
    }
    said
}

fn row(id: uuid::Uuid, bytes: u64, reason: String) -> [Cell; COLUMNS.len()] {
    [
        id.to_string().into(),
        format!("{:#}", Bytes(bytes)).into(),
        reason.into(),
    ]
}

fn append(said: &mut String, rows: &[[Cell; COLUMNS.len()]], window: Option<usize>) {
    for line in table::lines(&COLUMNS, rows, window.map(|columns| columns.saturating_sub(2))) {
        let _ = writeln!(said, "  {line}");
    }
}
