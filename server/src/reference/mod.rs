//! Which buffer or pool a caller means, by whatever a model sends for one.
//!
//! First come the exact readings: an id, a name, a descriptor, an address or a path, bare or wrapped. A look that finds
//! nothing by them goes on to near ones: another case, the last part of a name, the beginning of an id, a name among
//! words that say nothing. What deletes or waits does not, and names what is near. Whatever is not exactly as it was given,
//! the answer says so.

mod facet;
mod given;
mod near;
mod prose;
mod readings;
mod taken;

use dcc_mcp_shm::{Error, Reference, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::facet::Facet;
pub(crate) use self::given::BufferReference;
use self::near::{Known, Near};
use self::readings::{Reading, Readings};
pub(crate) use self::taken::{Found, Taken};
use crate::reply::ToolError;
use crate::spelling::meant;
use crate::state::ShmServer;
use crate::text::capitalised;

/// What is known of a reference before anything near it is looked for.
enum Exact {
    Found(Found),
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
    ) -> Result<Found, ToolError> {
        let readings = Readings::of(given);
        let store = self.store().await?;
        let wanted = match exact(&store, field, given, &readings)? {
            Exact::Found(found) => return Ok(found),
            Exact::Missing(wanted) => wanted,
        };
        if let Some(reference) = in_prose(&store, field, &readings)? {
            let taken = Taken::new(given, &wanted, &reference_text(&reference));
            return Ok(Found { reference, taken });
        }
        match self.near(&wanted, cancelled).await? {
            Near::One(found) => Ok(Found {
                reference: found.reference(),
                taken: Taken::new(given, &wanted, &found.called()),
            }),
            Near::Several(found) => Err(ToolError::argument(
                field,
                format!("{wanted:?} may be {}", either(&found)),
                "Call the tool again with the id of the one that is meant.",
            )),
            Near::None(nearest) => Err(self.missing(field, &wanted, &nearest, cancelled).await?),
        }
    }

    /// The buffer or pool that is to be changed: only what is named exactly, bare or wrapped. `unchanged` says what was not done.
    ///
    /// # Errors
    /// Nothing is meant exactly; the message names what is near.
    pub(crate) async fn find_exactly(
        &self,
        field: &str,
        given: &BufferReference,
        unchanged: &str,
        cancelled: &CancellationToken,
    ) -> Result<Found, ToolError> {
        let readings = Readings::of(given);
        let store = self.store().await?;
        let wanted = match exact(&store, field, given, &readings)? {
            Exact::Found(found) => return Ok(found),
            Exact::Missing(wanted) => wanted,
        };
        let near = match in_prose(&store, field, &readings)? {
            Some(reference) => self.near(&store.resolve(&reference)?.to_string(), cancelled).await?,
            None => self.near(&wanted, cancelled).await?,
        };
        let found = match near {
            Near::One(found) => vec![found],
            Near::Several(found) => found,
            Near::None(nearest) => return Err(self.missing(field, &wanted, &nearest, cancelled).await?),
        };
        Err(ToolError::argument(
            field,
            format!(
                "nothing is shared exactly as {wanted:?}; near to it is {}",
                either(&found)
            ),
            format_args!("{unchanged} If that is the one, call the tool again with its whole id."),
        ))
    }

    /// What is to be waited for, and what is near to it. A name that nothing has may come to be one, so it is not taken for
    /// another.
    ///
    /// # Errors
    /// No buffer can be meant by it.
    pub(crate) async fn find_or_expect(
        &self,
        field: &str,
        given: &BufferReference,
        cancelled: &CancellationToken,
    ) -> Result<(Found, Vec<String>), ToolError> {
        let readings = Readings::of(given);
        let store = self.store().await?;
        let wanted = match exact(&store, field, given, &readings)? {
            Exact::Found(found) => return Ok((found, Vec::new())),
            Exact::Missing(wanted) => wanted,
        };
        let mut near = match in_prose(&store, field, &readings)? {
            None => Vec::new(),
            Some(Reference::Name(name)) => {
                vec![Known::new(store.resolve(&Reference::Name(name.clone()))?, Some(&name))]
            }
            // No name is written like an id among other words.
            Some(reference) => {
                let taken = Taken::new(given, &wanted, &reference_text(&reference));
                return Ok((Found { reference, taken }, Vec::new()));
            }
        };
        match self.near(&wanted, cancelled).await? {
            // A name may come to be; an id will not.
            Near::None(nearest) if Uuid::try_parse(&wanted).is_ok() => {
                return Err(self.missing(field, &wanted, &nearest, cancelled).await?);
            }
            // No name is written like the beginning of an id, as far as that can be.
            Near::One(found) if near::is_part_of_id(&wanted) => {
                let taken = Taken::new(given, &wanted, &found.called());
                let reference = found.reference();
                return Ok((Found { reference, taken }, Vec::new()));
            }
            Near::One(found) => near.push(found),
            Near::Several(found) | Near::None(found) => near.extend(found),
        }
        near.dedup();
        let found = Found {
            reference: Reference::Name(wanted),
            taken: None,
        };
        Ok((found, near.iter().map(ToString::to_string).collect()))
    }

    /// What is near to the name or id of a resource that is not there, in words; nothing if nothing is.
    pub(crate) async fn near_to(
        &self,
        reference: &Reference,
        cancelled: &CancellationToken,
    ) -> Result<Option<String>, ToolError> {
        let near = match self.near(&reference_text(reference), cancelled).await? {
            Near::One(found) => vec![found],
            Near::Several(found) | Near::None(found) => found,
        };
        Ok((!near.is_empty()).then(|| either(&near)))
    }

    async fn near(&self, wanted: &str, cancelled: &CancellationToken) -> Result<Near, ToolError> {
        let wanted = wanted.to_owned();
        let look = self.index(cancelled, move |store, index| {
            let buffers = index
                .buffers()
                .map(|(position, buffer)| (position.id(), buffer.name.as_deref()));
            let known = buffers.chain(index.pools()).map(|(id, name)| Known::new(id, name));
            // What the index has by this very name has lost it, because looking for the name has not found it.
            let known: Vec<_> = known.filter(|known| !known.is_called(&wanted)).collect();
            // Slots and damaged files have no name, but an id.
            Ok(Near::find(&wanted, &known, &store.ids()?))
        });
        look.await
    }

    /// That nothing has a name, with what is near to it, or what the name is of instead.
    async fn missing(
        &self,
        field: &str,
        wanted: &str,
        nearest: &[Known],
        cancelled: &CancellationToken,
    ) -> Result<ToolError, ToolError> {
        let text = wanted.to_owned();
        let facet = self
            .index(cancelled, move |_, index| Ok(Facet::of(&text, index)))
            .await?;
        let shown = self.store().await?.path().display().to_string();
        let near = if nearest.is_empty() {
            String::new()
        } else {
            format!("; the nearest: {}", either(nearest))
        };
        let fact = format!("nothing is shared as {wanted:?} in {shown}{near}");
        if let Some(facet) = facet {
            return Ok(ToolError::argument(field, fact, facet));
        }
        Ok(match field {
            "pool" => ToolError::argument(
                field,
                fact,
                "Call pool_status without `pool` to see the pools there are.",
            ),
            _ => ToolError::new(
                capitalised(&fact),
                "It was deleted, it expired, or it was never there. Call list_buffers to see what exists.",
            ),
        })
    }
}

/// What is meant exactly, if it is there.
///
/// # Errors
/// It is no reference at all, or one to another store.
fn exact(store: &Store, field: &str, given: &BufferReference, readings: &Readings) -> Result<Exact, ToolError> {
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
        Reading::Reference(reference @ Reference::Id(_)) => {
            // Whatever else is wrong with the file is said by the call that opens it.
            let is_missing = matches!(store.describe(reference), Err(Error::NotFound { .. }));
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

fn no_reference(field: &str, error: Error) -> ToolError {
    match error {
        Error::InvalidArgument { problem, .. } => {
            ToolError::argument(field, problem, "Give an id, a name or a whole descriptor.")
        }
        error => error.into(),
    }
}
