//! Memory of files that had other content before: its pages are there, and what is in them goes.
#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::ptr;

use super::{GuardedFile, Mapping};
use crate::sys::parallel::move_pieces;
use crate::sys::pieces::pieces;
use crate::sys::{HugePageBudget, Source};

/// What is written where pages cannot be entered in a mapping all at once.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl Mapping {
    /// Makes a range of the file zeros, and enters it in this mapping. Memory is taken where there is none.
    pub(crate) fn clear(&self, file: &GuardedFile, offset: usize, len: usize) -> io::Result<()> {
        self.assert_within(offset, len);
        let budget = HugePageBudget::default();
        move_pieces(len, pieces(offset..offset + len), |piece| {
            if !self.takes_huge_page(file, &piece, &budget)? && !self.takes_small_pages(&piece) {
                return write_zeros(file, piece);
            }
            self.assert_within(piece.start, piece.len());
            // SAFETY: within the mapping, as just checked, which is writable; each of its pages is there.
            unsafe { ptr::write_bytes(self.ptr(piece.start), 0, piece.len()) };
            Ok(())
        })
    }
}

fn write_zeros(file: &GuardedFile, mut range: Range<usize>) -> io::Result<()> {
    while !range.is_empty() {
        let zeros = Source::from(&ZEROS).part(0, range.len());
        file.write_at(zeros, range.start as u64)?;
        range.start += zeros.len();
    }
    Ok(())
}
