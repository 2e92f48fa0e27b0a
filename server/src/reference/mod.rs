//! Which buffer or pool a caller means, by whatever a model sends for one.
//!
//! First come the exact readings: an id, a name, a descriptor, an address or a path, bare or wrapped. A look that finds
//! nothing by them goes on to near ones: another case, the last part of a name, the beginning of an id, a name among
//! words that say nothing. What deletes or waits does not, and names what is near. Whatever is not exactly as it was given,
//! the answer says so.

mod exact;
mod facet;
mod given;
mod near;
mod prose;
mod readings;
mod taken;

use std::collections::BTreeSet;

use dcc_mcp_shm::{Reference, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::exact::{Exact, exact, located, reference_text};
use self::facet::Facet;
pub(crate) use self::given::BufferReference;
use self::near::{Known, Near};
use self::prose::kinds_beside;
use self::readings::Readings;
pub(crate) use self::taken::{Found, Taken};
use crate::reply::ToolError;
use crate::state::ShmServer;
use crate::text::capitalised;

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
        let store = self.store().await?;
        let (wanted, readings) = match exact(&store, field, given)? {
            Exact::Found(found) => return Ok(found),
            Exact::Missing(wanted, readings) => (wanted, readings),
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
        let store = self.store().await?;
        let (wanted, readings) = match exact(&store, field, given)? {
            Exact::Found(found) => return Ok(found),
            Exact::Missing(wanted, readings) => (wanted, readings),
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
        let store = self.store().await?;
        let (wanted, readings) = match exact(&store, field, given)? {
            Exact::Found(found) => return Ok((found, Vec::new())),
            Exact::Missing(wanted, readings) => (wanted, readings),
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
        // One that was named in words may be among those that are like it.
        let mut ids = BTreeSet::new();
        near.retain(|known| ids.insert(known.id()));
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
        let other = self
            .index(cancelled, move |_, index| Ok(Facet::of(&text, index)))
            .await?;
        let shown = self.store().await?.path().display().to_string();
        let near = if nearest.is_empty() {
            String::new()
        } else {
            format!("; the nearest: {}", either(nearest))
        };
        let problem = format!("nothing is shared as {wanted:?} in {shown}{near}");
        if let Some(facet) = other {
            return Ok(ToolError::argument(field, problem, facet));
        }
        Ok(match field {
            "pool" => ToolError::argument(
                field,
                problem,
                "Call pool_status without `pool` to see the pools there are.",
            ),
            _ => ToolError::new(
                capitalised(&problem),
                "It was deleted, it expired, or it was never there. Call list_buffers to see what exists.",
            ),
        })
    }
}

/// What is meant by a text that says more than a reference.
fn in_prose(store: &Store, field: &str, readings: &Readings) -> Result<Option<Reference>, ToolError> {
    let mut found: Vec<Reference> = Vec::new();
    for reading in &readings.prose {
        // What is said beside it need not be right.
        if let Ok(Some(reference)) = located(store, field, reading)
            && is_of_kinds_said(store, &reference, &readings.wanted)
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

/// Whether a buffer that is named among other words is of the kinds that these say.
fn is_of_kinds_said(store: &Store, reference: &Reference, text: &str) -> bool {
    let Reference::Name(name) = reference else {
        return true;
    };
    let kinds = kinds_beside(name, text);
    kinds.is_empty()
        || store
            .describe(reference)
            .is_ok_and(|buffer| kinds.iter().all(|kind| *kind == buffer.kind))
}

fn either(found: &[Known]) -> String {
    let told: Vec<_> = found.iter().take(near::MAX_TOLD).map(ToString::to_string).collect();
    let more = if found.len() > told.len() { ", …" } else { "" };
    format!("{}{more}", told.join(" or "))
}
