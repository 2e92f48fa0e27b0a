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
        for (byte, element) in lane.iter_mut().zip(elements.chunks_exact(width)) {
            *byte = element[at];
        }
    }
    out_rest.copy_from_slice(rest);
    out
}

/// Undoes [`shuffle`].
pub(crate) fn unshuffle<'a>(bytes: &'a [u8], width: usize, out: &'a mut Vec<u8>) -> &'a [u8] {
    if width <= 1 {
        return bytes;
    }
    out.resize(bytes.len(), 0);
    let count = bytes.len() / width;
    let (lanes, rest) = bytes.split_at(count * width);
    let (elements, out_rest) = out.split_at_mut(count * width);
    for (at, lane) in lanes.chunks_exact(count.max(1)).enumerate() {
        for (byte, element) in lane.iter().zip(elements.chunks_exact_mut(width)) {
            element[at] = *byte;
        }
    }
    out_rest.copy_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unshuffling_gives_the_original(bytes: Vec<u8>, width in 1usize..17) {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            let shuffled = shuffle(&bytes, width, &mut there).to_vec();
            prop_assert_eq!(unshuffle(&shuffled, width, &mut back), &bytes[..]);
        }
    }

    #[test]
    fn lanes_lie_one_after_the_other() {
        assert_eq!(shuffle(b"a1b2c3!", 2, &mut Vec::new()), b"abc123!");
    }
}
