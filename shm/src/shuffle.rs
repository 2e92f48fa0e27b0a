//! The byte shuffle: first bytes of all elements, then all second bytes, and so on. Neighbouring floats and
//! indices differ in their low bytes only, so that the rest becomes long runs.

/// Shuffles elements of `width` bytes into `out` and gives the result; what is left of the last element stays as it is.
pub(crate) fn shuffle<'a>(bytes: &'a [u8], width: usize, out: &'a mut Vec<u8>) -> &'a [u8] {
    if width <= 1 {
        return bytes;
    }
    out.resize(bytes.len(), 0);
    let count = bytes.len() / width;
    let (elements, rest) = bytes.split_at(count * width);
    let (lanes, out_rest) = out.split_at_mut(count * width);
    for (at, lane) in lanes.chunks_exact_mut(count.max(1)).enumerate() {
        // By arithmetic on whole elements, which compilers turn into vector instructions.
        match width {
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
    out
}

/// Undoes [`shuffle`], into as many bytes.
pub(crate) fn unshuffle(bytes: &[u8], width: usize, out: &mut [u8]) {
    let count = bytes.len() / width;
    let (lanes, rest) = bytes.split_at(count * width);
    let (elements, out_rest) = out.split_at_mut(count * width);
    if width == 4 {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unshuffling_gives_the_original(bytes: Vec<u8>, width in 1usize..17) {
            let (mut there, mut back) = (Vec::new(), vec![0; bytes.len()]);
            unshuffle(shuffle(&bytes, width, &mut there), width, &mut back);
            prop_assert_eq!(back, bytes);
        }
    }

    proptest! {
        #[test]
        fn each_byte_goes_to_its_lane(width in 2usize..17, count in 0usize..200) {
            let element = |i: usize, at: usize| (i * 31 + at * 7).to_le_bytes()[0];
            let bytes: Vec<u8> = (0..count).flat_map(|i| (0..width).map(move |at| element(i, at))).collect();
            let lanes: Vec<u8> = (0..width).flat_map(|at| (0..count).map(move |i| element(i, at))).collect();
            let mut out = Vec::new();
            prop_assert_eq!(shuffle(&bytes, width, &mut out), &lanes[..]);
        }
    }

    #[test]
    fn lanes_lie_one_after_the_other() {
        assert_eq!(shuffle(b"a1b2c3!", 2, &mut Vec::new()), b"abc123!");
    }
}
