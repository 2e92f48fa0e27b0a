//! The types to calculate with, and how wide their sums are.

use std::ops::AddAssign;

/// A type to calculate with.
pub(super) trait Numeric: Copy + PartialOrd + Send + 'static {
    /// Holds the sum of one block: integers exactly, singles without overflow.
    type Sum: Copy + Default + AddAssign + Into<Self::Total>;
    /// Holds the sum of an array.
    type Total: Total;

    /// Not less than any number of this type.
    const GREATEST: Self;
    /// Not greater than any number of this type.
    const LEAST: Self;

    fn widen(self) -> Self::Sum;

    fn is_nan(self) -> bool {
        false
    }

    fn is_infinite(self) -> bool {
        false
    }
}

/// A sum, which is not finite when a float among its terms is not, or when it is too large.
pub(super) trait Total: Copy + Default + AddAssign + Send {
    fn is_finite(self) -> bool;
    fn as_float(self) -> f64;

    /// The sum itself, if it is exact.
    fn exact(self) -> Option<i128> {
        None
    }
}

impl Total for f64 {
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }

    fn as_float(self) -> f64 {
        self
    }
}

impl Total for i128 {
    fn is_finite(self) -> bool {
        true
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "only the mean is made of it, which is rounded"
    )]
    fn as_float(self) -> f64 {
        self as f64
    }

    fn exact(self) -> Option<i128> {
        Some(self)
    }
}

macro_rules! float {
    ($type:ident) => {
        impl Numeric for $type {
            type Sum = f64;
            type Total = f64;
            const GREATEST: Self = Self::INFINITY;
            const LEAST: Self = Self::NEG_INFINITY;

            fn widen(self) -> f64 {
                self.into()
            }

            fn is_nan(self) -> bool {
                self.is_nan()
            }

            fn is_infinite(self) -> bool {
                self.is_infinite()
            }
        }
    };
}

macro_rules! integer {
    ($type:ident, $sum:ident) => {
        impl Numeric for $type {
            type Sum = $sum;
            type Total = i128;
            const GREATEST: Self = Self::MAX;
            const LEAST: Self = Self::MIN;

            fn widen(self) -> $sum {
                self.into()
            }
        }
    };
}

float!(f32);
float!(f64);
integer!(i32, i64);
integer!(i64, i128);
integer!(u64, i128);
