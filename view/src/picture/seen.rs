//! The points of one frame as the camera sees them, found by their index: a bounded number is held, the others are read again
//! when they are asked for.

use super::camera::Camera;
use super::points::Points;
use super::size::size;
use super::source::{Part, Source};
use crate::decode::Decode;
use crate::error::LookError;
use crate::memory;

/// Points that are held at most: 24 MiB. Meshes keep points that faces share close together, so few are read twice.
const HELD: usize = 1 << 21;
/// Points that are read together: a page's worth, or most of a chunk where reading less costs as much.
const TOGETHER: usize = 1 << 8;
const TOGETHER_COMPRESSED: usize = 1 << 16;
/// What it costs to see a point, beside reading it.
const POINT: u64 = 8;

/// No block of points.
const NONE: usize = usize::MAX;

/// Finds points by their index.
pub(super) struct SeenPoints<'a> {
    camera: &'a Camera,
    bytes: Part<'a>,
    source: &'a Source<'a>,
    decode: Decode<f32>,
    /// Where the frame begins, and how long a point is, in bytes.
    frame_at: u64,
    width: u64,
    count: usize,
    /// Points of a block, a power of two.
    together: usize,
    /// Which block each place holds; a block has one place, and there is a power of two of them.
    blocks: Vec<usize>,
    points: Vec<[f32; 3]>,
    raw: Vec<u8>,
    values: Vec<f32>,
}

impl<'a> SeenPoints<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        points: &Points<'_>,
        frame: u64,
        camera: &'a Camera,
    ) -> Result<Self, LookError> {
        let count = size(points.count);
        let together = if source.is_compressed() {
            TOGETHER_COMPRESSED
        } else {
            TOGETHER
        };
        let together = together.min(count.max(1).next_power_of_two());
        let needed = count.div_ceil(together).clamp(1, HELD / together);
        let places = needed.next_power_of_two();
        Ok(Self {
            camera,
            bytes: source.array(points.array).by_pages(),
            source,
            decode: points.decode,
            frame_at: frame * points.frame_bytes(),
            width: points.width(),
            count,
            together,
            blocks: memory::filled(places, NONE)?,
            points: memory::filled(places * together, [0.0; 3])?,
            raw: memory::filled(together * size(points.width()), 0)?,
            values: memory::filled(together * 3, 0.0)?,
        })
    }

    /// The point of this index, or `None` if there are fewer points. A point that is NaN or infinite is seen as NaN.
    #[inline]
    pub(super) fn get(&mut self, index: u32) -> Result<Option<[f32; 3]>, LookError> {
        let index = size(index);
        if index >= self.count {
            return Ok(None);
        }
        let block = index / self.together;
        let place = block & (self.blocks.len() - 1);
        if self.blocks[place] != block {
            self.load(block, place)?;
        }
        Ok(Some(self.points[place * self.together + index % self.together]))
    }

    fn load(&mut self, block: usize, place: usize) -> Result<(), LookError> {
        // What is half loaded when reading fails is nothing.
        self.blocks[place] = NONE;
        let first = block * self.together;
        let count = self.together.min(self.count - first);
        let raw = &mut self.raw[..count * size(self.width)];
        self.bytes.read(self.frame_at + first as u64 * self.width, raw)?;
        let values = &mut self.values[..count * 3];
        (self.decode)(raw, values);
        for (seen, &point) in self.points[place * self.together..]
            .iter_mut()
            .zip(values.as_chunks().0)
        {
            *seen = self.camera.seen(point);
        }
        self.blocks[place] = block;
        self.source.spend(count as u64 * POINT)
    }
}
