//! Who this process is, as others are told.

use std::fs;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::fork::process_generation;

/// Longest name of a program that the kernel keeps, with the zero behind it.
pub(crate) const PROGRAM_LEN: usize = 16;

/// A process, as people look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// What the kernel calls the program, filled up with zeros.
    pub(crate) program: [u8; PROGRAM_LEN],
}

/// What was found when it was first asked, and the process generation + 1 that it is of. Threads that ask at once find
/// the same, so there is no lock, which a forked child could find taken.
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

/// The name of the main thread, not that of the one that asks; nothing where `/proc` is not to be had.
fn program() -> [u8; PROGRAM_LEN] {
    let mut name = [0; PROGRAM_LEN];
    let comm = fs::read("/proc/self/comm").unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    let len = comm.len().min(PROGRAM_LEN - 1);
    name[..len].copy_from_slice(&comm[..len]);
    name
}
