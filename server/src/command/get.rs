//! `dcc-mcp-shm get`: writes the data of a buffer to a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use dcc_mcp_shm::{BufferState, DataReader, Descriptor, Reference, SharedBuffer, Store};
use dcc_mcp_shm_view::text::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::foreign::foreign;
use super::store::opened;
use super::{find, json, statuses, terminal};
use crate::replaced_file::NewFile;
use crate::settings::StoreOption;

/// How much is read at a time, in bytes.
const PIECE: usize = 4 << 20;

/// Write all data of a buffer to a file.
///
/// The file gets its name when all is in it: a write that fails leaves what was there, and no half of a file. The data is of one
/// write of a buffer that is rewritten, and decompressed if need be; arrays lie in it one after the other, each at a multiple of 64
/// bytes, as `show` lists them.
#[derive(Debug, Args)]
#[command(after_help = STATUSES, after_long_help = format!("{STATUSES}\n\n{EXAMPLES}"))]
pub(crate) struct Get {
    /// Name, id, or the beginning of an id that no other has.
    buffer: String,
    /// The file; - is stdout.
    file: PathBuf,
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"id", "name", "file", "bytes"}.
    #[arg(long)]
    json: bool,
}

const STATUSES: &str = "Exit status: 0 done, 1 failed, 2 a mistake on the command line, 3 the buffer is not there.";

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm get beauty.0101 beauty.0101.exr
      Into a file.
  dcc-mcp-shm get hero - > hero.bin
      To stdout.";

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    id: Uuid,
    name: Option<String>,
    file: String,
    bytes: u64,
}

impl Get {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        statuses::status_of(self.write().map(|()| ExitCode::SUCCESS))
    }

    fn write(&self) -> anyhow::Result<()> {
        if self.file == Path::new("-") {
            if self.json {
                bail!("--json would stand in the data that stdout gets: give a file");
            }
            let store = opened(&self.store)?;
            let data = Data::of(&store, &find::find(&store, &self.buffer)?)?;
            let mut stdout = io::stdout().lock();
            data.write_to(&mut stdout)?;
            return Ok(stdout.flush()?);
        }
        let store = opened(&self.store)?;
        let data = Data::of(&store, &find::find(&store, &self.buffer)?)?;
        into_file(&self.file, |file| data.write_to(file))
            .with_context(|| format!("cannot write {}", self.file.display()))?;
        let descriptor = data.descriptor();
        let written = Written {
            id: descriptor.id,
            name: descriptor.name.clone(),
            file: self.file.display().to_string(),
            bytes: data.len(),
        };
        Ok(terminal::print(&if self.json {
            json::pretty(&written)?
        } else {
            format!("Wrote {} to {}.\n", Bytes(written.bytes), foreign(&written.file))
        })?)
    }
}

/// The data of a buffer.
enum Data {
    /// Never changes.
    Sealed(Box<DataReader>),
    /// One write of what can be rewritten.
    Rewritten(Box<Descriptor>, Vec<u8>),
}

impl Data {
    fn of(store: &Store, reference: &Reference) -> anyhow::Result<Self> {
        let reader = store.reader(reference)?;
        if reader.descriptor().state == BufferState::Sealed {
            return Ok(Self::Sealed(Box::new(reader)));
        }
        let descriptor = Box::new(reader.descriptor().clone());
        let data = SharedBuffer::open(store, &descriptor.id.into())?.read()?;
        Ok(Self::Rewritten(descriptor, data))
    }

    fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Sealed(reader) => reader.descriptor(),
            Self::Rewritten(descriptor, _) => descriptor,
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Sealed(reader) => reader.len(),
            Self::Rewritten(_, data) => data.len() as u64,
        }
    }

    fn write_to(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let reader = match self {
            Self::Sealed(reader) => reader,
            Self::Rewritten(_, data) => return Ok(out.write_all(data)?),
        };
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        while at < reader.len() {
            let left = usize::try_from(reader.len() - at).unwrap_or(usize::MAX);
            let piece = &mut piece[..left.min(PIECE)];
            reader.read_at(at, piece)?;
            out.write_all(piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

/// Writes a file that gets its name when all is in it. What is no file, such as a pipe or `/dev/null`, is written to as it is.
fn into_file(path: &Path, write: impl FnOnce(&mut File) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return write(&mut OpenOptions::new().write(true).open(path)?);
    }
    let mut new = NewFile::of(path, false)?;
    write(new.file())?;
    Ok(new.take_place()?)
}
