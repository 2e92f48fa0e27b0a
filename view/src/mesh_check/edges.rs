//! The edges between the faces of a mesh.

use dcc_mcp_shm::Error;

use crate::memory;

/// How many edges are not as those of a closed surface.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EdgeCounts {
    /// Edges of one face.
    pub(crate) border: u64,
    /// Edges of more than two faces.
    pub(crate) non_manifold: u64,
    /// Edges of two faces that run along them in the same direction, so that one of them faces the other way.
    pub(crate) inconsistent: u64,
}

/// The sides of faces. Each is the lesser of its points in the upper half, and the greater, with the direction in the
/// lowest bit.
pub(super) struct Edges(Vec<u64>);

impl Edges {
    pub(super) fn new(corners: u64) -> Result<Self, Error> {
        Ok(Self(memory::with_room(usize::try_from(corners).unwrap_or(usize::MAX))?))
    }

    /// Adds the sides of a face. A side from a point to itself is none. There is room for all corners, and a mesh that is
    /// checked has fewer points than 31 bits can count.
    pub(super) fn add(&mut self, corners: &[u32]) {
        let ends = corners.iter().zip(corners.iter().cycle().skip(1));
        self.0.extend(ends.filter(|(from, to)| from != to).map(|(&from, &to)| {
            let (low, high) = (from.min(to), from.max(to));
            u64::from(low) << 32 | u64::from(high) << 1 | u64::from(from > to)
        }));
    }

    pub(super) fn count(mut self) -> EdgeCounts {
        self.0.sort_unstable();
        let mut counts = EdgeCounts::default();
        for sides in self.0.chunk_by(|a, b| a >> 1 == b >> 1) {
            match sides {
                [_] => counts.border += 1,
                [a, b] => counts.inconsistent += u64::from(a == b),
                _ => counts.non_manifold += 1,
            }
        }
        counts
    }
}
