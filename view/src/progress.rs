//! How a look tells how far it is, and learns that nobody waits for it any more.

use crate::error::LookError;

/// The caller's side of a look. Threads of the look share it.
pub trait Progress: Sync {
    /// Whether the result is still wanted. A look asks every few milliseconds, and ends if it is not.
    fn is_wanted(&self) -> bool;

    /// Says how many bytes of `total` are done. A look calls this every few milliseconds.
    fn report(&self, done: u64, total: u64);
}

impl dyn Progress + '_ {
    /// Reports how much is done.
    ///
    /// # Errors
    /// [`LookError::Cancelled`].
    pub(crate) fn step(&self, done: u64, total: u64) -> Result<(), LookError> {
        self.report(done, total);
        self.go_on()
    }

    /// Asks whether to go on.
    ///
    /// # Errors
    /// [`LookError::Cancelled`].
    pub(crate) fn go_on(&self) -> Result<(), LookError> {
        if self.is_wanted() {
            Ok(())
        } else {
            Err(LookError::Cancelled)
        }
    }
}
