//! Putting an entry into JSON with comments, and leaving every other byte as it is.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode};

use super::error::Problem;

/// JSON, and the two things that editors' configuration files add to it.
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

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What is to be in the file.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) section: &'static str,
    pub(super) name: &'a str,
    pub(super) with_type: bool,
    pub(super) command: String,
    pub(super) arguments: Vec<String>,
}

impl Entry<'_> {
    /// The text with this entry in it: the same text, if it has it already.
    ///
    /// Of an entry that is there, only the command and its arguments change: what else a user has given it, such as an
    /// environment, stays.
    pub(super) fn put_into(&self, text: &str) -> Result<String, Problem> {
        // Some editors of Windows begin files with it; it is no part of the JSON.
        let (mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => (BYTE_ORDER_MARK, rest),
            None => ("", text),
        };
        let root = CstRootNode::parse(text, &SYNTAX)?;
        let file = root
            .object_value_or_create()
            .ok_or_else(|| Problem::NotAnObject("the whole of it".to_owned()))?;
        let section = match property(&file, self.section)? {
            None => file.append(self.section, CstInputValue::Object(Vec::new())),
            Some(section) => section,
        };
        let section = section
            .object_value()
            .ok_or_else(|| Problem::NotAnObject(format!("{:?}", self.section)))?;
        match property(&section, self.name)? {
            None => {
                section.append(self.name, self.value());
            }
            Some(entry) => self.update(&entry)?,
        }
        Ok(format!("{mark}{root}"))
    }

    fn value(&self) -> CstInputValue {
        let kind = self.with_type.then(|| ("type".to_owned(), "stdio".into()));
        let rest = [
            ("command".to_owned(), self.command.as_str().into()),
            ("args".to_owned(), self.arguments_value()),
        ];
        CstInputValue::Object(kind.into_iter().chain(rest).collect())
    }

    fn arguments_value(&self) -> CstInputValue {
        CstInputValue::Array(self.arguments.iter().map(|text| text.as_str().into()).collect())
    }

    fn update(&self, entry: &CstObjectProp) -> Result<(), Problem> {
        let other_kind = || Problem::OtherKind(self.name.to_owned());
        let entry = entry.object_value().ok_or_else(other_kind)?;
        let command = property(&entry, "command")?.ok_or_else(other_kind)?;
        if text_of(&command).as_ref() != Some(&self.command) {
            command.set_value(self.command.as_str().into());
        }
        match property(&entry, "args")? {
            None => {
                entry.append("args", self.arguments_value());
            }
            Some(arguments) if texts_of(&arguments).as_ref() != Some(&self.arguments) => {
                arguments.set_value(self.arguments_value());
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// The property of this name, which must be there only once.
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
