//! Memory of this process alone that is filled before there is a file: warm, because it is used again and again.

use std::io;
use std::ops::Deref;
use std::sync::{Mutex, TryLockError};

use super::admission::admit;
use super::system::Mapping;

/// The least that is mapped at once.
const SMALLEST: usize = 64 << 10;
/// The most that is kept for the next ones, in bytes.
const MOST_SPARE: usize = 4 << 20;

/// Memory that nobody has any more, and that the next ones get. A thread that finds it locked does without, so that a forked child
/// can go on whose parent had it locked.
static SPARE: Mutex<Vec<Mapping>> = Mutex::new(Vec::new());

/// Memory that starts as zeros and that forked children do not inherit as long as it is filled. It is used again once this is dropped, so
/// whoever gives out pointers to it must keep this as long as they are used.
#[derive(Debug)]
pub(crate) struct Staging(Option<Mapping>);

impl Staging {
    /// At least `len` bytes.
    ///
    /// # Errors
    /// There is no memory for them.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        let _turn = admit(len as u64)?;
        let mapping = match spare(len) {
            Some(mapping) => mapping,
            None => Mapping::anonymous(len.checked_next_power_of_two().unwrap_or(len).max(SMALLEST))?,
        };
        mapping.begin_staging(len);
        Ok(Self(Some(mapping)))
    }
}

impl Deref for Staging {
    type Target = Mapping;

    fn deref(&self) -> &Mapping {
        self.0.as_ref().expect("it has its memory until it is dropped")
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Some(mapping) = self.0.take().filter(|mapping| !mapping.is_hidden_from_children())
            && let Ok(mut spare) = SPARE.try_lock()
            && spare.iter().map(Mapping::len).sum::<usize>() + mapping.len() <= MOST_SPARE
            && spare.try_reserve(1).is_ok()
        {
            spare.push(mapping);
        }
    }
}

/// Memory that was used before, of at least `len` bytes and not of much more.
fn spare(len: usize) -> Option<Mapping> {
    let mut spare = match SPARE.try_lock() {
        Ok(spare) => spare,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return None,
    };
    let fits = |mapping: &Mapping| (len..=len.saturating_mul(4).max(SMALLEST)).contains(&mapping.len());
    let found = spare.iter().rposition(fits)?;
    Some(spare.swap_remove(found))
}
