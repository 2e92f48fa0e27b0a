//! What has come, and what is said of it.

use std::fmt::{self, Display};

use dcc_mcp_shm::{BufferFilter, BufferState, Descriptor, Error, FileRole, Reference, Store, StoreIndex};
use dcc_mcp_shm_view::text;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cursor::Seen;
use crate::listed::{Listed, keeping};
use crate::reply::ToolError;
use crate::spelling::meant;
use crate::unmatched;

/// Most buffers in a result.
const MAX_BUFFERS: usize = 25;
/// How often a name is followed to the buffer that took it over meanwhile.
const MOST_MOVES: usize = 32;

/// What is waited for.
pub(super) enum Wanted {
    /// That it can be read; with `since`, that it came or was finished after that.
    This {
        reference: Reference,
        since: Option<Seen>,
        /// What is there under names that are spelled likewise.
        near: Vec<String>,
    },
    New(BufferFilter),
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Arrived {
    /// Newest first, as in `list_buffers`.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    buffers: Vec<Listed>,
    /// All; list_buffers has those not shown.
    total_count: usize,
    timed_out: bool,
    /// Whether it was there before the call. Not in the schema, which has no room for it.
    #[serde(skip_serializing_if = "is_false")]
    #[schemars(skip)]
    was_there: bool,
    /// There under other names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    near: Vec<String>,
    /// Where nothing came: filters that nothing has, and what has been there. Not in the schema, which has no room for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    notes: Vec<String>,
    /// `cursor` for what comes next.
    wait_cursor: String,
    /// What is said of keeping them.
    #[serde(skip)]
    keeping: Option<&'static str>,
}

impl Arrived {
    /// What is there now; with `seen`, of what was not there then. No more is shown than fits into `room` bytes. Where nothing is,
    /// what has been seen: what was said to be, or all that is there.
    pub(super) fn look(
        store: &Store,
        index: &StoreIndex,
        wanted: &Wanted,
        seen: Option<Seen>,
        mut room: usize,
    ) -> Result<Result<Self, Seen>, ToolError> {
        let known = |seen: Option<Seen>| seen.map_or_else(|| Seen::all(index), Ok).map(Err);
        let mut found = Vec::new();
        let mut total_count = 0;
        // The first look without a cursor is at what is there.
        let was_there = seen.is_none();
        match wanted {
            Wanted::This { reference, since, .. } => {
                let reference = &meant(store, reference.clone())?;
                let mut described = store.describe(reference);
                // Without its name, it has lost it to another one since it was found.
                for _ in 0..MOST_MOVES {
                    let (Reference::Name(_), Ok(Descriptor { name: None, .. })) = (reference, &described) else {
                        break;
                    };
                    described = store.describe(reference);
                }
                let descriptor = match (described, reference) {
                    // It may come to be; an id will not.
                    (Err(Error::NotFound { .. }), Reference::Name(_)) => return known(seen),
                    (described, _) => described?,
                };
                if descriptor.role == FileRole::Pool {
                    return Err(ToolError::pool());
                }
                let came = |since: &Seen| {
                    let indexed = index.buffer(descriptor.id);
                    indexed.is_some_and(|(position, _)| since.unseen_in(index)(position))
                };
                if matches!(descriptor.state, BufferState::Sealed | BufferState::Open)
                    && since.as_ref().is_none_or(came)
                {
                    found.push(descriptor);
                    total_count = 1;
                }
            }
            Wanted::New(filter) => {
                // Without a cursor, what comes after this look is new.
                let Some(seen) = &seen else {
                    return known(None);
                };
                let is_new = seen.unseen_in(index);
                let new = index
                    .readable()
                    .filter(|(position, summary)| is_new(position) && filter.matches(summary));
                for (position, summary) in new {
                    if found.len() < MAX_BUFFERS {
                        match store.describe(&position.id().into()) {
                            // It is gone since the index was read.
                            Err(error) if error.is_conclusive() => continue,
                            // It has lost its name to one that is new as well.
                            Ok(descriptor) if descriptor.name != summary.name => continue,
                            described => found.push(described?),
                        }
                    }
                    total_count += 1;
                }
            }
        }
        if total_count == 0 {
            return known(seen);
        }
        let holders = store.holders();
        let mut buffers = Vec::new();
        for descriptor in found {
            let listed = Listed::new(descriptor, &holders);
            if !buffers.is_empty() && listed.weight() > room {
                break;
            }
            room = room.saturating_sub(listed.weight());
            buffers.push(listed);
        }
        Ok(Ok(Self {
            buffers,
            total_count,
            timed_out: false,
            was_there,
            near: Vec::new(),
            notes: Vec::new(),
            wait_cursor: Seen::all(index)?.to_cursor(),
            keeping: None,
        }))
    }

    /// That nothing came since this was seen: whatever came meanwhile may match the next filter.
    pub(super) fn nothing_since(seen: &Seen, near: Vec<String>, notes: Vec<String>) -> Self {
        Self {
            buffers: Vec::new(),
            total_count: 0,
            timed_out: true,
            was_there: false,
            near,
            notes,
            wait_cursor: seen.to_cursor(),
            keeping: None,
        }
    }

    /// With what is said of keeping them.
    pub(super) fn with_keeping(self, can_keep: bool) -> Self {
        let keeping = keeping(&self.buffers, can_keep);
        Self { keeping, ..self }
    }
}

/// What is told of a wait for what matches in which nothing came. What was there before counts as seen where the caller has not said
/// since when.
pub(super) fn notes(filter: &BufferFilter, index: &StoreIndex, from_now_on: bool) -> Vec<String> {
    let mut notes = unmatched::reasons(filter, index);
    let there = index.readable().filter(|(_, summary)| filter.matches(summary)).count();
    if from_now_on && there > 0 {
        let buffers = text::count(there, "buffer");
        let were = if there == 1 { "matches was" } else { "match were" };
        notes.push(format!("{buffers} that {were} there before: list_buffers says which."));
    }
    notes
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(truth: &bool) -> bool {
    !truth
}

impl Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.timed_out {
            f.write_str("Nothing came in this time. Call wait_for_buffer again with the cursor below to wait on.")?;
            if !self.near.is_empty() {
                write!(f, "\nThere is, under another name: {}.", self.near.join(", "))?;
            }
            if !self.notes.is_empty() {
                write!(f, "\n{}", self.notes.join(" "))?;
            }
        } else if self.was_there {
            f.write_str("It was there already. Call wait_for_buffer with the cursor below to wait for a newer one.")?;
        } else {
            write!(f, "{} came", text::count(self.total_count, "buffer"))?;
        }
        if self.total_count > self.buffers.len() {
            let shown = self.buffers.len();
            write!(
                f,
                "; {shown} shown, newest first. Call list_buffers with the same filters for the others."
            )?;
        }
        self.buffers.iter().try_for_each(|buffer| write!(f, "\n{buffer}"))?;
        if let Some(keeping) = self.keeping {
            write!(f, "\n{keeping}.")?;
        }
        write!(f, "\nwait_cursor {:?}", self.wait_cursor)
    }
}
