//! What a writer says about a new buffer.

use std::time::Duration;

use super::kind::SceneDataKind;
use super::labels::{Attrs, check_new_name};
use super::metadata::Metadata;
use crate::error::{Error, Result};
use crate::sys;

/// How long a buffer stays after its last holder let go, unless something else is asked for.
pub const DEFAULT_TTL: Duration = Duration::from_secs(15 * 60);

/// What a new buffer is, and how it is to be found.
///
/// ```
/// use dcc_mcp_shm::{BufferOptions, SceneDataKind};
///
/// let options = BufferOptions::new(SceneDataKind::Geometry).source_dcc("Blender").name("hero/body").replace(true);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct BufferOptions {
    kind: SceneDataKind,
    source_dcc: String,
    name: Option<String>,
    replace: bool,
    ttl: Duration,
    group: Option<String>,
    /// Made when there are any: a new map needs random numbers, and may not have them.
    attrs: Option<Attrs>,
    compress: bool,
    persistent: bool,
}

impl Default for BufferOptions {
    fn default() -> Self {
        Self::new(SceneDataKind::Arbitrary)
    }
}

impl BufferOptions {
    /// Options for data of this kind; all else is optional.
    pub fn new(kind: SceneDataKind) -> Self {
        Self {
            kind,
            source_dcc: String::new(),
            name: None,
            replace: false,
            ttl: DEFAULT_TTL,
            group: None,
            attrs: None,
            compress: false,
            persistent: false,
        }
    }

    /// What the data is.
    pub fn kind(mut self, kind: SceneDataKind) -> Self {
        self.kind = kind;
        self
    }

    /// The program that writes.
    pub fn source_dcc(mut self, source_dcc: impl Into<String>) -> Self {
        self.source_dcc = source_dcc.into();
        self
    }

    /// A name for people, unique in the store: 1 to 255 bytes without control characters, neither a UUID nor beginning with a
    /// brace.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the name is taken over from a buffer that has it. That one is deleted; its holders keep it.
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// How long the buffer stays after its last holder let go, up to 584 years; zero is until it is deleted.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The scene or set that the buffer is part of.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Free-form facts: scalars, texts and short lists, at most 4 KiB.
    pub fn attrs(mut self, attrs: Attrs) -> Self {
        self.attrs = Some(attrs);
        self
    }

    /// Whether a scene is stored compressed, if that makes it smaller.
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Whether a pool stays when nobody has it open, until it is deleted.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// The name that is asked for, and whether it is taken over from a buffer that has it.
    pub(crate) fn wants_name(&self) -> (Option<&str>, bool) {
        (self.name.as_deref(), self.replace)
    }

    pub(crate) fn wants_compression(&self) -> bool {
        self.compress
    }

    /// What is asked for, if all of it is acceptable.
    pub(crate) fn checked(self) -> Result<CheckedOptions> {
        if self.replace && self.name.is_none() {
            return Err(Error::invalid("replace", "there is no name to take over; give one"));
        }
        sys::check_random().map_err(Error::random)?;
        check_ttl(self.ttl)?;
        let metadata = Metadata {
            kind: self.kind,
            source_dcc: self.source_dcc,
            name: self.name,
            group: self.group,
            attrs: self.attrs.unwrap_or_default(),
            ..Metadata::default()
        };
        metadata.check()?;
        metadata.name.as_deref().map_or(Ok(()), check_new_name)?;
        Ok(CheckedOptions {
            metadata,
            replace: self.replace,
            ttl: self.ttl,
            compress: self.compress,
            persistent: self.persistent,
        })
    }
}

/// Refuses a time to live that has no place in 64 bits of nanoseconds.
pub(crate) fn check_ttl(ttl: Duration) -> Result<()> {
    if u64::try_from(ttl.as_nanos()).is_ok() {
        return Ok(());
    }
    let problem = "584 years are the longest that can be kept; 0 is until it is deleted";
    Err(Error::invalid("ttl", problem))
}

/// What a writer says about a new buffer, found acceptable.
#[derive(Debug)]
pub(crate) struct CheckedOptions {
    /// With its name, and without what depends on the data.
    pub(crate) metadata: Metadata,
    replace: bool,
    pub(crate) ttl: Duration,
    pub(crate) compress: bool,
    pub(crate) persistent: bool,
}

impl CheckedOptions {
    /// The name that the buffer gets, and whether it is taken over from a buffer that has it.
    pub(crate) fn name(&self) -> (Option<&str>, bool) {
        (self.metadata.name.as_deref(), self.replace)
    }
}
