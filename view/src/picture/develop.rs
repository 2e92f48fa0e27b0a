//! Makes samples into a picture: clay in the light, on a background.

use image::{Rgb, RgbImage};

use super::camera::NEAREST;
use super::color::linear_to_srgb;
use super::output::blank;
use super::raster::Samples;
use super::size::{edge, size};
use crate::error::LookError;

/// Colours of the lit and of the unlit side of the clay, as light.
const LIT: [f32; 3] = [0.60, 0.585, 0.56];
const UNLIT: [f32; 3] = [0.02, 0.023, 0.03];
/// The background, as light, at the top and at the bottom.
const BACKGROUND: [[f32; 3]; 2] = [[0.88, 0.89, 0.91], [0.70, 0.72, 0.75]];

/// How much darker a sample is because nearer samples are around it. Creases and outlines are seen by that.
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
        (nearer / NEAREST * 14.0).min(0.5)
    });
    hidden.sum::<f32>() / 8.0
}

/// Makes a picture of samples. Each pixel is the average of `across` × `across` samples.
pub(super) fn develop(samples: &Samples, across: usize) -> Result<RgbImage, LookError> {
    let rows = samples.edge() / across;
    let pixels = edge(rows);
    #[expect(clippy::cast_precision_loss, reason = "a picture's rows")]
    let part = 1.0 / (across * across) as f32;
    let mut picture = blank(pixels, pixels)?;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let [x, y] = [x, y].map(size);
        #[expect(clippy::cast_precision_loss, reason = "a picture's rows")]
        let down = y as f32 / rows as f32;
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
