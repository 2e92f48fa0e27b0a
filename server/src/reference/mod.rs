//! Which buffer or pool a caller means, by whatever a model sends for one.
//!
//! First come the exact readings: an id, a name, a descriptor, an address or a path, bare or wrapped. A look that finds
//! nothing by them goes on to near ones: another case, the last part of a name, the beginning of an id, prose. What
//! deletes does not, and its error names what is near.

mod given;
mod near;
mod readings;

use dcc_mcp_shm::{Error, Reference, Store};
use tokio_util::sync::CancellationToken;

pub(crate) use self::given::BufferReference;
use self::near::{Known, Near};
use self::readings::{Reading, Readings};
use crate::reply::ToolError;
use crate::spelling::meant;
use crate::state::ShmServer;

/// What is known of a reference before anything near it is looked for.
enum Exact {
    Found(Reference),
    /// Nothing has any of the names that were read. This is the one to search for, and to wait for.
    Missing(String),
}

impl ShmServer {
    /// The buffer or pool that is to be looked at. `field` is the argument that gave it.
    ///
    /// # Errors
    /// Nothing is meant by it, or several are.
    pub(crate) async fn find(
        &self,
        field: &str,
        given: &BufferReference,
        cancelled: &CancellationToken,
    ) -> Result<Reference, ToolError> {
        let readings = Readings::of(given);
        let store = self.store().await?;
        let wanted = match exact(&store, field, &readings)? {
            Exact::Found(reference) => return Ok(reference),
            Exact::Missing(wanted) => wanted,
        };
        if let Some(reference) = in_prose(&store, field, &readings)? {
            return Ok(reference);
        }
        match self.near(&wanted, cancelled).await? {
            Near::One(found) => Ok(found.reference()),
            Near::Several(found) => Err(ToolError::argument(
                field,
                format!("{wanted:?} may be {}", either(&found)),
                "Call the tool again with the id of the one that is meant.",
            )),
            Near::None(nearest) => Err(missing(field, &wanted, &store, &nearest)),
        }
    }

    /// The buffer or pool that is to be deleted: only what is named exactly, bare or wrapped.
    ///
    /// # Errors
    /// Nothing is meant exactly; the message names what is near.
    pub(crate) async fn find_exactly(
        &self,
        field: &str,
        given: &BufferReference,
        cancelled: &CancellationToken,
    ) -> Result<Reference, ToolError> {
        let readings = Readings::of(given);
        let store = self.store().await?;
        let wanted = match exact(&store, field, &readings)? {
            Exact::Found(reference) => return Ok(reference),
            Exact::Missing(wanted) => wanted,
        };
        let near = match in_prose(&store, field, &readings)? {
            Some(reference) => self.near(&store.resolve(&reference)?.to_string(), cancelled).await?,
            None => self.near(&wanted, cancelled).await?,
        };
        let found = match near {
            Near::One(found) => vec![found],
            Near::Several(found) => found,
            Near::None(nearest) => return Err(missing(field, &wanted, &store, &nearest)),
        };
        Err(ToolError::argument(
            field,
            format!(
                "nothing is shared exactly as {wanted:?}; near to it is {}",
                either(&found)
            ),
            "Nothing was deleted. If that is the one, call the tool again with its whole id.",
        ))
    }

    /// What is to be waited for, and what is near to it. A name that nothing has may come to be one.
    ///
    /// # Errors
    /// No buffer can be meant by it.
    pub(crate) async fn find_or_expect(
        &self,
        field: &str,
        given: &BufferReference,
        cancelled: &CancellationToken,
    ) -> Result<(Reference, Vec<String>), ToolError> {
        let readings = Readings::of(given);
        let store = self.store().await?;
        let wanted = match exact(&store, field, &readings)? {
            Exact::Found(reference) => return Ok((reference, Vec::new())),
            Exact::Missing(wanted) => wanted,
        };
        if let Some(reference) = in_prose(&store, field, &readings)? {
            return Ok((reference, Vec::new()));
        }
        let told = |found: Vec<Known>| found.iter().map(ToString::to_string).collect();
        let near = match self.near(&wanted, cancelled).await? {
            // No name is written like the beginning of an id, as far as that can be.
            Near::One(found) if near::is_part_of_id(&wanted) => return Ok((found.reference(), Vec::new())),
            Near::One(found) => vec![found],
            Near::Several(found) | Near::None(found) => found,
        };
        Ok((Reference::Name(wanted), told(near)))
    }

    async fn near(&self, wanted: &str, cancelled: &CancellationToken) -> Result<Near, ToolError> {
        let wanted = wanted.to_owned();
        let look = self.index(cancelled, move |store, index| {
            let buffers = index
                .buffers()
                .map(|(position, buffer)| (position.id(), buffer.name.as_deref()));
            let known = buffers.chain(index.pools()).map(|(id, name)| Known::new(id, name));
            let known: Vec<_> = known.collect();
            // Slots and damaged files have no name, but an id.
            Ok(Near::find(&wanted, &known, &store.ids()?))
        });
        look.await
    }
}

/// What is meant exactly, if it is there. An id is taken as it is, because opening it says whether it exists.
///
/// # Errors
/// It is no reference at all, or one to another store.
fn exact(store: &Store, field: &str, readings: &Readings) -> Result<Exact, ToolError> {
    let mut refused = None;
    for reading in &readings.exact {
        match located(store, field, reading) {
            Ok(Some(reference)) => return Ok(Exact::Found(reference)),
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
        _ => Ok(Exact::Missing(wanted)),
    }
}

enum Refused {
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

fn located(store: &Store, field: &str, reading: &Reading) -> Result<Option<Reference>, Refused> {
    let reference = match reading {
        Reading::Reference(reference @ Reference::Id(_)) => return Ok(Some(reference.clone())),
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

/// What is meant by a text that says more than a reference.
fn in_prose(store: &Store, field: &str, readings: &Readings) -> Result<Option<Reference>, ToolError> {
    let mut found: Vec<Reference> = Vec::new();
    for reading in &readings.prose {
        // What is said beside it need not be right.
        if let Ok(Some(reference)) = located(store, field, reading)
            && let Ok(id) = store.resolve(&reference)
            && !found
                .iter()
                .any(|other| store.resolve(other).is_ok_and(|other| other == id))
        {
            found.push(reference);
        }
    }
    match &found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => {
            let named: Vec<_> = several.iter().take(near::MAX_TOLD).map(reference_text).collect();
            Err(ToolError::argument(
                field,
                format!("it names {}: {}", several.len(), named.join(", ")),
                "Give one at a time.",
            ))
        }
    }
}

fn reference_text(reference: &Reference) -> String {
    match reference {
        Reference::Id(id) => id.to_string(),
        Reference::Name(name) => name.clone(),
        _ => "a descriptor".to_owned(),
    }
}

fn either(found: &[Known]) -> String {
    let told: Vec<_> = found.iter().take(near::MAX_TOLD).map(ToString::to_string).collect();
    let more = if found.len() > told.len() { ", …" } else { "" };
    format!("{}{more}", told.join(" or "))
}

fn missing(field: &str, wanted: &str, store: &Store, nearest: &[Known]) -> ToolError {
    let shown = store.path().display();
    let near = if nearest.is_empty() {
        String::new()
    } else {
        format!("; the nearest: {}", either(nearest))
    };
    let advice = "It was deleted, it expired, or it was never there. Call list_buffers to see what exists.";
    if field == "pool" {
        let advice = "Call pool_status without `pool` to see the pools there are.";
        return ToolError::argument(
            field,
            format!("nothing is shared as {wanted:?} in {shown}{near}"),
            advice,
        );
    }
    ToolError::new(format!("Nothing is shared as {wanted:?} in {shown}{near}"), advice)
}

fn no_reference(field: &str, error: Error) -> ToolError {
    match error {
        Error::InvalidArgument { problem, .. } => {
            ToolError::argument(field, problem, "Give an id, a name or a whole descriptor.")
        }
        error => error.into(),
    }
}
