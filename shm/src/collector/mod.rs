//! Taking back what nobody needs: only files whose exclusive lock is free, and only when their time is up.

mod collect;
mod making;
mod report;
mod sweep;
mod verdict;

pub use self::report::{GcReport, Kept, KeptReason, Removed};
use crate::directory::Directory;

/// The collector of one directory.
#[derive(Clone, Copy)]
pub(crate) struct Collector<'a>(pub(crate) &'a Directory);
