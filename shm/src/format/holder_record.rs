//! The process that was given a slot: a record in the slot's header, for people and messages. The slot's locks decide whether
//! the process still has it.

use crate::holder::SlotHolder;
use crate::sys::{self, Identity, PROGRAM_LEN};
use crate::text::{printable, rfc3339};

const AT_SINCE: usize = 0;
const AT_PID: usize = AT_SINCE + 8;
const AT_PROGRAM: usize = AT_PID + 4;
const AT_GENERATION: usize = AT_PROGRAM + PROGRAM_LEN;
const LEN: usize = AT_GENERATION + 4;
/// Size of a record in words, which is how it is written.
pub(crate) const HOLDER_WORDS: usize = LEN / 8;

/// The record as it lies in a header: any bytes at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct HolderRecord(pub(crate) [u64; HOLDER_WORDS]);

impl HolderRecord {
    /// That this process has a slot from now on, which it was given in this generation.
    pub(crate) fn mine(generation: u64) -> Self {
        let Identity { pid, program } = sys::identity();
        let since = u64::try_from(sys::wall_time().as_nanos()).unwrap_or(u64::MAX);
        let mut bytes = [0; LEN];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(AT_SINCE, &since.to_le_bytes());
        put(AT_PID, &pid.to_le_bytes());
        put(AT_PROGRAM, &program);
        put(AT_GENERATION, &low_half(generation));
        let mut record = Self::default();
        for (word, bytes) in record.0.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        record
    }

    /// What it says of a slot's generation. A program that gives slots out without a record leaves an older one.
    pub(crate) fn of(self, generation: u64) -> Option<SlotHolder> {
        let mut bytes = [0; LEN];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *bytes = word.to_le_bytes();
        }
        let pid = u32::from_le_bytes(bytes[AT_PID..AT_PROGRAM].try_into().ok()?);
        if pid == 0 || bytes[AT_GENERATION..] != low_half(generation) {
            return None;
        }
        let program = bytes[AT_PROGRAM..AT_GENERATION].split(|&byte| byte == 0).next()?;
        Some(SlotHolder {
            pid,
            program: printable(&String::from_utf8_lossy(program)),
            since: rfc3339(self.0[AT_SINCE / 8]),
        })
    }
}

fn low_half(generation: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = generation.to_le_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_who_this_process_is() {
        let holder = HolderRecord::mine(1 << 40 | 7)
            .of(1 << 40 | 7)
            .expect("a record of this generation");
        assert_eq!(holder.pid, std::process::id());
        let comm = std::fs::read_to_string("/proc/self/comm").expect("Linux has it");
        assert_eq!(holder.program, comm.trim_end());
        assert!(
            holder.since.starts_with("20") && holder.since.ends_with('Z'),
            "{}",
            holder.since
        );
    }

    #[test]
    fn a_record_of_another_generation_and_none_say_nothing() {
        let record = HolderRecord::mine(7);
        assert_eq!(record.of(8), None);
        assert_eq!(HolderRecord::default().of(0), None);
    }

    #[test]
    fn any_bytes_make_short_printable_text() {
        for byte in 0..=u8::MAX {
            let mut record = HolderRecord([u64::from_le_bytes([byte; 8]); HOLDER_WORDS]);
            record.0[0] = u64::MAX;
            let generation = u64::from(u32::from_le_bytes([byte; 4]));
            let Some(holder) = record.of(generation) else {
                assert_eq!(byte, 0);
                continue;
            };
            assert!(!holder.program.chars().any(char::is_control), "{:?}", holder.program);
            assert!(holder.program.len() <= 16 * 8, "{:?}", holder.program);
            assert_eq!(holder.since.len(), "2554-07-21T23:34:33.709551Z".len());
        }
    }
}
