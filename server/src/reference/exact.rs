//! What a reference means exactly, bare or wrapped.

use dcc_mcp_shm::{Error, Reference, Store};

use super::given::BufferReference;
use super::readings::{Reading, Readings};
use super::taken::{Found, Taken};
use crate::reply::ToolError;
use crate::spelling::meant;

/// What is known of a reference before anything near it is looked for.
pub(super) enum Exact {
    Found(Found),
    /// Nothing has any of the names that were read, which are beside the one to search for and to wait for.
    Missing(String, Readings),
}

/// What is meant exactly, if it is there.
///
/// # Errors
/// It is no reference at all, or one to another store.
pub(super) fn exact(store: &Store, field: &str, given: &BufferReference) -> Result<Exact, ToolError> {
    // Most calls give what they were told, and then nothing else has to be read from it.
    let as_given = given.as_given().map(Reading::Reference);
    if let Some(Ok(Some(reference))) = as_given.map(|reading| located(store, field, &reading)) {
        return Ok(Exact::Found(Found { reference, taken: None }));
    }
    let readings = Readings::of(given);
    let mut refused = None;
    let exact = readings.exact.iter().map(|reading| (reading, false));
    let trimmed = readings.trimmed.iter().map(|reading| (reading, true));
    for (reading, is_trimmed) in exact.chain(trimmed) {
        match located(store, field, reading) {
            Ok(Some(reference)) => {
                let called = is_trimmed.then(|| reference_text(&reference));
                let taken = called.and_then(|called| Taken::new(given, &readings.wanted, &called));
                return Ok(Exact::Found(Found { reference, taken }));
            }
            Ok(None) => {}
            // The file exists or not, and whatever else is said of it is not looked at then.
            Err(error @ Refused::ForGood(_)) => return Err(error.into()),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if let Some(refused) = refused {
        return Err(refused.into());
    }
    let wanted = readings.wanted.clone();
    match wanted.parse::<Reference>() {
        // Prose of several lines or of any length may still name one.
        Err(error) if readings.prose.is_empty() => Err(no_reference(field, error)),
        _ => Ok(Exact::Missing(wanted, readings)),
    }
}

pub(super) enum Refused {
    /// Another reading may still be right.
    ForNow(ToolError),
    ForGood(ToolError),
}

impl From<Refused> for ToolError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::ForNow(error) | Refused::ForGood(error) => error,
        }
    }
}

pub(super) fn located(store: &Store, field: &str, reading: &Reading) -> Result<Option<Reference>, Refused> {
    let reference = match reading {
        Reading::Reference(reference @ Reference::Id(id)) => {
            // Whatever else is wrong with the file is said by the call that opens it.
            let is_missing = matches!(store.contains(*id), Ok(false));
            return Ok((!is_missing).then(|| reference.clone()));
        }
        Reading::Reference(reference) => meant(store, reference.clone()).map_err(Refused::ForGood)?,
        Reading::Path(path) => {
            if let Some(id) = path.in_store(store) {
                return Ok(Some(id.into()));
            }
            let problem = format!("its file {path} is not one of this store, {}", store.path().display());
            let advice = "Only what is in this store can be used: call list_buffers to see it.";
            return Err(Refused::ForNow(ToolError::argument(field, problem, advice)));
        }
    };
    match store.resolve(&reference) {
        Ok(_) => Ok(Some(reference)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error @ Error::InvalidDescriptor { .. }) => Err(Refused::ForNow(error.into())),
        Err(error) => Err(Refused::ForGood(error.into())),
    }
}

/// What is referred to, in words.
pub(super) fn reference_text(reference: &Reference) -> String {
    match reference {
        Reference::Id(id) => id.to_string(),
        Reference::Name(name) => name.clone(),
        _ => "a descriptor".to_owned(),
    }
}

fn no_reference(field: &str, error: Error) -> ToolError {
    match error {
        Error::InvalidArgument { problem, .. } => {
            ToolError::argument(field, problem, "Give an id, a name or a whole descriptor.")
        }
        error => error.into(),
    }
}
