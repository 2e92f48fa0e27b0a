//! Making an image smaller while its rows come in, in any order. Each pixel of the result is the average of the pixels
//! that it covers.

use dcc_mcp_shm::Error;

use crate::memory;

/// An image of linear light, red, green, blue and coverage, that grows out of the rows of a larger one.
pub(super) struct Shrink {
    from: [usize; 2],
    to: [usize; 2],
    /// Sums of the pixels that have come in, weighted by the area that they cover.
    pixels: Vec<[f32; 4]>,
    /// The row that is being made narrower.
    narrow: Vec<[f32; 4]>,
    /// Where each column goes. This is computed once, because divisions would take longest.
    columns: Vec<Overlap>,
}

/// The shares of one cell of the original that go to a cell of the result, and to the next cell.
#[derive(Debug, Clone, Copy)]
struct Overlap {
    cell: usize,
    here: f32,
    next: f32,
}

/// The size of an image of `width` × `height` within `max_edge`; nothing is made larger.
pub(super) fn fitted([width, height]: [usize; 2], max_edge: usize) -> [usize; 2] {
    let longest = width.max(height);
    if longest <= max_edge {
        return [width, height];
    }
    // Rounded. An edge has 2^17 pixels at most (`MAX_EDGE`), so the products do not overflow.
    [width, height].map(|edge| ((edge * max_edge + longest / 2) / longest).max(1))
}

impl Shrink {
    /// Makes an image of `from` pixels one of `to` pixels (one at least), which must not be more along either axis.
    pub(super) fn new(from: [usize; 2], to: [usize; 2]) -> Result<Self, Error> {
        let mut columns = memory::with_room(from[0])?;
        columns.extend((0..from[0]).map(|x| Overlap::of(x, from[0], to[0])));
        Ok(Self {
            from,
            to,
            pixels: memory::filled(to[0] * to[1], [0.0; 4])?,
            // One more, because the last column adds nothing to a cell behind the last.
            narrow: memory::filled(to[0] + 1, [0.0; 4])?,
            columns,
        })
    }

    pub(super) fn size(&self) -> [usize; 2] {
        self.to
    }

    /// Adds pixels of row `y`, from column `x` on. Each pixel of the image must come in once; pixels outside of it are
    /// passed over.
    pub(super) fn add(&mut self, x: usize, y: usize, row: &[[f32; 4]]) {
        if y >= self.from[1] || x >= self.from[0] {
            return;
        }
        let columns = &self.columns[x..];
        self.narrow.fill([0.0; 4]);
        for (pixel, share) in row.iter().zip(columns) {
            accumulate(&mut self.narrow[share.cell], pixel, share.here);
            accumulate(&mut self.narrow[share.cell + 1], pixel, share.next);
        }
        let first = columns[0].cell;
        let width = self.to[0];
        let Overlap { cell, here, next } = Overlap::of(y, self.from[1], self.to[1]);
        for (line, share) in self.pixels[cell * width..].chunks_exact_mut(width).zip([here, next]) {
            for (sum, pixel) in line[first..].iter_mut().zip(&self.narrow[first..]) {
                accumulate(sum, pixel, share);
            }
        }
    }

    /// Forgets all pixels that have come in.
    pub(super) fn clear(&mut self) {
        self.pixels.fill([0.0; 4]);
    }

    /// The pixels, row by row.
    pub(super) fn into_pixels(self) -> Vec<[f32; 4]> {
        self.pixels
    }
}

fn accumulate(sum: &mut [f32; 4], pixel: &[f32; 4], share: f32) {
    for (sum, value) in sum.iter_mut().zip(pixel) {
        *sum += value * share;
    }
}

impl Overlap {
    /// Where cell `index` of `from` cells falls when they become `to` cells, which must not be more.
    #[expect(
        clippy::cast_precision_loss,
        reason = "shares of one cell, in whole parts below 2^24"
    )]
    fn of(index: usize, from: usize, to: usize) -> Self {
        // In units of 1/from of a cell of the result.
        let (start, end) = (index * to, (index + 1) * to);
        let cell = start / from;
        let next = end.saturating_sub((cell + 1) * from);
        let share = |parts: usize| parts as f32 / from as f32;
        Self {
            cell,
            here: share(to - next),
            next: share(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(value: f32) -> [f32; 4] {
        [value, value, value, 1.0]
    }

    #[test]
    fn edges_are_fitted_and_never_enlarged() {
        assert_eq!(fitted([4096, 2160], 768), [768, 405]);
        assert_eq!(fitted([10, 20], 768), [10, 20]);
        assert_eq!(fitted([100_000, 1], 64), [64, 1]);
    }

    #[test]
    fn a_pixel_is_the_average_of_what_it_covers() {
        // Three columns become two: the middle one is shared.
        let mut image = Shrink::new([3, 3], [2, 2]).expect("memory");
        for y in [2, 0, 1] {
            image.add(0, y, &[grey(0.0), grey(3.0), grey(6.0)]);
        }
        for (pixel, expected) in image.into_pixels().iter().zip([1.0, 5.0, 1.0, 5.0]) {
            assert!(
                (pixel[0] - expected).abs() < 1e-5 && (pixel[3] - 1.0).abs() < 1e-5,
                "{pixel:?}"
            );
        }
    }

    #[test]
    fn an_even_image_stays_even_at_any_size() {
        for (from, max_edge) in [([1000, 7], 64), ([641, 479], 100), ([5, 5], 5), ([65, 64], 64)] {
            let mut image = Shrink::new(from, fitted(from, max_edge)).expect("memory");
            let row = vec![grey(0.5); from[0]];
            for y in (0..from[1]).rev() {
                // In two pieces, as tiles come.
                image.add(from[0] / 2, y, &row[from[0] / 2..]);
                image.add(0, y, &row[..from[0] / 2]);
            }
            for pixel in image.into_pixels() {
                assert!(
                    (pixel[0] - 0.5).abs() < 1e-4 && (pixel[3] - 1.0).abs() < 1e-4,
                    "{pixel:?}"
                );
            }
        }
    }

    #[test]
    fn what_lies_outside_is_passed_over() {
        let mut image = Shrink::new([2, 2], [2, 2]).expect("memory");
        image.add(1, 0, &[grey(1.0); 5]);
        image.add(2, 0, &[grey(1.0)]);
        image.add(0, 2, &[grey(1.0)]);
        assert_eq!(image.into_pixels(), [[0.0; 4], grey(1.0), [0.0; 4], [0.0; 4]]);
    }
}
