//! `dcc-mcp-shm wait`: until a buffer can be read, or there is a newer version of it.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use dcc_mcp_shm::{
    BufferFilter, BufferState, Descriptor, FileRole, NameFilter, Reference, SharedBuffer, Store, StoreOptions,
};
use serde::Serialize;
use uuid::Uuid;

use super::{find, json, statuses, terminal, time_span};
use crate::settings::StoreOption;
use crate::spelling::meant;

/// Wait until a buffer can be read, or until there is a newer version of it, and print the version.
///
/// What has the name can be read when it is a scene that is sealed, or a buffer that has been written to. A version is the id, and
/// of a buffer that is rewritten also the number of the write; it is another one when the buffer was written to again, or another
/// buffer took the name over. A name that nothing has yet is waited for.
#[derive(Debug, Args)]
#[command(after_help = STATUSES, after_long_help = format!("{STATUSES}\n\n{EXAMPLES}"))]
pub(crate) struct Wait {
    /// Name, id, or the beginning of an id that no other has.
    buffer: String,
    /// The version that is known: wait for another. Empty is none.
    #[arg(long, value_name = "VERSION", value_parser = Known::parse)]
    after: Option<Known>,
    /// How long to wait at most, such as 90s or 45m; for ever if not given.
    #[arg(long, value_name = "TIME", value_parser = time_span::parse)]
    timeout: Option<Duration>,
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"version", "descriptor"}.
    #[arg(long)]
    json: bool,
}

const STATUSES: &str = "\
Exit status: 0 it is there, 1 failed, 2 a mistake on the command line, 3 nothing has this id, 4 the time is up.";

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm wait hero --timeout 60s && dcc-mcp-shm get hero hero.bin
      What is about to be shared.
  dcc-mcp-shm wait playhead --after \"$seen\" --timeout 90s
      The next version, where $seen is what this command printed before.";

/// Which write of which buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    id: Uuid,
    /// Of what can be rewritten.
    sequence: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Arrived {
    version: String,
    descriptor: Descriptor,
}

/// What a script has seen: a version, or none yet.
#[derive(Debug, Clone, Copy)]
struct Known(Option<Version>);

impl Known {
    /// Reads what this command printed; nothing is no version.
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let version = Version::read(text).ok_or("give a version that this command printed")?;
        Ok(Self(Some(version)))
    }
}

impl Version {
    fn read(text: &str) -> Option<Self> {
        let (id, sequence) = match text.split_once('.') {
            Some((id, sequence)) => (id, Some(sequence.parse().ok()?)),
            None => (text, None),
        };
        let id = Uuid::try_parse(id).ok()?;
        Some(Self { id, sequence })
    }

    fn text(self) -> String {
        let sequence = self.sequence.map(|sequence| format!(".{sequence}"));
        format!("{}{}", self.id, sequence.unwrap_or_default())
    }
}

impl Wait {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        statuses::status_of(self.wait())
    }

    fn wait(&self) -> anyhow::Result<ExitCode> {
        // Made if need be, because there is nothing to be told of in a directory that is not there.
        let store = Store::open(&StoreOptions::at(self.store.directory()).unswept())?;
        let reference = match find::find(&store, &self.buffer) {
            Ok(found) => found,
            Err(error) => match meant(&store, self.buffer.parse()?) {
                // It may come to be.
                Ok(name @ Reference::Name(_)) => name,
                _ => return Err(error),
            },
        };
        let end = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let Some((version, descriptor)) = next(&store, &reference, self.after.and_then(|known| known.0), end)? else {
            writeln!(io::stderr(), "nothing new came of {:?} in this time", self.buffer)?;
            return Ok(ExitCode::from(statuses::TIMED_OUT));
        };
        let version = version.text();
        terminal::print(&if self.json {
            json::pretty(&Arrived { version, descriptor })?
        } else {
            version + "\n"
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The version that comes after a known one, and what it is of; nothing if none came in time.
fn next(
    store: &Store,
    reference: &Reference,
    known: Option<Version>,
    end: Option<Instant>,
) -> anyhow::Result<Option<(Version, Descriptor)>> {
    let left = || end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
    let filter = BufferFilter {
        name: match reference {
            Reference::Name(name) => Some(NameFilter::Is(name.clone())),
            _ => None,
        },
        ..BufferFilter::default()
    };
    loop {
        // Before the look, so that nothing falls between the two.
        let seen = store.list()?.buffers;
        let descriptor = match store.describe(reference) {
            Err(error) if error.is_gone() && filter.name.is_some() => None,
            described => Some(described?),
        };
        if let Some(descriptor) = descriptor {
            let id = descriptor.id;
            match (descriptor.role, descriptor.state) {
                (FileRole::Pool, _) => bail!("{id} is a pool, which has no data: wait for one of its slots, by its id"),
                (_, BufferState::Sealed) if known.is_none_or(|known| known.id != id) => {
                    return Ok(Some((Version { id, sequence: None }, descriptor)));
                }
                (_, BufferState::Sealed) if filter.name.is_none() => {
                    bail!("{id} is sealed, so there will be no other version of it: wait for a name")
                }
                (_, BufferState::Open) => {
                    let before = known.filter(|known| known.id == id).and_then(|known| known.sequence);
                    match written(store, id, before.unwrap_or(0), left()) {
                        Ok(arrived) => return Ok(arrived),
                        // Another may have its name.
                        Err(error) if error.is_gone() && filter.name.is_some() => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                _ => {}
            }
        }
        if store.wait(&filter, Some(&seen), left())?.is_empty() {
            return Ok(None);
        }
    }
}

/// The version of a complete write of a buffer that is another one than `before`, and the buffer as it is then.
fn written(store: &Store, id: Uuid, before: u64, left: Duration) -> dcc_mcp_shm::Result<Option<(Version, Descriptor)>> {
    let buffer = SharedBuffer::open(store, &id.into())?;
    let Some(sequence) = buffer.wait(before, left)? else {
        return Ok(None);
    };
    let version = Version {
        id,
        sequence: Some(sequence),
    };
    Ok(Some((version, store.describe(&id.into())?)))
}
