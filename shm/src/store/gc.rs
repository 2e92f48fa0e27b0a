//! Collecting what nobody needs, when a program asks for it.

use super::Store;
use crate::collector::{Collector, GcReport};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;

impl Store {
    /// Removes what expired, what dead processes left half made, and pools that nobody has open. With `dry_run`
    /// nothing is changed, and the report says what would be.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read or a file cannot be removed.
    pub fn gc(&self, dry_run: bool) -> Result<GcReport> {
        Collector(&self.directory).gc(dry_run)
    }
}
