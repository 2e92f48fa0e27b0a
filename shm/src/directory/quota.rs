//! The quota of a directory, recorded in a file in it. All programs that use the directory keep to this quota.

use std::io;

use uuid::Uuid;

use super::Directory;
use crate::error::{Error, Result};
use crate::sys::{self, Access, Source};

/// The quota in bytes, in decimal.
const QUOTA_FILE: &str = ".quota";

impl Directory {
    /// Limits what the store may hold, for all programs that use it; `None` lifts the limit.
    pub(crate) fn set_quota(&self, bytes: Option<u64>) -> Result<()> {
        match self.quota() {
            Ok(quota) if quota == bytes => return Ok(()),
            // What is damaged is to be replaced.
            Ok(_) | Err(Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let failed = |error: io::Error| self.failed("record the quota in", error);
        let _lock = self.lock()?;
        let Some(bytes) = bytes else {
            return self.handle().remove(QUOTA_FILE).map(drop).map_err(failed);
        };
        let text = bytes.to_string();
        self.check_file_size(text.len() as u64)?;
        // Whoever reads the quota meanwhile finds the old one or the new one.
        let new = format!("{QUOTA_FILE}.{}", sys::new_id().map_err(Error::random)?);
        let path = self.path_of(&new);
        let file = self
            .handle()
            .open_file(&new, Access::Create)
            .map_err(|error| self.creation_failed("make", &path, error))?;
        file.write_at(Source::from(text.as_bytes()), 0)
            .map_err(|error| self.write_failed("write", &path, text.len() as u64, error))
            .and_then(|()| self.handle().rename(&new, QUOTA_FILE).map_err(failed))
            .inspect_err(|_| self.remove_leftover(&new))
    }

    /// The most bytes that the store may hold, if that is limited.
    pub(crate) fn quota(&self) -> Result<Option<u64>> {
        let path = || self.path_of(QUOTA_FILE);
        let file = match self.handle().open_file(QUOTA_FILE, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path(), error)),
        };
        let mut bytes = [0; 24];
        let len = file
            .read_at(&mut bytes, 0)
            .map_err(|error| Error::io("read", &path(), error))?;
        std::str::from_utf8(&bytes[..len])
            .ok()
            .and_then(|text| text.trim_ascii_end().parse().ok())
            .map(Some)
            .ok_or_else(|| Error::damaged(&path(), "the quota recorded in it is no number"))
    }
}

/// Whether this is what a quota is called that was never renamed.
pub(super) fn is_unrenamed_quota(name: &str) -> bool {
    let id = name.strip_prefix(QUOTA_FILE).and_then(|rest| rest.strip_prefix('.'));
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}
