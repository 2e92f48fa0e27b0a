//! `dcc-mcp-shm rm`: deletes buffers and pools.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use dcc_mcp_shm::{Deletion, Reference, Store};
use dcc_mcp_shm_view::text::Bytes;

use super::foreign::foreign;
use super::store::needed;
use super::{find, terminal};
use crate::settings::StoreOption;

/// Delete buffers and pools.
///
/// Processes that have one open keep what they see: memory that is mapped stays valid, and in use until the last of them lets
/// go of it. They are named, and `ls` shows what is still in use. Nobody can open it any more. A pool goes with its slots; a
/// damaged file goes by its id, and one of a newer program only by a newer one.
///
/// One that is not there is told, and the others are deleted; the exit status is 1 then.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Rm {
    /// Name, id, or the beginning of an id that no other has.
    #[arg(required = true, value_name = "BUFFER")]
    buffers: Vec<String>,
    #[command(flatten)]
    store: StoreOption,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm rm hero
      By its name.
  dcc-mcp-shm rm beauty.0101 playhead
      Two at once.";

impl Rm {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let store = needed(&self.store)?;
        let (mut failed, mut said) = (false, Ok(()));
        for buffer in &self.buffers {
            let told = match delete(&store, buffer) {
                Ok(deleted) => terminal::print(&deleted),
                Err(error) => {
                    failed = true;
                    writeln!(io::stderr(), "error: {}", foreign(&format!("{error:#}")))
                }
            };
            // A failed print is kept for later, because all are deleted even if nobody reads the output any more.
            said = said.and(told);
        }
        if failed {
            return Ok(ExitCode::FAILURE);
        }
        said?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Deletes what was found, and says why not if a newer program made it.
fn delete_found(store: &Store, found: &Reference) -> anyhow::Result<Deletion> {
    store.delete(found).map_err(|error| match error.newer_version() {
        Some(_) => anyhow::Error::from(error).context("it is not damaged and was not deleted"),
        None => error.into(),
    })
}

fn delete(store: &Store, buffer: &str) -> anyhow::Result<String> {
    let deleted = delete_found(store, &find::find(store, buffer)?)?;
    let name = deleted.name.as_deref();
    let name = name.map_or_else(String::new, |name| format!(" ({})", foreign(name)));
    let mut said = format!("Deleted {}{name}.", deleted.id);
    // Writing to a String cannot fail.
    if deleted.freed_bytes > 0 {
        let _ = write!(said, " {} are free.", Bytes(deleted.freed_bytes));
    }
    if deleted.pending_bytes > 0 {
        let (pending, held_by) = (Bytes(deleted.pending_bytes), deleted.held_by.to_string());
        let _ = write!(said, " {pending} are still in use: {}.", foreign(&held_by));
    }
    Ok(said + "\n")
}
