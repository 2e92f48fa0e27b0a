//! What keeps the memory of a file that was deleted, for people: the kernel's locks and leases decide.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::LockHolder;

/// What keeps the memory of a file that was deleted.
///
/// ```
/// use dcc_mcp_shm::HeldBy;
///
/// assert_eq!(HeldBy::Unlocked.to_string(), "mapped without a lock");
/// assert_eq!(HeldBy::Unlocked.processes().len(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HeldBy {
    /// No process that is known of. If memory is left, the next sweep frees it.
    #[default]
    Nobody,
    /// A process has it mapped, or open, without the lock by which processes hold a file: with `numpy.memmap`, for example. The
    /// system does not say which one.
    Unlocked,
    /// Processes hold it that cannot be seen from here, as in a container.
    Hidden,
    /// These processes hold it.
    Processes(Vec<LockHolder>),
}

impl HeldBy {
    /// The processes, as far as they are known.
    pub fn processes(&self) -> &[LockHolder] {
        match self {
            Self::Processes(holders) => holders,
            Self::Nobody | Self::Unlocked | Self::Hidden => &[],
        }
    }

    pub(crate) fn pids(pids: &[u32]) -> Self {
        if pids.is_empty() {
            return Self::Nobody;
        }
        Self::Processes(pids.iter().copied().map(LockHolder::of).collect())
    }

    /// What keeps one of two files: processes that are known are said first.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Processes(mut one), Self::Processes(other)) => {
                one.extend(other);
                one.sort_by_key(|holder| holder.pid);
                one.dedup_by_key(|holder| holder.pid);
                Self::Processes(one)
            }
            (one, other) if one.rank() < other.rank() => other,
            (one, _) => one,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Nobody => 0,
            Self::Unlocked => 1,
            Self::Hidden => 2,
            Self::Processes(_) => 3,
        }
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody; the next sweep frees it"),
            Self::Unlocked => f.write_str("mapped without a lock"),
            Self::Hidden => f.write_str("processes that cannot be seen from here"),
            Self::Processes(holders) => {
                for (i, holder) in holders.iter().enumerate() {
                    let separator = if i > 0 { ", " } else { "" };
                    write!(f, "{separator}{holder}")?;
                }
                Ok(())
            }
        }
    }
}

/// `held_by`, which is the text, and `holders`, the processes.
impl Serialize for HeldBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("HeldBy", 2)?;
        fields.serialize_field("held_by", &self.to_string())?;
        fields.serialize_field("holders", self.processes())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(pids: &[u32]) -> HeldBy {
        let holder = |&pid| LockHolder {
            pid,
            program: Some(format!("p{pid}")),
            stopped: pid == 2,
        };
        HeldBy::Processes(pids.iter().map(holder).collect())
    }

    #[test]
    fn several_files_are_held_by_all_that_hold_one_of_them() {
        let both = held(&[1, 3]).and(held(&[2, 3]));
        assert_eq!(both, held(&[1, 2, 3]));
        assert_eq!(
            both.to_string(),
            "p1 (process 1), p2 (process 2, stopped), p3 (process 3)"
        );
        assert_eq!(HeldBy::Unlocked.and(held(&[4])), held(&[4]));
        assert_eq!(HeldBy::Nobody.and(HeldBy::Unlocked), HeldBy::Unlocked);
        assert_eq!(HeldBy::Hidden.and(HeldBy::Nobody), HeldBy::Hidden);
    }
}
