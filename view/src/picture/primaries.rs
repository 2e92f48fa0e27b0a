//! Which red, green, blue and white the values of an image mean, and the way from there to Rec. 709, which displays have.

/// Places on the CIE xy diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Primaries {
    pub(super) red: [f64; 2],
    pub(super) green: [f64; 2],
    pub(super) blue: [f64; 2],
    pub(super) white: [f64; 2],
}

/// Turns linear red, green and blue of some primaries into those of Rec. 709.
pub(super) type ToRec709 = [[f32; 3]; 3];

type Matrix = [[f64; 3]; 3];

const D65: [f64; 2] = [0.3127, 0.3290];
const ACES_WHITE: [f64; 2] = [0.32168, 0.33767];
/// How far primaries may be from those of Rec. 709 and still be taken for the same.
const SAME: f64 = 2e-3;
/// Cone responses, by which whites are adapted (Bradford).
const CONES: Matrix = [
    [0.8951, 0.2664, -0.1614],
    [-0.7502, 1.7135, 0.0367],
    [0.0389, -0.0685, 1.0296],
];

/// Values that are XYZ themselves. They are light as it is, whatever white is written beside them.
const XYZ: Primaries = of([1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0 / 3.0, 1.0 / 3.0]);
const REC_709: Primaries = of([0.64, 0.33], [0.30, 0.60], [0.15, 0.06], D65);

/// What people call primaries, the parts of names by which they are known in `colorSpace`, and where they are.
const KNOWN: [(&str, &[&str], Primaries); 7] = [
    (
        "ACEScg (AP1)",
        &["acescg", "ap1"],
        of([0.713, 0.293], [0.165, 0.830], [0.128, 0.044], ACES_WHITE),
    ),
    (
        "ACES2065-1 (AP0)",
        &["aces2065", "ap0"],
        of([0.7347, 0.2653], [0.0, 1.0], [0.0001, -0.077], ACES_WHITE),
    ),
    (
        "Rec. 2020",
        &["rec2020", "rec.2020", "rec. 2020", "bt2020", "bt.2020"],
        of([0.708, 0.292], [0.170, 0.797], [0.131, 0.046], D65),
    ),
    ("P3", &["p3"], of([0.680, 0.320], [0.265, 0.690], [0.150, 0.060], D65)),
    (
        "Adobe RGB",
        &["adobe"],
        of([0.64, 0.33], [0.21, 0.71], [0.15, 0.06], D65),
    ),
    ("CIE XYZ", &["ciexyz", "cie xyz", "cie-xyz"], XYZ),
    ("Rec. 709", &[], REC_709),
];

const fn of(red: [f64; 2], green: [f64; 2], blue: [f64; 2], white: [f64; 2]) -> Primaries {
    Primaries {
        red,
        green,
        blue,
        white,
    }
}

impl Primaries {
    /// The primaries that a `colorSpace` names, if they are not those of Rec. 709.
    pub(super) fn named(color_space: &str) -> Option<Self> {
        let name = color_space.to_lowercase();
        let is_named = |(_, words, _): &&(&str, &[&str], Self)| words.iter().any(|word| name.contains(word));
        KNOWN.iter().find(is_named).map(|(_, _, primaries)| *primaries)
    }

    /// What people call these primaries, or their places.
    pub(super) fn in_words(&self) -> String {
        if let Some((name, _, _)) = KNOWN.iter().find(|(_, _, known)| self.are_close_to(known)) {
            return (*name).to_owned();
        }
        let [red, green, blue, white] = self.all().map(|[x, y]| format!("({}, {})", rounded(x), rounded(y)));
        format!("red {red}, green {green}, blue {blue} and white {white}")
    }

    /// Whether nothing has to be done to show them.
    pub(super) fn are_rec_709(&self) -> bool {
        self.are_close_to(&REC_709)
    }

    fn all(&self) -> [[f64; 2]; 4] {
        [self.red, self.green, self.blue, self.white]
    }

    fn are_close_to(&self, other: &Self) -> bool {
        let pairs = self.all().into_iter().flatten().zip(other.all().into_iter().flatten());
        pairs.into_iter().all(|(a, b)| (a - b).abs() <= SAME)
    }

    /// The way to Rec. 709; `None` if the places make no colours.
    #[expect(clippy::cast_possible_truncation, reason = "near 1")]
    pub(super) fn to_rec_709(self) -> Option<ToRec709> {
        let [from, to] = [self, REC_709].map(Self::to_xyz);
        let adapted = if self.are_close_to(&XYZ) {
            from?
        } else {
            product(&adaptation(self.white, D65)?, &from?)
        };
        let way = product(&inverse(&to?)?, &adapted);
        let is_usable = way.as_flattened().iter().all(|value| value.abs() < 1e3);
        is_usable.then(|| way.map(|row| row.map(|value| value as f32)))
    }

    /// How much red, green and blue add to luminance; `None` if the places make no colours.
    #[expect(clippy::cast_possible_truncation, reason = "near 1")]
    pub(super) fn luminance(self) -> Option<[f32; 3]> {
        let weights = self.to_xyz()?[1];
        let is_usable = weights.iter().all(|weight| weight.abs() < 1e3) && weights[1].abs() > 1e-3;
        is_usable.then(|| weights.map(|weight| weight as f32))
    }

    /// The way to CIE XYZ, where white has the luminance 1.
    fn to_xyz(self) -> Option<Matrix> {
        let [red, green, blue] = [self.red, self.green, self.blue].map(|[x, y]| [x, y, 1.0 - x - y]);
        let columns = [0, 1, 2].map(|row| [red[row], green[row], blue[row]]);
        let amounts = times(&inverse(&columns)?, xyz(self.white)?);
        Some(columns.map(|row| [0, 1, 2].map(|column| row[column] * amounts[column])))
    }
}

/// A white as XYZ of luminance 1.
fn xyz([x, y]: [f64; 2]) -> Option<[f64; 3]> {
    (y.abs() > 1e-6).then(|| [x / y, 1.0, (1.0 - x - y) / y])
}

/// How XYZ under one white looks under another.
fn adaptation(from: [f64; 2], to: [f64; 2]) -> Option<Matrix> {
    let [from, to] = [times(&CONES, xyz(from)?), times(&CONES, xyz(to)?)];
    let scaled = [0, 1, 2].map(|cone| CONES[cone].map(|value| value * to[cone] / from[cone]));
    Some(product(&inverse(&CONES)?, &scaled))
}

fn times(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.map(|row| [0, 1, 2].map(|column| (0..3).map(|i| row[i] * b[i][column]).sum()))
}

/// The inverse of a matrix; `None` if it has none.
fn inverse(m: &Matrix) -> Option<Matrix> {
    let minor = |row: usize, column: usize| {
        let [r1, r2] = [(row + 1) % 3, (row + 2) % 3];
        let [c1, c2] = [(column + 1) % 3, (column + 2) % 3];
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    (determinant.abs() > 1e-9 && determinant.is_finite())
        .then(|| [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row) / determinant)))
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(matrix: &ToRec709, color: [f32; 3]) -> [f32; 3] {
        matrix.map(|row| row[0] * color[0] + row[1] * color[1] + row[2] * color[2])
    }

    #[test]
    fn white_stays_white_and_rec_709_stays_what_it_is() {
        for (name, _, primaries) in KNOWN {
            let way = primaries.to_rec_709().expect("colours");
            let of_displays = [0.9505, 1.0, 1.0891];
            let white = apply(&way, if name == "CIE XYZ" { of_displays } else { [1.0; 3] });
            assert!(
                white.iter().all(|value| (value - 1.0).abs() < 1e-3),
                "{name}: {white:?}"
            );
            assert_eq!(primaries.in_words(), name);
            assert_eq!(primaries.are_rec_709(), name == "Rec. 709");
        }
        let way = REC_709.to_rec_709().expect("colours");
        let red = apply(&way, [1.0, 0.0, 0.0]);
        assert!((red[0] - 1.0).abs() < 1e-5 && red[1].abs() < 1e-5, "{red:?}");
        let [r, g, b] = REC_709.luminance().expect("colours");
        assert!((r - 0.2126).abs() < 1e-3 && (g - 0.7152).abs() < 1e-3 && (b - 0.0722).abs() < 1e-3);
    }

    #[test]
    fn the_way_from_aces_is_the_published_one() {
        // From OpenColorIO's ACES configuration.
        let way = Primaries::named("ACES - ACEScg")
            .and_then(Primaries::to_rec_709)
            .expect("colours");
        let published = [
            [1.705_05, -0.621_79, -0.083_26],
            [-0.130_26, 1.140_80, -0.010_55],
            [-0.024_00, -0.128_97, 1.152_97],
        ];
        for (found, expected) in way.as_flattened().iter().zip(published.as_flattened()) {
            assert!((found - expected).abs() < 2e-3, "{way:?}");
        }
    }

    #[test]
    fn places_that_make_no_colours_are_refused() {
        let line = of([0.1, 0.1], [0.2, 0.2], [0.3, 0.3], D65);
        let nothing = of([0.0; 2], [0.0; 2], [0.0; 2], [0.0; 2]);
        let no_numbers = of([f64::NAN; 2], [0.3, 0.6], [0.15, 0.06], D65);
        for primaries in [line, nothing, no_numbers] {
            assert!(primaries.to_rec_709().is_none() && primaries.luminance().is_none());
        }
        assert!(Primaries::named("sRGB").is_none() && Primaries::named("Linear Rec.709").is_none());
    }
}
