//! Who this process is, as others are told.

use std::fs;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::fork::process_generation;
use crate::sys::{Identity, PROGRAM_LEN, SeenProcess};

/// The process generation + 1 that the values below are of. Threads that ask the system at once find the same values,
/// so no lock is needed, which a forked child could find taken.
static KNOWN: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);
static PROGRAM: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// This process. The system is asked once for each process.
pub(crate) fn identity() -> Identity {
    let mine = process_generation() + 1;
    if KNOWN.load(Ordering::Acquire) != mine {
        PID.store(std::process::id(), Ordering::Relaxed);
        let name = program();
        for (word, half) in PROGRAM.iter().zip(name.as_chunks::<8>().0) {
            word.store(u64::from_le_bytes(*half), Ordering::Relaxed);
        }
        KNOWN.store(mine, Ordering::Release);
    }
    let mut program = [0; PROGRAM_LEN];
    for (half, word) in program.as_chunks_mut::<8>().0.iter_mut().zip(&PROGRAM) {
        *half = word.load(Ordering::Relaxed).to_le_bytes();
    }
    Identity {
        pid: PID.load(Ordering::Relaxed),
        program,
    }
}

/// Looks at a process, if there is one and `/proc` shows it.
pub(crate) fn look_at_process(pid: u32) -> Option<SeenProcess> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Of a line such as `123 (blender) T 1 …`. The name may have brackets and spaces in it.
fn parse_stat(stat: &[u8]) -> Option<SeenProcess> {
    let stat = String::from_utf8_lossy(stat);
    let (before, after) = stat.rsplit_once(')')?;
    let (_, program) = before.split_once('(')?;
    Some(SeenProcess {
        program: program.to_owned(),
        stopped: matches!(after.split_ascii_whitespace().next()?, "T" | "t"),
    })
}

/// The name of the main thread, not that of the one that asks; nothing where `/proc` is not to be had.
fn program() -> [u8; PROGRAM_LEN] {
    let mut name = [0; PROGRAM_LEN];
    let comm = fs::read("/proc/self/comm").unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    let len = comm.len().min(PROGRAM_LEN - 1);
    name[..len].copy_from_slice(&comm[..len]);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_whatever_it_calls_itself() {
        let seen = |program: &str, stopped| {
            let program = program.to_owned();
            Some(SeenProcess { program, stopped })
        };
        assert_eq!(parse_stat(b"7 (a) T 1 (b) R 1 2"), seen("a) T 1 (b", false));
        assert_eq!(parse_stat(b"7 (maya) t 1"), seen("maya", true));
        assert_eq!(parse_stat(b"7 (maya)"), None);
        let own = look_at_process(std::process::id()).expect("Linux shows it");
        assert_eq!(
            own.program.as_bytes(),
            identity().program.split(|&byte| byte == 0).next().expect("one")
        );
    }
}
