//! Phrases for the texts of tools and commands, in addition to `dcc_mcp_shm_view::text`.

/// Makes a sentence of an error message, which starts in lower case so that messages can be chained.
pub(crate) fn capitalised(message: &str) -> String {
    let mut characters = message.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A time in its largest unit: `12 min`.
pub(crate) fn roughly(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
