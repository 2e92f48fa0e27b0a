//! Puts an entry into JSON with comments, and leaves every other byte as it is.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode};

use super::error::Problem;

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

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The entry that is to be in the file.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) section: &'static str,
    pub(super) name: &'a str,
    pub(super) with_type: bool,
    pub(super) command: String,
    pub(super) arguments: Vec<String>,
}

impl Entry<'_> {
    /// The text with this entry in it. A text that has the entry already stays the same.
    ///
    /// If there is an entry of this name, only its command and arguments change, so that what else a user has given it
    /// stays, such as an environment.
    pub(super) fn put_into(&self, text: &str) -> Result<String, Problem> {
        // Some editors of Windows begin files with this mark, which is not part of the JSON.
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
