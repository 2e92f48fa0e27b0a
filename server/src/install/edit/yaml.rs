//! Entries in YAML, as Goose has them: a mapping in `extensions` each.

use std::str::FromStr as _;

use yaml_edit::{Mapping, Sequence, YamlFile, YamlNode, yaml_eq};

use crate::identity;
use crate::install::entry::Entry;
use crate::install::error::Problem;

const SECTION: &str = "extensions";
/// How long a call may take: what Goose takes by itself, and asks to be said.
const TIMEOUT_SECONDS: i64 = 300;

pub(super) fn with(text: &str, entry: &Entry<'_>) -> Result<String, Problem> {
    let file = parsed(text)?;
    // Which a file of nothing but comments has not yet.
    let root = file.ensure_document().as_mapping();
    let root = root.ok_or_else(|| not_a_mapping("the whole of it"))?;
    let section = if let Some(section) = mapping(&root, SECTION)? {
        section
    } else {
        root.set(SECTION, Mapping::new());
        root.get_mapping(SECTION).ok_or_else(|| not_a_mapping(SECTION))?
    };
    match found(&section, entry.name)? {
        None => section.set(entry.name, value(entry)),
        Some(extension) => update(&extension, entry),
    }
    checked(&file, &root)
}

pub(super) fn without(text: &str, name: &str) -> Result<String, Problem> {
    let file = parsed(text)?;
    let Some(document) = file.documents().next() else {
        return Ok(text.to_owned());
    };
    let root = document.as_mapping().ok_or_else(|| not_a_mapping("the whole of it"))?;
    let Some(section) = mapping(&root, SECTION)? else {
        return Ok(text.to_owned());
    };
    if found(&section, name)?.is_none() {
        return Ok(text.to_owned());
    }
    section.remove(name);
    checked(&file, &root)
}

fn parsed(text: &str) -> Result<YamlFile, Problem> {
    let file = YamlFile::from_str(text).map_err(|error| Problem::Syntax("YAML", error.to_string()))?;
    if file.documents().count() > 1 {
        return Err(Problem::Syntax("YAML", "there is more than one document".to_owned()));
    }
    Ok(file)
}

/// The text of a file that was changed here, if it means what was to be written.
fn checked(file: &YamlFile, root: &Mapping) -> Result<String, Problem> {
    let text = file.to_string();
    let again = YamlFile::from_str(&text).ok();
    let again = again.and_then(|again| again.documents().next()?.as_mapping());
    if again.is_some_and(|again| yaml_eq(&again, root)) {
        return Ok(text);
    }
    Err(Problem::OtherForm(SECTION))
}

fn not_a_mapping(what: &str) -> Problem {
    Problem::NotAnObject(what.to_owned())
}

/// The mapping under a key, if there is one. An empty value is as good as none.
fn mapping(parent: &Mapping, key: &str) -> Result<Option<Mapping>, Problem> {
    let mut entries = parent.find_all_entries_by_key(key);
    let value = entries.next().and_then(|entry| entry.value_node());
    if entries.next().is_some() {
        return Err(Problem::Twice(key.to_owned()));
    }
    match value {
        None => Ok(None),
        Some(YamlNode::Mapping(mapping)) => Ok(Some(mapping)),
        Some(YamlNode::Scalar(scalar)) if scalar.is_null() => Ok(None),
        Some(_) => Err(not_a_mapping(key)),
    }
}

/// The entry of this name, which must be a program. One without a command is of another kind, such as an address.
fn found(section: &Mapping, name: &str) -> Result<Option<Mapping>, Problem> {
    if !section.contains_key(name) {
        return Ok(None);
    }
    let extension = mapping(section, name).map_err(|problem| match problem {
        Problem::NotAnObject(name) => Problem::OtherKind(name),
        other => other,
    })?;
    let program = extension.filter(|extension| extension.contains_key("cmd"));
    program.map(Some).ok_or_else(|| Problem::OtherKind(name.to_owned()))
}

fn value(entry: &Entry<'_>) -> Mapping {
    let extension = Mapping::new();
    extension.set("enabled", true);
    extension.set("type", "stdio");
    extension.set("name", entry.name);
    extension.set("description", identity::TITLE);
    extension.set("cmd", entry.command.as_str());
    extension.set("args", arguments(entry));
    extension.set("timeout", TIMEOUT_SECONDS);
    extension
}

fn arguments(entry: &Entry<'_>) -> Sequence {
    let arguments = Sequence::new();
    for argument in &entry.arguments {
        arguments.push(argument.as_str());
    }
    arguments
}

fn update(extension: &Mapping, entry: &Entry<'_>) {
    let text_of = |node: &YamlNode| node.as_scalar().map(yaml_edit::Scalar::as_string);
    if extension.get("cmd").as_ref().and_then(text_of).as_ref() != Some(&entry.command) {
        extension.set("cmd", entry.command.as_str());
    }
    let theirs = extension.get_sequence("args");
    let theirs = theirs.and_then(|args| args.values().map(|node| text_of(&node)).collect::<Option<Vec<_>>>());
    if theirs.as_ref() != Some(&entry.arguments) {
        extension.set("args", arguments(entry));
    }
}
