//! `dcc-mcp-shm ls`: what is in the store.

use std::io::{self, Write as _};

use clap::Args;
use dcc_mcp_shm::Store;

use super::json;
use super::overview::{Choice, Overview};
use super::store::{existing, say_no_store};
use super::terminal;
use crate::settings::StoreOption;

/// List buffers and pools, newest first.
///
/// One line each: the beginning of its id, by which `show` and `rm` find it, its name, what it is, the program that wrote
/// it, its size, its state, its age, the processes that have it open (the first, and how many more; "-" for none, "?" if
/// that cannot be seen) and when it may go. Files that cannot be read are listed below, and do not hide the rest; so are
/// those that were deleted and whose memory a process still has.
///
/// Options choose: then what cannot be chosen by them, such as damaged files, is left out. Of how many --holder cannot tell is said on
/// stderr.
///
/// Looking holds nothing open and renews no time to live.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT)]
pub(crate) struct Ls {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"store", "buffers", "pools", "damaged", "newer", "pending"}.
    ///
    /// A buffer is its descriptor (docs/descriptor.schema.json) with "holders", a list of {"pid", "program"} that is
    /// absent if it cannot be told; a pool is {"id", "name", "buffer_size", "persistent", "created_at", "slots",
    /// "holders"}; a damaged file is {"id", "problem"}, one of a newer program {"id", "version"}; one that was deleted and is
    /// still in use is {"id", "name", "bytes", "held_by", "holders"}. Newer versions may add fields.
    #[arg(long)]
    json: bool,
}

const ABOUT: &str = "\
States:
  sealed   finished, and never changes
  open     rewritten at any time
  empty    a scene that waits to be filled
  filling  a scene that is being filled
  2/4 free slots of a pool that nobody has

Examples:
  dcc-mcp-shm ls
      The store that DCCs of this user share by default.
  dcc-mcp-shm ls --kind screenshot --name 'beauty.*' --sort name
      Frames, in order.
  dcc-mcp-shm ls --json --store /dev/shm/my-scenes
      Another store, for a program.";

impl Ls {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let store = existing(&self.store)?;
        if self.json {
            let overview = match &store {
                Some(store) => self.overview(store)?,
                None => Overview::empty(&self.store.directory()),
            };
            return Ok(terminal::print(&json::pretty(&overview)?)?);
        }
        let Some(store) = store else {
            return say_no_store(&self.store);
        };
        let overview = self.overview(&store)?;
        let window = terminal::columns();
        Ok(terminal::print(&(overview.lines(window).join("\n") + "\n"))?)
    }

    fn overview(&self, store: &Store) -> anyhow::Result<Overview> {
        let mut overview = Overview::of(store)?;
        let unseen = self.choice.apply(store, &mut overview)?;
        if unseen > 0 {
            writeln!(
                io::stderr(),
                "warning: it cannot be seen from here who has {unseen} of them open, as from inside some containers"
            )?;
        }
        Ok(overview)
    }
}
