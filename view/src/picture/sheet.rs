//! A contact sheet: some frames of many, side by side.

use image::{RgbImage, imageops};

use super::output::blank;
use super::size::edge;
use crate::error::LookError;

/// Most frames in a sheet.
const MAX_TILES: u64 = 9;
/// Pixels between two frames.
const GAP: usize = 4;

/// Evenly spaced frames with the first and the last, at most as many as a sheet has room for.
pub(super) fn tiles(frames: u64) -> Vec<u64> {
    evenly_spaced(frames, MAX_TILES)
}

/// Evenly spaced frames with the first and the last, at most `most` and at least as many as a sheet has room for.
pub(super) fn evenly_spaced(frames: u64, most: u64) -> Vec<u64> {
    let tiles = frames.min(most.max(MAX_TILES));
    let last = u128::from(frames.saturating_sub(1));
    let steps = u128::from(tiles.saturating_sub(1).max(1));
    (0..tiles)
        .map(|tile| u64::try_from(u128::from(tile) * last / steps).unwrap_or(0))
        .collect()
}

/// How many columns a sheet has, and how large its tiles are.
pub(super) fn tiling(tiles: usize, max_edge: usize) -> (usize, usize) {
    let columns = (1..=tiles).find(|columns| columns * columns >= tiles).unwrap_or(1);
    (columns, (max_edge - (columns - 1) * GAP) / columns)
}

/// Puts pictures of one size together into a sheet.
pub(super) fn assemble(mut pictures: Vec<RgbImage>, columns: usize) -> Result<RgbImage, LookError> {
    if pictures.len() == 1 {
        return Ok(pictures.remove(0));
    }
    let (tile, gap) = (pictures[0].width(), edge(GAP));
    let across = |tiles: usize| edge(tiles) * (tile + gap) - gap;
    let mut sheet = blank(across(columns), across(pictures.len().div_ceil(columns)))?;
    for (index, picture) in pictures.iter().enumerate() {
        let at = |tiles: usize| i64::from(edge(tiles) * (tile + gap));
        imageops::replace(&mut sheet, picture, at(index % columns), at(index / columns));
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_evenly_spaced_with_the_first_and_the_last() {
        assert!(tiles(0).is_empty());
        assert_eq!(tiles(1), [0]);
        assert_eq!(tiles(9), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(tiles(101), [0, 12, 25, 37, 50, 62, 75, 87, 100]);
        assert_eq!(evenly_spaced(12, 100).len(), 12);
        assert_eq!(evenly_spaced(1000, 5), tiles(1000));
        assert_eq!(evenly_spaced(1000, 100).last(), Some(&999));
        assert_eq!(tiles(u64::MAX).last(), Some(&(u64::MAX - 1)));
    }

    #[test]
    fn sheets_stay_within_the_edge() {
        for (tiles, columns) in [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3)] {
            let (found, tile) = tiling(tiles, 64);
            assert_eq!(found, columns);
            let picture = RgbImage::new(edge(tile), edge(tile));
            let sheet = assemble(vec![picture; tiles], columns).expect("memory");
            assert!(
                sheet.width() <= 64 && sheet.width() > 60 && sheet.height() <= 64,
                "{tiles}: {}",
                sheet.width()
            );
        }
    }
}
