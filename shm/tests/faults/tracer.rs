//! Runs a part of a child process one system call at a time, makes one of the calls fail, or kills the child after one.
//!
//! The child marks the part with two signals to itself, which never reach it. A call that is to fail is not made: the kernel is
//! told to skip it, and the child finds the error as its result.

use std::collections::BTreeMap;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Begins the part that is traced.
const BEGIN: Signal = Signal::SIGUSR1;
/// Ends it.
const END: Signal = Signal::SIGUSR2;

/// What happens to the child.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    None,
    /// The call of this number, counted over all threads, fails.
    ErrorAt(usize, Errno),
    /// Every call of this kind fails.
    EveryError(u64, Errno),
    /// The child is killed as soon as this many calls have been made.
    KillAfter(usize),
}

/// What the child did in the part that was traced.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The calls that could be made to fail, by their numbers in the kernel's table.
    pub(crate) calls: Vec<u64>,
    /// Those of them that did.
    pub(crate) failed: Vec<u64>,
    /// Whether the child is gone, and how.
    pub(crate) died: Option<WaitStatus>,
}

/// In the child: runs what is to be traced.
pub(crate) fn traced<T>(part: impl FnOnce() -> T) -> T {
    raise(BEGIN).unwrap();
    let result = part();
    raise(END).unwrap();
    result
}

/// A thread of the child.
#[derive(Default)]
struct Thread {
    /// Whether it has entered a call and not left it.
    in_call: bool,
    /// What the call it is in is to give instead of being made.
    error: Option<Errno>,
    /// Whether the call it is in counts.
    counts: bool,
}

/// Follows a thread of a child, which waits to be told to go on, and those that it starts, until it has ended the part to be
/// traced, or the child is gone.
pub(crate) fn follow(child: Pid, main: Pid, fault: Fault, go_on: impl FnOnce()) -> Trace {
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::seize(main, options).unwrap();
    go_on();
    let mut trace = Trace::default();
    let mut threads = BTreeMap::from([(main, Thread::default())]);
    let mut begun = false;
    let mut calls_made = 0;
    loop {
        // Other tests of this process have children too, which are not this thread's.
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).unwrap();
        let Some(pid) = status.pid() else { continue };
        match status {
            WaitStatus::Stopped(_, BEGIN) => {
                begun = true;
                go(pid, begun, None);
            }
            WaitStatus::Stopped(_, END) => {
                threads
                    .keys()
                    .filter(|&&other| other != pid)
                    .for_each(|&other| let_go(other));
                ptrace::detach(pid, None).unwrap();
                return trace;
            }
            WaitStatus::Stopped(_, signal) => go(pid, begun, Some(signal)),
            WaitStatus::PtraceSyscall(_) => {
                let thread = threads.entry(pid).or_default();
                if thread.in_call {
                    leave(pid, thread);
                    calls_made += usize::from(thread.counts);
                } else {
                    enter(pid, thread, fault, &mut trace);
                }
                if matches!(fault, Fault::KillAfter(calls) if calls_made >= calls && !threads[&pid].in_call) {
                    nix::sys::signal::kill(main, Signal::SIGKILL).unwrap();
                }
                go(pid, begun, None);
            }
            // The child is gone when all of its threads are; who does not ask after each of them waits for it in vain.
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) if pid == child => {
                trace.died = Some(status);
                return trace;
            }
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => drop(threads.remove(&pid)),
            // A thread is born, or has stopped for the first time.
            _ => {
                if let WaitStatus::PtraceEvent(..) = status
                    && let Ok(born) = ptrace::getevent(pid)
                    && born > 0
                {
                    threads.entry(Pid::from_raw(i32::try_from(born).unwrap())).or_default();
                }
                threads.entry(pid).or_default();
                go(pid, begun, None);
            }
        }
    }
}

/// Lets a thread go on by itself that outlives the part that is traced.
fn let_go(thread: Pid) {
    if ptrace::interrupt(thread).is_ok()
        && let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) = waitpid(thread, Some(WaitPidFlag::__WALL))
    {
        return;
    }
    // It may have ended meanwhile.
    let _ = ptrace::detach(thread, None);
}

fn go(pid: Pid, begun: bool, signal: Option<Signal>) {
    let gone_on = if begun {
        ptrace::syscall(pid, signal)
    } else {
        ptrace::cont(pid, signal)
    };
    // A thread that was killed meanwhile is waited for next.
    assert!(matches!(gone_on, Ok(()) | Err(Errno::ESRCH)), "{gone_on:?}");
}

fn enter(pid: Pid, thread: &mut Thread, fault: Fault, trace: &mut Trace) {
    // One that was killed has none any more.
    let Ok(mut registers) = ptrace::getregs(pid) else {
        return;
    };
    thread.in_call = true;
    let call = registers.orig_rax;
    thread.counts = can_fail(call, registers.rsi);
    if !thread.counts {
        return;
    }
    let error = match fault {
        Fault::ErrorAt(at, errno) if at == trace.calls.len() => Some(errno),
        Fault::EveryError(kind, errno) if kind == call => Some(errno),
        _ => None,
    };
    trace.calls.push(call);
    if error.is_some() {
        trace.failed.push(call);
        thread.error = error;
        registers.orig_rax = u64::MAX;
        let set = ptrace::setregs(pid, registers);
        assert!(matches!(set, Ok(()) | Err(Errno::ESRCH)), "{set:?}");
    }
}

fn leave(pid: Pid, thread: &mut Thread) {
    thread.in_call = false;
    if let Some(errno) = thread.error.take()
        && let Ok(mut registers) = ptrace::getregs(pid)
    {
        registers.rax = (-i64::from(errno as i32)).cast_unsigned();
        let set = ptrace::setregs(pid, registers);
        assert!(matches!(set, Ok(()) | Err(Errno::ESRCH)), "{set:?}");
    }
}

pub(crate) fn number(call: libc::c_long) -> u64 {
    u64::try_from(call).unwrap()
}

/// Whether a call belongs to this crate and can fail in the real world. The C library handles no failure of those that are
/// left out: it ends the process, or takes the error for a result.
fn can_fail(call: u64, second_argument: u64) -> bool {
    // Of this crate are waits on a word of shared memory, by which others wake; private ones, and those for the end of a thread, are
    // the C library's.
    const OURS: u64 = (libc::FUTEX_WAKE | libc::FUTEX_WAIT).cast_unsigned() as u64;
    if call == number(libc::SYS_futex) {
        return second_argument <= OURS;
    }
    ![
        libc::SYS_brk,
        // Whatever it says, the descriptor is closed; were it not made, that would not be so.
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_geteuid,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
        libc::SYS_tgkill,
    ]
    .map(number)
    .contains(&call)
}
