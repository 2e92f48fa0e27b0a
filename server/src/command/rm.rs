//! `dcc-mcp-shm rm`: deletes buffers and pools.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use dcc_mcp_shm::{BufferFilter, Deletable, Deletion, NameFilter, Reference, Store};
use dcc_mcp_shm_view::text::Bytes;
use serde::Serialize;

use super::foreign::foreign;
use super::process::Process;
use super::store::needed;
use super::{find, json, terminal};
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
        if let Some(group) = &self.group {
            let filter = BufferFilter {
                group: Some(group.clone()),
                ..BufferFilter::default()
            };
            let nothing = || anyhow!("nothing is of the group {group:?}: ls --json shows groups, and case matters");
            self.delete_all(&store, &filter, group, nothing, &mut outcome);
        }
        for buffer in &self.buffers {
            match find::find(&store, buffer) {
                Ok(found) => self.delete(&store, &found, buffer, &mut outcome),
                Err(_) if buffer.contains(['*', '?']) => {
                    let filter = BufferFilter {
                        name: Some(NameFilter::Like(buffer.clone())),
                        ..BufferFilter::default()
                    };
                    let nothing = || {
                        anyhow!("no name is like {buffer:?}: ls shows the names, and ls --name takes the same patterns")
                    };
                    self.delete_all(&store, &filter, buffer, nothing, &mut outcome);
                }
                Err(error) => outcome.fail(buffer, &error),
            }
        }
        let said = self.tell(&outcome);
        if !outcome.failed.is_empty() {
            // Also if nobody reads it.
            return Ok(ExitCode::FAILURE);
        }
        said?;
        Ok(ExitCode::SUCCESS)
    }

    fn delete(&self, store: &Store, found: &Reference, buffer: &str, outcome: &mut Outcome) {
        let done = if self.dry_run {
            store
                .would_delete(found)
                .map(|what| outcome.would_delete.extend(Going::all(store, vec![what])))
        } else {
            store.delete(found).map(|deleted| outcome.deleted.push(deleted))
        };
        if let Err(error) = done {
            let is_newer = error.newer_version().is_some();
            let error = anyhow::Error::from(error);
            outcome.fail(
                buffer,
                &if is_newer {
                    error.context("it is not damaged and was not deleted")
                } else {
                    error
                },
            );
        }
    }

    /// Deletes all that match. To find none is an error.
    fn delete_all(
        &self,
        store: &Store,
        filter: &BufferFilter,
        asked: &str,
        nothing: impl FnOnce() -> anyhow::Error,
        outcome: &mut Outcome,
    ) {
        let found = match store.would_delete_all(filter) {
            Ok(found) if found.is_empty() => return outcome.fail(asked, &nothing()),
            Ok(found) => found,
            Err(error) => return outcome.fail(asked, &error.into()),
        };
        if self.dry_run {
            outcome.would_delete.extend(Going::all(store, found));
            return;
        }
        let mut done = store.delete_all(found, || true);
        outcome.deleted.append(&mut done.deleted);
        for failed in done.failed {
            outcome.fail(&failed.what.id.to_string(), &failed.error.into());
        }
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
            let pids = holders.of(what.id);
            let holders = pids.map(|pids| pids.iter().copied().map(Process::of).collect());
            Self { what, holders }
        })
    }

    fn in_words(&self) -> String {
        let name = in_brackets(self.what.name.as_deref());
        let holders = self.holders.iter().flatten().map(Process::in_words);
        let open = match holders.collect::<Vec<_>>().join(", ") {
            nobody if nobody.is_empty() => nobody,
            holders => format!(", open in {holders}"),
        };
        format!(
            "Would delete {}{name}: {}{open}.\n",
            self.what.id,
            Bytes(self.what.bytes)
        )
    }
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
