//! Ranges of addresses, unmapped when they are dropped.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, ptr};

use memmap2::{MmapOptions, MmapRaw};
use rustix::mm::{MapFlags, ProtFlags};

use super::retry::retry;
use crate::sys::pieces::HUGE_PAGE;

/// Addresses of this process that nothing else has.
#[derive(Debug)]
pub(super) enum Range {
    Mapped(MmapRaw),
    Hinted { start: *mut u8, len: usize },
}

impl Range {
    /// Addresses without memory, `len` bytes from a multiple of [`HUGE_PAGE`] on; and where in the range that is.
    pub(super) fn reserve(len: usize) -> io::Result<(Self, usize)> {
        let room = len.checked_add(HUGE_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let range = MmapRaw::from(retry(|| MmapOptions::new().len(room).no_reserve_swap().map_anon())?);
        let start = range.as_ptr().align_offset(HUGE_PAGE);
        Ok((Self::Mapped(range), start))
    }

    /// Memory of this process, zeros at first.
    pub(super) fn anonymous(len: usize) -> io::Result<Self> {
        let map = retry(|| MmapOptions::new().len(len).map_anon())?;
        Ok(Self::Mapped(map.into()))
    }

    /// A file from its start, writes to which stay in this process; at a multiple of [`HUGE_PAGE`] if it is long
    /// enough to have huge pages and the kernel finds room where it is asked for.
    pub(super) fn copy_on_write(file: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        if len < HUGE_PAGE {
            let map = retry(|| {
                let mut options = MmapOptions::new();
                // SAFETY: the contract is about references to the bytes, of which `Mapping` gives out those to sealed ones.
                unsafe { options.len(len).no_reserve_swap().map_copy(file.as_raw_fd()) }
            })?;
            return Ok(Self::Mapped(map.into()));
        }
        let (prot, flags) = (
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::NORESERVE,
        );
        let hint = ptr::without_provenance_mut(hint(len));
        let start = retry(|| {
            // SAFETY: without MAP_FIXED the kernel replaces nothing; the address is only asked for.
            unsafe { rustix::mm::mmap(hint, len, prot, flags, file, 0) }
        })?;
        Ok(Self::Hinted {
            start: start.cast(),
            len,
        })
    }

    pub(super) fn start(&self) -> *mut u8 {
        match self {
            Self::Mapped(map) => map.as_mut_ptr(),
            Self::Hinted { start, .. } => *start,
        }
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        if let Self::Hinted { start, len } = *self {
            // SAFETY: mapped by `copy_on_write`, and owned by this alone.
            if let Err(error) = unsafe { rustix::mm::munmap(start.cast(), len) } {
                tracing::warn!(%error, len, "addresses of a view stay taken");
            }
        }
    }
}

/// An aligned address that is probably free: far below where the system maps, and another one each time. 0 if there is
/// no such address.
fn hint(len: usize) -> usize {
    const DISTANCE: usize = 16 << 40;
    static TOP: AtomicUsize = AtomicUsize::new(0);
    static USED: AtomicUsize = AtomicUsize::new(0);
    let mut top = TOP.load(Ordering::Relaxed);
    if top == 0 {
        let anywhere = MmapOptions::new()
            .len(1)
            .map_anon()
            .map_or(0, |map| map.as_ptr().addr());
        top = anywhere.saturating_sub(DISTANCE) / HUGE_PAGE * HUGE_PAGE;
        TOP.store(top, Ordering::Relaxed);
    }
    let room = len.next_multiple_of(HUGE_PAGE).saturating_add(HUGE_PAGE);
    let used = USED.fetch_add(room, Ordering::Relaxed) % DISTANCE;
    top.saturating_sub(used + room) / HUGE_PAGE * HUGE_PAGE
}
