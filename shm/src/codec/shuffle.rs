//! Shuffles of an array's bytes that make it compress better. Neighbouring floats and indices differ in their low bytes
//! only: put apart by place, the others become long runs; with bits put apart too, all that stays the same does.

use serde::{Deserialize, Serialize};
use wide::u8x16;

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
    lanes: Vec<u8>,
}

impl Shuffle {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Shuffles elements of `width` bytes; what is left of the last element stays as it is.
    pub(crate) fn apply<'a>(self, bytes: &'a [u8], width: usize, scratch: &'a mut Scratch) -> &'a [u8] {
        if self == Self::None {
            return bytes;
        }
        let count = bytes.len() / width;
        let shuffled = resized(&mut scratch.shuffled, bytes.len());
        let (elements, rest) = bytes.split_at(count * width);
        let (lanes, shuffled_rest) = shuffled.split_at_mut(count * width);
        shuffled_rest.copy_from_slice(rest);
        if self == Self::Bytes {
            to_lanes(elements, width, lanes);
            return shuffled;
        }
        for (start, elements) in (0..).step_by(BLOCK).zip(elements.chunks(BLOCK * width)) {
            let block = resized(&mut scratch.lanes, elements.len());
            to_lanes(elements, width, block);
            let parts = block.chunks_exact(elements.len() / width);
            for (part, lane) in parts.zip(lanes.chunks_exact_mut(count)) {
                let grouped = part.len() / GROUP * GROUP;
                let (planes, lane_rest) = lane.split_at_mut(count / GROUP * GROUP);
                to_planes(&part[..grouped], start / 8, planes);
                if grouped < part.len() {
                    lane_rest.copy_from_slice(&part[grouped..]);
                }
            }
        }
        shuffled
    }

    /// Undoes [`Shuffle::apply`], into as many bytes.
    pub(crate) fn undo(self, shuffled: &[u8], width: usize, scratch: &mut Scratch, bytes: &mut [u8]) {
        if self == Self::None {
            return bytes.copy_from_slice(shuffled);
        }
        let count = bytes.len() / width;
        let (lanes, shuffled_rest) = shuffled.split_at(count * width);
        let (elements, rest) = bytes.split_at_mut(count * width);
        rest.copy_from_slice(shuffled_rest);
        if self == Self::Bytes {
            return from_lanes(lanes, width, elements);
        }
        for (start, elements) in (0..).step_by(BLOCK).zip(elements.chunks_mut(BLOCK * width)) {
            let block = resized(&mut scratch.lanes, elements.len());
            let parts = block.chunks_exact_mut(elements.len() / width);
            for (part, lane) in parts.zip(lanes.chunks_exact(count)) {
                let grouped = part.len() / GROUP * GROUP;
                let (planes, lane_rest) = lane.split_at(count / GROUP * GROUP);
                from_planes(planes, start / 8, &mut part[..grouped]);
                if grouped < part.len() {
                    part[grouped..].copy_from_slice(lane_rest);
                }
            }
            from_lanes(block, width, elements);
        }
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
/// Elements that are taken from bytes to bits at a time, so that they stay in the fastest cache.
const BLOCK: usize = 1024;

/// A vector register's worth of bytes.
const ROW: usize = 16;

/// From rows of 16 elements of `W` bytes to rows that have one byte of each.
#[inline]
fn split<const W: usize>(rows: [u8x16; W]) -> [u8x16; W] {
    interleave(interleave(interleave(interleave(rows))))
}

/// Undoes [`split`].
#[inline]
fn join<const W: usize>(mut rows: [u8x16; W]) -> [u8x16; W] {
    for _ in 0..W.ilog2() {
        rows = interleave(rows);
    }
    rows
}

/// Takes a byte of the first half and one of the second in turn. In the number of a byte's place, that is a rotation of its
/// bits by one: with four it has the element's number where it had the byte's, and with as many as those have bits again.
#[inline]
fn interleave<const W: usize>(rows: [u8x16; W]) -> [u8x16; W] {
    let mut out = rows;
    for i in 0..W / 2 {
        let (first, second) = (rows[i], rows[i + W / 2]);
        out[2 * i] = u8x16::unpack_low(first, second);
        out[2 * i + 1] = u8x16::unpack_high(first, second);
    }
    out
}

/// Bit `j` of each byte of row `i` becomes bit `i` of that of row `j`: 4, then 2, then 1 rows and bits at a time. Undoes
/// itself.
#[inline]
fn transpose_bits(rows: &mut [u8x16; 8]) {
    for (apart, by, mask) in [(4, 4, 0x0F), (2, 2, 0x33), (1, 1, 0x55)] {
        for rows in rows.chunks_exact_mut(2 * apart) {
            let (upper, lower) = rows.split_at_mut(apart);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let swapped = ((*upper >> by) ^ *lower) & u8x16::splat(mask);
                *upper ^= swapped << by;
                *lower ^= swapped;
            }
        }
    }
}

fn to_lanes(elements: &[u8], width: usize, lanes: &mut [u8]) {
    match width {
        1 => lanes.copy_from_slice(elements),
        2 => to_lanes_of::<2>(elements, lanes),
        4 => to_lanes_of::<4>(elements, lanes),
        8 => to_lanes_of::<8>(elements, lanes),
        _ => to_lanes_from(0, elements, width, lanes),
    }
}

fn to_lanes_of<const W: usize>(elements: &[u8], lanes: &mut [u8]) {
    let count = elements.len() / W;
    let blocks = elements.as_chunks::<ROW>().0.as_chunks::<W>().0;
    for (i, block) in blocks.iter().enumerate() {
        let rows = split(block.map(u8x16::new));
        for (row, lane) in rows.iter().zip(lanes.chunks_exact_mut(count)) {
            store(*row, &mut lane[ROW * i..]);
        }
    }
    to_lanes_from(ROW * blocks.len(), elements, W, lanes);
}

/// The same one by one, from an element on.
fn to_lanes_from(start: usize, elements: &[u8], width: usize, lanes: &mut [u8]) {
    let lanes = lanes.chunks_exact_mut((elements.len() / width).max(1));
    for (at, lane) in lanes.enumerate() {
        for (byte, element) in lane.iter_mut().zip(elements.chunks_exact(width)).skip(start) {
            *byte = element[at];
        }
    }
}

/// Undoes [`to_lanes`].
fn from_lanes(lanes: &[u8], width: usize, elements: &mut [u8]) {
    match width {
        1 => elements.copy_from_slice(lanes),
        2 => from_lanes_of::<2>(lanes, elements),
        4 => from_lanes_of::<4>(lanes, elements),
        8 => from_lanes_of::<8>(lanes, elements),
        _ => from_lanes_from(0, lanes, width, elements),
    }
}

fn from_lanes_of<const W: usize>(lanes: &[u8], elements: &mut [u8]) {
    let count = elements.len() / W;
    let blocks = elements.as_chunks_mut::<ROW>().0.as_chunks_mut::<W>().0;
    let joined = ROW * blocks.len();
    for (i, block) in blocks.iter_mut().enumerate() {
        let mut rows = [u8x16::ZERO; W];
        for (row, lane) in rows.iter_mut().zip(lanes.chunks_exact(count)) {
            *row = load(&lane[ROW * i..]);
        }
        *block = join(rows).map(u8x16::to_array);
    }
    from_lanes_from(joined, lanes, W, elements);
}

fn from_lanes_from(start: usize, lanes: &[u8], width: usize, elements: &mut [u8]) {
    let lanes = lanes.chunks_exact((elements.len() / width).max(1));
    for (at, lane) in lanes.enumerate() {
        for (byte, element) in lane.iter().zip(elements.chunks_exact_mut(width)).skip(start) {
            element[at] = *byte;
        }
    }
}

/// Puts whole groups of a lane apart, to an offset of each plane. An odd one is the last of all.
fn to_planes(groups: &[u8], offset: usize, planes: &mut [u8]) {
    let plane_len = planes.len() / 8;
    for (i, groups) in groups.chunks(2 * GROUP).enumerate() {
        let mut rows = [u8x16::ZERO; 8];
        for (row, bytes) in rows.iter_mut().zip(groups.chunks(ROW)) {
            *row = load(bytes);
        }
        rows = split(rows);
        transpose_bits(&mut rows);
        for (row, plane) in rows.iter().zip(planes.chunks_exact_mut(plane_len)) {
            store(*row, &mut plane[offset + ROW * i..]);
        }
    }
}

/// Undoes [`to_planes`].
fn from_planes(planes: &[u8], offset: usize, groups: &mut [u8]) {
    let plane_len = planes.len() / 8;
    for (i, groups) in groups.chunks_mut(2 * GROUP).enumerate() {
        let mut rows = [u8x16::ZERO; 8];
        for (row, plane) in rows.iter_mut().zip(planes.chunks_exact(plane_len)) {
            *row = load(&plane[offset + ROW * i..]);
        }
        transpose_bits(&mut rows);
        for (row, bytes) in join(rows).iter().zip(groups.chunks_mut(ROW)) {
            store(*row, bytes);
        }
    }
}

/// A row, or what there is of it and zeros.
#[inline]
fn load(bytes: &[u8]) -> u8x16 {
    bytes.first_chunk().map_or_else(|| load_part(bytes), |&row| row.into())
}

/// Stores a row, or what there is room for.
#[inline]
fn store(row: u8x16, bytes: &mut [u8]) {
    match bytes.first_chunk_mut() {
        Some(whole) => *whole = row.to_array(),
        None => store_part(row, bytes),
    }
}

/// Apart, or compilers make one copy of variable length of both, which takes longer than all the rest.
#[cold]
#[inline(never)]
fn load_part(bytes: &[u8]) -> u8x16 {
    let mut row = [0; ROW];
    row[..bytes.len()].copy_from_slice(bytes);
    row.into()
}

#[cold]
#[inline(never)]
fn store_part(row: u8x16, bytes: &mut [u8]) {
    bytes.copy_from_slice(&row.to_array()[..bytes.len()]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shuffled(shuffle: Shuffle, bytes: &[u8], width: usize) -> Vec<u8> {
        shuffle.apply(bytes, width, &mut Scratch::default()).to_vec()
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
        fn what_is_undone_is_the_original(bytes in prop::collection::vec(any::<u8>(), 0..40_000), width in 1usize..17) {
            for shuffle in [Shuffle::None, Shuffle::Bytes, Shuffle::Bits] {
                let mut back = vec![0; bytes.len()];
                shuffle.undo(&shuffled(shuffle, &bytes, width), width, &mut Scratch::default(), &mut back);
                prop_assert_eq!(&back, &bytes);
            }
        }

        #[test]
        fn each_byte_goes_to_its_lane_and_each_bit_to_its_plane(width in 1usize..17, count in 0usize..3000) {
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
