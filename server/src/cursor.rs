//! Places in the listing of buffers, as text that the client hands back: where a page ended, and what was seen.

use std::fmt::Write as _;

use dcc_mcp_shm::{ListPosition, StoreIndex};
use jiff::Timestamp;
use uuid::Uuid;

use crate::reply::ToolError;

const SEPARATOR: char = '_';
/// Between the numbers before the separator.
const POINT: char = '.';

/// The position that a `cursor` argument means; nothing for one of an older server, which told places by times: then the listing
/// begins again, so that nothing is left out.
pub(crate) fn from_cursor(cursor: &str) -> Result<Option<ListPosition>, ToolError> {
    let parse = || {
        let (place, id) = cursor.split_once(SEPARATOR)?;
        let id = Uuid::try_parse(id).ok()?;
        if is_time(place) {
            return Some(None);
        }
        Some(Some(match place.split_once(POINT) {
            None => ListPosition::numbered(number(place)?, id),
            Some(("0", created_micros)) => ListPosition::unnumbered(created_micros.parse().ok()?, id),
            Some(_) => return None,
        }))
    };
    parse().ok_or_else(|| refused("Pass `next_cursor` of the previous result unchanged, or leave it out."))
}

/// The text that [`from_cursor`] reads.
pub(crate) fn to_cursor(position: &ListPosition) -> String {
    let id = position.id();
    match position.number() {
        0 => format!("0{POINT}{}{SEPARATOR}{id}", position.created_micros()),
        number => format!("{number}{SEPARATOR}{id}"),
    }
}

/// A number that something was published under.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|&number| number > 0)
}

/// Whether a text is a time, as cursors of older servers had it: RFC 3339 without the Z.
fn is_time(text: &str) -> bool {
    text.contains('T') && format!("{text}Z").parse::<Timestamp>().is_ok()
}

fn refused(advice: &str) -> ToolError {
    ToolError::argument("cursor", "it is not one that this tool returned", advice)
}

/// Which buffers a client has seen: all that were published up to some number, but for a few that may still come with such a
/// number. No clock has a part in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    count: Counted,
    /// These were not readable then, though their numbers may be among those seen.
    pending: Vec<u32>,
}

/// How far the publications of a store were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    /// Which count it is: a store whose record was made anew counts anew.
    era: u32,
    last: u64,
    /// What older programs publish has no number. This changes when one of their buffers comes or goes; nothing if it is not known.
    unnumbered: Option<u32>,
}

impl Counted {
    fn of(index: &StoreIndex) -> Self {
        let (era, last) = index.counted();
        let unnumbered = index
            .readable()
            .rev()
            .take_while(|(position, _)| position.number() == 0);
        Self {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "enough to tell counts of one store apart"
            )]
            era: era as u32,
            last,
            unnumbered: Some(unnumbered.fold(0, |sum, (position, _)| sum ^ short(position.id()))),
        }
    }
}

/// Enough of an id to tell a few from all others.
fn short(id: Uuid) -> u32 {
    id.as_fields().0
}

impl Seen {
    /// Most buffers that a cursor names. Where more are about to come, it says that nothing was seen.
    const MOST: usize = 64;

    const NOTHING: Self = Self {
        count: Counted {
            era: 0,
            last: 0,
            unnumbered: None,
        },
        pending: Vec::new(),
    };

    /// All buffers of an index that can be read.
    pub(crate) fn all(index: &StoreIndex) -> Result<Self, ToolError> {
        let pending = index.horizon()?.pending;
        Ok(Self {
            count: Counted::of(index),
            pending: pending.into_iter().map(short).collect(),
        })
    }

    /// Tells which buffers of an index are not among those seen.
    pub(crate) fn unseen_in(&self, index: &StoreIndex) -> impl Fn(&ListPosition) -> bool {
        let (then, now) = (self.count, Counted::of(index));
        // Numbers of another count, or that were never taken in this one, say nothing.
        let knows_numbers = then.last == 0 || then.era == now.era && then.last <= now.last;
        move |position| {
            let is_new = match position.number() {
                0 => then.unnumbered != now.unnumbered,
                number => !knows_numbers || number > then.last,
            };
            is_new || self.pending.contains(&short(position.id()))
        }
    }

    /// What a `cursor` argument means. For one of an older server nothing was seen.
    pub(crate) fn from_cursor(cursor: &str) -> Result<Self, ToolError> {
        let parse = || {
            let (seen, ids) = cursor.split_once(SEPARATOR)?;
            let pending: Option<_> = ids
                .split_terminator(',')
                .map(|id| u32::from_str_radix(id, 16).ok())
                .collect();
            let pending = pending?;
            if is_time(seen) {
                return Some(Self::NOTHING);
            }
            let mut counted = seen.split(POINT);
            let (era, last) = (counted.next()?, counted.next()?);
            let unnumbered = match counted.next() {
                None => Some(0),
                Some("") => None,
                Some(sum) => Some(u32::from_str_radix(sum, 16).ok()?),
            };
            let count = Counted {
                era: u32::from_str_radix(era, 16).ok()?,
                last: last.parse().ok()?,
                unnumbered,
            };
            counted.next().is_none().then_some(Self { count, pending })
        };
        parse()
            .ok_or_else(|| refused("Pass `wait_cursor` of list_buffers or wait_for_buffer unchanged, or leave it out."))
    }

    /// The text that [`Seen::from_cursor`] reads.
    pub(crate) fn to_cursor(&self) -> String {
        if self.pending.len() > Self::MOST {
            return Self::NOTHING.to_cursor();
        }
        let Counted { era, last, unnumbered } = self.count;
        let mut text = format!("{era:08x}{POINT}{last}");
        match unnumbered {
            Some(0) => {}
            Some(sum) => drop(write!(text, "{POINT}{sum:x}")),
            None => text.push(POINT),
        }
        let ids: Vec<_> = self.pending.iter().map(|id| format!("{id:x}")).collect();
        text + &format!("{SEPARATOR}{}", ids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm::{BufferOptions, SharedSceneBuffer, Store, StoreOptions};
    use tempfile::TempDir;

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn store() -> (TempDir, Store) {
        let parent = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StoreOptions::at(parent.path().join("store"))).expect("a store");
        (parent, store)
    }

    fn share(store: &Store) -> Uuid {
        let scene = SharedSceneBuffer::write(store, b"data", &BufferOptions::default());
        scene.expect("a scene").id()
    }

    /// The ids of what is new in an index, by the text of a cursor.
    fn new_in(index: &StoreIndex, cursor: &str) -> Vec<Uuid> {
        let seen = Seen::from_cursor(cursor).expect("a cursor");
        let is_new = seen.unseen_in(index);
        let new = index.readable().filter(|(position, _)| is_new(position));
        new.map(|(position, _)| position.id()).collect()
    }

    #[test]
    fn newest_comes_first_by_what_a_cursor_can_say() {
        let places = [
            ListPosition::numbered(u64::MAX >> 2, ID),
            ListPosition::numbered(8, ID),
            ListPosition::numbered(8, Uuid::max()),
            ListPosition::unnumbered(1_125_000, ID),
            ListPosition::unnumbered(999_000, ID),
        ];
        assert!(places.is_sorted());
        assert_eq!(to_cursor(&places[1]), format!("8_{ID}"));
        for position in places {
            assert_eq!(from_cursor(&to_cursor(&position)).ok(), Some(Some(position)));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "_",
            "zzz",
            "zzz_{}",
            "0_{}",
            "8.1_{}",
            "2026-11-24T03:00:00Z",
            "8_7",
            "-8_{}",
            "T_{}",
        ] {
            assert!(from_cursor(&text.replace("{}", &ID.to_string())).is_err(), "{text}");
        }
        for text in [
            "", "_", "zzz_", "1_", "1.z_", "z.1_", "1.2.3.4_", "1.2_x", "1.2_-1", "1.2.z_",
        ] {
            assert!(Seen::from_cursor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cursors_of_older_servers_begin_again() {
        let (_parent, store) = store();
        let id = share(&store);
        let index = StoreIndex::new(&store, 1).expect("an index");
        assert_eq!(
            from_cursor(&format!("2026-11-24T03:00:00.000000_{ID}")).ok(),
            Some(None)
        );
        for cursor in ["2026-11-24T03:00:00.000000_", "2099-11-24T03:00:00.000000_7,ffffffff"] {
            assert_eq!(new_in(&index, cursor), [id], "{cursor}");
            let again = Seen::from_cursor(cursor).expect("a cursor").to_cursor();
            assert_eq!(new_in(&index, &again), [id], "{again}");
        }
    }

    #[test]
    fn what_came_since_is_new_once() {
        let (_parent, store) = store();
        let mut index = StoreIndex::new(&store, 1).expect("an index");
        let nothing = Seen::all(&index).expect("seen").to_cursor();
        let first = share(&store);
        index.refresh().expect("fresh");
        let one = Seen::all(&index).expect("seen").to_cursor();
        let second = share(&store);
        index.refresh().expect("fresh");
        let both = Seen::all(&index).expect("seen").to_cursor();
        assert_eq!(new_in(&index, &nothing), [second, first]);
        assert_eq!(new_in(&index, &one), [second]);
        assert!(new_in(&index, &both).is_empty());
        assert!(both.len() < 16, "{both}");
    }

    #[test]
    fn a_cursor_of_another_count_begins_again() {
        let (_parent, store) = store();
        let (first, second) = (share(&store), share(&store));
        let index = StoreIndex::new(&store, 1).expect("an index");
        let cursor = Seen::all(&index).expect("seen").to_cursor();
        let (era, rest) = cursor.split_once(POINT).expect("a point");
        let another = if era == "1" { "2" } else { "1" };
        for other in [format!("{era}{POINT}3_"), format!("{another}{POINT}{rest}")] {
            assert_eq!(new_in(&index, &other), [second, first], "{other}");
        }
    }

    #[test]
    fn more_than_a_cursor_can_name_begin_again() {
        let seen = |pending| Seen {
            count: Counted {
                era: 1,
                last: 2,
                unnumbered: Some(3),
            },
            pending: (0..pending).collect(),
        };
        let whole = seen(64);
        assert_eq!(Seen::from_cursor(&whole.to_cursor()).ok(), Some(whole));
        assert_eq!(Seen::from_cursor(&seen(65).to_cursor()).ok(), Some(Seen::NOTHING));
    }
}
