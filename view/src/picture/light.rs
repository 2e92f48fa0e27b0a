//! The brightness of clay in the one light that geometry is seen by.

/// The direction from which the light comes, as it is seen: from the left, from above, and from behind the viewer.
const KEY: [f32; 3] = [-0.54, 0.62, 0.569];

/// The brightness of a surface. Its normal may have any length and point to either side.
#[inline]
pub(super) fn shade(normal: [f32; 3], to_eye: [f32; 3]) -> u8 {
    let length = dot(normal, normal).sqrt();
    if length <= 0.0 || length.is_nan() {
        return 1;
    }
    // A normal on the far side is turned around, so that both sides of a face are lit alike.
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

/// The brightness of a thing without sides, from 0 at the back to 1 in front.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a byte")]
pub(super) fn haze(nearness: f32) -> u8 {
    (255.0 * (0.25 + 0.6 * nearness)) as u8
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
