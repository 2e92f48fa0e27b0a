//! What was deleted, or would be.

use std::fmt::{self, Display, Write as _};

use dcc_mcp_shm::{Deletable, Deletion, Deletions, FileRole, Holders, visible};
use dcc_mcp_shm_view::text::{self, Bytes};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::listed::is_zero;
use crate::reply::ToolError;

/// Most that are named, of those that go and of those that stay.
const MAX_NAMED: usize = 50;
/// Longest reason why one stays, in bytes.
const MAX_PROBLEM_BYTES: usize = 200;

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Deleted {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    /// Free again.
    freed_bytes: u64,
    /// In use until programs let go of it.
    pending_bytes: u64,
    /// Nothing was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// Those of a group or kind: id, name, bytes, held_by; at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    buffers: Vec<Going>,
    #[serde(skip_serializing_if = "is_zero")]
    total_count: usize,
    /// Not deleted: id, name, problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    failed: Vec<Staying>,
    #[serde(skip)]
    pools: usize,
    /// Of what would go and perhaps is in use.
    #[serde(skip)]
    unseen_bytes: u64,
    #[serde(skip)]
    failed_count: usize,
}

/// One of several that go.
#[derive(Debug, Serialize)]
struct Going {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    bytes: u64,
    /// What keeps its memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
}

/// One that was not deleted.
#[derive(Debug, Serialize)]
struct Staying {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    problem: String,
}

impl Deleted {
    /// One that was asked for alone.
    pub(crate) fn one(deleted: Deletion) -> Self {
        Self {
            id: Some(deleted.id),
            held_by: held_by(&deleted),
            name: deleted.name,
            freed_bytes: deleted.freed_bytes,
            pending_bytes: deleted.pending_bytes,
            ..Self::default()
        }
    }

    /// What a deletion would take. Who has it open is as far as can be told.
    pub(crate) fn would_be(found: &[Deletable], holders: &Holders, room: usize) -> Self {
        Self::would_go(found, |id| holders.of(id), room)
    }

    fn would_go<'a>(found: &[Deletable], pids: impl Fn(Uuid) -> Option<&'a [u32]>, room: usize) -> Self {
        // `None` where it cannot be seen.
        let is_held = |what: &Deletable| pids(what.id).map(|pids| !pids.is_empty());
        let sum = |wanted: Option<bool>| {
            let of = found.iter().filter(|what| is_held(what) == wanted);
            of.map(|what| what.bytes).fold(0, u64::saturating_add)
        };
        let going = found.iter().map(|what| Going {
            id: what.id,
            name: what.name.clone(),
            bytes: what.bytes,
            held_by: match pids(what.id) {
                Some([]) => None,
                Some(pids) => Some(format!("processes {pids:?}")),
                None => Some("cannot be seen from here".to_owned()),
            },
        });
        Self {
            dry_run: true,
            freed_bytes: sum(Some(false)),
            pending_bytes: sum(Some(true)),
            unseen_bytes: sum(None),
            buffers: fitting(going, room),
            total_count: found.len(),
            pools: found.iter().filter(|what| what.role == Some(FileRole::Pool)).count(),
            ..Self::default()
        }
    }

    /// What came of deleting several.
    ///
    /// # Errors
    /// None could be deleted.
    pub(crate) fn all(done: &Deletions, room: usize) -> Result<Self, ToolError> {
        let staying = done.failed.iter().map(|failed| Staying {
            id: failed.what.id,
            name: failed.what.name.clone(),
            problem: text::bounded(&failed.error.to_string(), MAX_PROBLEM_BYTES),
        });
        let sum = |of: fn(&Deletion) -> u64| done.deleted.iter().map(of).fold(0, u64::saturating_add);
        let going = done.deleted.iter().map(|deleted| Going {
            id: deleted.id,
            name: deleted.name.clone(),
            bytes: deleted.freed_bytes.saturating_add(deleted.pending_bytes),
            held_by: held_by(deleted),
        });
        let failed = fitting(staying, room / 2);
        let said = Self {
            freed_bytes: sum(|deleted| deleted.freed_bytes),
            pending_bytes: sum(|deleted| deleted.pending_bytes),
            buffers: fitting(going, room / 2),
            total_count: done.deleted.len(),
            failed_count: done.failed.len(),
            failed,
            ..Self::default()
        };
        if done.deleted.is_empty() && !done.failed.is_empty() {
            let mut told = said.not_deleted();
            told.truncate(told.trim_end_matches('.').len());
            return Err(ToolError::new(
                told,
                "Tell the user; store_status and list_buffers show what is there.",
            ));
        }
        Ok(said)
    }

    /// All that stay, with the reasons.
    fn not_deleted(&self) -> String {
        let mut said = format!("Not deleted: {}", self.failed_count);
        // Writing to a String cannot fail.
        for Staying { id, name, problem } in &self.failed {
            let name = text::labelled([("name", name.as_deref())]);
            let _ = write!(said, "\n- {id}{name}: {problem}");
        }
        if self.failed_count > self.failed.len() {
            let _ = write!(said, "\n- and {} more", self.failed_count - self.failed.len());
        }
        said
    }
}

/// What is named of each has a length.
trait Named {
    fn name(&self) -> Option<&str>;
}

impl Named for Going {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl Named for Staying {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The first of them, as many as fit into `room` bytes.
fn fitting<T: Named>(all: impl Iterator<Item = T>, room: usize) -> Vec<T> {
    /// Of the rest of an entry.
    const BESIDES: usize = 400;
    let mut left = room;
    let fits = |one: &T| {
        let weight = BESIDES + 2 * one.name().map_or(0, |name| visible(name).len());
        let fits = weight <= left;
        left = left.saturating_sub(weight);
        fits
    };
    all.take(MAX_NAMED).take_while(fits).collect()
}

fn held_by(deleted: &Deletion) -> Option<String> {
    (deleted.pending_bytes > 0).then(|| deleted.held_by.to_string())
}

impl Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.id {
            let name = text::labelled([("name", self.name.as_deref())]);
            write!(f, "Deleted {id}{name}. {} are free.", Bytes(self.freed_bytes))?;
            return match &self.held_by {
                Some(held_by) => write!(f, " {} are still in use: {held_by}.", Bytes(self.pending_bytes)),
                None => Ok(()),
            };
        }
        let (freed, pending) = (Bytes(self.freed_bytes), Bytes(self.pending_bytes));
        if self.dry_run {
            let pools = match self.pools {
                0 => String::new(),
                pools => format!(" (of which {})", text::count(pools, "pool")),
            };
            // A process that has a slot open, and not its pool, is not looked for.
            let at_most = if self.pools > 0 { "at most " } else { "" };
            write!(
                f,
                "Nothing was deleted yet. {} would go{pools}: {at_most}{freed} would be free",
                self.total_count
            )?;
            if self.pending_bytes > 0 {
                write!(f, ", {pending} once programs let go of them")?;
            }
            if self.unseen_bytes > 0 {
                let unseen = Bytes(self.unseen_bytes);
                write!(
                    f,
                    "; of {unseen} it cannot be seen from here whether programs have them open"
                )?;
            }
        } else {
            write!(f, "Deleted {}. {freed} are free", self.total_count)?;
            if self.pending_bytes > 0 {
                write!(f, ", {pending} once programs let go of them")?;
            }
        }
        f.write_str(".")?;
        for going in &self.buffers {
            let name = text::labelled([("name", going.name.as_deref())]);
            write!(f, "\n- {}{name}: {}", going.id, Bytes(going.bytes))?;
            if let Some(held_by) = &going.held_by {
                write!(f, ", in use: {held_by}")?;
            }
        }
        if self.total_count > self.buffers.len() {
            write!(f, "\n- and {} more", self.total_count - self.buffers.len())?;
        }
        if self.failed_count > 0 {
            write!(f, "\n{}", self.not_deleted())?;
        }
        if self.dry_run {
            f.write_str("\nCall delete_buffer again without dry_run to delete them.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn going(bytes: u64, role: FileRole) -> Deletable {
        Deletable {
            id: Uuid::new_v4(),
            name: None,
            role: Some(role),
            bytes,
        }
    }

    #[test]
    fn a_dry_run_promises_no_memory_of_which_it_cannot_see_who_has_it() {
        for role in [FileRole::Buffer, FileRole::Scene, FileRole::Pool] {
            let found = [going(1, role), going(20, role), going(300, role)];
            for (unseen, sums) in [
                (&[][..], (301, 20, 0)),
                (&[0], (300, 20, 1)),
                (&[2], (1, 20, 300)),
                (&[0, 2], (0, 20, 301)),
                (&[0, 1, 2], (0, 0, 321)),
            ] {
                let place = |id| found.iter().position(|what| what.id == id);
                let pids = |id| match place(id) {
                    Some(place) if unseen.contains(&place) => None,
                    Some(1) => Some(&[7][..]),
                    _ => Some(&[][..]),
                };
                let told = Deleted::would_go(&found, pids, usize::MAX);
                assert_eq!((told.freed_bytes, told.pending_bytes, told.unseen_bytes), sums);
                let said = told.to_string();
                assert_eq!(
                    said.contains("whether programs have them open"),
                    !unseen.is_empty(),
                    "{said}"
                );
                let lines = said
                    .lines()
                    .filter(|line| line.ends_with("in use: cannot be seen from here"));
                assert_eq!(lines.count(), unseen.len(), "{said}");
                assert_eq!(said.contains("at most"), role == FileRole::Pool, "{said}");
            }
        }
    }
}
