//! Conversion of sizes in memory and in pictures.

/// A number of bytes, pixels or elements in memory. A number that does not fit into `usize` becomes `usize::MAX`, more
/// than there is memory for.
pub(super) fn size(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// The edge of a picture, which has a few thousand pixels.
pub(super) fn edge(pixels: usize) -> u32 {
    pixels.try_into().unwrap_or(u32::MAX)
}
