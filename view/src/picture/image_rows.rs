//! Reading the rows of images that lie in an array, however their channels lie there.

use dcc_mcp_shm::PlacedArray;

use super::image_layout::ImageLayout;
use super::size::size;
use super::source::{Part, Source};
use crate::error::LookError;
use crate::memory;

/// Rows of images, each with its channels side by side.
pub(super) struct ImageRows<'a> {
    layout: ImageLayout,
    is_bottom_first: bool,
    /// Bytes of a number.
    item: usize,
    /// Numbers of each pixel of a row that is read. Those that the array does not have are 0.
    channels: usize,
    /// One for each plane, because reads jump from one plane to the next.
    planes: Vec<Part<'a>>,
    line: Vec<u8>,
}

impl<'a> ImageRows<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        array: &PlacedArray,
        layout: ImageLayout,
        channels: usize,
        is_bottom_first: bool,
    ) -> Result<Self, LookError> {
        let item = array.dtype.size();
        let planes = if layout.is_planar { layout.channels } else { 1 };
        let in_line = layout.channels / planes;
        Ok(Self {
            layout,
            is_bottom_first,
            item,
            channels,
            planes: (0..planes).map(|_| source.array(array)).collect(),
            line: memory::filled(size(layout.width * in_line) * item, 0)?,
        })
    }

    /// Bytes of a row.
    pub(super) fn row_bytes(&self) -> usize {
        size(self.layout.width) * self.channels * self.item
    }

    /// Reads row `y` of an image, counted from the top.
    pub(super) fn read(&mut self, image: u64, y: u64, row: &mut [u8]) -> Result<(), LookError> {
        let layout = self.layout;
        let y = if self.is_bottom_first { layout.height - 1 - y } else { y };
        let planes = self.planes.len() as u64;
        let in_line = size(layout.channels / planes) * self.item;
        let into = self.channels * self.item;
        for (plane, part) in (0_u64..).zip(&mut self.planes) {
            let line = (image * planes + plane) * layout.height + y;
            let at = line * self.line.len() as u64;
            if in_line == into {
                part.read(at, row)?;
                continue;
            }
            part.read(at, &mut self.line)?;
            let first = size(plane) * self.item;
            for (pixel, numbers) in row.chunks_exact_mut(into).zip(self.line.chunks_exact(in_line)) {
                pixel[first..first + in_line].copy_from_slice(numbers);
            }
        }
        Ok(())
    }
}
