//! Shared memory as this process sees it.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use super::range::Range;
use super::retry::retry;
use super::{GuardedFile, fork};
use crate::sys::fill::fill_pieces;
use crate::sys::parallel::move_pieces;
use crate::sys::pieces::{HUGE_PAGE, pieces};
use crate::sys::stream::WORTH_STREAMING;
use crate::sys::{Destination, Protection, Source};

/// A file from its start, mapped; or memory of this process that becomes a file ([`Mapping::anonymous`]).
///
/// The bytes may be changed by other processes at any time unless the file is sealed; so no reference to them is
/// given out but to sealed ones ([`Mapping::sealed_bytes`]), and access goes through copies and atomics.
///
/// A file must be as long as its mapping for as long as it is mapped: a page beyond its end raises SIGBUS. Files of a
/// store get their length once and are never truncated; other programs that may write to the store are trusted in that.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// Owns the address range and unmaps it.
    range: ManuallyDrop<Range>,
    /// Where in the range the file starts.
    start: usize,
    len: usize,
    protection: Protection,
    /// Whether it is registered as one that forked children do not inherit.
    shared: AtomicBool,
}

impl Mapping {
    /// Maps the first `len` bytes of a file, which must have them.
    pub(crate) fn new(file: &GuardedFile, len: usize, protection: Protection) -> io::Result<Self> {
        let (range, start) = match protection {
            Protection::Shared => Range::reserve(len)?,
            Protection::CopyOnWrite => (Range::copy_on_write(file.as_fd(), len)?, 0),
        };
        let mapping = Self {
            range: ManuallyDrop::new(range),
            start,
            len,
            protection,
            shared: AtomicBool::new(false),
        };
        if protection == Protection::Shared {
            mapping.share(file.as_fd())?;
        }
        Ok(mapping)
    }

    /// Memory of this process, without a file.
    pub(crate) fn anonymous(len: usize) -> io::Result<Self> {
        Ok(Self {
            range: ManuallyDrop::new(Range::anonymous(len)?),
            start: 0,
            len,
            protection: Protection::Shared,
            shared: AtomicBool::new(false),
        })
    }

    /// Makes zeros of the first `len` bytes of memory without a file, and keeps forked children from inheriting it.
    ///
    /// # Panics
    /// When it does not have them.
    pub(crate) fn begin_staging(&self, len: usize) {
        self.assert_within(0, len);
        // SAFETY: within the mapping, as just checked, which is writable.
        unsafe { ptr::write_bytes(self.start_ptr(), 0, len) };
        fork::with_ranges(|ranges| {
            ranges.insert(self.start_ptr().addr(), self.len);
            self.shared.store(true, Ordering::Relaxed);
        });
    }

    /// Lets forked children inherit memory without a file: what was filled is published, and what is written to it from now on stays in
    /// the process that writes it.
    pub(crate) fn end_staging(&self) {
        fork::with_ranges(|ranges| {
            ranges.remove(&self.start_ptr().addr());
            self.shared.store(false, Ordering::Relaxed);
        });
    }

    /// Whether forked children find zeros here.
    pub(crate) fn is_hidden_from_children(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// How many bytes are mapped.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Lays the file so that writes reach it, which forked children do not inherit.
    fn share(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        fork::with_ranges(|ranges| {
            self.lay(Some(file), Protection::Shared)?;
            ranges.insert(self.start_ptr().addr(), self.len);
            self.shared.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Lays a file, or nothing (zeros of this process), over the whole mapping in one step.
    fn lay(&self, file: Option<BorrowedFd<'_>>, protection: Protection) -> io::Result<()> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = match protection {
            Protection::Shared => MapFlags::SHARED,
            Protection::CopyOnWrite => MapFlags::PRIVATE | MapFlags::NORESERVE,
        };
        let at = self.start_ptr().cast();
        let (len, flags) = (self.len, flags | MapFlags::FIXED);
        retry(|| match file {
            // SAFETY: the range is this mapping's own (start + len lies within what `range` reserved), so nothing
            // else is replaced; pointers into it stay valid, and no reference into unsealed memory exists.
            Some(file) => unsafe { rustix::mm::mmap(at, len, prot, flags, file, 0) },
            // SAFETY: as above.
            None => unsafe { rustix::mm::mmap_anonymous(at, len, prot, flags) },
        })
        .map(drop)
    }

    /// Lays a file over a shared mapping again, in a forked child that found zeros there.
    pub(crate) fn restore(&self, file: &GuardedFile) -> io::Result<()> {
        self.share(file.as_fd())
    }

    /// Ends the right to write to the file through this mapping, once and for all: the same addresses show the
    /// file from now on, but whatever is written to them stays in this process.
    ///
    /// Writes that other threads make meanwhile reach the file or this process; none is lost to a fault.
    pub(crate) fn detach(&self, file: &GuardedFile) -> io::Result<()> {
        self.withdraw(Some(file.as_fd()))
    }

    /// The same without the file: the addresses hold zeros from now on.
    pub(crate) fn discard(&self) -> io::Result<()> {
        self.withdraw(None)
    }

    fn withdraw(&self, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
        fork::with_ranges(|ranges| {
            self.lay(file, Protection::CopyOnWrite)?;
            ranges.remove(&self.start_ptr().addr());
            self.shared.store(false, Ordering::Relaxed);
            Ok(())
        })
    }

    /// The start, for exporters: aligned to a page, and readable and writable for [`Mapping::len`] bytes for as
    /// long as the mapping lives.
    pub(crate) fn start_ptr(&self) -> *mut u8 {
        self.range.start().wrapping_add(self.start)
    }

    pub(super) fn ptr(&self, offset: usize) -> *mut u8 {
        self.start_ptr().wrapping_add(offset)
    }

    /// The bytes of a sealed file.
    ///
    /// # Panics
    /// When the range does not lie within the mapping.
    pub(crate) fn sealed_bytes(&self, offset: usize, len: usize) -> &[u8] {
        self.assert_within(offset, len);
        assert_eq!(
            self.protection,
            Protection::CopyOnWrite,
            "bytes of a mapping through which others are written to cannot be borrowed"
        );
        // SAFETY: within the mapping, as just checked. The file is sealed, because `SceneView` alone calls this, and is made of
        // scenes that were found to be sealed; nobody can write to a sealed file (see `seal`). No Rust code writes to this mapping.
        unsafe { std::slice::from_raw_parts(self.ptr(offset), len) }
    }

    /// One of the words of a header that processes share.
    ///
    /// # Panics
    /// When it does not lie within the mapping or is not aligned.
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        self.assert_within(offset, 8);
        assert!(offset.is_multiple_of(8), "words are aligned");
        // SAFETY: within the mapping and aligned, as just checked (the mapping starts at a page); all access to
        // the words, by every process, is atomic.
        unsafe { AtomicU64::from_ptr(self.ptr(offset).cast()) }
    }

    /// A word of half the size.
    ///
    /// # Panics
    /// When it does not lie within the mapping or is not aligned.
    pub(crate) fn half_word(&self, offset: usize) -> &AtomicU32 {
        self.assert_within(offset, 4);
        assert!(offset.is_multiple_of(4), "words are aligned");
        // SAFETY: as for `word`, with 4 bytes.
        unsafe { AtomicU32::from_ptr(self.ptr(offset).cast()) }
    }

    /// Copies bytes out. What another process writes meanwhile may or may not be in the copy.
    ///
    /// # Panics
    /// When the range does not lie within the mapping.
    pub(crate) fn copy_out(&self, offset: usize, destination: &mut Destination) {
        self.assert_within(offset, destination.len());
        let Ok(()) = fill_pieces(destination, |at, piece| -> Result<(), Infallible> {
            self.assert_within(offset + at, piece.len());
            // SAFETY: within the mapping, as just checked. Other processes may write to it during the copy, which
            // no language rule covers; the copy is used only if the sequence word says that nobody did.
            unsafe { ptr::copy_nonoverlapping(self.ptr(offset + at), piece.as_mut_ptr().cast(), piece.len()) };
            Ok(())
        });
    }

    /// Copies bytes in, which may overlap with where they go.
    ///
    /// # Panics
    /// When the range does not lie within the mapping.
    pub(crate) fn copy_in(&self, offset: usize, source: Source<'_>) {
        self.assert_within(offset, source.len());
        if source.len() < HUGE_PAGE || source.overlaps(self.ptr(offset)) {
            return self.copy_piece_in(offset, source);
        }
        let Ok(()) = move_pieces(source.len(), pieces(offset..offset + source.len()), |piece| {
            let part = source.part(piece.start - offset, piece.len());
            if source.len() < WORTH_STREAMING {
                self.copy_piece_in(piece.start, part);
            } else {
                self.assert_within(piece.start, part.len());
                // SAFETY: within the mapping, as just checked, which is writable; no part of the source overlaps with where
                // all of it goes.
                unsafe { part.stream_to_ptr(self.ptr(piece.start)) };
            }
            Ok::<_, Infallible>(())
        });
    }

    /// Copies bytes in at once.
    ///
    /// # Panics
    /// When the range does not lie within the mapping.
    pub(super) fn copy_piece_in(&self, offset: usize, source: Source<'_>) {
        self.assert_within(offset, source.len());
        // SAFETY: within the mapping, as just checked, and the mapping is writable.
        unsafe { source.copy_to_ptr(self.ptr(offset)) }
    }

    /// Bytes to be copied, which others may be writing to.
    ///
    /// # Panics
    /// When the range does not lie within the mapping.
    pub(crate) fn source(&self, offset: usize, len: usize) -> Source<'_> {
        self.assert_within(offset, len);
        // SAFETY: within the mapping, as just checked, which is readable while it is borrowed.
        unsafe { Source::from_raw(self.ptr(offset), len) }
    }

    pub(super) fn assert_within(&self, offset: usize, len: usize) {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.len),
            "offsets are checked against the header before use"
        );
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let start = self.start_ptr().addr();
        // SAFETY: taken once, here, and not used again.
        let range = unsafe { ManuallyDrop::take(&mut self.range) };
        if *self.shared.get_mut() {
            fork::with_ranges(|ranges| {
                ranges.remove(&start);
                drop(range);
            });
        }
    }
}

// The range is owned, and shared access to it is by copies and atomics only.
// SAFETY: no method relies on the thread it runs on.
unsafe impl Send for Mapping {}
// SAFETY: methods through `&self` are safe from several threads: atomics, copies, and reads of sealed bytes.
unsafe impl Sync for Mapping {}
