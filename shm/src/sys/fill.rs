//! Memory of this process that data is copied to: by several threads where it is large, and in huge pages while those are
//! cheap. Otherwise it takes longer to clear and enter new pages than to fill them.

use std::iter;
use std::time::Instant;

use super::bytes::Destination;
use super::huge_page_budget::HugePageBudget;
use super::parallel::move_pieces;
use super::pieces::HUGE_PAGE;
use super::prefer_huge_pages;

/// What is filled at a time. Asking for huge pages stops all threads that take pages.
const PIECE: usize = 4 * HUGE_PAGE;

/// Fills all of it, where `fill` fills the piece that starts at an offset.
pub(crate) fn fill_pieces<E: Send>(
    destination: &mut Destination,
    fill: impl Fn(usize, &mut Destination) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let len = destination.len();
    if len < HUGE_PAGE {
        return fill(0, destination);
    }
    let budget = HugePageBudget::default();
    move_pieces(len, cut(destination), |(offset, piece)| {
        let pages = piece.len() / HUGE_PAGE;
        if pages == 0 || !budget.allows() {
            return fill(offset, piece);
        }
        prefer_huge_pages(piece);
        let started = Instant::now();
        let filled = fill(offset, piece);
        budget.spend(pages, started.elapsed());
        filled
    })
}

/// Pieces with their offsets, cut where huge pages start.
fn cut(destination: &mut Destination) -> impl Iterator<Item = (usize, &mut Destination)> + Send {
    let to_first = destination.as_ptr().align_offset(HUGE_PAGE).min(destination.len());
    let (before, aligned) = destination.split_at_mut(to_first);
    let offsets = (to_first..).step_by(PIECE);
    iter::once((0, before)).chain(offsets.zip(aligned.chunks_mut(PIECE)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::sys::as_destination;

    #[test]
    fn each_byte_is_filled_from_its_offset() {
        let expected: Vec<u8> = (0..5 * HUGE_PAGE as u64)
            .flat_map(|i| (i * 0x9E37_79B9).to_le_bytes())
            .collect();
        for (start, len) in [
            (0, 0),
            (1, 100),
            (3, HUGE_PAGE),
            (7, 4 * HUGE_PAGE + 5),
            (0, 40 * HUGE_PAGE),
        ] {
            let mut memory = vec![0; expected.len()];
            let Ok(()) = fill_pieces(as_destination(&mut memory[start..][..len]), |offset, piece| {
                for (byte, value) in piece.iter_mut().zip(&expected[start + offset..]) {
                    byte.write(*value);
                }
                Ok::<_, Infallible>(())
            });
            assert!(memory[start..][..len] == expected[start..][..len], "{start}, {len}");
            assert!(memory[start + len..].iter().all(|byte| *byte == 0));
        }
    }
}
