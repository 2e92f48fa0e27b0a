//! Numbers of what is held in memory.

/// A number of bytes, pixels or elements that memory is to be had for; what does not fit is more than there is.
pub(super) fn size(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// The edge of a picture, which is a few thousand pixels.
pub(super) fn edge(pixels: usize) -> u32 {
    pixels.try_into().unwrap_or(u32::MAX)
}
