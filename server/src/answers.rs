//! Answers about sealed scenes, each of which is given again for as long as nothing about its scene has changed.
//!
//! This saves most of the time of a call that asks for a descriptor again, as agents often do: reading the file and
//! putting the answer together.

use std::collections::VecDeque;
use std::sync::Mutex;

use dcc_mcp_shm::{Reference, Stamp, Store};
use rmcp::model::CallToolResult;

use crate::code::Program;
use crate::sync::lock;

/// Most answers that are kept. Each takes some kilobytes.
const MOST: usize = 16;

/// The answers of one tool that were used last, the latest first.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<VecDeque<(Stamp, Program, CallToolResult)>>);

impl Answers {
    /// The kept answer about a scene for a program, if it is still right. `None` for a whole descriptor, because the
    /// caller must have the store check whether that descriptor is stale or of another store.
    pub(crate) fn get(&self, store: &Store, reference: &Reference, program: Program) -> Option<CallToolResult> {
        let id = match reference {
            Reference::Id(id) => *id,
            Reference::Name(_) => store.resolve(reference).ok()?,
            _ => return None,
        };
        let mut answers = lock(&self.0);
        let is_asked_for = |(stamp, of, _): &(Stamp, Program, _)| stamp.id() == id && *of == program;
        let at = answers.iter().position(is_asked_for)?;
        let kept = answers.remove(at).filter(|(stamp, ..)| store.is_unchanged(stamp))?;
        let answer = kept.2.clone();
        answers.push_front(kept);
        Some(answer)
    }

    /// Keeps an answer. If there are too many, the one that was used longest ago goes.
    pub(crate) fn keep(&self, stamp: Stamp, program: Program, answer: CallToolResult) {
        let mut answers = lock(&self.0);
        answers.retain(|(older, of, _)| older.id() != stamp.id() || *of != program);
        answers.push_front((stamp, program, answer));
        answers.truncate(MOST);
    }
}
