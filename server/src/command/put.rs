//! `dcc-mcp-shm put`: shares the bytes of a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use dcc_mcp_shm::{BufferOptions, SceneDataKind, SharedSceneBuffer, Store, StoreOptions};

use super::{json, kind, terminal, time_span};
use crate::settings::StoreOption;

/// Share the bytes of a file, and print the id of the buffer.
///
/// It is a sealed scene, which never changes. Nobody has it open when the command ends, so it stays for its time to live from
/// then. The file is read into memory first; nothing is shared of one that cannot be read to its end.
#[derive(Debug, Args)]
#[command(after_help = STATUSES, after_long_help = format!("{STATUSES}\n\n{EXAMPLES}"))]
pub(crate) struct Put {
    /// The file; - is stdin.
    file: PathBuf,
    /// Its name, unique in the store.
    #[arg(long)]
    name: Option<String>,
    /// Take the name over; what has it is deleted.
    #[arg(long, requires = "name")]
    replace: bool,
    /// What the data is.
    #[arg(long, value_parser = kind::of_data(), ignore_case = true, default_value = "Arbitrary")]
    kind: SceneDataKind,
    /// What it is a part of.
    #[arg(long)]
    group: Option<String>,
    /// How long it stays, such as 90s, 45m, 2h or 7d; 0 is until it is deleted.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = time_span::parse)]
    ttl: Duration,
    #[command(flatten)]
    store: StoreOption,
    /// Print its descriptor: JSON with which any program opens it.
    #[arg(long)]
    json: bool,
}

const STATUSES: &str = "Exit status: 0 done, 1 failed (the name is taken, say), 2 a mistake on the command line.";

const EXAMPLES: &str = "\
Examples:
  echo 'frame 101' | dcc-mcp-shm put - --name notes/101
      What another program prints.
  dcc-mcp-shm put /etc/hostname --name hostname --replace --ttl 2h
      A file, in the place of an earlier one.";

impl Put {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let data = read(&self.file)?;
        let store = Store::open(&StoreOptions::at(self.store.directory()))?;
        let mut options = BufferOptions::new(self.kind).replace(self.replace).ttl(self.ttl);
        if let Some(name) = &self.name {
            options = options.name(name);
        }
        if let Some(group) = &self.group {
            options = options.group(group);
        }
        let scene = SharedSceneBuffer::write(&store, &data, &options)?;
        terminal::print(&if self.json {
            json::pretty(&scene.descriptor()?)?
        } else {
            format!("{}\n", scene.id())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// All bytes of a file, or of stdin.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut data = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut data).context("cannot read stdin")?;
        return Ok(data);
    }
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut data));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(data)
}
