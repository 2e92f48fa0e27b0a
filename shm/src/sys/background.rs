//! Work that goes on beside the program.

use std::sync::Arc;

/// What a thread of its own does until it is done.
///
/// It runs where there may be no memory, so it allocates nothing but by calls that can fail, and uses no thread-local variable. A
/// forked child does not have the thread.
pub(crate) trait Background: Send + Sync + 'static {
    /// Does it.
    fn run(self: Arc<Self>);
}
