//! What of an EXR's display window its pixels fill.

use exr::meta::attribute::IntegerBounds;
use exr::meta::header::Header;

use super::super::frame::MAX_EDGE;
use super::super::size::size;

/// The display window is shown if the pixels fill at least one part in this many of it. They would be too small otherwise.
const LEAST_SHARE: u128 = 64;

/// The rectangle that is shown, and where the pixels lie in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Canvas {
    /// Width and height.
    pub(super) size: [usize; 2],
    /// Column and row of the first pixel.
    pub(super) first: [i64; 2],
    /// Whether the pixels fill all of it.
    pub(super) is_filled: bool,
    /// What the text says about the windows, up to what is shown of the rest; empty if they are the same.
    note: String,
}

impl Canvas {
    pub(super) fn of(header: &Header) -> Self {
        let (data, display) = (header.data_window(), header.shared_attributes.display_window);
        let whole = |note| Self {
            size: [data.size.0, data.size.1],
            first: [0, 0],
            is_filled: true,
            note,
        };
        if data == display {
            return whole(String::new());
        }
        let windows = format!(
            " Its data window is {}, its display window {}",
            in_words(&data),
            in_words(&display)
        );
        let ([left, right], [top, bottom]) = (overlap(&data, &display, 0), overlap(&data, &display, 1));
        let shared =
            u128::from((right - left).max(0).unsigned_abs()) * u128::from((bottom - top).max(0).unsigned_abs());
        let area = display.size.0 as u128 * display.size.1 as u128;
        if shared == 0 || shared * LEAST_SHARE < area || display.size.0.max(display.size.1) > size(MAX_EDGE) {
            return whole(format!("{windows}; the data window is shown"));
        }
        Self {
            size: [display.size.0, display.size.1],
            first: [
                i64::from(data.position.0) - i64::from(display.position.0),
                i64::from(data.position.1) - i64::from(display.position.1),
            ],
            is_filled: shared == area,
            note: format!("{windows}; the display window is shown"),
        }
    }

    /// What the text says about the windows. Where alpha is ignored, nothing shows through.
    pub(super) fn in_words(&self, is_alpha_ignored: bool) -> String {
        let rest = match (self.is_filled, is_alpha_ignored) {
            _ if self.note.is_empty() => return String::new(),
            (true, _) => "",
            (false, false) => ", and squares where there is no data",
            (false, true) => ", and black where there is no data",
        };
        format!("{}{rest}.", self.note)
    }
}

/// The first and the last place along an axis that lie in both windows.
fn overlap(a: &IntegerBounds, b: &IntegerBounds, axis: usize) -> [i64; 2] {
    let range = |window: &IntegerBounds| {
        let (start, len) = if axis == 0 {
            (window.position.0, window.size.0)
        } else {
            (window.position.1, window.size.1)
        };
        let start = i64::from(start);
        [start, start.saturating_add(i64::try_from(len).unwrap_or(i64::MAX))]
    };
    let ([from_a, to_a], [from_b, to_b]) = (range(a), range(b));
    [from_a.max(from_b), to_a.min(to_b)]
}

fn in_words(window: &IntegerBounds) -> String {
    let (place, size) = (window.position, window.size);
    format!("{} × {} pixels at ({}, {})", size.0, size.1, place.0, place.1)
}
