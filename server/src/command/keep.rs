//! `dcc-mcp-shm keep`: changes how long a buffer stays.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use dcc_mcp_shm::Descriptor;
use serde::Serialize;
use uuid::Uuid;

use super::foreign::foreign;
use super::store::needed;
use super::{find, json, terminal, time_span};
use crate::listed;
use crate::settings::StoreOption;

/// Change how long a buffer stays once nobody has it open.
///
/// Until it is deleted, or as long as --ttl says; if nobody has it open, that runs from now. It may be a sealed scene, and of any
/// program. It stays in memory: a reboot loses it. A pool stays if it was made persistent.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Keep {
    /// Name, id, or the beginning of an id that no other has.
    buffer: String,
    /// How long it stays, such as 90s, 45m, 2h or 7d; 0 is until it is deleted.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time_span::parse)]
    ttl: Duration,
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"id", "name", "ttl_seconds", "expires"}.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm keep hero
      Until it is deleted.
  dcc-mcp-shm keep hero --ttl 2h
      For two hours after the last program lets go of it.";

/// How long it stays, for programs.
#[derive(Debug, Serialize)]
struct Kept {
    id: Uuid,
    name: Option<String>,
    ttl_seconds: f64,
    /// Absent while a process has it open, and if it stays until it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl Keep {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let store = needed(&self.store)?;
        let id = store.set_ttl(&find::find(&store, &self.buffer)?, self.ttl)?;
        let kept = store
            .describe(&id.into())
            .with_context(|| format!("the time to live of {id} is changed, and it cannot be described"))?;
        Ok(terminal::print(&if self.json {
            json::pretty(&Kept {
                id: kept.id,
                name: kept.name,
                ttl_seconds: kept.ttl_seconds,
                expires: kept.expires,
            })?
        } else {
            in_words(&kept)
        })?)
    }
}

fn in_words(kept: &Descriptor) -> String {
    let name = kept
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" ({})", foreign(name)));
    let how_long = match &kept.expires {
        _ if kept.ttl_seconds <= 0.0 => "until it is deleted".to_owned(),
        Some(expires) => format!(
            "until {expires}, in {}, unless somebody opens it",
            listed::until(expires)
        ),
        None => format!("{} s after the last process has let go of it", kept.ttl_seconds),
    };
    format!(
        "{}{name} stays {how_long}. It is in memory: a reboot loses it.\n",
        kept.id
    )
}
