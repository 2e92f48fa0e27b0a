//! Names as this server shows them, and the buffers and pools that they mean.
//!
//! A model is shown the escape in `hero\u{200b}body` in place of a character that nobody sees, and passes the name back
//! in that spelling.

use dcc_mcp_shm::{Error, Reference, Store, unescaped};
use uuid::Uuid;

use crate::reply::ToolError;

/// The reference that a caller means by `reference`: itself, or the reference whose name it spells with escapes.
///
/// # Errors
/// Both names are in use, for two different buffers or pools.
pub(crate) fn meant(store: &Store, reference: Reference) -> Result<Reference, ToolError> {
    let Reference::Name(name) = &reference else {
        return Ok(reference);
    };
    let Some(other) = unescaped(name) else {
        return Ok(reference);
    };
    let other = Reference::Name(other);
    match (there(store, &reference)?, there(store, &other)?) {
        (None, Some(_)) => Ok(other),
        (Some(exact), Some(spelled)) if exact != spelled => Err(ToolError::new(
            format!("Two are shown by this name, {exact} and {spelled}"),
            "Call the tool again with the id of the one that is meant.",
        )),
        _ => Ok(reference),
    }
}

fn there(store: &Store, reference: &Reference) -> Result<Option<Uuid>, Error> {
    match store.resolve(reference) {
        Ok(id) => Ok(Some(id)),
        // A name like this is not possible, so nothing has it.
        Err(Error::InvalidArgument { .. }) => Ok(None),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name to give to something new. If `name` has escapes that this server shows, this is the name that they spell.
pub(crate) fn given(name: String) -> String {
    unescaped(&name).unwrap_or(name)
}
