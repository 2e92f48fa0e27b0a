//! Whether the kernel can be relied on when it says that nobody has a file.

use std::io;

use crate::directory::{Directory, FileName};
use crate::sys::{self, Access, Mapping, Protection};

/// Bytes of the file that the system is tried with.
const TRIED: usize = 4096;

impl Directory {
    /// Whether the system sees a mapping that was made without a lock and whose descriptor is closed, where this directory lies.
    /// It is asked until it answers.
    ///
    /// Only file systems in memory are asked: others have no pages worth keeping, and of an overlay the kernel does not see the
    /// mappings. The rest is tried, because there are systems that only resemble Linux.
    pub(super) fn sees_mappings(&self) -> bool {
        let proven = &self.0.reserve.proven;
        let known = proven.get().copied();
        known.unwrap_or_else(|| match self.try_to_see_a_mapping() {
            Ok(seen) => *sys::keep_first(proven, seen),
            Err(error) => {
                let is_final = sys::grants_no_leases(&error);
                tracing::debug!(%error, is_final, "no memory is kept, because it cannot be told who has it");
                is_final && *sys::keep_first(proven, false)
            }
        })
    }

    fn try_to_see_a_mapping(&self) -> io::Result<bool> {
        if !self.handle().is_in_memory()? {
            return Ok(false);
        }
        // A process that is killed here leaves a draft, which the next sweep removes.
        let name = FileName::of_draft(sys::new_id()?).to_string();
        let seen = self.see_a_mapping_of(&name);
        self.remove_leftover(&name);
        seen
    }

    fn see_a_mapping_of(&self, name: &str) -> io::Result<bool> {
        let open = |access| self.handle().open_file(name, access);
        open(Access::Create)?.set_len(TRIED as u64)?;
        let mapping = Mapping::new(&open(Access::Read)?, TRIED, Protection::CopyOnWrite)?;
        let alone = open(Access::Read)?.nobody_else_has_it();
        drop(mapping);
        Ok(!alone?)
    }
}
