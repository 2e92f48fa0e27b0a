//! False colours for numbers that tell things apart.

/// The sRGB colour of an id: black for 0, and another for each other number, neighbours far apart.
pub(super) fn color(id: u64) -> [f32; 3] {
    if id == 0 {
        return [0.0; 3];
    }
    // Steps of the golden ratio go around the circle of hues without coming close to the last few.
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let part = |shift: u32, steps: u16| {
        let bits = u16::try_from(mixed >> shift & 0xffff).unwrap_or(0);
        f32::from(bits % steps) / f32::from(steps)
    };
    let hue = f32::from(u16::try_from(mixed >> 48).unwrap_or(0)) / 65_536.0 * 6.0;
    let (light, faded) = (1.0 - 0.35 * part(24, 3), 0.35 * part(8, 3));
    [5.0, 3.0, 1.0].map(|shift: f32| {
        let place = (shift + hue) % 6.0;
        let dark = place.min(4.0 - place).clamp(0.0, 1.0);
        light * (1.0 - (1.0 - faded) * dark)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart() {
        let colors: Vec<[f32; 3]> = (0..12).map(color).collect();
        for (index, a) in colors.iter().enumerate() {
            assert!(a.iter().all(|value| (0.0..=1.0).contains(value)));
            for b in &colors[..index] {
                let apart: f32 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
                assert!(apart > 0.15, "{a:?} {b:?}");
            }
        }
        assert!(color(0).iter().sum::<f32>() <= 0.0);
        assert!(color(u64::MAX).iter().sum::<f32>() > 0.3);
    }
}
