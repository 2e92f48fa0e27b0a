//! Shuffles of an array's bytes that make it compress better. Neighbouring floats and indices differ in their low bytes
//! only: put apart by place, the others become long runs; with bits put apart too, all that stays the same does.

use std::ops::Range;

use super::transpose::{BLOCK, GROUP, PLANE, ROW, from_lanes, from_planes, load, store, to_lanes, to_planes};
use crate::format::Shuffle;
use crate::sys::{NoMemory, reserved, vectorized};

/// Bytes of the longest elements.
const MAX_WIDTH: usize = 16;

/// Memory for what lies between. All of it is reserved when it is made: there may be none left later.
pub(crate) struct ShuffleScratch {
    shuffled: Vec<u8>,
    elements: Vec<u8>,
    planes: Vec<u8>,
}

impl ShuffleScratch {
    /// For chunks of up to `len` bytes to be shuffled; what is undone needs none of them.
    pub(crate) fn with_room(len: usize) -> Result<Self, NoMemory> {
        Ok(Self {
            shuffled: reserved(len)?,
            elements: reserved(BLOCK * MAX_WIDTH)?,
            planes: reserved(BLOCK * MAX_WIDTH)?,
        })
    }
}

/// Calls a function that is compiled for each width of elements.
macro_rules! of_width {
    ($width:expr, $function:ident($($argument:expr),+ $(,)?)) => {
        match $width {
            1 => vectorized($function::<1>, ($($argument),+)),
            2 => vectorized($function::<2>, ($($argument),+)),
            4 => vectorized($function::<4>, ($($argument),+)),
            8 => vectorized($function::<8>, ($($argument),+)),
            16 => vectorized($function::<16>, ($($argument),+)),
            width => unreachable!("no dtype has {width} bytes"),
        }
    };
}

impl Shuffle {
    /// Shuffles `len` bytes of elements of `width` bytes; what is left of the last element stays as it is. `fetch` gives
    /// the bytes from an offset on, a block at a time: it is shuffled while it is in the fastest cache.
    pub(crate) fn apply(
        self,
        len: usize,
        width: usize,
        fetch: impl Fn(usize, &mut [u8]),
        scratch: &mut ShuffleScratch,
    ) -> &[u8] {
        let shuffled = resized(&mut scratch.shuffled, len);
        if self == Self::None {
            fetch(0, shuffled);
            return shuffled;
        }
        let count = len / width;
        let grouped = self.grouped(count);
        let (lanes, rest) = shuffled.split_at_mut(count * width);
        let block = resized(&mut scratch.elements, BLOCK * width);
        let planes = resized(&mut scratch.planes, BLOCK * width);
        for start in (0..grouped).step_by(BLOCK) {
            let present = (grouped - start).min(BLOCK);
            fetch(start * width, &mut block[..present * width]);
            of_width!(width, to_planes(block, planes));
            for (lane, planes) in lanes.chunks_exact_mut(count).zip(planes.chunks_exact(BLOCK)) {
                let targets = lane[..grouped].chunks_exact_mut(grouped / 8);
                for (target, plane) in targets.zip(planes.as_chunks::<PLANE>().0) {
                    store(plane, &mut target[start / 8..]);
                }
            }
        }
        for start in (grouped..count).step_by(BLOCK) {
            let present = (count - start).min(BLOCK);
            fetch(start * width, &mut block[..present * width]);
            of_width!(
                width,
                to_lanes(&block[..present.next_multiple_of(ROW) * width], start, lanes)
            );
        }
        fetch(count * width, rest);
        shuffled
    }

    /// Undoes [`Shuffle::apply`]. Puts the bytes that are wanted, in order.
    pub(crate) fn undo(
        self,
        shuffled: &[u8],
        width: usize,
        wanted: Range<usize>,
        scratch: &mut ShuffleScratch,
        mut put: impl FnMut(&[u8]),
    ) {
        let mut put_wanted = |offset: usize, bytes: &[u8]| {
            let [start, end] = [wanted.start, wanted.end].map(|at| at.saturating_sub(offset).min(bytes.len()));
            put(&bytes[start..end]);
        };
        if self == Self::None {
            return put_wanted(0, shuffled);
        }
        let count = shuffled.len() / width;
        let grouped = self.grouped(count);
        let (lanes, rest) = shuffled.split_at(count * width);
        let block = resized(&mut scratch.elements, BLOCK * width);
        let planes = resized(&mut scratch.planes, BLOCK * width);
        let (first, end) = (wanted.start / width, wanted.end.div_ceil(width).min(count));
        for start in (first / BLOCK * BLOCK..end.min(grouped)).step_by(BLOCK) {
            for (lane, planes) in lanes.chunks_exact(count).zip(planes.chunks_exact_mut(BLOCK)) {
                let stored = lane[..grouped].chunks_exact(grouped / 8);
                for (stored, plane) in stored.zip(planes.as_chunks_mut::<PLANE>().0) {
                    *plane = load(&stored[start / 8..]);
                }
            }
            of_width!(width, from_planes(planes, block));
            put_wanted(start * width, &block[..(grouped - start).min(BLOCK) * width]);
        }
        for start in (first.max(grouped)..end).step_by(BLOCK) {
            let present = (count - start).min(BLOCK);
            of_width!(
                width,
                from_lanes(lanes, start, &mut block[..present.next_multiple_of(ROW) * width])
            );
            put_wanted(start * width, &block[..present * width]);
        }
        put_wanted(count * width, rest);
    }

    /// How many of `count` elements are put apart in bits. The others are put apart in bytes.
    fn grouped(self, count: usize) -> usize {
        if self == Self::Bits { count / GROUP * GROUP } else { 0 }
    }
}

/// The first `len` bytes of memory that has room for them.
fn resized(scratch: &mut Vec<u8>, len: usize) -> &mut [u8] {
    debug_assert!(len <= scratch.capacity(), "room was made for the longest chunk");
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    &mut scratch[..len]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTHS: [usize; 5] = [1, 2, 4, 8, 16];

    fn shuffled(shuffle: Shuffle, bytes: &[u8], width: usize) -> Vec<u8> {
        let fetch = |at: usize, target: &mut [u8]| target.copy_from_slice(&bytes[at..][..target.len()]);
        shuffle
            .apply(
                bytes.len(),
                width,
                fetch,
                &mut ShuffleScratch::with_room(bytes.len()).unwrap(),
            )
            .to_vec()
    }

    fn undone(shuffle: Shuffle, shuffled: &[u8], width: usize, wanted: Range<usize>) -> Vec<u8> {
        let mut bytes = Vec::new();
        shuffle.undo(
            shuffled,
            width,
            wanted,
            &mut ShuffleScratch::with_room(0).unwrap(),
            |part| {
                bytes.extend(part);
            },
        );
        bytes
    }

    /// What the format says, bit by bit.
    fn planes(lane: &[u8]) -> Vec<u8> {
        let (grouped, rest) = lane.split_at(lane.len() / 64 * 64);
        let bits = (0..8).flat_map(|bit| grouped.iter().map(move |byte| byte >> bit & 1));
        let bits: Vec<u8> = bits.collect();
        let packed = bits
            .chunks_exact(8)
            .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit));
        packed.chain(rest.iter().copied()).collect()
    }

    proptest! {
        #![proptest_config(crate::properties::config(256))]

        #[test]
        fn what_is_undone_is_the_original(
            bytes in prop::collection::vec(any::<u8>(), 0..40_000),
            width in prop::sample::select(&WIDTHS),
            at: [prop::sample::Index; 2],
        ) {
            let [start, end] = at.map(|at| at.index(bytes.len() + 1));
            for shuffle in [Shuffle::None, Shuffle::Bytes, Shuffle::Bits] {
                let shuffled = shuffled(shuffle, &bytes, width);
                prop_assert_eq!(&undone(shuffle, &shuffled, width, 0..bytes.len()), &bytes);
                let range = start.min(end)..start.max(end);
                prop_assert_eq!(&undone(shuffle, &shuffled, width, range.clone()), &bytes[range]);
            }
        }

        #[test]
        fn each_byte_goes_to_its_lane_and_each_bit_to_its_plane(
            width in prop::sample::select(&WIDTHS),
            count in 0usize..3000,
        ) {
            let element = |i: usize, at: usize| (i * 31 + at * 7).to_le_bytes()[0];
            let bytes: Vec<u8> = (0..count).flat_map(|i| (0..width).map(move |at| element(i, at))).collect();
            let lanes: Vec<u8> = (0..width).flat_map(|at| (0..count).map(move |i| element(i, at))).collect();
            prop_assert_eq!(&shuffled(Shuffle::Bytes, &bytes, width), &lanes);
            let planes: Vec<u8> = lanes.chunks(count.max(1)).flat_map(planes).collect();
            prop_assert_eq!(&shuffled(Shuffle::Bits, &bytes, width), &planes);
        }
    }

    #[test]
    fn lanes_lie_one_after_the_other() {
        assert_eq!(shuffled(Shuffle::Bytes, b"a1b2c3!", 2), b"abc123!");
    }

    #[test]
    fn metadata_has_booleans_or_a_name() {
        let written =
            [Shuffle::None, Shuffle::Bytes, Shuffle::Bits].map(|shuffle| serde_json::to_string(&shuffle).unwrap());
        assert_eq!(written, ["false", "true", "\"bits\""]);
        assert!(serde_json::from_str::<Shuffle>("\"bytes\"").is_err());
    }
}
