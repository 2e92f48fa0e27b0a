//! Files, of which none is ever open.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use super::Stat;
use crate::sys::{Access, Destination, LockByte, LockMode, Source};

/// An open file, which does not exist here.
#[derive(Debug)]
pub(crate) struct GuardedFile(pub(super) Infallible);

impl GuardedFile {
    pub(crate) fn without_locks(&self) -> io::Result<Self> {
        match self.0 {}
    }

    pub(crate) fn is_own(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn access(&self) -> Access {
        match self.0 {}
    }

    pub(crate) fn adopt(&self) {
        match self.0 {}
    }

    pub(crate) fn replace_with(&self, _other: &Self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn stat(&self) -> io::Result<Stat> {
        match self.0 {}
    }

    pub(crate) fn read_at(&self, _bytes: &mut [u8], _offset: u64) -> io::Result<usize> {
        match self.0 {}
    }

    pub(crate) fn read_exact_at(&self, _destination: &mut Destination, _offset: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn write_at(&self, _source: Source<'_>, _offset: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn reserve(&self, _offset: u64, _len: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn set_len(&self, _len: u64) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn set_times(&self, _accessed: Duration, _modified: Duration) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn begin_sealing(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn mark_sealed(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn make_writable(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn no_writer_exists(&self, _patience: Duration) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn mark_deleted(&self, _stat: &Stat) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn unmark_deleted(&self, _stat: &Stat) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn mark_kept(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn nobody_else_gets_it(&self) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn nobody_else_has_it(&self) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn check_leases(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn try_lock(&self, _mode: LockMode) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn lock(&self, _mode: LockMode, _patience: Duration) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn lock_byte(&self, _byte: LockByte, _mode: LockMode, _patience: Duration) -> io::Result<bool> {
        match self.0 {}
    }

    pub(crate) fn unlock_byte(&self, _byte: LockByte) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn is_locked_against(&self, _byte: LockByte, _mode: LockMode) -> io::Result<bool> {
        match self.0 {}
    }
}
