//! A frame of pixels on its way to a picture: made smaller as linear light, then developed for a display.

use std::fmt::Write as _;

use dcc_mcp_shm::Error;
use image::RgbImage;

use super::color::{LinearTable, Transfer, linear_to_srgb, srgb_to_linear};
use super::levels::Levels;
use super::output::blank;
use super::primaries::Primaries;
use super::shrink::{Shrink, fitted};
use super::size::{edge, size};
use super::tone::Tone;
use crate::coordinates;
use crate::error::LookError;
use crate::memory;
use crate::text;

/// Longest edge of an image that is shown, in pixels: more than any camera has, and little memory for a row.
pub(super) const MAX_EDGE: u64 = 1 << 17;
/// Most pixels that are looked at: about a second's work. Only some columns and rows of a larger frame are looked at.
const MAX_PIXELS: u128 = 1 << 26;
/// Values are no larger than this where they are averaged.
const LARGEST: f32 = 1e36;
/// Edge of the squares that show through where an image is transparent, and their sRGB values.
const CHECKER: (u32, [f32; 2]) = (12, [0.62, 0.74]);

/// The meaning of the fourth of four values, or the second of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    /// Coverage that the colours are already multiplied by, as renderers write it.
    Premultiplied,
    /// Coverage that the colours are not multiplied by, as PNG has it.
    Straight,
    /// The value is no coverage.
    Ignored,
}

/// How the values of a frame are to be understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct PixelFormat {
    /// Width and height in pixels.
    pub(super) size: [usize; 2],
    /// 1 to 4: grey, grey and alpha, colour, colour and alpha.
    pub(super) channels: usize,
    pub(super) transfer: Transfer,
    pub(super) alpha: Alpha,
    /// One column and one row in this many is looked at.
    pub(super) step: usize,
    /// What was subtracted from each value, so that its last digits stay.
    pub(super) offset: f64,
    /// Which colours are meant, if that is known; else those of displays.
    pub(super) primaries: Option<Primaries>,
}

/// The least step by which no more than about [`MAX_PIXELS`] are looked at.
pub(super) fn least_step([width, height]: [usize; 2]) -> usize {
    let pixels = width as u128 * height as u128;
    size(pixels.div_ceil(MAX_PIXELS)).saturating_sub(1).isqrt() + 1
}

impl PixelFormat {
    /// Turns colours of other primaries into those of displays, and says so.
    fn convert(&self, pixels: &mut [[f32; 4]]) -> String {
        let is_color = self.channels >= 3 && !self.transfer.is_no_light();
        let Some(primaries) = self.primaries.filter(|primaries| is_color && !primaries.are_rec_709()) else {
            return String::new();
        };
        let Some(way) = primaries.to_rec_709() else {
            let stated = primaries.in_words();
            return format!(" Its chromaticities make no colours and were ignored: {stated}.");
        };
        for [r, g, b, _] in pixels {
            [*r, *g, *b] = way.map(|row| row[0] * *r + row[1] * *g + row[2] * *b);
        }
        format!(" Its colours were converted from {} to Rec. 709.", primaries.in_words())
    }

    /// The pixels in words, such as `RGBA`.
    pub(super) fn pixels(&self) -> &'static str {
        ["grey", "grey with alpha", "RGB", "RGBA"][self.channels.clamp(1, 4) - 1]
    }
}

/// A frame that is being read.
pub(super) struct Frame {
    format: PixelFormat,
    shrink: Shrink,
    table: LinearTable,
    row: Vec<[f32; 4]>,
    lowest: f32,
    highest: f32,
    /// Pixels with values that are NaN or infinite.
    not_finite: u64,
    /// Whether alpha was 0 so far. Straight colours are added without it then, because nothing of them would be left.
    is_hidden: bool,
    levels: Levels,
    /// How many images lie one below the other.
    images: usize,
}

impl Frame {
    /// A frame for a picture within an edge.
    pub(super) fn new(format: PixelFormat, max_edge: usize) -> Result<Self, Error> {
        Self::of_many(format, 1, max_edge)
    }

    /// A frame for `images` of the same height one below the other, each of which becomes a picture within an edge. The
    /// height of each must be a multiple of the step, except that of the last.
    pub(super) fn of_many(format: PixelFormat, images: usize, max_edge: usize) -> Result<Self, Error> {
        let from = format.size.map(|edge| edge.div_ceil(format.step));
        let [width, height] = fitted([from[0], from[1] / images], max_edge);
        Ok(Self {
            shrink: Shrink::new(from, [width, height * images])?,
            format,
            table: LinearTable::new(),
            row: memory::with_room(from[0])?,
            lowest: f32::INFINITY,
            highest: f32::NEG_INFINITY,
            not_finite: 0,
            is_hidden: format.alpha == Alpha::Straight && format.channels.is_multiple_of(2),
            levels: Levels::new()?,
            images,
        })
    }

    /// Adds pixels of row `y`, counted from the top, from column `x` on. Each pixel that is looked at must be added
    /// once; others may be left out.
    pub(super) fn add(&mut self, x: usize, y: usize, values: &[f32]) {
        let (step, channels) = (self.format.step, self.format.channels);
        if !y.is_multiple_of(step) {
            return;
        }
        let first = x.next_multiple_of(step);
        let Some(values) = values.get((first - x) * channels..) else {
            return;
        };
        if self.is_hidden && !values.chunks_exact(channels).step_by(step).all(is_hidden) {
            // Hidden colours leave nothing, so it is as if they had been added with their alpha.
            self.is_hidden = false;
            self.shrink.clear();
        }
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        match channels {
            1 => row.extend(
                values
                    .iter()
                    .step_by(step)
                    .map(|&grey| self.pixel([grey, grey, grey, 1.0])),
            ),
            2 => {
                let pixels = values.as_chunks().0.iter().step_by(step);
                row.extend(pixels.map(|&[grey, a]| self.pixel([grey, grey, grey, a])));
            }
            3 => {
                let pixels = values.as_chunks().0.iter().step_by(step);
                row.extend(pixels.map(|&[r, g, b]| self.pixel([r, g, b, 1.0])));
            }
            _ => row.extend(
                values
                    .as_chunks()
                    .0
                    .iter()
                    .step_by(step)
                    .map(|&pixel| self.pixel(pixel)),
            ),
        }
        self.shrink.add(first / step, y / step, &row);
        self.row = row;
    }

    /// The values of a pixel as light, multiplied by its coverage.
    fn pixel(&mut self, [r, g, b, a]: [f32; 4]) -> [f32; 4] {
        let mut color = [r, g, b];
        let a = if self.is_hidden { 1.0 } else { a };
        if !(color.iter().all(|value| value.is_finite()) && a.is_finite()) {
            self.not_finite += 1;
            return [0.0, 0.0, 0.0, 1.0];
        }
        self.levels.add(color);
        for value in &mut color {
            self.lowest = self.lowest.min(*value);
            self.highest = self.highest.max(*value);
            // Averages of the largest numbers would not be finite.
            *value = value.clamp(-LARGEST, LARGEST);
            if matches!(self.format.transfer, Transfer::Srgb | Transfer::Ids) {
                *value = self.table.linear(*value);
            }
            if self.format.alpha == Alpha::Straight {
                *value *= a;
            }
        }
        [color[0], color[1], color[2], a]
    }

    /// The picture, and sentences about how it was made. Where alpha would hide all there is, the colours are shown without it.
    pub(super) fn develop(self) -> Result<(RgbImage, String), LookError> {
        let ([width, height], images) = (self.shrink.size(), self.images);
        let mut pixels = self.shrink.into_pixels();
        let is_black = self.highest <= 0.0;
        let has_alpha = self.format.channels.is_multiple_of(2) && self.format.alpha != Alpha::Ignored;
        let is_hidden = has_alpha && (self.is_hidden || pixels.iter().all(|pixel| pixel[3] <= 0.0));
        if is_hidden {
            for pixel in &mut pixels {
                pixel[3] = if is_black { 0.0 } else { 1.0 };
            }
        }
        let is_ignored = is_hidden && !is_black;
        let is_transparent = pixels.iter().any(|pixel| pixel[3] < 0.999);
        let transfer = self.format.transfer;
        let converted = self.format.convert(&mut pixels);
        let tone = Tone::of(transfer, &pixels, &self.levels, self.format.channels <= 2)?;
        let mut picture = blank(edge(width), edge(height))?;
        for ((x, y, shown), &[r, g, b, a]) in picture.enumerate_pixels_mut().zip(&pixels) {
            let (square, values) = CHECKER;
            let down = y % edge(height / images);
            let behind = values[usize::from((x / square + down / square) % 2 == 1)];
            shown.0 = tone.apply([r, g, b]).map(|value| match transfer {
                Transfer::Data => byte(value + behind * (1.0 - a)),
                Transfer::Srgb | Transfer::Linear | Transfer::Ids => {
                    linear_to_srgb(value + srgb_to_linear(behind) * (1.0 - a))
                }
            });
        }
        let mut words = match self.format.step {
            1 => format!("Its {} values", transfer.as_str()),
            step => format!(
                "Only 1 in {step} of its columns and rows was looked at, as all of them would take too long; the {} values there",
                transfer.as_str()
            ),
        };
        // Writing to a String cannot fail.
        let offset = self.format.offset;
        if transfer == Transfer::Ids {
            words = String::from("Its numbers are shown in false colours, 0 as black: they tell things apart.");
        } else {
            if self.lowest <= self.highest {
                let [low, high] = [self.lowest, self.highest].map(|value| f64::from(value) + offset);
                let [low, high] = coordinates::range(low, high);
                let _ = write!(words, " lie between {low} and {high} and");
            }
            let _ = write!(words, " are {}.", tone.in_words(offset));
        }
        if is_transparent {
            words.push_str(" Where it is transparent, grey squares show through.");
        }
        words.push_str(&converted);
        if is_ignored {
            words.push_str(match self.format.step {
                1 => " Its alpha is 0 everywhere and was ignored.",
                _ => " Their alpha is 0 and was ignored.",
            });
        }
        if self.not_finite > 0 {
            let pixels = text::count(size(self.not_finite), "pixel");
            let _ = write!(words, " Shown black: {pixels} with NaN or infinite values.");
        }
        Ok((picture, words))
    }
}

/// Whether nothing of a pixel of two or four values is seen.
fn is_hidden(pixel: &[f32]) -> bool {
    pixel.last() == Some(&0.0) && pixel.iter().all(|value| value.is_finite())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 255"
)]
fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(size: [usize; 2], channels: usize) -> PixelFormat {
        PixelFormat {
            size,
            channels,
            transfer: Transfer::Srgb,
            alpha: Alpha::Straight,
            step: 1,
            offset: 0.0,
            primaries: None,
        }
    }

    fn develop(format: PixelFormat, values: &[f32]) -> (RgbImage, String) {
        let mut frame = Frame::new(format, 64).expect("memory");
        for (y, row) in values.chunks(format.size[0] * format.channels).enumerate() {
            frame.add(0, y, row);
        }
        frame.develop().expect("memory")
    }

    #[test]
    fn channels_are_grey_colour_and_alpha() {
        let (picture, words) = develop(format([2, 1], 1), &[0.0, 1.0]);
        assert_eq!(picture.into_raw(), [0, 0, 0, 255, 255, 255]);
        assert!(
            words.contains("sRGB values lie between 0 and 1 and are shown as they are"),
            "{words}"
        );
        let (picture, _) = develop(format([1, 1], 3), &[1.0, 0.5, 0.0]);
        assert_eq!(picture.into_raw(), [255, 128, 0]);
        let (picture, words) = develop(format([2, 1], 2), &[1.0, 1.0, 1.0, 0.0]);
        assert_eq!(picture.get_pixel(0, 0).0, [255; 3]);
        assert_eq!(picture.get_pixel(1, 0).0, [158; 3]);
        assert!(words.contains("squares"), "{words}");
    }

    #[test]
    fn averages_are_those_of_light() {
        // Black and white lines become what they look like from afar.
        let mut frame = Frame::new(format([128, 64], 1), 64).expect("memory");
        let row: Vec<f32> = [0.0, 1.0].repeat(64);
        (0..64).for_each(|y| frame.add(0, y, &row));
        let (picture, _) = frame.develop().expect("memory");
        assert_eq!(picture.dimensions(), (64, 32));
        assert!(picture.pixels().all(|pixel| pixel.0 == [188; 3]));
    }

    #[test]
    fn premultiplied_colours_are_not_multiplied_again() {
        let linear = PixelFormat {
            transfer: Transfer::Linear,
            alpha: Alpha::Premultiplied,
            ..format([1, 1], 4)
        };
        let (picture, _) = develop(linear, &[0.5, 0.5, 0.5, 0.5]);
        let behind = srgb_to_linear(0.62) * 0.5;
        assert_eq!(picture.get_pixel(0, 0).0, [linear_to_srgb(0.5 + behind); 3]);
    }

    #[test]
    fn pixels_that_are_no_numbers_are_counted() {
        let linear = PixelFormat {
            transfer: Transfer::Linear,
            ..format([3, 1], 1)
        };
        let (picture, words) = develop(linear, &[f32::NAN, f32::INFINITY, 0.5]);
        assert_eq!(picture.into_raw(), [0, 0, 0, 0, 0, 0, 188, 188, 188]);
        assert!(
            words.contains("Shown black: 2 pixels with NaN") && words.contains("between 0.5 and 0.5"),
            "{words}"
        );
    }

    #[test]
    fn alpha_that_hides_everything_is_not_believed() {
        for alpha in [Alpha::Straight, Alpha::Premultiplied] {
            let hidden = PixelFormat {
                alpha,
                ..format([2, 2], 4)
            };
            let row = [1.0, 0.0, 0.0, 0.0].repeat(2);
            let (picture, words) = develop(hidden, &row.repeat(2));
            assert!(picture.pixels().all(|pixel| pixel.0 == [255, 0, 0]), "{alpha:?}");
            assert!(words.contains("alpha is 0 everywhere and was ignored"), "{words}");
            // One pixel that is seen, in whatever row, and it is believed.
            for seen in 0..4 {
                let mut values = row.repeat(2);
                values[4 * seen + 3] = 1.0;
                let (picture, words) = develop(hidden, &values);
                let red = picture.pixels().filter(|pixel| pixel.0 == [255, 0, 0]).count();
                assert!(red == 1 || alpha == Alpha::Premultiplied, "{red}");
                assert!(!words.contains("ignored") && words.contains("squares"), "{words}");
            }
            let (_, words) = develop(hidden, &[0.0; 16]);
            assert!(words.contains("squares"), "{words}");
        }
    }

    #[test]
    fn of_too_many_pixels_every_few_columns_and_rows_are_looked_at() {
        assert_eq!(least_step([8192, 8192]), 1);
        assert_eq!(least_step([8193, 8192]), 2);
        assert_eq!(least_step([1 << 17, 1 << 17]), 16);
        assert_eq!(least_step([1 << 17, 1]), 1);
        for tiles in [[0, 7], [5, 7], [6, 7]] {
            let format = PixelFormat {
                step: 3,
                ..format([7, 4], 1)
            };
            let mut frame = Frame::new(format, 64).expect("memory");
            for y in 0..4_u8 {
                let row: Vec<f32> = (0..7_u8).map(|x| f32::from(x + 16 * y) / 255.0).collect();
                frame.add(0, y.into(), &row[..tiles[0]]);
                frame.add(tiles[0], y.into(), &row[tiles[0]..]);
            }
            let (picture, words) = frame.develop().expect("memory");
            assert_eq!(picture.dimensions(), (3, 2));
            let values: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
            assert_eq!(values, [0, 3, 6, 48, 51, 54], "{tiles:?}");
            assert!(words.starts_with("Only 1 in 3 of its columns and rows"), "{words}");
        }
    }
}
