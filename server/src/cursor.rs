//! Where a page of a listing ends, as text that the client hands back.

use std::cmp::Reverse;

use uuid::Uuid;

use crate::reply::ToolError;

/// Creation time and id of a buffer: positions compare as the buffers are listed, newest first.
///
/// Unlike a count it stays right while buffers come and go.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position<'a> {
    /// Without the Z, so that times with and without fractions compare as text.
    created_at: Reverse<&'a str>,
    id: Uuid,
}

impl<'a> Position<'a> {
    const SEPARATOR: char = '_';

    pub(crate) fn of(created_at: &'a str, id: Uuid) -> Self {
        let created_at = Reverse(created_at.trim_end_matches('Z'));
        Self { created_at, id }
    }

    /// The place that a `cursor` argument means.
    pub(crate) fn from_cursor(cursor: &'a str) -> Result<Self, ToolError> {
        let parse = |(created_at, id)| Some(Self::of(created_at, Uuid::try_parse(id).ok()?));
        cursor.split_once(Self::SEPARATOR).and_then(parse).ok_or_else(|| {
            let advice = "Pass `next_cursor` of the previous result unchanged, or leave it out.";
            ToolError::argument("cursor", "it is not one that this tool returned", advice)
        })
    }

    /// The text that [`Position::from_cursor`] reads.
    pub(crate) fn to_cursor(&self) -> String {
        format!("{}{}{}", self.created_at.0, Self::SEPARATOR, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

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
    }
}
