//! Entries in TOML, as Codex has them: a table `[mcp_servers.NAME]` each. Ranges of the text are replaced, so that all that is
//! outside of them keeps its bytes.

use std::ops::Range;

use toml_edit::{Array, Document, Item, Key, Table, TableLike, Value};

use crate::install::entry::Entry;
use crate::install::error::Problem;

const SECTION: &str = "mcp_servers";

pub(super) fn with(text: &str, entry: &Entry<'_>) -> Result<String, Problem> {
    let file = parsed(text)?;
    let command = Value::from(entry.command.as_str()).to_string();
    let arguments = Value::from(Array::from_iter(&entry.arguments)).to_string();
    let end = line_end(text);
    let Some((_, found)) = found(&file, entry.name)? else {
        // At the end of the file, because a header takes all that follows it.
        let gap = match text.trim_end_matches([' ', '\t']) {
            "" => "",
            text if text.ends_with('\n') => end,
            _ => &end.repeat(2),
        };
        let key = Key::new(entry.name);
        let table = [
            format!("[{SECTION}.{key}]"),
            format!("command = {command}"),
            format!("args = {arguments}"),
        ];
        return checked(format!("{text}{gap}{}{end}", table.join(end)));
    };
    let table = program(found, entry.name)?;
    let mut changes = Vec::new();
    let value = |key: &str| table.get(key).and_then(Item::as_value);
    if let Some(theirs) = value("command").filter(|theirs| theirs.as_str() != Some(&entry.command)) {
        changes.push((theirs.span(), command));
    }
    match value("args") {
        Some(theirs) if texts_of(theirs).as_ref() == Some(&entry.arguments) => {}
        Some(theirs) => changes.push((theirs.span(), arguments)),
        None => {
            let key = table.key("command").and_then(Key::span);
            let Some((key, value)) = key.zip(value("command").and_then(Value::span)) else {
                return Err(Problem::OtherForm(SECTION));
            };
            changes.push(if found.is_inline_table() {
                (Some(value.end..value.end), format!(", args = {arguments}"))
            } else {
                // On a line below that begins in the same way, which may name the table.
                let start = text[..key.start].rfind('\n').map_or(0, |at| at + 1);
                let next = text[value.end..].find('\n').map_or(text.len(), |at| value.end + at + 1);
                let missing = if text[..next].ends_with('\n') { "" } else { end };
                (
                    Some(next..next),
                    format!("{missing}{}args = {arguments}{end}", &text[start..key.start]),
                )
            });
        }
    }
    // From the back, so that ranges before it stay right.
    changes.sort_by_key(|(span, _)| span.as_ref().map(|span| span.start));
    let mut corrected = text.to_owned();
    for (span, new) in changes.into_iter().rev() {
        corrected.replace_range(span.ok_or(Problem::OtherForm(SECTION))?, &new);
    }
    checked(corrected)
}

pub(super) fn without(text: &str, name: &str) -> Result<String, Problem> {
    let file = parsed(text)?;
    let Some((key, found)) = found(&file, name)? else {
        return Ok(text.to_owned());
    };
    program(found, name)?;
    let mut places = Vec::new();
    match found {
        Item::Table(table) => collect(table, &mut places),
        inline => places.extend(key.span().zip(inline.span()).map(|(key, value)| key.start..value.end)),
    }
    places.sort_by_key(|place| place.start);
    let mut rest = text.to_owned();
    // From the back, so that ranges before it stay right.
    for place in places.into_iter().rev() {
        let is_table = text[place.start..].starts_with('[');
        let start = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[place.end..].find('\n').map_or(text.len(), |at| place.end + at + 1);
        rest.replace_range(lines_with_gap(text, start, is_table)..end, "");
    }
    checked(rest)
}

/// Where lines that begin at `start` begin with the blank line before them, which keeps a table apart from what precedes it.
fn lines_with_gap(text: &str, start: usize, is_table: bool) -> usize {
    let before = text[..start].strip_suffix('\n');
    let before = before.map(|before| before.strip_suffix('\r').unwrap_or(before));
    match before {
        Some(before) if is_table && before.ends_with('\n') => before.len(),
        _ => start,
    }
}

fn parsed(text: &str) -> Result<Document<&str>, Problem> {
    Document::parse(text).map_err(|error| Problem::Syntax("TOML", error.message().to_owned()))
}

/// A text that was made here, which must be read again as Codex will read it.
fn checked(text: String) -> Result<String, Problem> {
    match Document::parse(text.as_str()) {
        Ok(_) => Ok(text),
        Err(_) => Err(Problem::OtherForm(SECTION)),
    }
}

/// The entry of this name, and its key.
fn found<'a>(file: &'a Document<&str>, name: &str) -> Result<Option<(&'a Key, &'a Item)>, Problem> {
    let Some(servers) = file.as_table().get(SECTION) else {
        return Ok(None);
    };
    if servers.is_inline_table() {
        return Err(Problem::OtherForm(SECTION));
    }
    let servers = servers
        .as_table()
        .ok_or_else(|| Problem::NotAnObject(format!("{SECTION:?}")))?;
    Ok(servers.get_key_value(name))
}

/// The table of an entry that is a program. One without a command is of another kind, such as an address.
fn program<'a>(entry: &'a Item, name: &str) -> Result<&'a dyn TableLike, Problem> {
    let table = entry.as_table_like().filter(|table| table.contains_key("command"));
    table.ok_or_else(|| Problem::OtherKind(name.to_owned()))
}

/// What of the text says what is in a table: from its header to its last value, and the same of the tables in it. A table that
/// is written without a header has its values one by one.
fn collect(table: &Table, places: &mut Vec<Range<usize>>) {
    let values = table.get_values().into_iter();
    let values = values.filter_map(|(keys, value)| Some(keys.last()?.span()?.start..value.span()?.end));
    let has_header = !table.is_dotted() && !table.is_implicit();
    match table.span().filter(|_| has_header) {
        Some(header) => places.push(header.start..values.map(|value| value.end).max().unwrap_or(header.end)),
        None => places.extend(values),
    }
    collect_tables_in(table, places);
}

fn collect_tables_in(table: &Table, places: &mut Vec<Range<usize>>) {
    for (_, item) in table {
        match item {
            // The values of a dotted table are among those of the table that it is in.
            Item::Table(table) if table.is_dotted() => collect_tables_in(table, places),
            Item::Table(table) => collect(table, places),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|table| collect(table, places)),
            Item::Value(_) | Item::None => {}
        }
    }
}

fn texts_of(value: &Value) -> Option<Vec<String>> {
    let elements = value.as_array()?.iter();
    elements.map(|element| element.as_str().map(str::to_owned)).collect()
}

/// The line end of a text.
fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}
