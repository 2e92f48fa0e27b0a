//! Places in the listing of buffers, as text that the client hands back: where a page ended, and what was seen.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::reply::ToolError;

const SEPARATOR: char = '_';

/// Creation time and id of a buffer: positions compare as the buffers are listed, newest first.
///
/// Unlike a count it stays right while buffers come and go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Without the Z, so that times with and without fractions compare as text.
    created_at: Reverse<String>,
    id: Uuid,
}

impl Position {
    pub(crate) fn of(created_at: &str, id: Uuid) -> Self {
        let created_at = Reverse(created_at.trim_end_matches('Z').to_owned());
        Self { created_at, id }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The place that a `cursor` argument means.
    pub(crate) fn from_cursor(cursor: &str) -> Result<Self, ToolError> {
        let parse = |(created_at, id)| Some(Self::of(created_at, Uuid::try_parse(id).ok()?));
        cursor
            .split_once(SEPARATOR)
            .and_then(parse)
            .ok_or_else(|| refused("Pass `next_cursor` of the previous result unchanged, or leave it out."))
    }

    /// The text that [`Position::from_cursor`] reads.
    pub(crate) fn to_cursor(&self) -> String {
        format!("{}{SEPARATOR}{}", self.created_at.0, self.id)
    }
}

fn refused(advice: &str) -> ToolError {
    ToolError::argument("cursor", "it is not one that this tool returned", advice)
}

/// Which buffers a client has seen: all that were finished before some moment, and a few after it.
///
/// A scene has the time at which it was finished, and can be listed only a moment later. So not all that is older than
/// a listing was in it: of the last seconds before, the cursor names what was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Everything finished before counts as seen.
    horizon: String,
    /// Of what was finished since, these were seen.
    ids: Vec<u32>,
}

impl Seen {
    /// Longest time between finishing a buffer and listing it: sealing may take a tenth of a second, a name the
    /// patience for the store's lock.
    const SLACK: Duration = Duration::from_secs(6);
    /// Most buffers that a cursor names. With more in that time, its horizon is the oldest of these.
    const MOST: usize = 32;

    /// All buffers that can be read now, which come newest first.
    pub(crate) fn all<'a>(buffers: impl Iterator<Item = &'a Position>) -> Self {
        let mut horizon = format!("{:.6}", Timestamp::now() - Self::SLACK);
        horizon.truncate(horizon.trim_end_matches('Z').len());
        let recent = |position: &&Position| position.created_at.0 >= horizon;
        let recent: Vec<&Position> = buffers.take_while(recent).take(Self::MOST + 1).collect();
        if let Some(beyond) = recent.get(Self::MOST) {
            horizon.clone_from(&beyond.created_at.0);
        }
        let ids = recent.iter().map(|position| Self::short(position.id)).collect();
        Self { horizon, ids }
    }

    /// Whether a buffer is not among those seen.
    pub(crate) fn is_new(&self, position: &Position) -> bool {
        position.created_at.0 >= self.horizon && !self.ids.contains(&Self::short(position.id))
    }

    /// Enough of an id to tell 32 apart.
    fn short(id: Uuid) -> u32 {
        id.as_fields().0
    }

    /// What a `cursor` argument means.
    pub(crate) fn from_cursor(cursor: &str) -> Result<Self, ToolError> {
        let parse = || {
            let (horizon, ids) = cursor.split_once(SEPARATOR)?;
            let ids = ids.split_terminator(',').map(|id| u32::from_str_radix(id, 16).ok());
            let horizon: Timestamp = format!("{horizon}Z").parse().ok()?;
            Some(Self {
                horizon: format!("{horizon:.6}").trim_end_matches('Z').to_owned(),
                ids: ids.collect::<Option<_>>()?,
            })
        };
        parse()
            .ok_or_else(|| refused("Pass `wait_cursor` of list_buffers or wait_for_buffer unchanged, or leave it out."))
    }

    /// The text that [`Seen::from_cursor`] reads.
    pub(crate) fn to_cursor(&self) -> String {
        let ids: Vec<_> = self.ids.iter().map(|id| format!("{id:x}")).collect();
        format!("{}{SEPARATOR}{}", self.horizon, ids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn made(ago: Duration, id: u32) -> Position {
        let created_at = format!("{:.6}", Timestamp::now() - ago);
        Position::of(&created_at, Uuid::from_fields(id, 0, 0, &[0; 8]))
    }

    #[test]
    fn newest_comes_first_with_and_without_fractions() {
        let times = [
            "2026-11-24T03:00:00.125Z",
            "2026-11-24T03:00:00.12Z",
            "2026-11-24T03:00:00Z",
            "2026-11-24T02:59:59.9Z",
        ];
        assert!(times.is_sorted_by_key(|time| Position::of(time, ID)));
        assert!(Position::of(times[0], ID) < Position::of(times[0], Uuid::max()));
    }

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        let position = Position::of("2026-11-24T03:00:00.5Z", ID);
        let cursor = position.to_cursor();
        assert_eq!(Position::from_cursor(&cursor).ok(), Some(position));
        for text in ["", "_", "zzz", "2026-11-24T03:00:00Z", "2026-11-24T03:00:00Z_7"] {
            assert!(Position::from_cursor(text).is_err(), "{text}");
        }
        for text in ["", "_", "zzz_", "2026-11-24T03:00:00_x", "2026-11-24T03:00:00_-1"] {
            assert!(Seen::from_cursor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_finished_before_a_listing_and_not_in_it_is_new() {
        let (old, listed, late) = (
            made(Duration::from_secs(60), 1),
            made(Duration::from_secs(1), 2),
            made(Duration::from_secs(2), 3),
        );
        let seen = Seen::all([&listed, &old].into_iter());
        let seen = Seen::from_cursor(&seen.to_cursor()).expect("its own cursor");
        assert_eq!(
            [&old, &listed, &late].map(|position| seen.is_new(position)),
            [false, false, true]
        );
        assert!(seen.is_new(&made(Duration::ZERO, 4)));
    }

    #[test]
    fn a_burst_makes_no_long_cursor_and_nothing_is_seen_twice() {
        let burst: Vec<_> = (0..1000).map(|i| made(Duration::from_millis(i.into()), i)).collect();
        let seen = Seen::all(burst.iter());
        assert!(seen.to_cursor().len() < 400, "{}", seen.to_cursor());
        assert!(!burst.iter().any(|position| seen.is_new(position)));
        assert!(seen.is_new(&made(Duration::ZERO, 2000)));
    }
}
