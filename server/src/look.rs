//! Looking at data that may be rewritten meanwhile.

use dcc_mcp_shm::{DataReader, Error, PlacedArray, Reference, Store};

use crate::reply::ToolError;

/// What `look` makes of one write of the data. It is done once more if another write came between.
pub(crate) fn look<T>(
    store: &Store,
    reference: &Reference,
    look: impl Fn(&DataReader) -> Result<T, ToolError>,
) -> Result<T, ToolError> {
    let first = store.reader(reference)?;
    let seen = look(&first);
    match first.check_unchanged() {
        Ok(()) => return seen,
        Err(Error::Changed { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let second = store.reader(reference)?;
    let seen = look(&second);
    second.check_unchanged()?;
    seen
}

/// An array by its name.
///
/// # Errors
/// [`Error::NoSuchArray`], which tells the names there are.
pub(crate) fn array<'a>(reader: &'a DataReader, name: &str) -> Result<&'a PlacedArray, Error> {
    let arrays = reader.arrays();
    arrays.get(name).ok_or_else(|| Error::NoSuchArray {
        id: reader.descriptor().id,
        name: name.to_owned(),
        available: arrays.keys().cloned().collect(),
    })
}
