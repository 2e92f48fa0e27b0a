//! `dcc-mcp-shm stats`: how full a store is, in numbers.

mod numbers;
mod prometheus;

use clap::Args;

use self::numbers::Numbers;
use super::overview::Overview;
use super::store::{existing, say_no_store};
use super::usage::Usage;
use super::{json, terminal};
use crate::settings::StoreOption;

/// Count what is in the store, for people and for monitoring.
///
/// Memory that is used and free, what is deleted and still in use, the quota, buffers by kind, pools and their slots, the
/// processes that have something open, and damaged files.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Stats {
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: what the text says, in bytes.
    #[arg(long)]
    json: bool,
    /// Print the text exposition format of Prometheus.
    ///
    /// All are gauges with the label store; docs/command-line.md lists them.
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm stats
      For a person.
  dcc-mcp-shm stats --prometheus > dcc_mcp_shm.prom
      For a collector of textfiles.";

impl Stats {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let store = existing(&self.store)?;
        if store.is_none() && !self.json && !self.prometheus {
            return say_no_store(&self.store);
        }
        let numbers = match &store {
            Some(store) => Numbers {
                usage: Some(Usage::of(store)?),
                exists: true,
                ..Numbers::of(&Overview::of(store)?)
            },
            None => Numbers::of(&Overview::empty(&self.store.directory())),
        };
        Ok(terminal::print(&if self.json {
            json::pretty(&numbers)?
        } else if self.prometheus {
            prometheus::exposition(&numbers)
        } else {
            numbers.in_words()
        })?)
    }
}
