//! Times as people and models read them.

/// Nanoseconds since 1970 as RFC 3339, UTC, microseconds.
pub(crate) fn rfc3339(nanos: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanos.into()).unwrap_or(jiff::Timestamp::MAX);
    // Of one width, so that texts sort as times do.
    format!("{time:.6}")
}
