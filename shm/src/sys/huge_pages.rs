//! Memory of new files in huge pages, where the kernel has some that are cheap.
//!
//! Most of what new memory costs is the work for each page, and a huge page is one of 512. But on a machine that handed idle
//! memory back to its host, a huge page can cost as much as it saves ten times over.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::bytes::Source;
use super::mapping::Mapping;
use super::range::HUGE_PAGE;

impl Mapping {
    /// Takes memory for a range of the file.
    pub(crate) fn reserve(&self, file: BorrowedFd<'_>, offset: usize, len: usize) -> io::Result<()> {
        let mut budget = Budget::default();
        self.each_piece(offset, len, |at, len| {
            if self.takes_huge_page(file, at, len, &mut budget)? {
                return Ok(());
            }
            super::reserve(file, at as u64, len as u64)
        })
    }

    /// Writes a new part of the file: a copy into huge pages takes half as long as the system call that writes to small ones.
    pub(crate) fn write(&self, file: BorrowedFd<'_>, offset: usize, source: Source<'_>) -> io::Result<()> {
        let mut budget = Budget::default();
        self.each_piece(offset, source.len(), |at, len| {
            let piece = source.part(at - offset, len);
            if self.takes_huge_page(file, at, len, &mut budget)? {
                self.copy_in(at, piece);
                return Ok(());
            }
            piece.write_at(file, at as u64)
        })
    }

    /// Goes through a range in pieces, each within what one huge page holds.
    fn each_piece(
        &self,
        offset: usize,
        len: usize,
        mut work: impl FnMut(usize, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        self.assert_within(offset, len);
        let (mut at, end) = (offset, offset + len);
        while at < end {
            let next = (at + 1).next_multiple_of(HUGE_PAGE).min(end);
            work(at, next - at)?;
            at = next;
        }
        Ok(())
    }

    /// Takes a huge page for a piece that fills one, and says whether it did: all of it is allocated then.
    fn takes_huge_page(&self, file: BorrowedFd<'_>, at: usize, len: usize, budget: &mut Budget) -> io::Result<bool> {
        if len < HUGE_PAGE || !budget.allows() {
            return Ok(false);
        }
        // The kernel collapses only what has a page already.
        super::reserve(file, at as u64, 4096)?;
        Ok(budget.spend(|| self.collapse(at)))
    }

    /// Puts one huge page under the 2 MiB at `offset`, of which the first page must be allocated. Says whether it
    /// could, and so whether all of it is allocated.
    fn collapse(&self, offset: usize) -> bool {
        self.assert_within(offset, HUGE_PAGE);
        // SAFETY: within the mapping, as just checked; collapsing changes no byte.
        unsafe { libc::madvise(self.ptr(offset).cast(), HUGE_PAGE, libc::MADV_COLLAPSE) == 0 }
    }
}

/// How much time huge pages may cost in all: what those before have saved, and a little in advance. So a whole
/// reservation is never much slower than one in small pages.
#[derive(Debug)]
struct Budget {
    left: Duration,
    works: bool,
    refused: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: Self::ADVANCE,
            works: true,
            refused: 0,
        }
    }
}

impl Budget {
    /// Allocating and first touching 2 MiB in small pages takes some 1.3 ms (measured), in a huge page 0.2 ms.
    const SAVED_BY_EACH: Duration = Duration::from_millis(1);
    const ADVANCE: Duration = Duration::from_millis(10);
    /// How often one is tried all the same: memory further on may be cheap again.
    const PROBE_EVERY: u32 = 32;

    fn allows(&mut self) -> bool {
        if !self.works || !self.left.is_zero() {
            return self.works;
        }
        self.refused += 1;
        self.refused.is_multiple_of(Self::PROBE_EVERY)
    }

    fn spend(&mut self, collapse: impl FnOnce() -> bool) -> bool {
        let started = Instant::now();
        self.works = collapse();
        self.left = (self.left + Self::SAVED_BY_EACH).saturating_sub(started.elapsed());
        self.works
    }
}
