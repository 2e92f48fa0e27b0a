//! `dcc-mcp-shm rm`: deletes buffers and pools.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use dcc_mcp_shm::{BufferFilter, Deletable, Deletion, Error, FileRole, Holders, NameFilter, Reference, Store};
use dcc_mcp_shm_view::text::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::foreign::foreign;
use super::store::needed;
use super::{find, json, terminal};
use crate::process::Process;
use crate::settings::StoreOption;

/// Delete buffers and pools.
///
/// Processes that have one open keep what they see: memory that is mapped stays valid, and in use until the last of them lets
/// go of it. They are named, and `ls` shows what is still in use. Nobody can open it any more. A pool goes with its slots; a
/// damaged file goes by its id, and one of a newer program only by a newer one.
///
/// One that is not there is told, and the others are deleted; the exit status is 1 then. So it is with a pattern that no name is
/// like, and a group that nothing is of.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Rm {
    /// Name, id, the beginning of an id that no other has, or in quotes a pattern of names: `*` is any text, `?` any one character.
    #[arg(required_unless_present = "group", value_name = "BUFFER")]
    buffers: Vec<String>,
    /// All of this group instead, pools too.
    #[arg(long, conflicts_with = "buffers")]
    group: Option<String>,
    /// Say what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    store: StoreOption,
    /// Print JSON: {"deleted", "would_delete", "failed"}.
    ///
    /// What is deleted is {"id", "name", "freed_bytes", "pending_bytes", "held_by", "holders"}, what would be
    /// {"id", "name", "role", "bytes", "holders"}, and what failed {"buffer", "problem"}.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dcc-mcp-shm rm 'beauty.*' --dry-run
      What would go: all whose names begin so.
  dcc-mcp-shm rm hero
      By its name.
  dcc-mcp-shm rm beauty.0101 playhead
      Two at once.";

/// What came of it, for programs.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    deleted: Vec<Deletion>,
    would_delete: Vec<Going>,
    failed: Vec<Failure>,
}

/// What would be deleted.
#[derive(Debug, Serialize)]
struct Going {
    #[serde(flatten)]
    what: Deletable,
    /// Absent if it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    holders: Option<Vec<Process>>,
}

#[derive(Debug, Serialize)]
struct Failure {
    /// As it was asked for, or its id.
    buffer: String,
    problem: String,
}

impl Rm {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let store = needed(&self.store)?;
        let mut outcome = Outcome::default();
        let mut chosen = Vec::new();
        if let Some(group) = &self.group {
            let filter = BufferFilter {
                group: Some(group.clone()),
                ..BufferFilter::default()
            };
            match store.would_delete_all(&filter) {
                Ok(found) if found.is_empty() => outcome.fail(
                    group,
                    &anyhow!("nothing is of the group {group:?}: ls --json shows groups, and case matters"),
                ),
                Ok(found) => chosen.extend(found.iter().map(Chosen::of)),
                Err(error) => outcome.fail(group, &error.into()),
            }
        }
        for buffer in &self.buffers {
            match chosen_by(&store, buffer) {
                Ok(found) => chosen.extend(found),
                Err(error) => outcome.fail(buffer, &error),
            }
        }
        // All is found before anything is deleted, so what is meant twice goes once.
        let mut seen = HashSet::new();
        chosen.retain(|one| seen.insert(one.id));
        self.delete(&store, chosen, &mut outcome);
        let said = self.tell(&outcome);
        if !outcome.failed.is_empty() {
            // Also if nobody reads it.
            return Ok(ExitCode::FAILURE);
        }
        said?;
        Ok(ExitCode::SUCCESS)
    }

    fn delete(&self, store: &Store, chosen: Vec<Chosen>, outcome: &mut Outcome) {
        let mut going = Vec::new();
        for Chosen { id, reference, asked } in chosen {
            let done = if self.dry_run {
                store.would_delete(&reference).map(|what| going.push(what))
            } else {
                store.delete(&reference).map(|deleted| outcome.deleted.push(deleted))
            };
            match (done, asked) {
                (Ok(()), _) => {}
                // Somebody else deleted what a pattern or group had found.
                (Err(error), None) if error.is_gone() => {}
                (Err(error), asked) => {
                    let is_newer = error.newer_version().is_some();
                    let mut error = anyhow::Error::from(error);
                    if is_newer {
                        error = error.context("it is not damaged and was not deleted");
                    }
                    outcome.fail(&asked.unwrap_or_else(|| id.to_string()), &error);
                }
            }
        }
        outcome.would_delete.extend(Going::all(store, going));
    }

    /// Prints all that came of it.
    fn tell(&self, outcome: &Outcome) -> anyhow::Result<()> {
        if self.json {
            return Ok(terminal::print(&json::pretty(outcome)?)?);
        }
        let mut said = Ok(());
        for Failure { problem, .. } in &outcome.failed {
            said = said.and(writeln!(io::stderr(), "error: {}", foreign(problem)));
        }
        let deleted = outcome.deleted.iter().map(deleted);
        let lines: String = deleted
            .chain(outcome.would_delete.iter().map(Going::in_words))
            .collect();
        said.and(terminal::print(&lines))?;
        Ok(())
    }
}

/// What is to be deleted.
struct Chosen {
    id: Uuid,
    reference: Reference,
    /// The argument that means it alone.
    asked: Option<String>,
}

impl Chosen {
    /// One of several.
    fn of(found: &Deletable) -> Self {
        Self {
            id: found.id,
            reference: found.id.into(),
            asked: None,
        }
    }
}

/// What an argument means: one by its name or id, or where nothing has this text as its name, all whose names are like it.
fn chosen_by(store: &Store, asked: &str) -> anyhow::Result<Vec<Chosen>> {
    let is_gone = |error: &anyhow::Error| error.downcast_ref().is_some_and(Error::is_gone);
    match find::find(store, asked) {
        Ok(reference) => Ok(vec![Chosen {
            id: store.resolve(&reference)?,
            reference,
            asked: Some(asked.to_owned()),
        }]),
        // Any other error leaves open whether something has this name, which would be meant by it alone.
        Err(error) if asked.contains(['*', '?']) && is_gone(&error) => {
            let found = store.would_delete_all(&BufferFilter {
                name: Some(NameFilter::Like(asked.to_owned())),
                ..BufferFilter::default()
            })?;
            if found.is_empty() {
                bail!("no name is like {asked:?}: ls shows the names, and ls --name takes the same patterns");
            }
            Ok(found.iter().map(Chosen::of).collect())
        }
        Err(error) => Err(error),
    }
}

impl Outcome {
    fn fail(&mut self, buffer: &str, error: &anyhow::Error) {
        self.failed.push(Failure {
            buffer: buffer.to_owned(),
            problem: format!("{error:#}"),
        });
    }
}

impl Going {
    /// What would go, with the processes that have it open.
    fn all(store: &Store, found: Vec<Deletable>) -> impl Iterator<Item = Self> {
        let holders = store.holders();
        found.into_iter().map(move |what| {
            let pids = pids_of(store, &holders, &what);
            let holders = pids.map(|pids| pids.into_iter().map(Process::of).collect());
            Self { what, holders }
        })
    }

    fn in_words(&self) -> String {
        let name = in_brackets(self.what.name.as_deref());
        let open = match self.holders.as_deref() {
            None => ", and who has it open cannot be seen from here".to_owned(),
            Some([]) => String::new(),
            Some(holders) => {
                let holders: Vec<_> = holders.iter().map(Process::in_words).collect();
                format!(", open in {}", holders.join(", "))
            }
        };
        format!(
            "Would delete {}{name}: {}{open}.\n",
            self.what.id,
            Bytes(self.what.bytes)
        )
    }
}

/// The processes that have it open, or a slot of it; nothing if none is seen and some may be hidden.
fn pids_of(store: &Store, holders: &Holders, what: &Deletable) -> Option<BTreeSet<u32>> {
    let mut ids = vec![what.id];
    if what.role == Some(FileRole::Pool) {
        // A process can have a slot open without its pool.
        ids.extend(store.pool(&what.id.into()).ok()?.slots.iter().map(|slot| slot.id));
    }
    let seen: Vec<_> = ids.into_iter().map(|id| holders.of(id)).collect();
    let pids: BTreeSet<_> = seen.iter().flatten().copied().flatten().copied().collect();
    (!pids.is_empty() || seen.iter().all(Option::is_some)).then_some(pids)
}

fn in_brackets(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" ({})", foreign(name)))
}

fn deleted(deleted: &Deletion) -> String {
    let mut said = format!("Deleted {}{}.", deleted.id, in_brackets(deleted.name.as_deref()));
    // Writing to a String cannot fail.
    if deleted.freed_bytes > 0 {
        let _ = write!(said, " {} are free.", Bytes(deleted.freed_bytes));
    }
    if deleted.pending_bytes > 0 {
        let (pending, held_by) = (Bytes(deleted.pending_bytes), deleted.held_by.to_string());
        let _ = write!(said, " {pending} are still in use: {}.", foreign(&held_by));
    }
    said + "\n"
}
