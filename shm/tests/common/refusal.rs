//! System calls that a container's seccomp profile refuses, in this thread and all that it starts from now on.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses a part of this, and fails if it cannot go on"
)]

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// A system call, of which perhaps only those are meant that have these bits in an argument.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    number: i64,
    only: Option<(u8, SeccompCmpOp, i32)>,
}

impl Call {
    pub(crate) fn all(number: i64) -> Self {
        Self { number, only: None }
    }

    pub(crate) fn fcntl(command: i32) -> Self {
        Self {
            number: libc::SYS_fcntl,
            only: Some((1, SeccompCmpOp::Eq, command)),
        }
    }

    /// Waking who sleeps on a word that processes share.
    pub(crate) fn futex_wake() -> Self {
        Self {
            number: libc::SYS_futex,
            only: Some((1, SeccompCmpOp::Eq, libc::FUTEX_WAKE)),
        }
    }

    /// Opening a file that is made by it.
    pub(crate) fn create() -> Self {
        let made = SeccompCmpOp::MaskedEq(u64::try_from(libc::O_CREAT).unwrap());
        Self {
            number: libc::SYS_openat,
            only: Some((2, made, libc::O_CREAT)),
        }
    }
}

/// Lets these calls fail with this error for as long as the process lives.
pub(crate) fn refuse(calls: &[Call], errno: i32) {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for call in calls {
        let rules = rules.entry(call.number).or_default();
        if let Some((argument, operator, value)) = call.only.clone() {
            let value = u64::try_from(value).unwrap();
            let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).unwrap();
            rules.push(SeccompRule::new(vec![condition]).unwrap());
        }
    }
    let refusal = SeccompAction::Errno(u32::try_from(errno).unwrap());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}
