//! Memory of new files in huge pages, where the kernel has some that are cheap.
//!
//! Most of what new memory costs is the work for each page, and a huge page is one of 512. But on a machine that handed idle
//! memory back to its host, a huge page can cost as much as it saves ten times over.
#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use super::{GuardedFile, Mapping};
use crate::sys::parallel::move_pieces;
use crate::sys::pieces::{HUGE_PAGE, pieces};
use crate::sys::{Destination, HugePageBudget, Source};

/// What a mapping starts at a multiple of.
const PAGE: usize = 4096;

impl Mapping {
    /// Takes memory for a range of the file, and enters it in this mapping.
    pub(crate) fn reserve(
        &self,
        file: &GuardedFile,
        offset: usize,
        len: usize,
        budget: &HugePageBudget,
    ) -> io::Result<()> {
        self.assert_within(offset, len);
        move_pieces(len, pieces(offset..offset + len), |piece| {
            if self.takes_huge_page(file, &piece, budget)? || self.takes_small_pages(&piece) {
                return Ok(());
            }
            file.reserve(piece.start as u64, piece.len() as u64)
        })
    }

    /// Writes a part of the file that is new or to be forgotten: a copy into huge pages takes a fraction of the time of the system call that writes to
    /// small ones.
    pub(crate) fn write(
        &self,
        file: &GuardedFile,
        offset: usize,
        source: Source<'_>,
        budget: &HugePageBudget,
    ) -> io::Result<()> {
        self.assert_within(offset, source.len());
        let turn = Mutex::new(());
        move_pieces(source.len(), pieces(offset..offset + source.len()), |piece| {
            let part = source.part(piece.start - offset, piece.len());
            if self.takes_huge_page(file, &piece, budget)? {
                self.copy_piece_in(piece.start, part);
                return Ok(());
            }
            // The kernel lets one thread at a time write to a file; the others take pages of it meanwhile.
            let turn = turn.try_lock();
            if turn.is_err() && self.takes_small_pages(&piece) {
                self.copy_piece_in(piece.start, part);
                return Ok(());
            }
            file.write_at(part, piece.start as u64)
        })
    }

    /// Takes a huge page for a piece that fills one, and says whether it did: all of it is allocated then.
    pub(super) fn takes_huge_page(
        &self,
        file: &GuardedFile,
        piece: &Range<usize>,
        budget: &HugePageBudget,
    ) -> io::Result<bool> {
        if piece.len() < HUGE_PAGE || !budget.allows() {
            return Ok(false);
        }
        // The kernel collapses only what has a page already.
        file.reserve(piece.start as u64, PAGE as u64)?;
        let started = Instant::now();
        let collapsed = self.collapse(piece.start);
        if collapsed {
            budget.spend(1, started.elapsed());
        } else {
            budget.give_up();
        }
        Ok(collapsed)
    }

    /// Takes the pages of a piece as writing to each of them would, and says whether it could: all of it is allocated then.
    /// If there is no memory for them this fails, while writing would end the process.
    pub(super) fn takes_small_pages(&self, piece: &Range<usize>) -> bool {
        self.assert_within(piece.start, piece.len());
        let start = piece.start / PAGE * PAGE;
        // SAFETY: within the pages of the mapping, as just checked; populating changes no byte.
        unsafe { libc::madvise(self.ptr(start).cast(), piece.end - start, libc::MADV_POPULATE_WRITE) == 0 }
    }

    /// Puts one huge page under the 2 MiB at `offset`, of which the first page must be allocated. Says whether it
    /// could, and so whether all of it is allocated.
    fn collapse(&self, offset: usize) -> bool {
        self.assert_within(offset, HUGE_PAGE);
        // SAFETY: within the mapping, as just checked; collapsing changes no byte.
        unsafe { libc::madvise(self.ptr(offset).cast(), HUGE_PAGE, libc::MADV_COLLAPSE) == 0 }
    }
}

/// Asks for huge pages where there is room for one. Memory that was used before stays as it is.
pub(crate) fn prefer_huge_pages(destination: &mut Destination) {
    let start = destination.as_mut_ptr().addr().next_multiple_of(HUGE_PAGE);
    let end = destination.as_mut_ptr_range().end.addr() / HUGE_PAGE * HUGE_PAGE;
    if end >= start + HUGE_PAGE {
        let start = destination.as_mut_ptr().with_addr(start);
        // SAFETY: the range lies in memory that is exclusively borrowed, and this changes nothing that is in it. Where it
        // cannot be done, pages are small as before.
        unsafe { libc::madvise(start.cast(), end - start.addr(), libc::MADV_HUGEPAGE) };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::os::fd::AsFd;

    use rustix::fs::fstat;
    use tempfile::TempDir;

    use super::super::DirectoryHandle;
    use super::*;
    use crate::sys::{Access, Protection, as_destination};

    const START: usize = 100;
    const LEN: usize = 24 << 20;

    fn file() -> (TempDir, GuardedFile, Mapping) {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let handle = DirectoryHandle::open(directory.path()).unwrap();
        let file = handle.open_file("file", Access::Create).unwrap();
        file.set_len((START + LEN) as u64).unwrap();
        let mapping = Mapping::new(&file, START + LEN, Protection::Shared).unwrap();
        (directory, file, mapping)
    }

    #[test]
    fn data_is_written_whole_in_huge_pages_and_in_small_ones() {
        let data: Vec<u8> = (0..LEN as u64 / 8)
            .flat_map(|i| (i * 0x9E37_79B9).to_le_bytes())
            .collect();
        for budget in [
            HugePageBudget::default(),
            HugePageBudget::exhausted(true),
            HugePageBudget::exhausted(false),
        ] {
            let (_directory, file, mapping) = file();
            mapping.write(&file, START, (&data).into(), &budget).unwrap();
            let mut found = vec![0; LEN];
            file.read_exact_at(as_destination(&mut found), START as u64).unwrap();
            assert!(found == data, "{budget:?}");
        }
    }

    #[test]
    fn small_pages_that_were_taken_are_there() {
        let (_directory, file, mapping) = file();
        for piece in pieces(START..START + LEN) {
            assert!(mapping.takes_small_pages(&piece));
        }
        assert!(fstat(file.as_fd()).unwrap().st_blocks * 512 >= i64::try_from(START + LEN).unwrap());
    }
}
