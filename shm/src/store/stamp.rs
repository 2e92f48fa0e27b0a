//! Whether a descriptor is still right, without opening its file again.

use std::time::Duration;

use uuid::Uuid;

use super::Store;
use crate::directory::Reference;
use crate::error::Result;
use crate::format::{BufferState, Descriptor, expires};
use crate::sys::Stat;

/// What the descriptor of a sealed scene depends on besides the bytes that are sealed; see [`Store::describe_stamped`].
#[derive(Debug, Clone)]
pub struct Stamp {
    id: Uuid,
    /// Whoever opens, closes, deletes or makes the scene writable again changes it.
    stat: Stat,
    /// What the header says, and what holds.
    made_with_ttl: Duration,
    ttl: Duration,
    /// Changes also when the clock is set.
    expires: Option<String>,
    /// The name that the scene was given, and whether it still had it.
    name: Option<(String, bool)>,
}

impl Stamp {
    /// The scene.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl Store {
    /// As [`Store::describe`], and a stamp if that is a sealed scene: its descriptor is right for as long as
    /// [`Store::is_unchanged`] says so.
    ///
    /// ```
    /// # let parent = tempfile::tempdir()?;
    /// # let store = dcc_mcp_shm::Store::open(&dcc_mcp_shm::StoreOptions::at(parent.path().join("store")))?;
    /// # use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer};
    /// let id = SharedSceneBuffer::write(&store, b"vertices", &BufferOptions::default())?.id();
    /// let (descriptor, stamp) = store.describe_stamped(&id.into())?;
    /// let stamp = stamp.expect("what is sealed has one");
    /// assert!(store.is_unchanged(&stamp));
    /// store.delete(&id.into())?;
    /// assert!(!store.is_unchanged(&stamp));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::describe`].
    pub fn describe_stamped(&self, reference: &Reference) -> Result<(Descriptor, Option<Stamp>)> {
        let snapshot = self.directory.find(reference)?;
        let ttl = self.directory.ttl_of(&snapshot.header)?;
        let descriptor = self.directory.describe_with_ttl(&snapshot, ttl)?;
        let stamp = (descriptor.state == BufferState::Sealed).then(|| Stamp {
            id: descriptor.id,
            stat: snapshot.stat,
            made_with_ttl: snapshot.header.ttl,
            ttl,
            expires: descriptor.expires.clone(),
            name: snapshot
                .header
                .metadata
                .name
                .map(|name| (name, descriptor.name.is_some())),
        });
        Ok((descriptor, stamp))
    }

    /// Whether [`Store::describe`] would say now what it said with this stamp: three or four system calls tell, instead of eight.
    pub fn is_unchanged(&self, stamp: &Stamp) -> bool {
        // Where the system does not say, the descriptor has to be made anew, which says why.
        matches!(self.directory.stat_of(stamp.id), Ok(Some(stat)) if stat == stamp.stat)
            && matches!(self.directory.current_ttl(stamp.id, stamp.made_with_ttl), Ok(ttl) if ttl == stamp.ttl)
            && expires(&stamp.stat, stamp.ttl) == stamp.expires
            && stamp
                .name
                .as_ref()
                .is_none_or(|(name, had)| matches!(self.directory.is_name_of(name, stamp.id), Ok(has) if has == *had))
    }
}
