//! Deleting a buffer or pool, and saying what that frees.

use dcc_mcp_shm::{Error, FileRole, Reference, Store};
use uuid::Uuid;

/// What was deleted.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) id: Uuid,
    pub(crate) name: Option<String>,
    /// Memory that is given back once nobody has it open; 0 where a damaged file does not say.
    pub(crate) bytes: u64,
}

/// Deletes a buffer, a pool with its slots, or a damaged file by its id.
///
/// # Errors
/// As [`Store::delete`]: [`Error::WrongRole`] for a slot, which goes with its pool.
pub(crate) fn delete(store: &Store, reference: &Reference) -> Result<Removal, Error> {
    if !matches!(reference, Reference::Name(_)) {
        return delete_exactly(store, reference);
    }
    // What has the name may be replaced meanwhile: all that is done is done to one of them.
    let mut id = store.resolve(reference)?;
    loop {
        match delete_exactly(store, &id.into()) {
            Err(error) if error.is_gone() => {
                let now = store.resolve(reference)?;
                if now == id {
                    return Err(error);
                }
                id = now;
            }
            done => return done,
        }
    }
}

fn delete_exactly(store: &Store, reference: &Reference) -> Result<Removal, Error> {
    let descriptor = match store.describe(reference) {
        // Nothing is known of a damaged file but its id, by which it can be deleted.
        Err(Error::Damaged { .. } | Error::UnsupportedVersion { .. }) => None,
        described => Some(described?),
    };
    // A file's role never changes, so what is seen here still holds when it is deleted.
    let bytes = match descriptor.as_ref().map(|descriptor| descriptor.role) {
        Some(FileRole::Pool) => {
            let pool = store.pool(reference)?;
            pool.buffer_size.saturating_mul(pool.slots.len() as u64)
        }
        _ => descriptor.as_ref().map_or(0, |descriptor| descriptor.capacity),
    };
    let id = store.resolve(reference)?;
    store.delete(reference)?;
    Ok(Removal {
        id,
        name: descriptor.and_then(|descriptor| descriptor.name),
        bytes,
    })
}
