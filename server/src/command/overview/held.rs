//! A buffer or pool together with the processes that have it open.

use serde::Serialize;

use crate::process::Process;

/// A buffer or pool, and the processes that have it open if that can be told.
#[derive(Debug, Serialize)]
pub(super) struct Held<T> {
    #[serde(flatten)]
    pub(super) what: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holders: Option<Vec<Process>>,
}
