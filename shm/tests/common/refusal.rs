//! System calls that a container's seccomp profile refuses, in this thread and all that it starts from now on.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// A system call, of which perhaps only those are meant that have this command as an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    number: i64,
    command: Option<(u8, i32)>,
}

impl Call {
    pub(crate) fn all(number: i64) -> Self {
        Self { number, command: None }
    }

    pub(crate) fn fcntl(command: i32) -> Self {
        Self {
            number: libc::SYS_fcntl,
            command: Some((1, command)),
        }
    }
}

/// Lets these calls fail with this error for as long as the process lives.
pub(crate) fn refuse(calls: &[Call], errno: i32) {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    for call in calls {
        let rules = rules.entry(call.number).or_default();
        if let Some((argument, command)) = call.command {
            let value = u64::try_from(command).unwrap();
            let is_command = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).unwrap();
            rules.push(SeccompRule::new(vec![is_command]).unwrap());
        }
    }
    let refusal = SeccompAction::Errno(u32::try_from(errno).unwrap());
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}
