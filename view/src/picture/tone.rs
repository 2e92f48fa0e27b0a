//! Brings the range of an image to that of a display by exposure and a curve, and says so in words.

use std::fmt::{self, Display};

use dcc_mcp_shm::Error;

use super::color::Transfer;
use crate::coordinates::Short;
use crate::memory;

/// Light up to this value is shown as it is; brighter light is pressed together above it.
const SHOULDER: f32 = 0.7;
/// An image is shown brighter if all of its light except the brightest hundredth is darker than this.
const DARK: f32 = 0.1;
/// How fast colours fade to white when they are too bright; the same as in the Khronos neutral tone mapper.
const FADING: f32 = 0.15;
/// A dark image is made so bright that its brightest hundredth begins at most here.
const BRIGHT: f32 = 0.8;
/// An image whose median is above 1 is made so dark that its median is at least this, and less than twice this.
const MIDDLE: f32 = 0.4;

/// How the values of an image become those of a display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tone {
    /// As they are.
    Plain,
    /// Light, made 2^`stops` times as bright, with a shoulder that ends at `white`.
    Light { stops: i32, white: f32 },
    /// Values of data, spread between black and white.
    Spread { low: f32, high: f32 },
}

impl Tone {
    /// The tone that suits these pixels of red, green, blue and coverage.
    pub(super) fn of(transfer: Transfer, pixels: &[[f32; 4]]) -> Result<Self, Error> {
        match transfer {
            Transfer::Srgb => Ok(Self::Plain),
            Transfer::Linear => Self::of_light(pixels),
            Transfer::Data => Ok(Self::of_data(pixels)),
        }
    }

    fn of_light(pixels: &[[f32; 4]]) -> Result<Self, Error> {
        let mut peaks = memory::with_room(pixels.len())?;
        let all = pixels.iter().map(|&[r, g, b, _]| r.max(g).max(b));
        peaks.extend(all.filter(|&peak| peak > 0.0));
        if peaks.is_empty() {
            return Ok(Self::Plain);
        }
        let [middle, most, nearly_all] = [500, 990, 999].map(|thousandths| {
            let index = (peaks.len() - 1) * thousandths / 1000;
            *peaks.select_nth_unstable_by(index, f32::total_cmp).1
        });
        let stops = if most < DARK {
            (BRIGHT.log2() - most.log2()).floor()
        } else if middle > 1.0 {
            (MIDDLE.log2() - middle.log2()).ceil()
        } else {
            0.0
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number within the exponents of f32"
        )]
        let stops = stops.clamp(-126.0, 126.0) as i32;
        let white = nearly_all * exposure(stops);
        if stops == 0 && white <= 1.0 {
            return Ok(Self::Plain);
        }
        Ok(Self::Light { stops, white })
    }

    fn of_data(pixels: &[[f32; 4]]) -> Self {
        let values = || pixels.iter().flat_map(|pixel| &pixel[..3]);
        let low = values().copied().fold(f32::INFINITY, f32::min);
        let high = values().copied().fold(f32::NEG_INFINITY, f32::max);
        if (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high) {
            return Self::Plain;
        }
        Self::Spread { low, high }
    }

    /// The colour as it is shown: light for images of light, and values for others.
    pub(super) fn apply(self, color: [f32; 3]) -> [f32; 3] {
        match self {
            Self::Plain => color,
            Self::Light { stops, white } => {
                let color = color.map(|value| value.max(0.0) * exposure(stops));
                let peak = color.into_iter().fold(0.0, f32::max);
                if peak <= SHOULDER || white <= 1.0 {
                    return color;
                }
                // All three values get the same factor, so that hues stay. A colour that is much too bright turns
                // white, as on film.
                let shown = shoulder(peak, white);
                let left = 1.0 / (FADING * (peak - shown) + 1.0);
                color.map(|value| shown + (value / peak - 1.0) * shown * left)
            }
            Self::Spread { low, high } => color.map(|value| (value - low) / (high - low).max(f32::MIN_POSITIVE)),
        }
    }
}

fn exposure(stops: i32) -> f32 {
    2.0_f32.powi(stops)
}

/// A curve that leaves the straight line at the shoulder without a kink and reaches 1 at `white`.
fn shoulder(peak: f32, white: f32) -> f32 {
    let x = ((peak - SHOULDER) / (white - SHOULDER)).min(1.0);
    let slope = (white - SHOULDER) / (1.0 - SHOULDER);
    SHOULDER + (1.0 - SHOULDER) * slope * x / (1.0 + (slope - 1.0) * x)
}

impl Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => f.write_str("shown as they are"),
            Self::Light { stops, white } if *white > 1.0 => {
                let white = Short::single(*white);
                let exposure = match stops {
                    0 => String::new(),
                    stops => format!("at {stops:+} EV "),
                };
                write!(
                    f,
                    "shown {exposure}with a soft shoulder from {SHOULDER} to white at {white}"
                )
            }
            Self::Light { stops, .. } => write!(f, "shown at {stops:+} EV"),
            Self::Spread { low, high } => {
                write!(
                    f,
                    "spread so that {} is black and {} is white",
                    Short::single(*low),
                    Short::single(*high)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(transfer: Transfer, pixels: &[[f32; 4]]) -> Tone {
        Tone::of(transfer, pixels).expect("memory")
    }

    fn ramp(to: f32) -> Vec<[f32; 4]> {
        (0..1000_u16)
            .map(|i| {
                let value = f32::from(i) / 999.0 * to;
                [value, value, value, 1.0]
            })
            .collect()
    }

    #[test]
    fn what_a_display_can_show_is_left_alone() {
        assert_eq!(tone(Transfer::Linear, &ramp(1.0)), Tone::Plain);
        assert_eq!(tone(Transfer::Data, &ramp(1.0)), Tone::Plain);
        assert_eq!(tone(Transfer::Srgb, &ramp(7.0)), Tone::Plain);
        assert_eq!(tone(Transfer::Linear, &ramp(0.0)), Tone::Plain);
    }

    #[test]
    fn highlights_are_pressed_together_and_the_rest_stays() {
        let pixels = ramp(1.9);
        let tone = tone(Transfer::Linear, &pixels);
        assert!(
            matches!(tone, Tone::Light { stops: 0, white } if (1.8..1.9).contains(&white)),
            "{tone:?}"
        );
        let shown: Vec<f32> = pixels.iter().map(|p| tone.apply([p[0]; 3])[0]).collect();
        assert!(shown.is_sorted() && shown.last().is_some_and(|last| (0.999..=1.0).contains(last)));
        for (pixel, shown) in pixels.iter().zip(shown).filter(|(pixel, _)| pixel[0] <= SHOULDER) {
            assert_eq!(pixel[0].to_bits(), shown.to_bits());
        }
    }

    #[test]
    fn hues_stay_when_they_are_too_bright() {
        let [r, g, b] = Tone::Light { stops: 0, white: 16.0 }.apply([8.0, 4.0, 2.0]);
        assert!(r < 1.0 && r > g && g > b, "{r} {g} {b}");
        let hue = |[r, g, b]: [f32; 3]| (r - g) / (r - b);
        assert!((hue([r, g, b]) - hue([8.0, 4.0, 2.0])).abs() < 1e-5);
    }

    #[test]
    fn images_in_other_units_are_exposed() {
        let stops = |to| match tone(Transfer::Linear, &ramp(to)) {
            Tone::Light { stops, .. } => stops,
            _ => 0,
        };
        assert!(
            stops(0.01) == 6 && stops(4000.0) == -12,
            "{} {}",
            stops(0.01),
            stops(4000.0)
        );
        // Subnormal and largest numbers end in a picture too.
        for to in [f32::MIN_POSITIVE, f32::MAX] {
            let tone = tone(Transfer::Linear, &ramp(to));
            assert!(tone.apply([to; 3])[0].is_finite(), "{tone:?}");
        }
    }

    #[test]
    fn normals_are_spread_between_black_and_white() {
        let tone = tone(Transfer::Data, &[[-1.0, 0.0, 1.0, 1.0]]);
        for (value, expected) in [(-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)] {
            assert!((tone.apply([value; 3])[0] - expected).abs() < 1e-6);
        }
        assert_eq!(tone.to_string(), "spread so that -1 is black and 1 is white");
    }
}
