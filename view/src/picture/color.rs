//! How numbers stand for light: what `colorSpace` says, and sRGB in both directions.

/// How the numbers of an image stand for light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// For a display: encoded as sRGB.
    Srgb,
    /// In proportion to light.
    Linear,
    /// No light at all: normals, depth, masks.
    Data,
    /// False colours, encoded as sRGB, of numbers that tell things apart.
    Ids,
}

impl Transfer {
    /// What a `colorSpace` means in Blender, OpenColorIO or USD. Without a known one, floating point is linear, and
    /// integers are sRGB.
    pub(super) fn of(color_space: Option<&str>, is_float: bool) -> Self {
        let default = if is_float { Self::Linear } else { Self::Srgb };
        let Some(name) = color_space.map(str::to_lowercase) else {
            return default;
        };
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["lin", "acescg", "aces2065"]) {
            Self::Linear
        } else if has(&["non-color", "raw", "data"]) {
            Self::Data
        } else if has(&["srgb", "rec.1886", "rec.709", "display"]) {
            Self::Srgb
        } else {
            default
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Srgb => "sRGB",
            Self::Linear => "linear",
            Self::Data => "data",
            Self::Ids => "false-colour",
        }
    }

    /// Whether the numbers stand for something else than light.
    pub(super) fn is_no_light(self) -> bool {
        matches!(self, Self::Data | Self::Ids)
    }
}

/// The light that an sRGB value stands for.
pub(super) fn srgb_to_linear(value: f32) -> f32 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// The sRGB value of light, as a byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 255"
)]
pub(super) fn linear_to_srgb(light: f32) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    (value * 255.0).round() as u8
}

/// [`srgb_to_linear`] of values between 0 and 1 by interpolation, because a power for each would take long: a frame has
/// a hundred million values.
pub(super) struct LinearTable(Vec<f32>);

impl LinearTable {
    /// Interpolation is off by less than 1e-7 with this many, about as much as `f32` rounds numbers near 1.
    const STEPS: u16 = 4096;

    pub(super) fn new() -> Self {
        let steps = 0..=Self::STEPS + 1;
        Self(
            steps
                .map(|step| srgb_to_linear(f32::from(step) / f32::from(Self::STEPS)))
                .collect(),
        )
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of steps"
    )]
    pub(super) fn linear(&self, value: f32) -> f32 {
        if !(0.0..=1.0).contains(&value) {
            return srgb_to_linear(value);
        }
        let place = value * f32::from(Self::STEPS);
        let index = place as usize;
        let (low, high) = (self.0[index], self.0[index + 1]);
        low + (high - low) * place.fract()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_spaces_of_blender_ocio_and_usd_are_known() {
        let cases = [
            (Some("sRGB"), true, Transfer::Srgb),
            (Some("Linear Rec.709"), false, Transfer::Linear),
            (Some("lin_rec709_scene"), false, Transfer::Linear),
            (Some("srgb_rec709_scene"), true, Transfer::Srgb),
            (Some("ACEScg"), false, Transfer::Linear),
            (Some("Non-Color"), true, Transfer::Data),
            (Some("raw"), false, Transfer::Data),
            (Some("Rec.1886"), true, Transfer::Srgb),
            (Some("no such thing"), true, Transfer::Linear),
            (None, true, Transfer::Linear),
            (None, false, Transfer::Srgb),
        ];
        for (name, is_float, expected) in cases {
            assert_eq!(Transfer::of(name, is_float), expected, "{name:?}");
        }
    }

    #[test]
    fn every_byte_survives_the_way_to_light_and_back() {
        let table = LinearTable::new();
        for byte in 0..=255_u8 {
            let value = f32::from(byte) / 255.0;
            assert_eq!(linear_to_srgb(srgb_to_linear(value)), byte);
            assert_eq!(linear_to_srgb(table.linear(value)), byte);
            assert!((table.linear(value) - srgb_to_linear(value)).abs() < 1e-6);
        }
        assert!((table.linear(2.0) - srgb_to_linear(2.0)).abs() < 1e-6);
        assert_eq!(
            [linear_to_srgb(-1.0), linear_to_srgb(9.0), linear_to_srgb(f32::NAN)],
            [0, 255, 0]
        );
    }
}
