//! How geometry looks: one light on grey clay, and samples made into a picture.

use image::{Rgb, RgbImage};

use super::color::linear_to_srgb;
use super::raster::Samples;
use crate::reply::ToolError;

/// Where the light comes from as it is seen: from the left, from above, and from behind the viewer.
const KEY: [f32; 3] = [-0.54, 0.62, 0.569];
/// Light colours of the lit and of the unlit side of the clay.
const LIT: [f32; 3] = [0.60, 0.585, 0.56];
const UNLIT: [f32; 3] = [0.02, 0.023, 0.03];
/// The background, as light, at the top and at the bottom.
const BACKGROUND: [[f32; 3]; 2] = [[0.88, 0.89, 0.91], [0.70, 0.72, 0.75]];

/// How bright a surface is, from its normal in any length and on either side, and the direction to the eye.
#[inline]
pub(super) fn shade(normal: [f32; 3], to_eye: [f32; 3]) -> u8 {
    let length = dot(normal, normal).sqrt();
    if length <= 0.0 || length.is_nan() {
        return 1;
    }
    // Both sides of a face are lit as the one that is seen.
    let length = if dot(normal, to_eye) < 0.0 { -length } else { length };
    let [_, up, _] = normal.map(|value| value / length);
    let key = dot(normal, KEY) / length;
    // Light that wraps around, and a little from the sky.
    let key = (0.5 + 0.5 * key).max(0.0);
    let light = 0.82 * key * key + 0.12 * (0.5 + 0.5 * up) + 0.06;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a byte")]
    let light = (light * 255.0) as u8;
    light.max(1)
}

/// How bright something is that has no sides, from 0 at the back to 1 in front.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a byte")]
pub(super) fn haze(nearness: f32) -> u8 {
    (255.0 * (0.25 + 0.6 * nearness)) as u8
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// How much darker a sample is for what stands in front of it: creases and outlines are seen by that.
fn occlusion(samples: &Samples, column: usize, row: usize, reach: usize) -> f32 {
    let (edge, values) = (samples.edge(), samples.values());
    let depth = |column: usize, row: usize| values[row * edge + column] >> 8;
    let here = depth(column, row);
    let low = |at: usize| at.saturating_sub(reach);
    let high = |at: usize| (at + reach).min(edge - 1);
    let around = [
        (low(column), row),
        (high(column), row),
        (column, low(row)),
        (column, high(row)),
        (low(column), low(row)),
        (high(column), low(row)),
        (low(column), high(row)),
        (high(column), high(row)),
    ];
    let hidden = around.into_iter().map(|(column, row)| {
        #[expect(clippy::cast_precision_loss, reason = "24 bits")]
        let nearer = depth(column, row).saturating_sub(here) as f32;
        (nearer / super::camera::NEAREST * 14.0).min(0.5)
    });
    hidden.sum::<f32>() / 8.0
}

/// Makes a picture of samples, `across` of which lie in each direction in one of its pixels.
pub(super) fn develop(samples: &Samples, across: usize) -> Result<RgbImage, ToolError> {
    let edge = samples.edge() / across;
    let pixels = super::edge(edge);
    #[expect(clippy::cast_precision_loss, reason = "a picture's rows")]
    let part = 1.0 / (across * across) as f32;
    let mut picture = super::blank(pixels, pixels)?;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let [x, y] = [x, y].map(super::size);
        #[expect(clippy::cast_precision_loss, reason = "a picture's rows")]
        let down = y as f32 / edge as f32;
        let background = mix(BACKGROUND[0], BACKGROUND[1], down);
        let mut sum = [0.0; 3];
        for row in y * across..(y + 1) * across {
            for column in x * across..(x + 1) * across {
                let value = samples.values()[row * samples.edge() + column];
                let color = if value == 0 {
                    background
                } else {
                    let shade = f32::from(value.to_le_bytes()[0]) / 255.0;
                    let dimmed = 1.0 - occlusion(samples, column, row, across);
                    mix(UNLIT, LIT, shade * dimmed)
                };
                sum = [0, 1, 2].map(|i| sum[i] + color[i] * part);
            }
        }
        *pixel = Rgb(sum.map(linear_to_srgb));
    }
    Ok(picture)
}

fn mix(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    [0, 1, 2].map(|i| from[i] + (to[i] - from[i]) * share)
}
