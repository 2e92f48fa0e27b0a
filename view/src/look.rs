//! Looking at data that may be rewritten meanwhile.

use dcc_mcp_shm::{DataReader, Error, PlacedArray, Reference, Store, unescaped};

use crate::error::LookError;

/// Calls `look` with a reader of the data, and once more if the data was rewritten meanwhile. Gives the last result.
///
/// # Errors
/// The error of `look`; the buffer cannot be opened; [`Error::Changed`] if the data was rewritten during the second look too.
pub fn look<T>(
    store: &Store,
    reference: &Reference,
    look: impl Fn(&DataReader) -> Result<T, LookError>,
) -> Result<T, LookError> {
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

/// Finds an array by its name, or by the escaped spelling that is shown of it. Gives the array's real name as well.
///
/// # Errors
/// [`Error::NoSuchArray`], which lists the names of the arrays; [`Error::InvalidArgument`] if `name` is the name of one
/// array and the escaped spelling of another.
pub(crate) fn array<'a>(reader: &'a DataReader, name: &str) -> Result<(&'a String, &'a PlacedArray), Error> {
    let arrays = reader.arrays();
    let spelled = unescaped(name).and_then(|name| arrays.get_key_value(&name));
    match (arrays.get_key_value(name), spelled) {
        (Some(_), Some(_)) => Err(Error::InvalidArgument {
            argument: "array",
            problem: "two arrays are shown by this name".to_owned(),
        }),
        (Some(found), None) | (None, Some(found)) => Ok(found),
        (None, None) => Err(Error::NoSuchArray {
            id: reader.descriptor().id,
            name: name.to_owned(),
            available: arrays.keys().cloned().collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use dcc_mcp_shm::{BufferOptions, SharedBuffer, StoreOptions};

    use super::*;

    /// The first byte of a buffer that is rewritten `times` times while it is looked at.
    fn look_while_rewritten(times: usize) -> Result<u8, LookError> {
        let parent = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store")))?;
        let buffer = SharedBuffer::create(&store, 8, &BufferOptions::default())?;
        buffer.write(b"0")?;
        let looks = Cell::new(0);
        look(&store, &buffer.id().into(), |reader| {
            let mut byte = [0];
            reader.read_at(0, &mut byte)?;
            looks.set(looks.get() + 1);
            if looks.get() <= times {
                buffer.write(looks.get().to_string().as_bytes())?;
            }
            Ok(byte[0])
        })
    }

    #[test]
    fn data_that_is_rewritten_is_looked_at_once_more_and_then_no_more() {
        assert_eq!(look_while_rewritten(0).ok(), Some(b'0'));
        assert_eq!(look_while_rewritten(1).ok(), Some(b'1'));
        let error = look_while_rewritten(2).expect_err("rewritten twice");
        assert!(matches!(error, LookError::Data(Error::Changed { .. })), "{error}");
    }
}
