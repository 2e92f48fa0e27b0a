//! Where an object is placed in its scene: the attribute `transform`, if it can be used.

use dcc_mcp_shm::Attrs;
use serde_json::Value;

/// A placement leaves nothing of an object's volume if its determinant is smaller than this when its largest number is
/// scaled to 1.
const LEAST_VOLUME: f64 = 1e-12;
/// How far the last column may be from 0, 0, 0, 1.
const ROUNDING: f64 = 1e-6;

/// A 4 × 4 matrix for row vectors: the last row is where the object is put.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    axes: [[f64; 3]; 3],
    origin: [f64; 3],
}

impl Placement {
    /// The placement that the attributes state.
    ///
    /// # Errors
    /// The reason, in words, why the attribute cannot be used.
    pub(crate) fn of(attrs: &Attrs) -> Result<Option<Self>, &'static str> {
        let Some(stated) = attrs.get("transform") else {
            return Ok(None);
        };
        let numbers: Option<Vec<f64>> = stated
            .as_array()
            .and_then(|numbers| numbers.iter().map(Value::as_f64).collect());
        let Some(&[x0, y0, z0, w0, x1, y1, z1, w1, x2, y2, z2, w2, x3, y3, z3, w3]) = numbers.as_deref() else {
            return Err("it is not a list of 16 numbers");
        };
        if ![x0, y0, z0, x1, y1, z1, x2, y2, z2, x3, y3, z3]
            .iter()
            .all(|number| number.is_finite())
        {
            return Err("some of its numbers are not finite");
        }
        if ![w0, w1, w2, w3 - 1.0].iter().all(|off| off.abs() <= ROUNDING) {
            return Err("its last column is not 0, 0, 0, 1, as it is where the translation is in the last row");
        }
        let placement = Self {
            axes: [[x0, y0, z0], [x1, y1, z1], [x2, y2, z2]],
            origin: [x3, y3, z3],
        };
        let [a, b, c] = placement.proportions();
        let volume = a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0]);
        // The volume is NaN if all numbers are 0.
        if volume.abs() > LEAST_VOLUME {
            Ok(Some(placement))
        } else {
            Err("it leaves nothing of the object's volume: its determinant is 0")
        }
    }

    /// The rows that coordinates are multiplied by, divided by the largest of their numbers so that no product overflows.
    pub(crate) fn proportions(&self) -> [[f64; 3]; 3] {
        let largest = self.largest();
        self.axes.map(|axis| axis.map(|number| number / largest))
    }

    /// How many times as long things become along each axis of the object.
    pub(crate) fn scale(&self) -> [f64; 3] {
        self.axes.map(|[x, y, z]| x.hypot(y).hypot(z))
    }

    fn largest(&self) -> f64 {
        self.axes
            .as_flattened()
            .iter()
            .fold(0.0, |largest, number| largest.max(number.abs()))
    }

    /// Whether points between `-furthest` and `furthest` on each axis stay within what double or single precision holds.
    pub(crate) fn can_hold(&self, furthest: f64, is_double: bool) -> bool {
        let [least, most] = if is_double {
            [f64::MIN_POSITIVE, f64::MAX]
        } else {
            [f32::MIN_POSITIVE, f32::MAX].map(f64::from)
        };
        let holds = |number: f64| number.abs() <= most;
        let reach = |axis: usize| self.axes.iter().map(|row| row[axis].abs()).sum::<f64>() * furthest;
        let vanishes = furthest > 0.0 && self.largest() * furthest < least;
        (0..3).all(|axis| holds(reach(axis) + self.origin[axis].abs())) && !vanishes
    }
}

/// The reason that texts give if a transform takes points beyond their precision.
pub(crate) fn beyond(is_double: bool) -> &'static str {
    if is_double {
        "it takes points beyond what double precision can hold"
    } else {
        "it takes points beyond what single precision can hold"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(transform: &Value) -> Result<Option<Placement>, &'static str> {
        let attrs: Attrs = serde_json::from_value(json!({ "transform": transform })).expect("attributes");
        Placement::of(&attrs)
    }

    fn scaled(x: f64, y: f64, z: f64) -> Value {
        json!([x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 5, 6, 7, 1])
    }

    #[test]
    fn what_is_no_placement_says_why() {
        let cases = [
            (json!(vec![0; 16]), "last column"),
            (json!(vec![1e308; 16]), "last column"),
            (scaled(0.0, 0.0, 0.0), "determinant"),
            (scaled(1.0, 1.0, 0.0), "determinant"),
            (json!([1, 2, 3, 0, 2, 4, 6, 0, 0, 0, 1, 0, 0, 0, 0, 1]), "determinant"),
            (json!([1, 0, 0]), "16 numbers"),
            (json!(vec![1; 17]), "16 numbers"),
            (json!("identity"), "16 numbers"),
            (
                json!([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, "NaN"]),
                "16 numbers",
            ),
            (
                json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
                "16 numbers",
            ),
            (json!([1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1]), "last column"),
            (json!(null), "16 numbers"),
        ];
        for (transform, reason) in cases {
            let why = of(&transform).expect_err("no placement");
            assert!(why.contains(reason), "{transform}: {why}");
        }
        assert_eq!(Placement::of(&Attrs::default()), Ok(None));
    }

    #[test]
    fn proportions_are_kept_however_large_or_small_numbers_are() {
        for (size, holds) in [(1e-300, false), (1.0, true), (1e308, false)] {
            let placement = of(&scaled(size, -size, size / 2.0)).expect("usable").expect("stated");
            let expected = [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.5]];
            for (found, expected) in placement
                .proportions()
                .as_flattened()
                .iter()
                .zip(expected.as_flattened())
            {
                assert!((found - expected).abs() < 1e-9, "{size}: {placement:?}");
            }
            assert_eq!(placement.can_hold(10.0, false), holds, "{size}");
        }
        let far = json!([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1e39, 0, 0, 1]);
        let far = of(&far).expect("usable").expect("stated");
        assert!(!far.can_hold(1.0, false) && far.can_hold(1.0, true));
    }
}
