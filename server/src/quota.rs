//! The quota that this server records in its store: under the store's lock, which a stopped process may keep.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use dcc_mcp_shm::{Error, QuotaSetting, Store, StoreOptions};

use crate::lanes::Lanes;

/// How long a look waits for the quota to be recorded. The next change waits for it in any case.
const LOOKERS_PATIENCE: Duration = Duration::from_millis(300);

/// A store's directory, and what it may hold.
#[derive(Debug)]
pub(crate) struct Quota {
    pub(crate) directory: PathBuf,
    /// Without it what the environment says, or else what is recorded, stays.
    pub(crate) bytes: Option<u64>,
}

impl Quota {
    /// Opens the store, makes it if need be, and records the quota unless it is recorded.
    fn record(&self) -> Result<Store, Error> {
        // Whoever waits for the first answer need not wait for a sweep, which comes after it.
        let store = Store::open(&StoreOptions::at(&self.directory).unswept())?;
        if let Some(bytes) = self.bytes {
            store.set_quota(Some(bytes))?;
        }
        Ok(store)
    }

    /// The same for a change. Called on a thread of a lane.
    pub(crate) fn open_to_change(&self) -> Result<Store, Error> {
        match self.record() {
            // Where there is no room for the quota there is none for anything new, and what is there can be deleted.
            Err(error @ Error::StoreFull { .. }) => {
                tracing::warn!(%error, "the quota could not be recorded");
                Store::open(&StoreOptions::at(&self.directory).existing()).map_err(|_| error)
            }
            opened => opened,
        }
    }

    /// The same for a look, which goes on if the quota cannot be recorded at once. Called on a thread of a lane.
    pub(crate) fn open_to_look(self: &Arc<Self>, lanes: &Arc<Lanes>) -> Result<Store, Error> {
        QuotaSetting::of_environment()?;
        let existing = match Store::open(&StoreOptions::at(&self.directory).existing()) {
            Err(error) if error.is_gone() => return self.record(),
            existing => existing?,
        };
        let (told, recorded) = mpsc::channel();
        let (quota, lanes) = (self.clone(), lanes.clone());
        tokio::spawn(async move {
            let record = move || {
                let recorded = quota.record();
                // The look may have gone on by now.
                let _ = told.send(());
                recorded.map(drop).map_err(Into::into)
            };
            if let Err(error) = lanes.changing.run(record).await {
                tracing::warn!(%error, "the quota could not be recorded");
            }
        });
        let _ = recorded.recv_timeout(LOOKERS_PATIENCE);
        Ok(existing)
    }
}
