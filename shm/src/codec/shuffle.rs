//! Shuffles of an array's bytes that make it compress better. Neighbouring floats and indices differ in their low bytes
//! only: put apart by place, the others become long runs; with bits put apart too, all that stays the same does.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use wide::bytemuck::cast;
use wide::{u8x16, u64x2};

/// How an array lies in a compressed payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum Shuffle {
    /// As it is.
    #[default]
    None,
    /// In lanes: first bytes of all elements, then all second bytes, and so on.
    Bytes,
    /// In lanes, and the bytes of each lane in planes: lowest bits of all of them, then all second bits, and so on.
    Bits,
}

/// What metadata says: at first there were bytes only. Those who do not know bits refuse them as no boolean.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Bytes(bool),
    Named(Named),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Bits,
}

impl From<Written> for Shuffle {
    fn from(written: Written) -> Self {
        match written {
            Written::Bytes(false) => Self::None,
            Written::Bytes(true) => Self::Bytes,
            Written::Named(Named::Bits) => Self::Bits,
        }
    }
}

impl From<Shuffle> for Written {
    fn from(shuffle: Shuffle) -> Self {
        match shuffle {
            Shuffle::None => Self::Bytes(false),
            Shuffle::Bytes => Self::Bytes(true),
            Shuffle::Bits => Self::Named(Named::Bits),
        }
    }
}

/// Memory for what lies between.
#[derive(Default)]
pub(crate) struct Scratch {
    shuffled: Vec<u8>,
    elements: Vec<u8>,
    planes: Vec<u8>,
}

/// Calls a function that is compiled for each width of elements.
macro_rules! of_width {
    ($width:expr, $function:ident $arguments:tt) => {
        match $width {
            1 => $function::<1> $arguments,
            2 => $function::<2> $arguments,
            4 => $function::<4> $arguments,
            8 => $function::<8> $arguments,
            16 => $function::<16> $arguments,
            width => unreachable!("no dtype has {width} bytes"),
        }
    };
}

impl Shuffle {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Shuffles `len` bytes of elements of `width` bytes; what is left of the last element stays as it is. `fetch` gives
    /// the bytes from an offset on, a block at a time: it is shuffled while it is in the fastest cache.
    pub(crate) fn apply(
        self,
        len: usize,
        width: usize,
        fetch: impl Fn(usize, &mut [u8]),
        scratch: &mut Scratch,
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
        scratch: &mut Scratch,
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

    /// How many of so many elements are put apart in bits. The others are put apart in bytes.
    fn grouped(self, count: usize) -> usize {
        if self == Self::Bits { count / GROUP * GROUP } else { 0 }
    }
}

fn resized(scratch: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    &mut scratch[..len]
}

/// Bytes of a lane whose bits are put apart together: eight bytes of each plane.
const GROUP: usize = 64;
/// Elements that are shuffled at a time.
const BLOCK: usize = 1024;
/// Bytes of a plane that they fill.
const PLANE: usize = BLOCK / 8;

/// A vector register's worth of bytes.
type Row = [u8; ROW];
const ROW: usize = 16;
const EMPTY: Row = [0; ROW];

/// Puts the bytes of each 16 elements apart, into the lanes from an element on.
fn to_lanes<const W: usize>(elements: &[u8], start: usize, lanes: &mut [u8]) {
    let count = lanes.len() / W;
    let blocks = elements.as_chunks().0.as_chunks::<W>().0;
    for (start, block) in (start..).step_by(ROW).zip(blocks) {
        for (row, lane) in split(*block).iter().zip(lanes.chunks_exact_mut(count)) {
            store(row, &mut lane[start..]);
        }
    }
}

/// Undoes [`to_lanes`].
fn from_lanes<const W: usize>(lanes: &[u8], start: usize, elements: &mut [u8]) {
    let count = lanes.len() / W;
    let blocks = elements.as_chunks_mut().0.as_chunks_mut::<W>().0;
    for (start, block) in (start..).step_by(ROW).zip(blocks) {
        let mut rows = [EMPTY; W];
        for (row, lane) in rows.iter_mut().zip(lanes.chunks_exact(count)) {
            *row = load(&lane[start..]);
        }
        *block = join(rows);
    }
}

/// Puts the bits of each 128 elements apart, into a block's planes of each lane.
fn to_planes<const W: usize>(elements: &[u8], planes: &mut [u8]) {
    let planes = planes.as_chunks_mut::<PLANE>().0.as_chunks_mut::<8>().0;
    let blocks = elements.as_chunks().0.as_chunks::<W>().0.as_chunks::<8>().0;
    // More than there are registers: made anew for each turn, they would be cleared each time.
    let (mut between, mut rows) = ([[EMPTY; W]; 8], [[EMPTY; W]; 8]);
    for (i, block) in blocks.iter().enumerate() {
        interleave_twice(block.as_flattened(), between.as_flattened_mut());
        interleave_twice(between.as_flattened(), rows.as_flattened_mut());
        for (lane, planes) in planes.iter_mut().enumerate() {
            let bits = transpose_bits(rows.each_ref().map(|row| row[lane]));
            for (row, plane) in bits.iter().zip(planes) {
                plane.as_chunks_mut().0[i] = *row;
            }
        }
    }
}

/// Undoes [`to_planes`].
fn from_planes<const W: usize>(planes: &[u8], elements: &mut [u8]) {
    let planes = planes.as_chunks::<PLANE>().0.as_chunks::<8>().0;
    let blocks = elements.as_chunks_mut().0.as_chunks_mut::<W>().0.as_chunks_mut::<8>().0;
    let mut lanes = [[EMPTY; 8]; W];
    for (i, block) in blocks.iter_mut().enumerate() {
        for (lane, planes) in lanes.iter_mut().zip(planes) {
            let bits = planes.each_ref().map(|plane| plane.as_chunks().0[i]);
            *lane = join(transpose_bits(bits));
        }
        for (at, rows) in block.iter_mut().enumerate() {
            *rows = join(lanes.each_ref().map(|lane| lane[at]));
        }
    }
}

/// From rows of 16 elements of `W` bytes to rows that have one byte of each.
#[inline]
fn split<const W: usize>(rows: [Row; W]) -> [Row; W] {
    match W {
        1 => rows,
        2 => interleaved(interleaved(interleaved(interleaved(rows)))),
        _ => interleaved_twice(interleaved_twice(rows)),
    }
}

/// Undoes [`split`].
#[inline]
fn join<const W: usize>(rows: [Row; W]) -> [Row; W] {
    match W {
        1 => rows,
        2 => interleaved(rows),
        4 => interleaved_twice(rows),
        8 => interleaved(interleaved_twice(rows)),
        _ => interleaved_twice(interleaved_twice(rows)),
    }
}

/// Takes a byte of the first half and one of the second in turn. In the number of a byte's place, that is a rotation of its
/// bits by one: with four it has the element's number where it had the byte's, and with as many as those have bits again.
#[inline]
fn interleaved<const N: usize>(rows: [Row; N]) -> [Row; N] {
    let mut out = [EMPTY; N];
    for i in 0..N / 2 {
        [out[2 * i], out[2 * i + 1]] = interleave(rows[i], rows[i + N / 2]);
    }
    out
}

#[inline]
fn interleaved_twice<const N: usize>(rows: [Row; N]) -> [Row; N] {
    let mut out = [EMPTY; N];
    interleave_twice(&rows, &mut out);
    out
}

/// The same twice, by four rows, which stay in registers meanwhile.
#[inline]
fn interleave_twice(rows: &[Row], out: &mut [Row]) {
    let quarter = rows.len() / 4;
    for i in 0..quarter {
        let [first, third] = interleave(rows[i], rows[i + 2 * quarter]);
        let [second, fourth] = interleave(rows[i + quarter], rows[i + 3 * quarter]);
        [out[4 * i], out[4 * i + 1]] = interleave(first, second);
        [out[4 * i + 2], out[4 * i + 3]] = interleave(third, fourth);
    }
}

#[inline]
fn interleave(first: Row, second: Row) -> [Row; 2] {
    let (first, second) = (first.into(), second.into());
    [u8x16::unpack_low(first, second), u8x16::unpack_high(first, second)].map(u8x16::to_array)
}

/// Bit `j` of each byte of row `i` becomes bit `i` of that of row `j`: 4, then 2, then 1 rows and bits at a time. Undoes
/// itself.
#[inline]
fn transpose_bits(rows: [Row; 8]) -> [Row; 8] {
    const STEPS: [(usize, u32, u64); 3] = [
        (4, 4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 2, 0x3333_3333_3333_3333),
        (1, 1, 0x5555_5555_5555_5555),
    ];
    let mut rows: [u64x2; 8] = cast(rows);
    for (apart, by, mask) in STEPS {
        for rows in rows.chunks_exact_mut(2 * apart) {
            let (upper, lower) = rows.split_at_mut(apart);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let swapped = ((*upper >> by) ^ *lower) & u64x2::splat(mask);
                *upper ^= swapped << by;
                *lower ^= swapped;
            }
        }
    }
    cast(rows)
}

/// As many bytes, or what there is of them and zeros.
#[inline]
fn load<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or_else(|| load_part(bytes))
}

/// Stores bytes, or what there is room for.
#[inline]
fn store<const N: usize>(bytes: &[u8; N], place: &mut [u8]) {
    match place.first_chunk_mut() {
        Some(whole) => *whole = *bytes,
        None => store_part(bytes, place),
    }
}

/// Apart, or compilers make one copy of variable length of both, which takes longer than all the rest.
#[cold]
#[inline(never)]
fn load_part<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut part = [0; N];
    part[..bytes.len()].copy_from_slice(bytes);
    part
}

#[cold]
#[inline(never)]
fn store_part(bytes: &[u8], place: &mut [u8]) {
    place.copy_from_slice(&bytes[..place.len()]);
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
            .apply(bytes.len(), width, fetch, &mut Scratch::default())
            .to_vec()
    }

    fn undone(shuffle: Shuffle, shuffled: &[u8], width: usize, wanted: Range<usize>) -> Vec<u8> {
        let mut bytes = Vec::new();
        shuffle.undo(shuffled, width, wanted, &mut Scratch::default(), |part| {
            bytes.extend(part);
        });
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
