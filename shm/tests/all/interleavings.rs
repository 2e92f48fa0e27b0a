//! All interleavings of the steps that processes take on a buffer and on a slot, with a death at each step, in a model of
//! them: memory in the order of the program, locks as the kernel has them. The steps are those of `buffer`,
//! `buffer_access`, `data_lock`, `slot` and `buffer_open`; whoever changes their order changes it here. Each guard is also left
//! out once, to see that the search would find what it keeps from happening.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use crate::common::print;

/// One state of everything; a process is the number of it.
trait State: Clone + Eq + Hash + Debug {
    const PROCESSES: usize;
    /// What the next step of a process leads to: nothing if it has ended, the same state if it has to wait.
    fn step(&self, process: usize) -> Option<Result<Self, &'static str>>;
    /// The state after the kernel has dropped all that a process had.
    fn death(&self, process: usize) -> Self;
    /// What must hold in every state.
    fn check(&self) -> Result<(), &'static str>;
}

/// Goes through all states that can be reached, and gives their number or what is wrong with one of them.
fn explore<S: State>(start: S) -> Result<usize, &'static str> {
    let mut seen = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([start]);
    while let Some(state) = queue.pop_front() {
        state.check()?;
        let (mut ended, mut moved) = (true, false);
        for process in 0..S::PROCESSES {
            let Some(next) = state.step(process) else { continue };
            let next = next?;
            ended = false;
            moved |= next != state;
            for next in [next, state.death(process)] {
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        if !ended && !moved {
            return Err("everybody waits for ever");
        }
    }
    Ok(seen.len())
}

/// A lock of the kernel: who has it, a bit for each process, and whether alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Lock {
    holders: u8,
    exclusive: bool,
}

impl Lock {
    fn take(&mut self, process: usize, exclusive: bool) -> bool {
        let others = self.holders & !(1 << process);
        if others != 0 && (exclusive || self.exclusive) {
            return false;
        }
        *self = Self {
            holders: others | 1 << process,
            exclusive,
        };
        true
    }

    fn drop_of(&mut self, process: usize) {
        self.holders &= !(1 << process);
        self.exclusive &= self.holders != 0;
    }
}

/// What keeps a rule; each is left out once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Guard {
    /// None is left out.
    None,
    /// A reader without a lock looks at the sequence again after its copy.
    SecondLook,
    /// A reader without a lock does not begin while the sequence is odd.
    OddIsNotRead,
    /// A reader with the lock refuses what is odd.
    OddIsInterrupted,
    /// A writer makes the sequence odd whatever it was.
    OddWhileWriting,
    /// A writer takes the data lock.
    WriterLocks,
    /// Who took a slot looks at its generation after the lock has become a shared one.
    GenerationOfTaker,
    /// Who opens a slot compares its generation with that of the descriptor.
    GenerationOfOpener,
    /// Who opens a slot locks its data.
    OpenerLocksData,
    /// The file of a slot is locked alone while its generation is counted up.
    TakerIsAlone,
}

mod buffer {
    use super::{Guard, Lock, State};

    /// How often a reader tries without a lock.
    const OPTIMISTIC_READS: u8 = 2;
    const WRITERS: usize = 3;

    /// What a process is about to do. A writer writes its number and one more, in two places.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Next {
        WriteGate,
        WriteLock,
        WriteOpenGate,
        MakeOdd,
        StoreData,
        StoreLen,
        MakeEven { sequence: u8 },
        WriteUnlock,
        LookFirst { tries: u8 },
        ReadLen { tries: u8, before: u8 },
        ReadData { tries: u8, before: u8, len: u8 },
        LookAgain { tries: u8, before: u8, len: u8, data: u8 },
        ReadGate,
        ReadLock,
        ReadOpenGate,
        LookLocked,
        ReadLenLocked,
        ReadDataLocked { len: u8 },
        ReadUnlock { len: u8, data: u8 },
        End,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    pub(super) struct Buffer {
        without: Guard,
        gate: Lock,
        lock: Lock,
        sequence: u8,
        data: u8,
        len: u8,
        /// Whether the last one to write died before it had finished.
        torn: bool,
        next: [Next; Self::PROCESSES],
    }

    impl Buffer {
        pub(super) fn new(without: Guard) -> Self {
            let mut next = [Next::LookFirst { tries: 0 }; Self::PROCESSES];
            next[..WRITERS].fill(Next::WriteGate);
            Self {
                without,
                gate: Lock::default(),
                lock: Lock::default(),
                sequence: 0,
                data: 0,
                len: 0,
                torn: false,
                next,
            }
        }

        fn has(&self, guard: Guard) -> bool {
            self.without != guard
        }
    }

    impl State for Buffer {
        const PROCESSES: usize = WRITERS + 2;

        fn step(&self, process: usize) -> Option<Result<Self, &'static str>> {
            let mut new = self.clone();
            let value = u8::try_from(process).unwrap() + 1;
            let mixture = Err("a reader was given a mixture");
            new.next[process] = match self.next[process] {
                Next::End => return None,
                Next::WriteGate if new.gate.take(process, true) => Next::WriteLock,
                Next::WriteLock if !self.has(Guard::WriterLocks) || new.lock.take(process, true) => Next::WriteOpenGate,
                Next::WriteOpenGate => {
                    new.gate.drop_of(process);
                    Next::MakeOdd
                }
                Next::MakeOdd => {
                    let odd = self.sequence | 1;
                    new.sequence = if self.has(Guard::OddWhileWriting) {
                        odd
                    } else {
                        self.sequence + 1
                    };
                    new.torn = true;
                    Next::StoreData
                }
                Next::StoreData => {
                    new.data = value;
                    Next::StoreLen
                }
                Next::StoreLen => {
                    new.len = value;
                    Next::MakeEven {
                        sequence: self.sequence + 1,
                    }
                }
                Next::MakeEven { sequence } => {
                    (new.sequence, new.torn) = (sequence, false);
                    Next::WriteUnlock
                }
                Next::WriteUnlock | Next::ReadUnlock { .. } => {
                    new.lock.drop_of(process);
                    if matches!(self.next[process], Next::ReadUnlock { len, data } if len != data) {
                        return Some(mixture);
                    }
                    Next::End
                }
                Next::LookFirst {
                    tries: OPTIMISTIC_READS,
                } => Next::ReadGate,
                Next::LookFirst { .. } if self.sequence % 2 == 1 && self.has(Guard::OddIsNotRead) => Next::ReadGate,
                Next::LookFirst { tries } => Next::ReadLen {
                    tries,
                    before: self.sequence,
                },
                Next::ReadLen { tries, before } => Next::ReadData {
                    tries,
                    before,
                    len: self.len,
                },
                Next::ReadData { tries, before, len } => Next::LookAgain {
                    tries,
                    before,
                    len,
                    data: self.data,
                },
                Next::LookAgain { tries, before, .. } if before != self.sequence && self.has(Guard::SecondLook) => {
                    Next::LookFirst { tries: tries + 1 }
                }
                Next::LookAgain { len, data, .. } if len != data => return Some(mixture),
                Next::LookAgain { .. } => Next::End,
                Next::ReadGate if new.gate.take(process, false) => Next::ReadLock,
                Next::ReadLock if new.lock.take(process, false) => Next::ReadOpenGate,
                Next::ReadOpenGate => {
                    new.gate.drop_of(process);
                    Next::LookLocked
                }
                Next::LookLocked if self.sequence % 2 == 1 && self.has(Guard::OddIsInterrupted) => {
                    if !self.torn
                        || self
                            .next
                            .iter()
                            .any(|next| matches!(next, Next::StoreData | Next::StoreLen))
                    {
                        return Some(Err("a writer that lives was taken for dead"));
                    }
                    new.lock.drop_of(process);
                    Next::End
                }
                Next::LookLocked => Next::ReadLenLocked,
                Next::ReadLenLocked => Next::ReadDataLocked { len: self.len },
                Next::ReadDataLocked { len } => Next::ReadUnlock { len, data: self.data },
                waits @ (Next::WriteGate | Next::WriteLock | Next::ReadGate | Next::ReadLock) => waits,
            };
            Some(Ok(new))
        }

        fn death(&self, process: usize) -> Self {
            let mut new = self.clone();
            new.next[process] = Next::End;
            new.gate.drop_of(process);
            new.lock.drop_of(process);
            new
        }

        fn check(&self) -> Result<(), &'static str> {
            let writing = self.lock.exclusive;
            if !writing && self.has(Guard::WriterLocks) && (self.sequence % 2 == 1) != self.torn {
                return Err("the sequence does not say whether the last writer died");
            }
            Ok(())
        }
    }
}

mod slot {
    use super::{Guard, Lock, State};

    const TAKERS: usize = 3;
    /// The generation that the descriptors of the openers have.
    const EXPECTED: u8 = 1;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Next {
        TakeAlone,
        Load,
        Count {
            mine: u8,
        },
        Empty {
            mine: u8,
        },
        /// The kernel drops the exclusive lock before it grants the shared one.
        LetGo {
            mine: u8,
        },
        Share {
            mine: u8,
        },
        LookAgain {
            mine: u8,
        },
        Mark {
            mine: u8,
        },
        /// From here to `Unmark` it has the slot.
        LockData {
            mine: u8,
        },
        Write {
            mine: u8,
        },
        UnlockData,
        Unmark,
        GiveBack,
        Open,
        LookFirst,
        OpenerLock,
        LookLast,
        /// From here to `Close` it has the slot open.
        Read,
        ReadAgain {
            data: u8,
        },
        Close,
        End,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    pub(super) struct Slot {
        without: Guard,
        file: Lock,
        data_lock: Lock,
        mark: Lock,
        generation: u8,
        /// Of which generation the data are; 0 is none.
        data: u8,
        next: [Next; Self::PROCESSES],
    }

    impl Slot {
        pub(super) fn new(without: Guard) -> Self {
            let mut next = [Next::Open; Self::PROCESSES];
            next[..TAKERS].fill(Next::TakeAlone);
            Self {
                without,
                file: Lock::default(),
                data_lock: Lock::default(),
                mark: Lock::default(),
                generation: 0,
                data: 0,
                next,
            }
        }

        fn has(&self, guard: Guard) -> bool {
            self.without != guard
        }

        fn is_stale(&self) -> bool {
            self.generation != EXPECTED && self.has(Guard::GenerationOfOpener)
        }
    }

    impl State for Slot {
        const PROCESSES: usize = TAKERS + 2;

        fn step(&self, process: usize) -> Option<Result<Self, &'static str>> {
            let mut new = self.clone();
            new.next[process] = match self.next[process] {
                Next::End => return None,
                Next::TakeAlone if new.file.take(process, self.has(Guard::TakerIsAlone)) => Next::Load,
                Next::Load => Next::Count {
                    mine: self.generation + 1,
                },
                Next::Count { mine } => {
                    new.generation = mine;
                    Next::Empty { mine }
                }
                Next::Empty { mine } => {
                    new.data = 0;
                    Next::LetGo { mine }
                }
                Next::LetGo { mine } => {
                    new.file.drop_of(process);
                    Next::Share { mine }
                }
                Next::Share { mine } if new.file.take(process, false) => Next::LookAgain { mine },
                Next::LookAgain { mine } if mine == self.generation || !self.has(Guard::GenerationOfTaker) => {
                    Next::Mark { mine }
                }
                Next::Mark { mine } if new.mark.take(process, true) => Next::LockData { mine },
                Next::Mark { .. } => return Some(Err("a slot was given to two at once")),
                Next::LockData { mine } if new.data_lock.take(process, true) => Next::Write { mine },
                // Somebody came between, and the next slot is tried; or a reader has it open, and its holder is told.
                Next::Share { .. } | Next::LookAgain { .. } | Next::LockData { .. } => Next::Unmark,
                Next::Write { mine } => {
                    new.data = mine;
                    Next::UnlockData
                }
                Next::UnlockData => {
                    new.data_lock.drop_of(process);
                    Next::Unmark
                }
                Next::Unmark => {
                    new.mark.drop_of(process);
                    Next::GiveBack
                }
                Next::Open if new.file.take(process, false) => Next::LookFirst,
                Next::LookFirst | Next::LookLast if self.is_stale() => Next::Close,
                Next::LookFirst => Next::OpenerLock,
                Next::OpenerLock if !self.has(Guard::OpenerLocksData) || new.data_lock.take(process, false) => {
                    Next::LookLast
                }
                Next::LookLast => Next::Read,
                Next::Read if self.data != EXPECTED && self.data != 0 => {
                    return Some(Err("the data of another generation were read"));
                }
                Next::Read => Next::ReadAgain { data: self.data },
                Next::ReadAgain { data } if data != self.data => {
                    return Some(Err("the data changed under one who has the slot open"));
                }
                Next::ReadAgain { .. } => Next::Close,
                Next::GiveBack | Next::Close => {
                    new.data_lock.drop_of(process);
                    new.file.drop_of(process);
                    Next::End
                }
                waits @ (Next::TakeAlone | Next::Open | Next::OpenerLock) => waits,
            };
            Some(Ok(new))
        }

        fn death(&self, process: usize) -> Self {
            let mut new = self.clone();
            new.next[process] = Next::End;
            for lock in [&mut new.file, &mut new.data_lock, &mut new.mark] {
                lock.drop_of(process);
            }
            new
        }

        fn check(&self) -> Result<(), &'static str> {
            let ended = self.next.iter().all(|next| *next == Next::End);
            if ended && [self.file, self.data_lock, self.mark] != [Lock::default(); 3] {
                return Err("a slot that nobody has is locked");
            }
            for next in self.next {
                let mine = match next {
                    Next::LockData { mine } | Next::Write { mine } => mine,
                    Next::Read | Next::ReadAgain { .. } => EXPECTED,
                    _ => continue,
                };
                if mine != self.generation {
                    return Err("somebody has a slot of another generation");
                }
            }
            Ok(())
        }
    }
}

#[test]
fn no_interleaving_gives_a_reader_a_mixture_or_hides_that_a_writer_died() {
    let states = explore(buffer::Buffer::new(Guard::None)).unwrap();
    print(&format!("buffer: {states} states"));
    for without in [
        Guard::SecondLook,
        Guard::OddIsNotRead,
        Guard::OddIsInterrupted,
        Guard::OddWhileWriting,
        Guard::WriterLocks,
    ] {
        let found = explore(buffer::Buffer::new(without));
        print(&format!("without {without:?}: {found:?}"));
        assert!(found.is_err(), "without {without:?}: {found:?}");
    }
}

#[test]
fn no_interleaving_gives_a_slot_to_two_or_a_reader_another_generation() {
    let states = explore(slot::Slot::new(Guard::None)).unwrap();
    print(&format!("slot: {states} states"));
    for without in [
        Guard::GenerationOfTaker,
        Guard::GenerationOfOpener,
        Guard::OpenerLocksData,
        Guard::TakerIsAlone,
    ] {
        let found = explore(slot::Slot::new(without));
        print(&format!("without {without:?}: {found:?}"));
        assert!(found.is_err(), "without {without:?}: {found:?}");
    }
}
