//! Shuffles of an array's bytes that make it compress better. Neighbouring floats and indices differ in their low bytes
//! only: put apart by place, the others become long runs; with bits put apart too, all that stays the same does.

use serde::{Deserialize, Serialize};

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
    lanes: Vec<u8>,
    planes: Vec<u8>,
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
        let lanes = resized(&mut scratch.lanes, bytes.len());
        to_lanes(bytes, width, lanes);
        if self == Self::Bytes {
            return lanes;
        }
        let planes = resized(&mut scratch.planes, bytes.len());
        each_lane(lanes, planes, width, to_planes);
        planes
    }

    /// Undoes [`Shuffle::apply`], into as many bytes.
    pub(crate) fn undo(self, bytes: &[u8], width: usize, scratch: &mut Scratch, out: &mut [u8]) {
        match self {
            Self::None => out.copy_from_slice(bytes),
            Self::Bytes => from_lanes(bytes, width, out),
            Self::Bits => {
                let lanes = resized(&mut scratch.lanes, bytes.len());
                each_lane(bytes, lanes, width, from_planes);
                from_lanes(lanes, width, out);
            }
        }
    }
}

fn resized(scratch: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    &mut scratch[..len]
}

fn to_lanes(bytes: &[u8], width: usize, out: &mut [u8]) {
    let count = bytes.len() / width;
    let (elements, rest) = bytes.split_at(count * width);
    let (lanes, out_rest) = out.split_at_mut(count * width);
    for (at, lane) in lanes.chunks_exact_mut(count.max(1)).enumerate() {
        // By arithmetic on whole elements, which compilers turn into vector instructions.
        match width {
            1 => lane.copy_from_slice(elements),
            2 => fill(lane, elements.as_chunks().0, |&element| {
                (u16::from_le_bytes(element) >> (8 * at)).to_le_bytes()[0]
            }),
            4 => fill(lane, elements.as_chunks().0, |&element| {
                (u32::from_le_bytes(element) >> (8 * at)).to_le_bytes()[0]
            }),
            8 => fill(lane, elements.as_chunks().0, |&element| {
                (u64::from_le_bytes(element) >> (8 * at)).to_le_bytes()[0]
            }),
            _ => fill(lane, elements.chunks_exact(width), |element| element[at]),
        }
    }
    out_rest.copy_from_slice(rest);
}

/// Undoes [`to_lanes`].
fn from_lanes(bytes: &[u8], width: usize, out: &mut [u8]) {
    let count = bytes.len() / width;
    let (lanes, rest) = bytes.split_at(count * width);
    let (elements, out_rest) = out.split_at_mut(count * width);
    if width == 1 {
        elements.copy_from_slice(lanes);
    } else if width == 4 {
        join_words(lanes, elements.as_chunks_mut().0);
    } else {
        for (at, lane) in lanes.chunks_exact(count.max(1)).enumerate() {
            for (byte, element) in lane.iter().zip(elements.chunks_exact_mut(width)) {
                element[at] = *byte;
            }
        }
    }
    out_rest.copy_from_slice(rest);
}

/// Fills a lane with one byte of each element.
fn fill<E>(lane: &mut [u8], elements: impl IntoIterator<Item = E>, byte_of: impl Fn(E) -> u8) {
    for (byte, element) in lane.iter_mut().zip(elements) {
        *byte = byte_of(element);
    }
}

/// The elements of four bytes whose lanes these are, in one pass: most scene data is such.
fn join_words(lanes: &[u8], elements: &mut [[u8; 4]]) {
    let mut rest = lanes;
    let [first, second, third, fourth] = [(); 4].map(|()| {
        let (lane, after) = rest.split_at(elements.len());
        rest = after;
        lane
    });
    for ((((element, a), b), c), d) in elements.iter_mut().zip(first).zip(second).zip(third).zip(fourth) {
        let [a, b, c, d] = [a, b, c, d].map(|&byte| u32::from(byte));
        *element = (a | b << 8 | c << 16 | d << 24).to_le_bytes();
    }
}

/// Goes lane by lane from one to the other; what is left of the last element stays as it is.
fn each_lane(from: &[u8], to: &mut [u8], width: usize, convert: impl Fn(&[u8], &mut [u8])) {
    let count = from.len() / width;
    let (lanes, rest) = from.split_at(count * width);
    let (to_lanes, to_rest) = to.split_at_mut(count * width);
    for (from, to) in lanes
        .chunks_exact(count.max(1))
        .zip(to_lanes.chunks_exact_mut(count.max(1)))
    {
        convert(from, to);
    }
    to_rest.copy_from_slice(rest);
}

/// Bytes of a lane that are put apart together: eight words, or eight bytes of each plane.
const GROUP: usize = 64;
/// Groups that are worked on at a time, so that compilers use vector instructions.
const GROUPS: usize = 8;
/// The first word of each group, then all second ones, and so on.
type Tile = [[u64; GROUPS]; 8];

fn to_planes(lane: &[u8], out: &mut [u8]) {
    let (groups, rest) = lane.as_chunks::<GROUP>();
    let (planes, out_rest) = out.split_at_mut(groups.len() * GROUP);
    let plane_len = groups.len() * 8;
    let mut tile = Tile::default();
    for (at, groups) in groups.chunks(GROUPS).enumerate() {
        for (i, group) in groups.iter().enumerate() {
            for (words, bytes) in tile.iter_mut().zip(group.as_chunks().0) {
                words[i] = u64::from_le_bytes(*bytes);
            }
        }
        transpose_bits(&mut tile);
        transpose_bytes(&mut tile);
        for (plane, words) in planes.chunks_exact_mut(plane_len).zip(&tile) {
            let plane = plane[at * GROUPS * 8..].as_chunks_mut().0;
            for (bytes, word) in plane.iter_mut().zip(words) {
                *bytes = word.to_le_bytes();
            }
        }
    }
    out_rest.copy_from_slice(rest);
}

/// Undoes [`to_planes`].
fn from_planes(bytes: &[u8], lane: &mut [u8]) {
    let (groups, lane_rest) = lane.as_chunks_mut::<GROUP>();
    let (planes, rest) = bytes.split_at(groups.len() * GROUP);
    let plane_len = groups.len() * 8;
    let mut tile = Tile::default();
    for (at, groups) in groups.chunks_mut(GROUPS).enumerate() {
        for (plane, words) in planes.chunks_exact(plane_len).zip(&mut tile) {
            let plane = plane[at * GROUPS * 8..].as_chunks().0;
            for (bytes, word) in plane.iter().zip(words) {
                *word = u64::from_le_bytes(*bytes);
            }
        }
        transpose_bytes(&mut tile);
        transpose_bits(&mut tile);
        for (i, group) in groups.iter_mut().enumerate() {
            for (words, bytes) in tile.iter().zip(group.as_chunks_mut().0) {
                *bytes = words[i].to_le_bytes();
            }
        }
    }
    lane_rest.copy_from_slice(rest);
}

/// Bit `j` of byte `i` of each word becomes bit `i` of byte `j`: 1, then 2, then 4 rows and columns at a time.
fn transpose_bits(tile: &mut Tile) {
    for (by, mask) in [
        (7, 0x00AA_00AA_00AA_00AA),
        (14, 0x0000_CCCC_0000_CCCC),
        (28, 0xF0F0_F0F0),
    ] {
        for word in tile.as_flattened_mut() {
            let swapped = (*word ^ (*word >> by)) & mask;
            *word ^= swapped ^ (swapped << by);
        }
    }
}

/// Byte `j` of word `i` of each group becomes byte `i` of word `j`: 4, then 2, then 1 rows and columns at a time.
fn transpose_bytes(tile: &mut Tile) {
    for (apart, mask) in [(4, 0xFFFF_FFFF), (2, 0x0000_FFFF_0000_FFFF), (1, 0x00FF_00FF_00FF_00FF)] {
        for rows in tile.chunks_exact_mut(2 * apart) {
            let (upper, lower) = rows.split_at_mut(apart);
            for (upper, lower) in upper.as_flattened_mut().iter_mut().zip(lower.as_flattened_mut()) {
                let swapped = ((*upper >> (8 * apart)) ^ *lower) & mask;
                *upper ^= swapped << (8 * apart);
                *lower ^= swapped;
            }
        }
    }
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
        fn what_is_undone_is_the_original(bytes in prop::collection::vec(any::<u8>(), 0..3000), width in 1usize..17) {
            for shuffle in [Shuffle::None, Shuffle::Bytes, Shuffle::Bits] {
                let mut back = vec![0; bytes.len()];
                shuffle.undo(&shuffled(shuffle, &bytes, width), width, &mut Scratch::default(), &mut back);
                prop_assert_eq!(&back, &bytes);
            }
        }

        #[test]
        fn each_byte_goes_to_its_lane_and_each_bit_to_its_plane(width in 1usize..17, count in 0usize..200) {
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
