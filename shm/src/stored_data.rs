//! Reading the data in a file by its descriptor, decompressed if need be.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use crate::codec::{self, DecodeError};
use crate::error::{Error, Result};
use crate::format::Snapshot;
use crate::sys::{self, Destination, GuardedFile};

/// Refuses a range that does not lie within data of `size` bytes.
pub(crate) fn check_range(offset: u64, len: usize, size: u64) -> Result<()> {
    if offset.checked_add(len as u64).is_some_and(|end| end <= size) {
        return Ok(());
    }
    let argument = if offset > size { "offset" } else { "len" };
    Err(Error::invalid(
        argument,
        format!("{offset} + {len} lies behind the {size} bytes of data"),
    ))
}

/// Fills memory from an offset of the data on; the range must lie within it.
pub(crate) fn read_range(
    file: &GuardedFile,
    path: &Path,
    snapshot: &Snapshot,
    index: &OnceLock<codec::ChunkIndex>,
    offset: u64,
    destination: &mut Destination,
) -> Result<()> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::damaged(path, "it is shorter than it was when it was opened"),
        _ => Error::io("read", path, error),
    };
    let metadata = &snapshot.header.metadata;
    let Some(codec) = &metadata.codec else {
        let start = snapshot.payload + offset;
        return sys::fill_pieces(destination, |at, piece| file.read_exact_at(piece, start + at as u64)).map_err(failed);
    };
    let read = |at: u64, bytes: &mut [u8]| file.read_exact_at(sys::as_destination(bytes), snapshot.payload + at);
    let undecodable = |error| match error {
        DecodeError::Damaged(problem) => Error::damaged(path, problem),
        DecodeError::Read(error) => failed(error),
        DecodeError::Memory(error) => error.into(),
    };
    let index = if let Some(index) = index.get() {
        index
    } else {
        let new = codec::ChunkIndex::read(&metadata.arrays, metadata.size, codec, snapshot.words.data_len, &read);
        let new = new.map_err(undecodable)?;
        sys::keep_first(index, new)
    };
    let end = offset + destination.len() as u64;
    sys::prefer_huge_pages(destination);
    index.decode(offset..end, &read, destination).map_err(undecodable)
}
