//! Faces of the same points, and points at the same place.

use dcc_mcp_shm::Error;

use crate::memory;

/// Corners of a face up to which no memory is asked for.
const FEW: usize = 8;

/// What tells a face from those of other points, whatever corner it begins with and whatever way it goes around; and
/// whether it uses a point twice.
pub(super) fn key_of_face(corners: &[u32]) -> Result<(u128, bool), Error> {
    let mut few = [0; FEW];
    let mut many = Vec::new();
    let sorted = if let Some(few) = few.get_mut(..corners.len()) {
        few.copy_from_slice(corners);
        few
    } else {
        memory::reserve(&mut many, corners.len())?;
        many.extend_from_slice(corners);
        &mut many
    };
    sorted.sort_unstable();
    let has_repeated = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    let key = match *sorted {
        // Up to four points fit without loss.
        [a, b, c] => u128::from(a) << 64 | u128::from(b) << 32 | u128::from(c),
        _ => sorted
            .iter()
            .fold(sorted.len() as u128, |key, &corner| mixed(key, corner.into())),
    };
    Ok((key, has_repeated))
}

/// What tells a place from others.
pub(super) fn key_of_place(place: [f64; 3]) -> u128 {
    // Adding 0 makes -0 into 0.
    place.iter().fold(0, |key, value| mixed(key, (value + 0.0).to_bits()))
}

/// Mixes a number into a key of 128 bits, so that two of a billion keys are the same by chance once in 10^20 meshes.
fn mixed(key: u128, number: u64) -> u128 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let key = (key ^ u128::from(number)).wrapping_mul(ODD);
    key ^ key >> 61 ^ key >> 97
}

/// How many keys are the same as one before them.
pub(super) fn count(keys: &mut [u128]) -> u64 {
    keys.sort_unstable();
    keys.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}
