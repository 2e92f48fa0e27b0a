//! Bytes and bits of elements put apart, in registers.
#![expect(
    clippy::inline_always,
    reason = "what is not inlined into `vectorized` is compiled for the vector instructions that every processor has"
)]

use wide::bytemuck::cast;
use wide::{u8x16, u64x2};

/// Bytes of a lane whose bits are put apart together: eight bytes of each plane.
pub(super) const GROUP: usize = 64;
/// Elements that are shuffled at a time.
pub(super) const BLOCK: usize = 1024;
/// Bytes of a plane that they fill.
pub(super) const PLANE: usize = BLOCK / 8;

/// A vector register's worth of bytes.
type Row = [u8; ROW];
pub(super) const ROW: usize = 16;
const EMPTY: Row = [0; ROW];

/// Puts the bytes of each 16 elements apart, into the lanes from an element on.
#[inline(always)]
pub(super) fn to_lanes<const W: usize>((elements, start, lanes): (&[u8], usize, &mut [u8])) {
    let count = lanes.len() / W;
    let blocks = elements.as_chunks().0.as_chunks::<W>().0;
    for (start, block) in (start..).step_by(ROW).zip(blocks) {
        for (row, lane) in split(*block).iter().zip(lanes.chunks_exact_mut(count)) {
            store(row, &mut lane[start..]);
        }
    }
}

/// Undoes [`to_lanes`].
#[inline(always)]
pub(super) fn from_lanes<const W: usize>((lanes, start, elements): (&[u8], usize, &mut [u8])) {
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
#[inline(always)]
pub(super) fn to_planes<const W: usize>((elements, planes): (&[u8], &mut [u8])) {
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
#[inline(always)]
pub(super) fn from_planes<const W: usize>((planes, elements): (&[u8], &mut [u8])) {
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
#[inline(always)]
fn split<const W: usize>(rows: [Row; W]) -> [Row; W] {
    match W {
        1 => rows,
        2 => interleaved(interleaved(interleaved(interleaved(rows)))),
        _ => interleaved_twice(interleaved_twice(rows)),
    }
}

/// Undoes [`split`].
#[inline(always)]
fn join<const W: usize>(rows: [Row; W]) -> [Row; W] {
    match W {
        1 => rows,
        2 => interleaved(rows),
        4 => interleaved_twice(rows),
        8 => interleaved(interleaved_twice(rows)),
        _ => interleaved_twice(interleaved_twice(rows)),
    }
}

/// Takes a byte of the first half and one of the second in turn. Each call rotates the bits of every byte's index by one: after
/// log2(size) calls, the number of the byte in its element and the number of the element have changed places.
#[inline(always)]
fn interleaved<const N: usize>(rows: [Row; N]) -> [Row; N] {
    let mut out = [EMPTY; N];
    for i in 0..N / 2 {
        [out[2 * i], out[2 * i + 1]] = interleave(rows[i], rows[i + N / 2]);
    }
    out
}

#[inline(always)]
fn interleaved_twice<const N: usize>(rows: [Row; N]) -> [Row; N] {
    let mut out = [EMPTY; N];
    interleave_twice(&rows, &mut out);
    out
}

/// The same twice, by four rows, which stay in registers meanwhile.
#[inline(always)]
fn interleave_twice(rows: &[Row], out: &mut [Row]) {
    let quarter = rows.len() / 4;
    for i in 0..quarter {
        let [first, third] = interleave(rows[i], rows[i + 2 * quarter]);
        let [second, fourth] = interleave(rows[i + quarter], rows[i + 3 * quarter]);
        [out[4 * i], out[4 * i + 1]] = interleave(first, second);
        [out[4 * i + 2], out[4 * i + 3]] = interleave(third, fourth);
    }
}

#[inline(always)]
fn interleave(first: Row, second: Row) -> [Row; 2] {
    let (first, second) = (first.into(), second.into());
    [u8x16::unpack_low(first, second), u8x16::unpack_high(first, second)].map(u8x16::to_array)
}

/// Bit `j` of each byte of row `i` becomes bit `i` of that of row `j`: 4, then 2, then 1 rows and bits at a time. Undoes
/// itself.
#[inline(always)]
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
#[inline(always)]
pub(super) fn load<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or_else(|| load_part(bytes))
}

/// Stores bytes, or what there is room for.
#[inline(always)]
pub(super) fn store<const N: usize>(bytes: &[u8; N], place: &mut [u8]) {
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
