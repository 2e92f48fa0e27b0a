//! Entries in JSON with comments, as Claude, Cursor, VS Code and the Gemini CLI have them.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode};

use crate::install::entry::Entry;
use crate::install::error::Problem;

/// JSON with comments and trailing commas, as the configuration files of editors have them.
const SYNTAX: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn with(text: &str, section: &str, with_type: bool, entry: &Entry<'_>) -> Result<String, Problem> {
    let root = parsed(text)?;
    let file = root
        .object_value_or_create()
        .ok_or_else(|| Problem::NotAnObject("the whole of it".to_owned()))?;
    let servers = match servers(&file, section)? {
        None => file
            .append(section, CstInputValue::Object(Vec::new()))
            .object_value()
            .ok_or_else(|| not_an_object(section))?,
        Some(servers) => servers,
    };
    match property(&servers, entry.name)? {
        None => {
            servers.append(entry.name, value(with_type, entry));
        }
        Some(found) => update(&found, entry)?,
    }
    Ok(root.to_string())
}

pub(super) fn without(text: &str, section: &str, name: &str) -> Result<String, Problem> {
    let root = parsed(text)?;
    if root.value().is_none() {
        return Ok(text.to_owned());
    }
    let file = root
        .object_value()
        .ok_or_else(|| Problem::NotAnObject("the whole of it".to_owned()))?;
    let entry = match servers(&file, section)? {
        None => None,
        Some(servers) => property(&servers, name)?,
    };
    if let Some(entry) = entry {
        command(&entry, name)?;
        entry.remove();
    }
    Ok(root.to_string())
}

fn parsed(text: &str) -> Result<CstRootNode, Problem> {
    CstRootNode::parse(text, &SYNTAX).map_err(|error| Problem::Syntax("JSON", error.to_string()))
}

fn not_an_object(section: &str) -> Problem {
    Problem::NotAnObject(format!("{section:?}"))
}

/// The object that has an entry for each server.
fn servers(file: &CstObject, section: &str) -> Result<Option<CstObject>, Problem> {
    property(file, section)?
        .map(|found| found.object_value().ok_or_else(|| not_an_object(section)))
        .transpose()
}

fn value(with_type: bool, entry: &Entry<'_>) -> CstInputValue {
    let kind = with_type.then(|| ("type".to_owned(), "stdio".into()));
    let rest = [
        ("command".to_owned(), entry.command.as_str().into()),
        ("args".to_owned(), arguments(entry)),
    ];
    CstInputValue::Object(kind.into_iter().chain(rest).collect())
}

fn arguments(entry: &Entry<'_>) -> CstInputValue {
    CstInputValue::Array(entry.arguments.iter().map(|text| text.as_str().into()).collect())
}

/// The object of an entry and its command. An entry without a command is of another kind, such as an address.
fn command(entry: &CstObjectProp, name: &str) -> Result<(CstObject, CstObjectProp), Problem> {
    let other_kind = || Problem::OtherKind(name.to_owned());
    let object = entry.object_value().ok_or_else(other_kind)?;
    let command = property(&object, "command")?.ok_or_else(other_kind)?;
    Ok((object, command))
}

fn update(found: &CstObjectProp, entry: &Entry<'_>) -> Result<(), Problem> {
    let (object, command) = command(found, entry.name)?;
    if text_of(&command).as_ref() != Some(&entry.command) {
        command.set_value(entry.command.as_str().into());
    }
    match property(&object, "args")? {
        None => {
            object.append("args", arguments(entry));
        }
        Some(found) if texts_of(&found).as_ref() != Some(&entry.arguments) => {
            found.set_value(arguments(entry));
        }
        Some(_) => {}
    }
    Ok(())
}

/// The property of this name, if there is one. Two of them are an error.
fn property(object: &CstObject, name: &str) -> Result<Option<CstObjectProp>, Problem> {
    let mut found = object.properties().into_iter().filter(|property| {
        let theirs = property.name().and_then(|name| name.decoded_value().ok());
        theirs.as_deref() == Some(name)
    });
    let first = found.next();
    if found.next().is_some() {
        return Err(Problem::Twice(name.to_owned()));
    }
    Ok(first)
}

fn text_of(property: &CstObjectProp) -> Option<String> {
    property.value()?.as_string_lit()?.decoded_value().ok()
}

fn texts_of(property: &CstObjectProp) -> Option<Vec<String>> {
    let elements = property.array_value()?.elements();
    elements
        .into_iter()
        .map(|element| element.as_string_lit()?.decoded_value().ok())
        .collect()
}
