//! Files made from a fuzzer's bytes. Fields that no random change could get right are put right where the input asks
//! for it, or no input would come past the checksum.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{Image, at};

/// Longest file that is made: what is read must be small against the memory that a fuzzer may use.
const LONGEST: u64 = 1 << 20;
const UNIT: usize = 4096;

/// What is put right in a file, by the bits of a byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repair;

impl Repair {
    pub(crate) const ID: u8 = 1;
    pub(crate) const CHECKSUM: u8 = 2;
    /// The file is as long as it says, if that is not too long.
    pub(crate) const LENGTH: u8 = 4;
    /// Mode 0400, which the seal of a scene is.
    pub(crate) const SEALED: u8 = 8;
    /// The metadata are all bytes behind the fields.
    pub(crate) const METADATA: u8 = 16;
    pub(crate) const ALL: u8 = 31 & !Self::SEALED;
}

/// A file from a byte of [`Repair`] and its bytes, and its mode.
pub(crate) fn forge(input: &[u8], id: Uuid) -> Option<(Image, u32)> {
    let (repair, bytes) = input.split_first()?;
    let repairs = |what: u8| repair & what != 0;
    let mut image = Image(bytes.to_vec());
    if bytes.len() >= at::METADATA {
        if repairs(Repair::METADATA) {
            image.set_whole_metadata();
        }
        if repairs(Repair::ID) {
            image.put(at::ID, id.as_bytes());
        }
        if repairs(Repair::LENGTH) {
            image.set_length();
        }
        if repairs(Repair::CHECKSUM) {
            image.sign();
        }
    }
    Some((image, if repairs(Repair::SEALED) { 0o400 } else { 0o600 }))
}

impl Image {
    pub(crate) fn id(&self) -> Uuid {
        Uuid::from_slice(&self.0[at::ID..at::ID + 16]).unwrap()
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    /// The fields and the metadata, which is what a seed needs of a file whose payload does not matter.
    pub(crate) fn without_payload(&self) -> Vec<u8> {
        self.0[..at::METADATA + self.metadata_len()].to_vec()
    }

    fn set_whole_metadata(&mut self) {
        let len = self.0.len() - at::METADATA;
        let header_len = self.0.len().next_multiple_of(UNIT);
        self.put(at::HEADER_LEN, &u32::try_from(header_len).unwrap().to_le_bytes());
        self.put(at::METADATA_LEN, &u32::try_from(len).unwrap().to_le_bytes());
    }

    fn set_length(&mut self) {
        let len = u64::from(self.u32(at::HEADER_LEN)).saturating_add(self.u64(at::CAPACITY));
        if (at::METADATA as u64..=LONGEST).contains(&len) {
            self.0.resize(usize::try_from(len).unwrap(), 0);
        }
    }
}

/// The header of a file that is right in everything, if the metadata are.
fn header(id: Uuid, role: u32, state: u64, capacity: u64, data_len: u64, metadata: &[u8]) -> Image {
    let mut image = Image(vec![0; UNIT]);
    image
        .put(0, b"\x89DSM\r\n\x1a\n")
        .put(at::VERSION, &1u32.to_le_bytes())
        .put(at::HEADER_LEN, &u32::try_from(UNIT).unwrap().to_le_bytes())
        .put(at::ID, id.as_bytes())
        .put(at::CAPACITY, &capacity.to_le_bytes())
        .put(at::ROLE, &role.to_le_bytes())
        .put(at::DATA_LEN, &data_len.to_le_bytes())
        .put(at::STATE, &state.to_le_bytes())
        .set_metadata(metadata);
    image.set_length();
    image
}

/// A file of this metadata. `what` says its role, and of a scene whether it is sealed.
pub(crate) fn around_metadata(what: u8, metadata: &[u8], id: Uuid) -> (Image, u32) {
    let role = u32::from(what % 4) + 1;
    let claimed = serde_json::from_slice::<Value>(metadata).ok();
    let size = claimed.as_ref().and_then(|metadata| metadata["size"].as_u64());
    let compressed = claimed.is_some_and(|metadata| metadata.get("codec").is_some());
    let capacity = match (role, size) {
        (2, Some(size)) if size <= LONGEST / 2 && !compressed => size,
        (4, _) => 0,
        _ => 1000,
    };
    let (state, data_len, mode) = match (role, what & 4 == 0) {
        (2, true) => (2, capacity, 0o400),
        (2, false) => (1, 0, 0o600),
        _ => (0, capacity / 2, 0o600),
    };
    (header(id, role, state, capacity, data_len, metadata), mode)
}

/// A sealed scene with a compressed payload: three bytes say how it is laid out and how the rest becomes its payload, as
/// it is or as the blocks of frames that are right otherwise. Nothing for inputs that are not meant for this.
pub(crate) fn compressed(input: &[u8], id: Uuid) -> Option<Image> {
    const CHUNK: u64 = 1 << 16;
    let (&[how, low, high], rest) = input.split_first_chunk()?;
    if how & 4 != 0 {
        return None;
    }
    let size = u64::from(u16::from_le_bytes([low, high])) * if how & 1 == 0 { 1 } else { 4 };
    let mut metadata = json!({"kind": "Geometry", "size": size, "codec": {"name": "lz4-frames", "chunk_size": CHUNK}});
    let mut chunks = size.div_ceil(CHUNK);
    if how & 2 != 0 {
        let (first, second) = (size / 3 / 64 * 64, size / 2 / 64 * 64);
        let shuffled = if how & 32 == 0 { json!(true) } else { json!("bits") };
        metadata["arrays"] = json!({
            "a": {"dtype": "<f4", "shape": [(second - first) / 4], "offset": 0, "shuffled": shuffled},
            "b": {"dtype": "<f2", "shape": [(size - second) / 2], "offset": second, "shuffled": how & 16 != 0},
        });
        chunks = second.div_ceil(CHUNK) + (size - second).div_ceil(CHUNK);
    }
    let payload = if how & 8 == 0 {
        rest.to_vec()
    } else {
        frames(rest, usize::try_from(chunks).unwrap())
    };
    let len = payload.len() as u64;
    let mut image = header(id, 2, 2, len, len, &serde_json::to_vec(&metadata).unwrap());
    let start = image.header_len();
    image.0.truncate(start);
    image.0.extend(payload);
    Some(image)
}

/// So many frames, after their index. Each holds one block: a length of two bytes, and as many as there are of it.
fn frames(mut blocks: &[u8], count: usize) -> Vec<u8> {
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max1MB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(b"x").unwrap();
    let start = encoder.finish().unwrap()[..7].to_vec();
    let mut index = 0x184D_2A50_u32.to_le_bytes().to_vec();
    index.extend(u32::try_from(count * 4).unwrap().to_le_bytes());
    let mut frames = Vec::new();
    for _ in 0..count {
        let (len, rest) = blocks.split_first_chunk().unwrap_or((&[0, 0], &[]));
        let (block, rest) = rest.split_at(rest.len().min(u16::from_le_bytes(*len).into()));
        blocks = rest;
        let len = u32::try_from(block.len()).unwrap();
        let frame = [&start, &len.to_le_bytes()[..], block, &[0; 4]].concat();
        index.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
        frames.extend(frame);
    }
    [index, frames].concat()
}
