//! Places in the listing of buffers, as text that the client hands back: where a page ended, and what was seen.

use std::time::Duration;

use dcc_mcp_shm::ListPosition;
use jiff::Timestamp;
use uuid::Uuid;

use crate::reply::ToolError;

const SEPARATOR: char = '_';

/// The position that a `cursor` argument means.
pub(crate) fn from_cursor(cursor: &str) -> Result<ListPosition, ToolError> {
    let parse = || {
        let (created_at, id) = cursor.split_once(SEPARATOR)?;
        let created_micros = from_text(created_at)?.as_microsecond();
        Some(ListPosition::new(created_micros, Uuid::try_parse(id).ok()?))
    };
    parse().ok_or_else(|| refused("Pass `next_cursor` of the previous result unchanged, or leave it out."))
}

/// The text that [`from_cursor`] reads.
pub(crate) fn to_cursor(position: &ListPosition) -> String {
    format!("{}{SEPARATOR}{}", to_text(created(position)), position.id())
}

fn created(position: &ListPosition) -> Timestamp {
    Timestamp::from_microsecond(position.created_micros()).unwrap_or(Timestamp::MAX)
}

fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// RFC 3339 without the Z, which goes without saying.
fn to_text(time: Timestamp) -> String {
    let mut text = format!("{time:.6}");
    text.truncate(text.trim_end_matches('Z').len());
    text
}

fn from_text(text: &str) -> Option<Timestamp> {
    format!("{text}Z").parse().ok().map(micros)
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
    horizon: Timestamp,
    /// Of what was finished since, these were seen.
    ids: Vec<u32>,
}

impl Seen {
    /// Longest time between finishing a buffer and listing it: sealing may take 2 s, a name the patience for the store's
    /// lock, 5 s.
    const SLACK: Duration = Duration::from_secs(8);
    /// Most buffers that a cursor names. With more in that time, its horizon is the oldest of these.
    const MOST: usize = 32;

    /// All buffers that can be read now, which come newest first.
    pub(crate) fn all<'a>(buffers: impl Iterator<Item = &'a ListPosition>) -> Self {
        let now = micros(Timestamp::now());
        let mut horizon = micros(now - Self::SLACK);
        let recent = |position: &&ListPosition| created(position) >= horizon;
        let mut recent: Vec<&ListPosition> = buffers.take_while(recent).take(Self::MOST + 1).collect();
        if recent.len() > Self::MOST {
            recent.truncate(Self::MOST);
            // Times in the future, which there are after a clock was set back, would hide all that comes until then.
            horizon = recent.last().map_or(now, |oldest| created(oldest)).min(now);
        }
        let ids = recent.iter().map(|position| Self::short(position.id())).collect();
        Self { horizon, ids }
    }

    /// Whether a buffer is not among those seen.
    pub(crate) fn is_new(&self, position: &ListPosition) -> bool {
        created(position) >= self.horizon && !self.ids.contains(&Self::short(position.id()))
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
            Some(Self {
                horizon: from_text(horizon)?,
                ids: ids.collect::<Option<_>>()?,
            })
        };
        parse()
            .ok_or_else(|| refused("Pass `wait_cursor` of list_buffers or wait_for_buffer unchanged, or leave it out."))
    }

    /// The text that [`Seen::from_cursor`] reads.
    pub(crate) fn to_cursor(&self) -> String {
        let ids: Vec<_> = self.ids.iter().map(|id| format!("{id:x}")).collect();
        format!("{}{SEPARATOR}{}", to_text(self.horizon), ids.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn made(ago: Duration, id: u32) -> ListPosition {
        let created = Timestamp::now() - ago;
        ListPosition::new(created.as_microsecond(), Uuid::from_fields(id, 0, 0, &[0; 8]))
    }

    #[test]
    fn newest_comes_first_by_what_a_cursor_can_say() {
        let times = [1_125_000, 1_120_000, 1_000_000, 999_000];
        assert!(times.is_sorted_by_key(|&time| ListPosition::new(time, ID)));
        let newest = ListPosition::new(times[0], ID);
        assert!(newest < ListPosition::new(times[0], Uuid::max()));
        assert_eq!(to_cursor(&newest), format!("1970-01-01T00:00:01.125000_{ID}"));
    }

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        let position = ListPosition::new(500_000, ID);
        let cursor = to_cursor(&position);
        assert_eq!(from_cursor(&cursor).ok(), Some(position));
        let no_time = format!("zzz_{ID}");
        for text in [
            "",
            "_",
            "zzz",
            &no_time,
            "2026-11-24T03:00:00Z",
            "2026-11-24T03:00:00Z_7",
        ] {
            assert!(from_cursor(text).is_err(), "{text}");
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
