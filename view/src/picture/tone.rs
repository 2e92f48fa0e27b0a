//! Brings the range of an image to that of a display by exposure and a curve, and says so in words.

use dcc_mcp_shm::Error;

use super::color::Transfer;
use super::levels::{Levels, Range};
use crate::coordinates::{self, Short};
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

/// How many times as far from 0 as all else a background must lie, of measures and of light.
const BEYOND_DATA: f32 = 8.0;
const BEYOND_LIGHT: f32 = 1000.0;
/// Light may be a little below 0 where a filter overshot.
const DARKEST_LIGHT: f32 = -0.05;
/// Values that reach no further than this look all the same.
const NARROW: f32 = 0.1;

impl Range {
    /// Whether different values would look all the same.
    fn is_narrow(&self) -> bool {
        self.high > self.low && self.high - self.low < NARROW && self.low >= NARROW / 2.0
    }
}

/// How the values of an image become those of a display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tone {
    /// As they are.
    Plain,
    /// Light, made 2^`stops` times as bright, with a shoulder that ends at `white`.
    Light { stops: i32, white: f32 },
    /// Values of data, spread between black and white.
    Spread(Range),
}

impl Tone {
    /// The tone that suits these pixels of red, green, blue and coverage, which were made of values of these levels.
    pub(super) fn of(transfer: Transfer, pixels: &[[f32; 4]], levels: &Levels, is_grey: bool) -> Result<Self, Error> {
        match transfer {
            Transfer::Srgb | Transfer::Ids => Ok(Self::Plain),
            Transfer::Data => Self::of_data(levels),
            Transfer::Linear if is_grey || levels.are_grey() => Self::of_grey(pixels, levels),
            Transfer::Linear => {
                let range = levels.range(BEYOND_LIGHT)?;
                Self::of_light(pixels, range.and_then(|range| range.background))
            }
        }
    }

    /// Grey values may be light, or depth or another measure, which is spread out if little of it would be seen as light.
    fn of_grey(pixels: &[[f32; 4]], levels: &Levels) -> Result<Self, Error> {
        let Some(range) = levels.range(BEYOND_DATA)? else {
            return Ok(Self::Plain);
        };
        let is_light = range.background.is_none() && range.median <= 1.0 && range.low >= DARKEST_LIGHT;
        if is_light && !range.is_narrow() {
            Self::of_light(pixels, None)
        } else {
            Ok(Self::spread(range))
        }
    }

    fn of_data(levels: &Levels) -> Result<Self, Error> {
        let Some(range) = levels.range(BEYOND_DATA)? else {
            return Ok(Self::Plain);
        };
        let is_shown = range.background.is_none() && range.low >= 0.0 && range.high <= 1.0;
        if is_shown && !range.is_narrow() {
            return Ok(Self::Plain);
        }
        Ok(Self::spread(range))
    }

    fn spread(range: Range) -> Self {
        let Range {
            low, high, background, ..
        } = range;
        match background {
            // Nothing but one value and a background: these two are to be told apart.
            Some(background) if high <= low => Self::Spread(Range {
                low: low.min(background),
                high: high.max(background),
                background: None,
                ..range
            }),
            _ => Self::Spread(range),
        }
    }

    /// The tone of light, of which a background is no part.
    fn of_light(pixels: &[[f32; 4]], background: Option<f32>) -> Result<Self, Error> {
        let mut peaks = memory::with_room(pixels.len())?;
        let limit = background.map_or(f32::INFINITY, |background| background / 2.0);
        let all = pixels.iter().map(|&[r, g, b, _]| r.max(g).max(b));
        peaks.extend(all.filter(|&peak| peak > 0.0 && peak < limit));
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
            // Halves, because the difference of the two largest numbers is not finite.
            Self::Spread(Range { low, high, .. }) => {
                color.map(|value| (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0).max(f32::MIN_POSITIVE))
            }
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

impl Tone {
    /// What was done, of values from which `offset` was subtracted.
    pub(super) fn in_words(self, offset: f64) -> String {
        match self {
            Self::Plain => "shown as they are".to_owned(),
            Self::Light { stops, white } if white > 1.0 => {
                let white = Short::single(white);
                let exposure = match stops {
                    0 => String::new(),
                    stops => format!("at {stops:+} EV "),
                };
                format!("shown {exposure}with a soft shoulder from {SHOULDER} to white at {white}")
            }
            Self::Light { stops, .. } => format!("shown at {stops:+} EV"),
            Self::Spread(range) => {
                let number = |value: f32| f64::from(value) + offset;
                let [low, high] = coordinates::range(number(range.low), number(range.high));
                let background = range.background.map_or_else(String::new, |background| {
                    format!(", without a background of {}", Short(number(background)))
                });
                let outliers = if range.has_outliers {
                    ", the range of all but the outermost hundredths"
                } else {
                    ""
                };
                format!("spread so that {low} is black and {high} is white{background}{outliers}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(transfer: Transfer, pixels: &[[f32; 4]]) -> Tone {
        let mut levels = Levels::new().expect("memory");
        for (index, &[r, g, b, _]) in pixels.iter().enumerate() {
            // Not grey, for grey values may be no light.
            levels.add([r, g, if index == 0 && pixels.len() > 1 { b + 0.001 } else { b }]);
        }
        Tone::of(transfer, pixels, &levels, false).expect("memory")
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
        assert_eq!(tone.in_words(0.0), "spread so that -1 is black and 1 is white");
        assert_eq!(
            tone.in_words(1e12),
            "spread so that 999999999999 is black and 1000000000001 is white"
        );
    }
}
