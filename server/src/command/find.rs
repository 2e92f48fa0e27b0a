//! Finds the buffer that a person means: by its name, its id, or the beginning of its id that a table shows.

use anyhow::{anyhow, bail};
use dcc_mcp_shm::{Reference, Store};
use uuid::Uuid;

use crate::spelling::meant;

/// Shortest beginning of an id that finds a buffer, and the shortest that a table shows. A shorter text does not,
/// because it may be the name of a buffer that is gone and yet the beginning of another buffer's id: "face" is
/// hexadecimal.
const SHORTEST: usize = 8;
/// Most ids that the error names if several begin with the text.
const NAMED: usize = 5;

/// The buffer or pool that `text` means. If `text` is a name and also the beginning of an id, the name counts.
///
/// # Errors
/// No name or id matches `text`, or several ids begin with it.
pub(super) fn find(store: &Store, text: &str) -> anyhow::Result<Reference> {
    let reference = meant(store, text.parse()?).map_err(|error| anyhow!("{error}"))?;
    let not_found = match (&reference, store.resolve(&reference)) {
        (Reference::Name(_), Err(error)) if error.is_gone() => error,
        (_, resolved) => return resolved.map(|_| reference).map_err(Into::into),
    };
    let begins = |id: &Uuid| text.len() >= SHORTEST && id.to_string().starts_with(&text.to_ascii_lowercase());
    match store.ids()?.into_iter().filter(begins).collect::<Vec<_>>()[..] {
        [] => Err(not_found.into()),
        [id] => Ok(id.into()),
        ref ids => {
            let named: Vec<_> = ids.iter().take(NAMED).map(Uuid::to_string).collect();
            let more = if ids.len() > NAMED { ", …" } else { "" };
            bail!(
                "{} ids begin with {text:?}: {}{more}; give more of it",
                ids.len(),
                named.join(", ")
            )
        }
    }
}

/// How many characters of these ids a table must show, so that they differ and `find` takes them.
pub(super) fn telling_apart(ids: impl Iterator<Item = Uuid>) -> usize {
    let mut ids: Vec<_> = ids.map(|id| id.to_string()).collect();
    ids.sort_unstable();
    let common = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    let longest = ids.windows(2).map(common).max();
    longest.map_or(SHORTEST, |longest| SHORTEST.max(longest + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_of_an_id_is_shown_as_tells_it_apart() {
        let id = |text| Uuid::parse_str(text).expect("an id");
        let (a, b) = (
            id("11111111-0000-4000-8000-000000000000"),
            id("11111111-00a0-4000-8000-000000000000"),
        );
        assert_eq!(telling_apart([a].into_iter()), 8);
        assert_eq!(telling_apart([b, a].into_iter()), 12);
        assert_eq!(telling_apart(std::iter::empty()), 8);
    }
}
