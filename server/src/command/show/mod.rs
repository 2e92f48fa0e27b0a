//! `dcc-mcp-shm show`: everything that is known about one buffer or pool.

mod tables;

use std::fmt::Write as _;

use clap::Args;
use dcc_mcp_shm::{BufferState, Descriptor, FileRole, PoolStatus};
use dcc_mcp_shm_view::text::Bytes;
use serde_json::Value;

use super::terminal::{self, TITLE};
use crate::command::foreign::foreign;
use crate::command::store::needed;
use crate::command::{find, json};
use crate::listed;
use crate::settings::StoreOption;

/// Show everything about one buffer or pool.
///
/// What it is, how large and how old, its arrays with their types and shapes, when it may go, and the processes that have
/// it open; of a pool its slots, and who was given them since when. The data is not read, and nothing is renewed.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Show {
    /// Name, id, or the beginning of an id that no other has.
    buffer: String,
    #[command(flatten)]
    store: StoreOption,
    /// Print its descriptor as it travels: JSON with which any program opens it.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm show hero
      By its name.
  dcc-mcp-shm show hero --json
      Its descriptor, for another program.";

impl Show {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let store = needed(&self.store)?;
        let reference = find::find(&store, &self.buffer)?;
        let descriptor = store.describe(&reference)?;
        if self.json {
            return Ok(terminal::print(&json::pretty(&descriptor)?)?);
        }
        let window = terminal::columns();
        let is_pool = descriptor.role == FileRole::Pool;
        let pool = is_pool.then(|| store.pool(&reference)).transpose()?;
        let mut said = facts(&descriptor, pool.as_ref());
        let mut append = |lines: Vec<String>| {
            said.push('\n');
            said.extend(lines.into_iter().map(|line| line + "\n"));
        };
        if let Some(pool) = &pool {
            append(tables::slots(pool, window));
        }
        if !descriptor.arrays.is_empty() {
            append(tables::arrays(&descriptor, window));
        }
        append(tables::holders(&store, &descriptor, window));
        Ok(terminal::print(&said)?)
    }
}

/// The facts about a buffer or pool, one a line.
fn facts(d: &Descriptor, pool: Option<&PoolStatus>) -> String {
    let mut said = String::new();
    let mut fact = |label: &str, fact: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(said, "{TITLE}{label:<11}{TITLE:#}{fact}");
    };
    fact("id", &d.id.to_string());
    if let Some(name) = &d.name {
        fact("name", &foreign(name));
    }
    let role = match d.role {
        FileRole::Buffer => "buffer",
        FileRole::Scene => "scene",
        FileRole::Slot => "slot of a pool",
        FileRole::Pool => "pool",
    };
    fact("what", &format!("{} {role}, {}", d.kind.as_str(), d.state.as_str()));
    if !d.source_dcc.is_empty() {
        fact("from", &foreign(&d.source_dcc));
    }
    if let Some(group) = &d.group {
        fact("group", &foreign(group));
    }
    if pool.is_none() {
        fact("size", &Bytes(d.size_bytes).to_string());
    }
    if d.use_compression {
        fact("stored", &format!("{} of LZ4 frames", Bytes(d.stored_bytes)));
    } else if d.state != BufferState::Sealed && d.capacity > 0 {
        fact("capacity", &Bytes(d.capacity).to_string());
    }
    fact(
        "created",
        &format!("{}, {} ago", d.created_at, listed::age(&d.created_at)),
    );
    fact("expires", &expiry(d, pool));
    if d.role == FileRole::Slot {
        fact("generation", &d.generation.to_string());
    }
    fact(
        "file",
        &format!("{}, data from byte {} on", foreign(&d.path), d.data_offset),
    );
    for (name, value) in &d.attrs {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        fact("attribute", &format!("{} = {}", foreign(name), foreign(&value)));
    }
    said
}

fn expiry(d: &Descriptor, pool: Option<&PoolStatus>) -> String {
    match (&d.expires, d.role) {
        (Some(expires), _) => format!("{expires}, in {}, unless somebody opens it", listed::until(expires)),
        (None, FileRole::Slot) => "with its pool".to_owned(),
        (None, FileRole::Pool) if pool.is_some_and(|pool| !pool.persistent) => "when nobody has it open".to_owned(),
        (None, FileRole::Pool) => "never: it stays until it is deleted".to_owned(),
        _ if d.ttl_seconds <= 0.0 => "never: it stays until it is deleted".to_owned(),
        _ => format!("{} s after the last process has let go of it", d.ttl_seconds),
    }
}
