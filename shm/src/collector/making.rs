//! Making something new: its name must be free, and what nobody needs any more gives it room.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::verdict::Verdict;
use super::{Collector, KeptReason};
use crate::directory::{Content, Draft, FileName};
use crate::error::{Error, Result};
use crate::format::CheckedOptions;
use crate::sys::{Access, Backoff, LOCK_PATIENCE, LockMode};

impl Collector<'_> {
    /// Runs `make`. If it fails for want of room, gives the reserve back and runs it again; and if that is not enough, once more
    /// after it has removed what nobody needs any more.
    pub(crate) fn make<T>(self, make: impl FnMut() -> Result<T>) -> Result<T> {
        self.with_room(make).map_err(Error::nothing_published)
    }

    /// The same for what publishes nothing.
    pub(crate) fn with_room<T>(self, mut act: impl FnMut() -> Result<T>) -> Result<T> {
        // A limit of this process alone stays the same, whatever is removed.
        let is_full = |error: &Error| matches!(error, Error::StoreFull { .. }) && error.is_transient();
        let mut result = act();
        if matches!(&result, Err(error) if is_full(error)) && self.0.give_reserve_back() > 0 {
            result = act();
        }
        if matches!(&result, Err(error) if is_full(error)) && self.made_room() {
            result = act();
        }
        result
    }

    /// Makes the draft of a new file, after a sweep if one is due.
    pub(crate) fn draft(self, id: Uuid, content: Content, len: u64) -> Result<Draft> {
        self.sweep_now_and_then();
        Draft::new(self.0, id, content, len)
    }

    /// Fails early if the name that is wanted cannot be had. It is checked again, under the store's lock, when it is given.
    pub(crate) fn check_name(self, options: &CheckedOptions) -> Result<()> {
        match options.name() {
            (Some(name), false) => match self.living_holder_of_name(name)? {
                Some(holder) => Err(Error::NameTaken {
                    name: name.to_owned(),
                    holder,
                }),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The buffer or pool that would still have a name after a sweep, so that a program that wants the name need not wait for
    /// one.
    pub(crate) fn living_holder_of_name(self, name: &str) -> Result<Option<Uuid>> {
        let Some(id) = self.0.holder_of_name(name)? else {
            return Ok(None);
        };
        // Looked at before it goes: its slots go with it.
        let pool = match self.0.look(id) {
            Err(error) if error.is_conclusive() => None,
            looked => looked?.header.metadata.pool,
        };
        let collect = |id, gone: &BTreeSet<Uuid>| self.collect(FileName::of(id), false, gone);
        let mut backoff = Backoff::new(LOCK_PATIENCE);
        let verdict = loop {
            match collect(id, &BTreeSet::new())? {
                // By a collector, perhaps, and then it is about to go.
                Verdict::Keep(KeptReason::Held) if self.has_no_holder(id)? && backoff.pause() => {}
                verdict => break verdict,
            }
        };
        match verdict {
            Verdict::Take(_) | Verdict::StillMapped => {
                let gone = BTreeSet::from([id]);
                for slot in pool.map_or(Vec::new(), |pool| pool.slots) {
                    if let Err(error) = collect(slot, &gone) {
                        tracing::debug!(%slot, %error, "a slot is left to the next sweep");
                    }
                }
                Ok(None)
            }
            Verdict::Gone => Ok(None),
            _ => Ok(Some(id)),
        }
    }

    /// Whether nobody holds a file: it is gone, or a collector has it to itself.
    fn has_no_holder(self, id: Uuid) -> Result<bool> {
        let file = match self.0.open_file(id, Access::Read) {
            Err(Error::NotFound { .. }) => return Ok(true),
            opened => opened?,
        };
        let try_lock = |mode| {
            file.try_lock(mode)
                .map_err(|error| Error::io("lock", &self.0.file_path(id), error))
        };
        // Tried exclusively as well, because a last holder that closes just now may mistake the shared lock for another
        // holder and leave the file as it is: then nobody is there, and the file must be judged again.
        let free = !try_lock(LockMode::Shared)? || try_lock(LockMode::Exclusive)?;
        // A process that is being forked just now may keep the file open.
        let _ = file.unlock();
        Ok(free)
    }
}
