//! Answers about sealed scenes, given again for as long as nothing about the scene has changed.
//!
//! An agent asks for the same few descriptors again and again; reading the file and putting the answer together takes
//! most of the time of such a call.

use std::collections::VecDeque;
use std::sync::Mutex;

use dcc_mcp_shm::{Reference, Stamp, Store};
use rmcp::model::CallToolResult;

use crate::sync::lock;

/// Most answers that are kept. Each takes some kilobytes.
const MOST: usize = 16;

/// The answers that one tool gave last, the latest first.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<VecDeque<(Stamp, CallToolResult)>>);

impl Answers {
    /// The answer about a scene, if it is still right. Descriptors are to be checked by who reads them.
    pub(crate) fn get(&self, store: &Store, reference: &Reference) -> Option<CallToolResult> {
        let id = match reference {
            Reference::Id(id) => *id,
            Reference::Name(_) => store.resolve(reference).ok()?,
            _ => return None,
        };
        let mut answers = lock(&self.0);
        let at = answers.iter().position(|(stamp, _)| stamp.id() == id)?;
        let (stamp, answer) = answers.remove(at).filter(|(stamp, _)| store.is_unchanged(stamp))?;
        answers.push_front((stamp, answer.clone()));
        Some(answer)
    }

    /// Keeps an answer in place of the one that was used longest ago.
    pub(crate) fn keep(&self, stamp: Stamp, answer: CallToolResult) {
        let mut answers = lock(&self.0);
        answers.retain(|(older, _)| older.id() != stamp.id());
        answers.push_front((stamp, answer));
        answers.truncate(MOST);
    }
}
