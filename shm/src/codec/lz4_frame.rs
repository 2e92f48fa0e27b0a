//! A chunk as one standard LZ4 frame, from and to memory of the caller. An encoder of `lz4_flex` has one size of content for all
//! its frames, so there would be a new one for each chunk; and it and the decoder copy everything through buffers of their own,
//! which takes several times as long as the compression where they are new.
//!
//! Frames have independent blocks and a checksum of each block as it is stored, so that it takes hardly any time where much
//! becomes little. A frame that is written here has one block; any number is read, and a checksum of the content.

use lz4_flex::block::{self, CompressTable};
use twox_hash::XxHash32;

use crate::sys::{NoMemory, expect_memory, reserved};

const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
const VERSION: u8 = 0b0100_0000;
const INDEPENDENT_BLOCKS: u8 = 0b0010_0000;
const BLOCK_CHECKSUMS: u8 = 0b0001_0000;
const CONTENT_SIZE: u8 = 0b0000_1000;
const CONTENT_CHECKSUM: u8 = 0b0000_0100;
/// Version, reserved bits and the dictionary's.
const MUST_BE_AS_WRITTEN: u8 = 0b1100_0011;
/// A block of at most 1 MiB.
const BLOCK_SIZE: u8 = 6;
/// The bit of a block's length that says that it is not compressed.
const STORED: u32 = 1 << 31;

const END_MARK: [u8; 4] = [0; 4];

/// The most bytes that one frame holds.
pub(crate) const MAX_CONTENT: usize = 1 << 20;
/// Bytes of a frame that is written beside its block's: magic, description, length and checksum of the block, and the end.
const OVERHEAD: usize = 27;

/// Makes frames, one behind the other. It is reused, as its memory costs more than a chunk does; all of that is reserved when
/// it is made, as there may be none left later.
pub(crate) struct FrameWriter {
    /// The frames, and behind them room for more.
    memory: Vec<u8>,
    len: usize,
    table: CompressTable,
}

impl FrameWriter {
    /// With room for `frames` frames, each of at most `content` bytes.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(crate) fn with_room(frames: usize, content: usize) -> Result<Self, NoMemory> {
        let memory = reserved(Self::room(frames, content))?;
        // Built with `alloc`, as for this crate's tests, `lz4_flex` allocates the table, and no memory for it would be the end
        // of the process: there was some for twice as much just now.
        expect_memory(2 * size_of::<[u32; 4096]>())?;
        Ok(Self {
            memory,
            len: 0,
            table: CompressTable::large(),
        })
    }

    /// Bytes that are reserved for `frames` frames.
    pub(crate) fn room(frames: usize, content: usize) -> usize {
        frames * (content + OVERHEAD) + block::get_maximum_output_size(content)
    }

    /// The frames so far.
    pub(crate) fn frames(&self) -> &[u8] {
        &self.memory[..self.len]
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// The bytes that a chunk compresses to; as many as it has if it does not.
    pub(crate) fn compressed_len(&mut self, content: &[u8]) -> usize {
        self.compress(content).unwrap_or(content.len())
    }

    /// Appends a frame of at most [`MAX_CONTENT`] bytes, and gives its length. Content that does not become smaller is stored
    /// as it is.
    pub(crate) fn append(&mut self, content: &[u8]) -> u32 {
        debug_assert!(content.len() <= MAX_CONTENT, "a larger block would be refused");
        let start = self.len;
        self.put(&MAGIC);
        self.put(&[
            VERSION | INDEPENDENT_BLOCKS | BLOCK_CHECKSUMS | CONTENT_SIZE,
            BLOCK_SIZE << 4,
        ]);
        self.put(&(content.len() as u64).to_le_bytes());
        let checksum = header_checksum(&self.frames()[start + MAGIC.len()..]);
        self.put(&[checksum]);
        if !content.is_empty() {
            self.put_block(content);
        }
        self.put(&END_MARK);
        len_of(&self.frames()[start..])
    }

    /// A block's length is known when it is there.
    fn put_block(&mut self, content: &[u8]) {
        let at_len = self.len;
        self.put(&[0; 4]);
        let block = self.len;
        let flag = if let Some(len) = self.compress(content) {
            self.len += len;
            0
        } else {
            self.put(content);
            STORED
        };
        let len = len_of(&self.frames()[block..]) | flag;
        self.memory[at_len..block].copy_from_slice(&len.to_le_bytes());
        self.put(&XxHash32::oneshot(0, &self.frames()[block..]).to_le_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.memory[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Compresses behind what is there, and gives the length of that if it is smaller than the content.
    fn compress(&mut self, content: &[u8]) -> Option<usize> {
        self.make_room(block::get_maximum_output_size(content.len()));
        let room = &mut self.memory[self.len..];
        block::compress_into_with_table(content, room, &mut self.table)
            .ok()
            .filter(|len| *len < content.len())
    }

    /// Lengthens the memory, so that `len` bytes behind the frames can be written.
    fn make_room(&mut self, len: usize) {
        debug_assert!(self.len + len <= self.memory.capacity(), "room was made for all frames");
        if self.memory.len() < self.len + len {
            self.memory.resize(self.len + len, 0);
        }
    }
}

/// Fills all of `content` from a frame that must hold exactly as much; `None` if the frame is not valid.
pub(crate) fn read_frame(frame: &[u8], content: &mut [u8]) -> Option<()> {
    let mut rest = frame;
    if take(&mut rest)? != MAGIC {
        return None;
    }
    let header = rest;
    let [flags, block_size] = take(&mut rest)?;
    if flags & MUST_BE_AS_WRITTEN != VERSION || flags & INDEPENDENT_BLOCKS == 0 || block_size & 0b1000_1111 != 0 {
        return None;
    }
    let max_block = match block_size >> 4 {
        code @ 4..=7 => 1 << (8 + 2 * code),
        _ => return None,
    };
    if flags & CONTENT_SIZE != 0 && u64::from_le_bytes(take(&mut rest)?) != content.len() as u64 {
        return None;
    }
    let described = &header[..header.len() - rest.len()];
    if take(&mut rest)? != [header_checksum(described)] {
        return None;
    }
    let mut filled = 0;
    loop {
        let len = u32::from_le_bytes(take(&mut rest)?);
        if len == 0 {
            break;
        }
        let (block, after) = rest.split_at_checked((len & !STORED) as usize)?;
        rest = after;
        if flags & BLOCK_CHECKSUMS != 0 && u32::from_le_bytes(take(&mut rest)?) != XxHash32::oneshot(0, block) {
            return None;
        }
        let room = content.len() - filled;
        let target = &mut content[filled..][..room.min(max_block)];
        filled += if len & STORED == 0 {
            block::decompress_into(block, target).ok()?
        } else {
            target.get_mut(..block.len())?.copy_from_slice(block);
            block.len()
        };
    }
    let is_whole = filled == content.len()
        && (flags & CONTENT_CHECKSUM == 0 || u32::from_le_bytes(take(&mut rest)?) == XxHash32::oneshot(0, content))
        && rest.is_empty();
    is_whole.then_some(())
}

/// Takes bytes from the front.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

fn len_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a frame is hardly longer than 1 MiB")
}

/// The checksum of a frame's description: second byte of its hash.
fn header_checksum(description: &[u8]) -> u8 {
    XxHash32::oneshot(0, description).to_le_bytes()[1]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::io::{Read, Write};

    use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
    use proptest::prelude::*;

    use super::*;

    fn content() -> impl Strategy<Value = Vec<u8>> {
        let runs = prop::collection::vec((any::<u8>(), 0usize..300), 0..300);
        let repeated = runs.prop_map(|runs| runs.into_iter().flat_map(|(byte, n)| vec![byte; n]).collect());
        prop_oneof![repeated, prop::collection::vec(any::<u8>(), 0..5000)]
    }

    fn written(content: &[u8]) -> Vec<u8> {
        let mut writer = FrameWriter::with_room(2, content.len().max(10)).unwrap();
        let before = writer.append(b"before") as usize;
        let len = writer.append(content) as usize;
        assert_eq!(writer.frames().len(), before + len);
        writer.frames()[before..].to_vec()
    }

    proptest! {
        #![proptest_config(crate::properties::config(256))]

        #[test]
        fn others_read_what_is_written(content in content()) {
            let frame = written(&content);
            let mut read = Vec::new();
            FrameDecoder::new(&frame[..]).read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, &content);
            let mut back = vec![0; content.len()];
            prop_assert!(read_frame(&frame, &mut back).is_some());
            prop_assert_eq!(&back, &content);
        }

        #[test]
        fn what_others_write_is_read(content in content(), block: bool, whole: bool, size: bool) {
            let info = FrameInfo::new()
                .block_mode(BlockMode::Independent)
                .block_size(BlockSize::Max64KB)
                .block_checksums(block)
                .content_checksum(whole)
                .content_size(size.then_some(content.len() as u64));
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(&content).unwrap();
            let frame = encoder.finish().unwrap();
            let mut back = vec![0; content.len()];
            prop_assert!(read_frame(&frame, &mut back).is_some());
            prop_assert_eq!(back, content);
        }

        #[test]
        fn a_flipped_bit_and_a_wrong_length_never_give_other_content(content in content(), bit: prop::sample::Index) {
            let mut frame = written(&content);
            prop_assert!(read_frame(&frame, &mut vec![0; content.len() + 1]).is_none());
            for len in 0..frame.len() {
                prop_assert!(read_frame(&frame[..len], &mut vec![0; content.len()]).is_none());
            }
            let bit = bit.index(frame.len() * 8);
            frame[bit / 8] ^= 1 << (bit % 8);
            let mut read = vec![0; content.len()];
            prop_assert!(read_frame(&frame, &mut read).is_none() || read == content);
        }
    }

    #[test]
    fn several_blocks_are_read() {
        let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let info = FrameInfo::new()
            .block_mode(BlockMode::Independent)
            .block_size(BlockSize::Max64KB)
            .content_checksum(true);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&content).unwrap();
        let mut back = vec![0; content.len()];
        read_frame(&encoder.finish().unwrap(), &mut back).unwrap();
        assert_eq!(back, content);
    }
}
