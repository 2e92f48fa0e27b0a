//! What the system lets programs do with files of a store, tried on one that is gone again: containers and file systems
//! refuse some of it.

use std::io;
use std::time::Duration;

use super::Store;
use crate::directory::FileName;
use crate::error::{Error, Result};
use crate::sys::{self, Access, LockByte, LockMode, Mapping, Protection};

/// What files of a store need the system for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ability {
    /// Locks on whole files, `flock`: who holds a buffer.
    FileLocks,
    /// Locks on bytes of files, `F_OFD_SETLK`: who reads and writes its data.
    ByteLocks,
    /// Leases, `F_SETLEASE`: whether anybody can still write to what is to be sealed.
    Leases,
    /// Taking memory before it is written to, `fallocate`.
    Reserving,
    /// Sleeping until somebody wakes, `futex`.
    Waking,
    /// How far this container's clock is off the host's, on which times to live are.
    HostClock,
}

impl Store {
    /// What the system refuses, and what it says. A file is made for this, which nobody else can see but for a moment.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// for (ability, error) in store.missing_abilities()? {
    ///     println!("{ability:?}: {error}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::StoreFull`] and [`Error::Io`] when the file cannot be made.
    pub fn missing_abilities(&self) -> Result<Vec<(Ability, io::Error)>> {
        const LEN: usize = 4096;
        let directory = &self.directory;
        directory.check_file_size(LEN as u64)?;
        // A draft's name: if this process dies now, a sweep finds it.
        let name = FileName::of_draft(sys::new_id().map_err(Error::random)?).to_string();
        let path = directory.path_of(&name);
        let writer = directory
            .handle()
            .open_file(&name, Access::Create)
            .map_err(|error| directory.creation_failed("make", &path, error))?;
        let holder = directory.handle().open_file(&name, Access::Read);
        directory
            .handle()
            .remove(&name)
            .map_err(|error| Error::io("delete", &path, error))?;
        let failed = |error| Error::io("try out", &path, error);
        let holder = match holder {
            // Nobody holds it yet, and so a sweep may have taken it: the next one has to be as quick again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.missing_abilities(),
            opened => opened.map_err(failed)?,
        };
        writer.set_len(LEN as u64).map_err(failed)?;

        let mut missing = Vec::new();
        let mut tried = |ability, result: io::Result<()>| missing.extend(result.err().map(|error| (ability, error)));
        tried(Ability::FileLocks, holder.try_lock(LockMode::Shared).map(drop));
        tried(
            Ability::ByteLocks,
            writer
                .lock_byte(LockByte::Data, LockMode::Exclusive, Duration::ZERO)
                .map(drop),
        );
        tried(Ability::Reserving, writer.reserve(0, LEN as u64));
        tried(
            Ability::Waking,
            Mapping::new(&writer, LEN, Protection::Shared).and_then(|mapping| sys::check_wake(mapping.word(0))),
        );
        drop(writer);
        tried(Ability::Leases, holder.no_writer_exists(Duration::ZERO).map(drop));
        tried(Ability::HostClock, sys::boot_time().map(drop));
        Ok(missing)
    }
}
