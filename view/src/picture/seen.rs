//! The points of one frame as the camera sees them, found by their index. A bounded number of points is held; others
//! are read again when they are asked for.

use super::camera::Camera;
use super::size::size;
use super::source::{Part, Source};
use crate::decode::Decode;
use crate::error::LookError;
use crate::memory;
use crate::mesh_layout::PointsLayout;

/// Most points that are held: 24 MiB. Meshes keep points that faces share close together, so few points are read twice.
const HELD: usize = 1 << 21;
/// Points that are read together: a page's worth, or most of a chunk of compressed data, where reading less costs as much.
const TOGETHER: usize = 1 << 8;
const TOGETHER_COMPRESSED: usize = 1 << 16;
/// What it costs to turn a point into coordinates of the camera, beside reading it.
const POINT: u64 = 8;

/// Stands for the block of a place that holds none.
const NONE: usize = usize::MAX;

/// Finds points by their index.
pub(super) struct SeenPoints<'a> {
    camera: &'a Camera,
    bytes: Part<'a>,
    source: &'a Source<'a>,
    decode: Decode<f64>,
    /// Where the frame begins, and how long a point is, in bytes.
    frame_at: u64,
    width: u64,
    count: usize,
    /// Points of a block, a power of two.
    together: usize,
    /// The block that each place holds. Each block has one place where it may be; the number of places is a power of two.
    blocks: Vec<usize>,
    points: Vec<[f32; 3]>,
    raw: Vec<u8>,
    values: Vec<f64>,
}

impl<'a> SeenPoints<'a> {
    pub(super) fn new(
        source: &'a Source<'a>,
        points: &PointsLayout<'_>,
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
        // If reading fails, the place holds no block, and not half a block.
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
