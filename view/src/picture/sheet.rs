//! A contact sheet: some frames of many, or several sides of one thing, side by side.

use image::{RgbImage, imageops};

use super::output::blank;
use super::size::edge;
use crate::error::LookError;
use crate::frames::Frames;

/// Most pictures in a sheet.
const MAX_TILES: usize = 9;
/// Pixels between two pictures.
const GAP: usize = 4;

/// The frames to show: those that were asked for, or else some of all, evenly spaced with the first and the last. Each is
/// shown from as many sides as `views`.
///
/// # Errors
/// There is no such frame; there is no room for as many.
pub(super) fn shown_frames(frames: &Frames, asked: &[f64], views: usize) -> Result<Vec<u64>, LookError> {
    let views = views.max(1);
    let tiles = asked.len().max(1).saturating_mul(views);
    if tiles > MAX_TILES {
        return Err(LookError::TooManyTiles {
            asked: tiles,
            limit: MAX_TILES,
        });
    }
    if asked.is_empty() {
        return Ok(evenly_spaced(frames.count, (MAX_TILES / views) as u64));
    }
    let found = asked
        .iter()
        .map(|&asked| frames.find(asked).map_err(LookError::NoSuchFrame));
    found.collect()
}

/// Evenly spaced frames with the first and the last, at most `most` and at least as many as a sheet has room for.
pub(super) fn surveyed(frames: u64, most: u64) -> Vec<u64> {
    evenly_spaced(frames, most.max(MAX_TILES as u64))
}

fn evenly_spaced(frames: u64, most: u64) -> Vec<u64> {
    let tiles = frames.min(most);
    let last = u128::from(frames.saturating_sub(1));
    let steps = u128::from(tiles.saturating_sub(1).max(1));
    (0..tiles)
        .map(|tile| u64::try_from(u128::from(tile) * last / steps).unwrap_or(0))
        .collect()
}

/// How the pictures of a sheet are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    columns: usize,
    /// Longest edge of a picture, in pixels.
    pub(super) tile: usize,
}

impl Grid {
    /// A grid within an edge for this many pictures of each of several things: a row for each thing if there are
    /// several.
    pub(super) fn of(things: usize, each: usize, max_edge: usize) -> Self {
        let tiles = things * each;
        let square = (1..=tiles).find(|columns| columns * columns >= tiles).unwrap_or(1);
        let columns = if things > 1 && each > 1 { each } else { square };
        let longest = columns.max(tiles.div_ceil(columns)).max(1);
        Self {
            columns,
            tile: max_edge.saturating_sub((longest - 1) * GAP) / longest,
        }
    }

    /// Puts pictures of one size together.
    pub(super) fn assemble(self, mut pictures: Vec<RgbImage>) -> Result<RgbImage, LookError> {
        if pictures.len() == 1 {
            return Ok(pictures.remove(0));
        }
        let gap = edge(GAP);
        let (width, height) = pictures.first().map_or((1, 1), RgbImage::dimensions);
        let across = |tiles: usize, tile: u32| (edge(tiles) * (tile + gap)).saturating_sub(gap).max(1);
        let rows = pictures.len().div_ceil(self.columns);
        let mut sheet = blank(across(self.columns, width), across(rows, height))?;
        for (index, picture) in pictures.iter().enumerate() {
            let at = |tiles: usize, tile: u32| i64::from(edge(tiles) * (tile + gap));
            let (column, row) = (index % self.columns, index / self.columns);
            imageops::replace(&mut sheet, picture, at(column, width), at(row, height));
        }
        Ok(sheet)
    }
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm::Attrs;

    use super::*;

    fn tiles(count: u64, views: usize) -> Vec<u64> {
        shown_frames(&Frames::of(&Attrs::new(), count), &[], views).expect("room")
    }

    #[test]
    fn frames_are_evenly_spaced_with_the_first_and_the_last() {
        assert!(tiles(0, 1).is_empty());
        assert_eq!(tiles(1, 1), [0]);
        assert_eq!(tiles(9, 1), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(tiles(101, 1), [0, 12, 25, 37, 50, 62, 75, 87, 100]);
        assert_eq!(tiles(101, 3), [0, 50, 100]);
        assert_eq!(tiles(101, 7), [0]);
        assert_eq!(surveyed(12, 100).len(), 12);
        assert_eq!(surveyed(1000, 5), tiles(1000, 1));
        assert_eq!(surveyed(1000, 100).last(), Some(&999));
        assert_eq!(tiles(u64::MAX, 1).last(), Some(&(u64::MAX - 1)));
    }

    #[test]
    fn what_is_asked_for_is_shown_or_refused() {
        let frames = Frames::of(&Attrs::new(), 20);
        assert_eq!(shown_frames(&frames, &[19.0, 0.0, 0.0], 3).ok(), Some(vec![19, 0, 0]));
        assert!(matches!(
            shown_frames(&frames, &[1.0; 4], 3),
            Err(LookError::TooManyTiles { asked: 12, limit: 9 })
        ));
        assert!(matches!(
            shown_frames(&frames, &[20.0], 1),
            Err(LookError::NoSuchFrame(_))
        ));
    }

    #[test]
    fn sheets_stay_within_the_edge() {
        for things in 1..=9 {
            for each in 1..=9 / things {
                let grid = Grid::of(things, each, 128);
                for shape in [[grid.tile, grid.tile], [grid.tile, 3], [3, grid.tile]] {
                    let picture = RgbImage::new(edge(shape[0]), edge(shape[1]));
                    let sheet = grid.assemble(vec![picture; things * each]).expect("memory");
                    let longest = sheet.width().max(sheet.height());
                    let is_filled = longest > 110 || shape[0] != shape[1];
                    assert!(longest <= 128 && is_filled, "{things} × {each}: {longest}");
                }
            }
        }
        assert_eq!(Grid::of(1, 5, 64).columns, 3);
        assert_eq!(Grid::of(5, 1, 64).columns, 3);
        assert_eq!(Grid::of(2, 4, 64).columns, 4);
    }
}
