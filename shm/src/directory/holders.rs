//! Which process holds what somebody waited for in vain, for messages.

use super::Directory;
use crate::holder::LockHolder;
use crate::sys::{self, GuardedFile, LockByte, LockTable};

impl Directory {
    /// Which process has a file of the store locked for itself, if the system says so. A caller that waited in vain is told.
    pub(crate) fn lock_holder(&self, file: &GuardedFile) -> Option<LockHolder> {
        let table = LockTable::read(self.handle())?;
        let pids = table.holders_of(&file.stat().ok()?)?;
        pids.first().copied().map(LockHolder::of)
    }

    /// Which process reads, writes or fills the data of a buffer or scene, or waits to, and so keeps others out: another one if
    /// there is one, as this process may have asked by several handles.
    pub(crate) fn data_holder(&self, file: &GuardedFile) -> Option<LockHolder> {
        let (stat, own) = (file.stat().ok()?, std::process::id());
        let table = LockTable::read(self.handle())?;
        let pids = table.holders_of(&stat)?;
        let others = || pids.iter().copied().filter(|&pid| pid != own);
        sys::holder_of_byte(others(), &stat, LockByte::Data)
            .or_else(|| sys::holder_of_byte(others(), &stat, LockByte::Gate))
            .or_else(|| sys::holder_of_byte([own], &stat, LockByte::Data))
            .map(LockHolder::of)
    }
}
