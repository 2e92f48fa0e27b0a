//! Names as this server shows them, and what is meant by them.
//!
//! A model is shown `hero\u{200b}body` for a name with a character that nobody sees, and hands that back.

use dcc_mcp_shm::{Error, Reference, Store, unescaped};
use uuid::Uuid;

use crate::reply::ToolError;

/// The reference that is meant by one: itself, or what its name is the escaped spelling of.
///
/// # Errors
/// Both are there, and they are not the same.
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
        // No name can be so, or nothing has it.
        Err(Error::InvalidArgument { .. }) => Ok(None),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name for something new: one that is spelled as this server shows names is the name that was shown.
pub(crate) fn given(name: String) -> String {
    unescaped(&name).unwrap_or(name)
}
